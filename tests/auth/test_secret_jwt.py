from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from flowrun.auth import secret_jwt

SECRET = "a secret of at least sixty-four octets, so that every HS algorithm may use it"


@pytest.mark.parametrize(
    ("alg", "used", "digest"),
    [
        ("HS256", "HS256", hashlib.sha256),
        ("HS384", "HS384", hashlib.sha384),
        ("HS512", "HS512", hashlib.sha512),
        ("PS256", "HS256", hashlib.sha256),
    ],
)
def test_the_assertion_has_a_mac_made_from_the_secret(client, call, read, alg, used, digest):
    made = call()
    secret_jwt.apply(client("client_secret_jwt", SECRET, alg=alg), made)
    form = dict(made.form)
    header, claims = read(form["client_assertion"])
    assert header["alg"] == used
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("flowrun", "flowrun", "https://op.example")
    signed, _, signature = form["client_assertion"].rpartition(".")
    expected = hmac.new(SECRET.encode(), signed.encode(), digest).digest()
    assert base64.urlsafe_b64decode(signature + "==") == expected
    assert "client_secret" not in form
    assert SECRET not in str(made)


def test_an_assertion_of_the_scenario_is_sent_as_it_is(client, call):
    made = call(assertion="h.p.s")
    secret_jwt.apply(client("client_secret_jwt", SECRET), made)
    assert dict(made.form)["client_assertion"] == "h.p.s"


def test_it_needs_a_secret():
    assert secret_jwt.METHOD.needs == {"secret"}
