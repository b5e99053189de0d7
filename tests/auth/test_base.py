from __future__ import annotations

import re
import uuid

import pytest

from flowrun.auth.base import assertion_claims, carry_assertion, name_client

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_the_claims_of_an_assertion_are_those_of_rfc_7523_and_no_more(client):
    claims = assertion_claims(client(lifetime=310.0), "https://op.example", 1_800_000_000.75)
    jti = claims.pop("jti")
    assert claims == {
        "iss": "flowrun",
        "sub": "flowrun",
        "aud": "https://op.example",
        "iat": 1_799_999_995,
        "exp": 1_800_000_305,
    }
    assert UUID.fullmatch(jti)
    assert uuid.UUID(jti).version == 4
    assert all(type(claims[name]) is int for name in ("iat", "exp"))


def test_each_assertion_has_a_jti_of_its_own(client):
    assert len({assertion_claims(client(), "x", 0)["jti"] for _ in range(50)}) == 50


@pytest.mark.parametrize(("nbf", "expected"), [(True, 95), (False, None)])
def test_nbf_is_sent_only_where_the_environment_wants_it(client, nbf, expected):
    assert assertion_claims(client(nbf=nbf), "x", 100.9).get("nbf") == expected


def test_the_audience_may_be_a_list_and_claims_may_be_replaced(client):
    claims = assertion_claims(client(), ["a", "b"], 100, {"sub": "somebody else", "more": 1})
    assert (claims["aud"], claims["sub"], claims["more"], claims["iss"]) == (["a", "b"], "somebody else", 1, "flowrun")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([("a", "1")], [("client_id", "flowrun"), ("a", "1")]),
        ([("client_id", "flowrun"), ("a", "1")], [("client_id", "flowrun"), ("a", "1")]),
        ([("a", "1"), ("client_id", "another")], [("a", "1"), ("client_id", "another")]),
    ],
)
def test_the_client_is_named_once_and_first(client, call, form, expected):
    made = call(*form)
    name_client(client(), made)
    assert made.form == expected


def test_an_assertion_goes_into_the_form_with_its_type(client, call):
    made = call()
    carry_assertion(client(), made, "a.b.c")
    assert made.form == [
        ("client_id", "flowrun"),
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "a.b.c"),
    ]
    assert made.headers == {"accept": "application/json"}
