"""The classes as python-jose itself uses them, once they are registered."""

from __future__ import annotations

import pytest
from jose.exceptions import JOSEError
from jose.jwk import construct
from jose.jws import sign, verify
from jose.jwt import decode, encode

from flowrun.jose.algorithms import prepared, register

register()
ALGORITHMS = ["PS256", "PS384", "PS512", "EdDSA", "Ed25519"]


@pytest.fixture
def key(made):
    return lambda alg: made.rsa if alg.startswith("PS") else made.ed25519


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_python_jose_signs_and_verifies_with_pem(alg, key, tools):
    token = encode({"a": 1}, tools.pem(key(alg)), algorithm=alg)

    assert decode(token, tools.public_pem(key(alg)), algorithms=[alg]) == {"a": 1}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_python_jose_signs_and_verifies_with_jwk(alg, key, tools):
    token = sign({"a": 1}, tools.private_jwk(key(alg)), algorithm=alg)

    assert verify(token, tools.public_jwk(key(alg)), [alg]) == b'{"a":1}'
    with pytest.raises(JOSEError):
        verify(token[:-4] + "AAAA", tools.public_jwk(key(alg)), [alg])


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_jwk_there_and_back(alg, key, tools):
    private = construct(tools.private_jwk(key(alg)), alg)

    assert private.to_dict() == tools.private_jwk(key(alg), alg=alg)
    assert private.public_key().to_dict() == tools.public_jwk(key(alg), alg=alg)
    assert private.public_key().public_key().to_dict() == tools.public_jwk(key(alg), alg=alg)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_private_keys_verify_too(alg, key):
    private = prepared(key(alg), alg)

    assert private.verify(b"message", private.sign(b"message"))
    assert not private.verify(b"massage", private.sign(b"message"))


@pytest.mark.parametrize("material", ["an EC key", {"kty": "OKP"}, {"kty": "OKP", "x": "AQAB"}, b"text"])
def test_eddsa_refuses_other_material(material, made):
    with pytest.raises(JOSEError):
        prepared(made.p256 if material == "an EC key" else material, "EdDSA")


def test_a_public_key_cannot_sign(made):
    with pytest.raises(JOSEError, match=r"^a public key cannot sign$"):
        prepared(made.ed25519.public_key(), "EdDSA").sign(b"message")


def test_signing_parses_nothing(made, monkeypatch):
    monkeypatch.setattr("cryptography.hazmat.primitives.serialization.load_pem_private_key", None)
    monkeypatch.setattr("jose.backends.cryptography_backend.load_pem_private_key", None)

    assert prepared(made.rsa, "PS256").sign(b"message")
    assert prepared(made.rsa, "PS256").prepared_key is made.rsa
