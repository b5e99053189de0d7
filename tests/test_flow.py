from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime

import pytest

from flowrun.client import Client
from flowrun.flow import as_form, automatic_parameters, challenge_of, form_value, with_extra

CLIENT = Client("default", "flowrun", "https://app.example/cb")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def test_the_challenge_is_that_of_rfc_7636_appendix_b():
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_what_nobody_writes_is_made():
    made, verifier = automatic_parameters(CLIENT)
    assert list(made) == [
        "client_id",
        "response_type",
        "redirect_uri",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ]
    assert (made["client_id"], made["response_type"], made["code_challenge_method"]) == ("flowrun", "code", "S256")
    assert made["redirect_uri"] == "https://app.example/cb"
    digest = hashlib.sha256(verifier.encode()).digest()
    assert made["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert UNRESERVED.fullmatch(verifier)
    assert len(made["state"]) >= 32
    assert len(made["nonce"]) >= 32


def test_no_two_transactions_share_state_nonce_or_verifier():
    several = [automatic_parameters(CLIENT) for _ in range(50)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({made[name] for made, _ in several}) == 50
    assert len({made["state"] for made, _ in several} & {made["nonce"] for made, _ in several}) == 0
    assert len({verifier for _, verifier in several}) == 50


def test_a_client_without_redirect_uri_sends_none():
    made, _ = automatic_parameters(Client("default", "flowrun"))
    assert "redirect_uri" not in made


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("text", "text"),
        ("", ""),
        (3600, "3600"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (["accounts", "profile"], "accounts profile"),
        ([{"type": "a"}], '[{"type":"a"}]'),
        (["a", 1], '["a",1]'),
        ({"userinfo": {"name": None, "größe": True}}, '{"userinfo":{"name":null,"größe":true}}'),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00:00+00:00"),
    ],
)
def test_one_value_as_a_form_sends_it(value, sent):
    assert form_value(value) == sent


def test_parameters_keep_their_order():
    assert as_form({"scope": ["a", "b"], "max_age": 5, "claims": {}}) == [
        ("scope", "a b"),
        ("max_age", "5"),
        ("claims", "{}"),
    ]


@pytest.mark.parametrize(
    ("extra", "form"),
    [
        (None, [("a", "1"), ("b", "2")]),
        ({"c": 3}, [("a", "1"), ("b", "2"), ("c", "3")]),
        ({"a": "x"}, [("a", "x"), ("b", "2")]),
        ({"b": "x", "c": True}, [("a", "1"), ("b", "x"), ("c", "true")]),
    ],
)
def test_more_parameters_are_added_or_replace(extra, form):
    assert with_extra([("a", "1"), ("b", "2")], extra) == form


def test_json_in_a_form_is_read_back_as_it_was():
    details = [{"type": "urn:x", "consent": {"permissions": ["a"], "dp_id": None}}]
    assert json.loads(form_value(details)) == details
