"""PS256, PS384, PS512 (RFC 7518, section 3.5) and EdDSA (RFC 8037) for python-jose, which has none of them.

The only place that knows which class signs what: everything else asks `prepared`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jose.backends.base import Key as JoseKey
from jose.backends.cryptography_backend import CryptographyRSAKey
from jose.exceptions import JWKError
from jose.jwk import construct, register_key

from flowrun.jose.encoding import from_base64url, to_base64url

HASHES = {"PS256": hashes.SHA256(), "PS384": hashes.SHA384(), "PS512": hashes.SHA512()}
EDDSA = ("EdDSA", "Ed25519")


class PSSKey(CryptographyRSAKey):
    """RSASSA-PSS: MGF1 with the same hash, a salt as long as the hash."""

    def __init__(self, key: Any, algorithm: str) -> None:
        """Take what the class above takes: PEM, JWK, or a key object of cryptography."""
        super().__init__(key, "RS" + algorithm[2:])
        self._algorithm = algorithm  # the class above writes it into to_dict() and hands it to public_key()
        self._hash = HASHES[algorithm]
        self._padding = padding.PSS(mgf=padding.MGF1(self._hash), salt_length=self._hash.digest_size)

    def sign(self, msg: bytes) -> bytes:
        """Return the signature; raise JWKError when the key is too small for the hash."""
        try:
            return bytes(self.prepared_key.sign(msg, self._padding, self._hash))
        except ValueError as error:
            raise JWKError(error) from error

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Say whether `sig` is this key's signature of `msg`."""
        try:
            _rsa_public(self.prepared_key).verify(sig, msg, self._padding, self._hash)
        except InvalidSignature:
            return False
        return True


class Ed25519Key(JoseKey):
    """EdDSA over Ed25519."""

    def __init__(self, key: Any, algorithm: str) -> None:
        """Take PEM, a JWK, or a key object of cryptography; raise JWKError for anything else."""
        self._algorithm = algorithm
        try:
            self.prepared_key = _ed25519(key)
        except (KeyError, ValueError) as error:
            raise JWKError(error) from error
        if not isinstance(self.prepared_key, Ed25519PrivateKey | Ed25519PublicKey):
            raise JWKError("not an Ed25519 key")

    def sign(self, msg: bytes) -> bytes:
        """Return the signature, 64 octets."""
        if isinstance(self.prepared_key, Ed25519PublicKey):
            raise JWKError("a public key cannot sign")
        return bytes(self.prepared_key.sign(msg))

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Say whether `sig` is this key's signature of `msg`."""
        try:
            _public(self.prepared_key).verify(sig, msg)
        except InvalidSignature:
            return False
        return True

    def public_key(self) -> Ed25519Key:
        """Return the public half."""
        return Ed25519Key(_public(self.prepared_key), self._algorithm)

    def to_dict(self) -> dict[str, Any]:
        """Return the JWK, with `d` where the key is private."""
        x = to_base64url(_public(self.prepared_key).public_bytes_raw())
        whole = {"alg": self._algorithm, "kty": "OKP", "crv": "Ed25519", "x": x}
        if isinstance(self.prepared_key, Ed25519PrivateKey):
            whole["d"] = to_base64url(self.prepared_key.private_bytes_raw())
        return whole


def _rsa_public(key: rsa.RSAPrivateKey | rsa.RSAPublicKey) -> rsa.RSAPublicKey:
    return key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key


def _public(key: Ed25519PrivateKey | Ed25519PublicKey) -> Ed25519PublicKey:
    return key.public_key() if isinstance(key, Ed25519PrivateKey) else key


def _ed25519(key: Any) -> Any:
    if isinstance(key, dict):
        if "d" in key:
            return Ed25519PrivateKey.from_private_bytes(from_base64url(key["d"]))
        return Ed25519PublicKey.from_public_bytes(from_base64url(key["x"]))
    if isinstance(key, str | bytes):
        pem = key.encode() if isinstance(key, str) else key
        return load_pem_private_key(pem, None) if b"PRIVATE KEY" in pem else load_pem_public_key(pem)
    return key


@cache
def register() -> None:
    """Tell python-jose of the classes above; once in a process."""
    for name in HASHES:
        register_key(name, PSSKey)
    for name in EDDSA:
        register_key(name, Ed25519Key)


def prepared(material: Any, alg: str) -> JoseKey:
    """Return python-jose's key for `alg` around a key object of cryptography (or a secret's octets).

    Nothing is parsed, so this costs microseconds. Raises JWKError when python-jose refuses the material.
    """
    register()
    return construct(material, alg)
