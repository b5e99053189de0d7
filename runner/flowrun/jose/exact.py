"""Sign what no good client signs: a header as it is given, no signature at all, one that was damaged.

For servers that must refuse such a token; what flowrun sends of its own accord is made by `sign`.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from jose.exceptions import JOSEError

from flowrun.jose.algorithms import prepared
from flowrun.jose.encoding import to_base64url
from flowrun.jose.errors import JoseError
from flowrun.jose.fresh import generate_key
from flowrun.jose.jwt import part
from flowrun.jose.key import Key
from flowrun.jose.known import algorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED = "none"


def sign_exactly(
    header: Mapping[str, Any], claims: Mapping[str, Any], key: Key, alg: str, *, flip_bit: bool = False
) -> str:
    """Return a token with exactly this header, signed by `key` with `alg`, `none` for an empty signature.

    `flip_bit` changes one bit in the middle of the signature. Raises JoseError where `key` can't sign with `alg`;
    what its JWK says of its use does not matter here.
    """
    signing_input = f"{part(header, 'header')}.{part(claims, 'claims')}"
    signature = b"" if alg.casefold() == UNSIGNED else _signature(signing_input.encode("ascii"), key, alg)
    if flip_bit and signature:
        middle = len(signature) // 2
        signature = signature[:middle] + bytes([signature[middle] ^ 1]) + signature[middle + 1 :]
    return f"{signing_input}.{to_base64url(signature)}"


def _signature(octets: bytes, key: Key, alg: str) -> bytes:
    misfit = replace(key, alg=None, use=None).misfit(alg)
    if misfit:
        raise misfit
    if isinstance(key.material, bytes):  # python-jose takes no text of a public key for a secret
        return hmac.digest(key.material, octets, algorithm(alg).digest)
    made: bytes | None
    try:
        made = bytes(prepared(key.material, alg).sign(octets))
    except JOSEError:
        made = None
    if made is None:
        raise JoseError("key-unfit", f"{key.name} cannot make a signature with {alg}", facts=[("key", key.source)])
    return made


def key_for(key: Key, alg: str) -> Key:
    """Return what a forger would sign with who wants to pass for `key` with an `alg` that is not its own.

    The key itself where it can; for HS256 and its like its public half as the secret, which anybody may know
    (RFC 8725, section 2.1); else a new key, which the server does not know. Raises `unknown-algorithm`.
    """
    if alg.casefold() == UNSIGNED or key.suits(alg):
        return key
    if algorithm(alg).kty != "oct":
        return generate_key(alg)
    public: Any = key.public
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    source = f"the public half of {key.source}"
    return Key(kid=key.kid, kty="oct", private=True, source=source, material=pem)
