"""What the tests of client authentication share; a conftest is not for importing, so the functions are fixtures."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from flowrun.auth.base import Call
from flowrun.client import Assertion, Client
from flowrun.jose import load_key

KEYS = Path(__file__).parents[2] / "keys.example"


@pytest.fixture(scope="session")
def key():
    """The example client's key, kid flowrun-example-1."""
    return load_key(KEYS / "client-signing.pem", kid="flowrun-example-1")


@pytest.fixture
def client():
    """Make a client."""
    return lambda auth="private_key_jwt", secret=None, **assertion: Client(
        "default", "flowrun", auth=auth, client_secret=secret, assertion=Assertion(**assertion)
    )


@pytest.fixture
def call():
    """Make the request that is about to carry the authentication."""
    return lambda *form, **more: Call(
        form=list(form or [("grant_type", "client_credentials")]),
        headers={"accept": "application/json"},
        **{"audience": "https://op.example", "now": 1_800_000_000.75, **more},
    )


@pytest.fixture
def read():
    """Read header and claims of a JWT, with nothing but the standard library."""

    def read(token):
        header, claims, _ = token.split(".")
        return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims))

    return read
