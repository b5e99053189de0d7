"""What a key says of itself."""

from __future__ import annotations

import pytest

from flowrun.jose import JoseError, key_from_jwk, key_from_secret
from flowrun.jose.known import ALGORITHMS

RFC7638 = {  # the example of RFC 7638, section 3.1
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


def test_thumbprint_of_the_rfc():
    assert key_from_jwk(RFC7638).thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "p521", "ed25519"])
def test_public_jwk_and_thumbprint_agree_with_joserfc(kind, made, tools):
    key = key_from_jwk(tools.private_jwk(getattr(made, kind), kid="k1", use="sig", alg="X"))

    assert key.public_jwk() == tools.public_jwk(getattr(made, kind), kid="k1", use="sig", alg="X")
    assert key.thumbprint() == tools.joserfc_key(getattr(made, kind)).thumbprint()


@pytest.mark.parametrize("ask", [lambda key: key.public_jwk(), lambda key: key.thumbprint()])
def test_a_secret_has_nothing_public(ask):
    with pytest.raises(JoseError) as caught:
        ask(key_from_secret("a secret"))
    assert caught.value.code == "key-secret"
    assert caught.value.title == "the client secret is a shared secret, which has no public half to show"


@pytest.mark.parametrize(
    ("kind", "size", "fits"),
    [
        ("rsa", (2048, ""), {"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}),
        ("p256", (256, "P-256"), {"ES256"}),
        ("p384", (384, "P-384"), {"ES384"}),
        ("p521", (521, "P-521"), {"ES512"}),
        ("ed25519", (256, "Ed25519"), {"EdDSA", "Ed25519"}),
    ],
)
def test_size_curve_and_what_it_fits(kind, size, fits, made, tools):
    for jwk in (tools.private_jwk(getattr(made, kind)), tools.public_jwk(getattr(made, kind))):
        key = key_from_jwk(jwk)

        assert (key.bits, key.curve) == size
        assert {alg for alg in ALGORITHMS if key.fits(alg)} == fits


def test_a_secret_fits_hmac():
    key = key_from_secret("a secret")

    assert key.fits("HS512")
    assert not key.fits("PS256")


def test_misfit_by_kind(made, tools):
    error = key_from_jwk(tools.private_jwk(made.p256, kid="k1"), "keys/sign.jwk").misfit("PS256")
    assert error.code == "key-algorithm"
    assert error.title == "PS256 needs an RSA key; k1 is an EC P-256 key"
    assert error.hint == "ask for ES256, or name an RSA key"
    assert error.facts == (("key", "keys/sign.jwk"), ("it fits", "ES256"))


@pytest.mark.parametrize(
    ("kind", "alg", "title"),
    [
        ("rsa", "ES256", "ES256 needs an EC P-256 key; k.pem is an RSA key"),
        ("rsa", "EdDSA", "EdDSA needs an Ed25519 key; k.pem is an RSA key"),
        ("rsa", "HS256", "HS256 needs a shared secret; k.pem is an RSA key"),
        ("p384", "ES256", "ES256 needs an EC P-256 key; k.pem is an EC P-384 key"),
        ("ed25519", "PS256", "PS256 needs an RSA key; k.pem is an Ed25519 key"),
    ],
)
def test_misfit_in_words(kind, alg, title, made, tools):
    assert key_from_jwk(tools.private_jwk(getattr(made, kind)), "k.pem").misfit(alg).title == title


def test_misfit_of_a_secret():
    assert key_from_secret("x").misfit("PS256").title == "PS256 needs an RSA key; the client secret is a shared secret"


def test_a_jwk_for_another_algorithm(made, tools):
    error = key_from_jwk(tools.private_jwk(made.rsa, kid="k1", alg="RS256"), "k.jwk").misfit("PS256")
    assert error.code == "key-algorithm"
    assert error.title == "k1 is a key for RS256 alone; PS256 was asked for"
    assert error.label == "its JWK says alg 'RS256'"
    assert error.hint == "ask for RS256, or take the member alg out of the JWK"
    assert error.facts == (("key", "k.jwk"),)


def test_both_names_of_eddsa_are_one(made, tools):
    assert key_from_jwk(tools.private_jwk(made.ed25519, alg="EdDSA")).fits("Ed25519")
    assert not key_from_jwk(tools.private_jwk(made.ed25519, alg="ES256")).fits("Ed25519")


@pytest.mark.parametrize(("use", "purpose"), [("enc", "encryption"), ("tls", "'tls'")])
def test_a_jwk_for_another_use(use, purpose, made, tools):
    error = key_from_jwk(tools.private_jwk(made.rsa, kid="k1", use=use), "k.jwk").misfit("PS256")
    assert error.code == "key-use"
    assert error.title == f"k1 is a key for {purpose}, not for signing"
    assert error.label == f"its JWK says use '{use}'"
    assert error.hint == "name the key whose JWK says use 'sig'"
    assert error.facts == (("key", "k.jwk"),)
