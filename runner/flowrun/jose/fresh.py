"""Make keys to sign with, and the list of a public half for the server."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from flowrun.jose.errors import JoseError
from flowrun.jose.jwk import CURVES
from flowrun.jose.key import Key, Private, kind
from flowrun.jose.known import algorithm
from flowrun.jose.pem import from_pem

BITS = 2048  # FAPI 2.0 Security Profile §5.4.1 wants no fewer


def new_pem() -> str:
    """Return a new private RSA key as PEM (PKCS#8), good for PS256; takes about a tenth of a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode("ascii")


def generate_key(alg: str) -> Key:
    """Return a new private key to sign with `alg`, without a kid: what a DPoP proof brings along.

    Raises `unknown-algorithm`, and `key-secret` for HS256 and its like, where both sides share a secret.
    """
    asked = algorithm(alg)
    material: Private
    match asked.kty:
        case "RSA":
            material = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        case "EC":
            material = ec.generate_private_key(CURVES[asked.curve])
        case "OKP":
            material = ed25519.Ed25519PrivateKey.generate()
        case _:
            raise JoseError("key-secret", f"{alg} needs a secret that both sides know, not a key made here")
    return Key(kid=None, kty=asked.kty, private=True, source="the key made for this run", material=material)


def public_jwks(pem: str, kid: str, alg: str) -> str:
    """Return the JWKS, as JSON, under which a server is given the public half of a private key."""
    material = from_pem(pem, "the new key", None)
    key = Key(kid=kid, kty=kind(material), private=True, source="the new key", material=material)
    return json.dumps({"keys": [{**key.public_jwk(), "use": "sig", "alg": alg}]}, indent=2) + "\n"
