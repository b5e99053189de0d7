"""Signing, judged by joserfc."""

from __future__ import annotations

import base64
import json
import warnings
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws

from flowrun.jose import JoseError, key_from_jwk, key_from_secret, peek, sign
from flowrun.jose.key import Key

CLAIMS = {"iss": "client", "aud": ["ü", "b"], "exp": 1, "claims": {"userinfo": {"name": None}}}


def second_opinion(token, key, alg):
    with warnings.catch_warnings():  # joserfc warns of EdDSA's first name
        warnings.simplefilter("ignore")
        return jws.deserialize_compact(token, key, algorithms=[alg])


@pytest.mark.parametrize(
    "alg", ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"]
)
def test_joserfc_accepts_what_we_sign(alg, made, tools):
    key = getattr(made, tools.kinds[alg])

    token = sign(CLAIMS, key_from_jwk(tools.private_jwk(key, kid="k1")), alg)

    seen = second_opinion(token, tools.joserfc_key(key), alg)
    assert seen.headers() == {"alg": alg, "kid": "k1"}
    assert json.loads(seen.payload) == CLAIMS


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_joserfc_accepts_our_secrets(alg, tools):
    token = sign(CLAIMS, key_from_secret(tools.secret), alg)

    seen = second_opinion(token, tools.joserfc_key(tools.secret), alg)
    assert seen.headers() == {"alg": alg}
    assert json.loads(seen.payload) == CLAIMS


@pytest.mark.parametrize(("alg", "octets"), [("ES256", 64), ("ES384", 96), ("ES512", 132), ("EdDSA", 64)])
def test_signatures_are_raw(alg, octets, made, tools):
    key = key_from_jwk(tools.private_jwk(getattr(made, tools.kinds[alg])))

    # RFC 7518, section 3.4: R and S side by side, each as long as the curve; DER would vary in length
    assert {len(peek(sign({"n": n}, key, alg)).signature) for n in range(20)} == {octets}


def test_header_is_laid_over(made, tools):
    key = key_from_jwk(tools.private_jwk(made.p256, kid="k1"))

    assert peek(sign({}, key, "ES256", {"typ": "JWT"})).header == {"alg": "ES256", "kid": "k1", "typ": "JWT"}
    assert peek(sign({}, key, "ES256", {"kid": "k2"})).header == {"alg": "ES256", "kid": "k2"}
    assert peek(sign({}, key, "ES256", {"kid": None})).header == {"alg": "ES256"}


def test_a_key_without_kid(made, tools):
    assert peek(sign({}, key_from_jwk(tools.private_jwk(made.p256)), "ES256")).header == {"alg": "ES256"}


def test_frozen_claims_can_be_signed(made, tools):
    claims = MappingProxyType({"a": MappingProxyType({"b": 1})})

    assert peek(sign(claims, key_from_jwk(tools.private_jwk(made.p256)), "ES256")).claims == {"a": {"b": 1}}


def test_two_signatures_differ(made, tools):
    key = key_from_jwk(tools.private_jwk(made.rsa))

    assert sign(CLAIMS, key, "PS256") != sign(CLAIMS, key, "PS256")


def refused(*args):
    with pytest.raises(JoseError) as caught:
        sign(*args)
    return caught.value


def test_a_public_key_cannot_sign(made, tools):
    error = refused({}, key_from_jwk(tools.public_jwk(made.rsa), "k.jwk"), "PS256")
    assert error.code == "key-public"
    assert error.title == "k.jwk is a public key; to sign, the private one is needed"


def test_a_misfit_cannot_sign(made, tools):
    error = refused({}, key_from_jwk(tools.private_jwk(made.p256, kid="k1")), "PS256")
    assert error.code == "key-algorithm"
    assert error.title == "PS256 needs an RSA key; k1 is an EC P-256 key"


def test_an_encryption_key_cannot_sign(made, tools):
    assert refused({}, key_from_jwk(tools.private_jwk(made.rsa, use="enc")), "PS256").code == "key-use"


def test_unknown_algorithm(made, tools):
    error = refused({}, key_from_jwk(tools.private_jwk(made.rsa)), "PS255")
    assert error.code == "unknown-algorithm"
    assert error.title == "there is no signature algorithm 'PS255'"


def test_a_key_too_small_for_the_hash():
    small = Key(None, "RSA", True, "k.pem", rsa.generate_private_key(65537, 1024))
    error = refused({}, small, "PS512")
    assert error.code == "key-unfit"
    assert error.title == "k.pem cannot make a signature with PS512"
    assert error.hint == "use a key of at least 2048 bits"
    assert error.facts == (("key", "k.pem"), ("bits", "1024"))


def test_claims_that_json_cannot_say(made, tools):
    error = refused({"exp": float("inf")}, key_from_jwk(tools.private_jwk(made.p256)), "ES256")
    assert error.code == "claims-not-json"
    assert error.title == "the claims cannot be written as JSON"


def test_header_that_json_cannot_say(made, tools):
    error = refused({}, key_from_jwk(tools.private_jwk(made.p256)), "ES256", {"x": {1}})
    assert error.title == "the header cannot be written as JSON"
    assert error.facts == (("why", "set is not JSON"),)


def test_a_token_is_three_parts_of_base64url(made, tools):
    header, claims, signature = sign({"a": 1}, key_from_jwk(tools.private_jwk(made.rsa)), "PS256").split(".")

    assert base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)) == b'{"alg":"PS256"}'
    assert base64.urlsafe_b64decode(claims + "==") == b'{"a":1}'
    assert len(signature) == 342
