"""Keys for the tests of flowrun.jose: made once in a session, because an RSA key takes a while."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
SECRET = "correct horse battery staple, twice over"
# The kind of key, by algorithm.
KINDS = {
    "PS256": "rsa",
    "PS384": "rsa",
    "PS512": "rsa",
    "RS256": "rsa",
    "RS384": "rsa",
    "RS512": "rsa",
    "ES256": "p256",
    "ES384": "p384",
    "ES512": "p521",
    "EdDSA": "ed25519",
}


@pytest.fixture(scope="session")
def made():
    """Key objects of cryptography."""
    return SimpleNamespace(
        rsa=rsa.generate_private_key(65537, 2048),
        rsa_other=rsa.generate_private_key(65537, 2048),
        p256=ec.generate_private_key(ec.SECP256R1()),
        p384=ec.generate_private_key(ec.SECP384R1()),
        p521=ec.generate_private_key(ec.SECP521R1()),
        ed25519=ed25519.Ed25519PrivateKey.generate(),
    )


def pem(key, form=PKCS8, passphrase=None):
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock).decode()


def public_pem(key):
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def joserfc_key(key):
    """The same key for joserfc, the second opinion."""
    if isinstance(key, str):
        return OctKey.import_key(key)
    families = {rsa.RSAPrivateKey: RSAKey, ec.EllipticCurvePrivateKey: ECKey, ed25519.Ed25519PrivateKey: OKPKey}
    family = next(f for kind, f in families.items() if isinstance(key, kind))
    return family.import_key(pem(key))


def private_jwk(key, **more):
    return {**joserfc_key(key).as_dict(private=True), **more}


def public_jwk(key, **more):
    return {**joserfc_key(key).as_dict(private=False), **more}


@pytest.fixture(scope="session")
def tools():
    """The functions above, for tests: a conftest is not for importing."""
    return SimpleNamespace(
        pem=pem,
        public_pem=public_pem,
        joserfc_key=joserfc_key,
        private_jwk=private_jwk,
        public_jwk=public_jwk,
        kinds=KINDS,
        secret=SECRET,
        PKCS8=PKCS8,
        TRADITIONAL=TRADITIONAL,
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that is also the current one, so that messages show short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def put(folder):
    """Write a file there: text, octets, or a value that becomes JSON."""

    def write(name, content):
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write
