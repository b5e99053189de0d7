from __future__ import annotations

import json
import subprocess
import sys

import pytest

from flowrun.auth import METHODS
from flowrun.validate import schema


def test_every_method_that_the_language_offers_is_there():
    definitions = json.dumps(schema("common")) + json.dumps(schema("environment"))
    for name in METHODS:
        assert f'"{name}"' in definitions


@pytest.mark.parametrize("name", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_with_a_certificate_the_form_only_names_the_client(client, call, name):
    made = call()
    METHODS[name].apply(client(name), made)
    assert made.form == [("client_id", "flowrun"), ("grant_type", "client_credentials")]
    assert METHODS[name].needs == frozenset()


def test_no_library_is_imported_before_a_method_is_used():
    code = "import sys, flowrun.auth; print([m for m in ('jose', 'cryptography', 'httpx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
