from __future__ import annotations

import pytest

from flowrun.auth import private_key_jwt
from flowrun.jose import verify

NAMES = ["client_id", "grant_type", "client_assertion_type", "client_assertion"]


def test_the_assertion_is_signed_with_the_clients_key(client, call, key, read):
    made = call(key=key)
    private_key_jwt.apply(client(lifetime=310.0), made)
    assert [name for name, _ in made.form] == NAMES
    assertion = dict(made.form)["client_assertion"]
    header, claims = read(assertion)
    assert header == {"alg": "PS256", "kid": "flowrun-example-1"}
    assert set(claims) == {"iss", "sub", "aud", "jti", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == 310
    verified = verify(assertion, {"keys": [key.public_jwk()]}, ["PS256"])
    assert verified.claims == claims
    assert made.headers == {"accept": "application/json"}


@pytest.mark.parametrize(("typ", "header"), [(None, None), ("JWT", "JWT"), ("client-authentication+jwt",) * 2])
def test_typ_is_sent_only_where_the_environment_wants_it(client, call, key, read, typ, header):
    made = call(key=key)
    private_key_jwt.apply(client(typ=typ), made)
    assert read(dict(made.form)["client_assertion"])[0].get("typ") == header


def test_another_algorithm_of_the_environment_is_used(client, call, key, read):
    made = call(key=key)
    private_key_jwt.apply(client(alg="RS256"), made)
    assert read(dict(made.form)["client_assertion"])[0]["alg"] == "RS256"


def test_two_calls_have_two_assertions(client, call, key):
    one, two = call(key=key), call(key=key)
    private_key_jwt.apply(client(), one)
    private_key_jwt.apply(client(), two)
    assert dict(one.form)["client_assertion"] != dict(two.form)["client_assertion"]


def test_an_assertion_of_the_scenario_is_sent_as_it_is_and_needs_no_key(client, call):
    made = call(assertion="h.p.s")
    private_key_jwt.apply(client(), made)
    assert dict(made.form)["client_assertion"] == "h.p.s"


def test_without_a_key_nothing_is_sent(client, call):
    made = call()
    with pytest.raises(ValueError, match="needs a key"):
        private_key_jwt.apply(client(), made)
    assert made.form == [("grant_type", "client_credentials")]


def test_it_needs_a_key():
    assert private_key_jwt.METHOD.needs == {"key"}
