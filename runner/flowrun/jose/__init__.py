"""Keys and signed tokens: read a key, sign claims, verify what a server signed (JOSE, RFC 7515 to 7519).

The names below are looked up when they are first used, because python-jose and cryptography take long to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowrun.jose.errors import JoseError

if TYPE_CHECKING:
    from flowrun.jose.certificates import x5t_s256
    from flowrun.jose.compact import Peeked, peek, peek_jwe
    from flowrun.jose.exact import key_for, sign_exactly
    from flowrun.jose.fresh import generate_key
    from flowrun.jose.hashes import half_hash
    from flowrun.jose.jwe import Decrypted, decrypt, encrypt
    from flowrun.jose.jwt import sign
    from flowrun.jose.key import Key, thumbprint
    from flowrun.jose.keys import key_from_jwk, key_from_secret, load_key
    from flowrun.jose.recipient import encryption_key, encryption_key_from_secret
    from flowrun.jose.signatures import Verified, verify

__all__ = [
    "Decrypted",
    "JoseError",
    "Key",
    "Peeked",
    "Verified",
    "decrypt",
    "encrypt",
    "encryption_key",
    "encryption_key_from_secret",
    "generate_key",
    "half_hash",
    "key_for",
    "key_from_jwk",
    "key_from_secret",
    "load_key",
    "peek",
    "peek_jwe",
    "sign",
    "sign_exactly",
    "thumbprint",
    "verify",
    "x5t_s256",
]

_HOMES = {
    "Decrypted": "jwe",
    "Key": "key",
    "Peeked": "compact",
    "Verified": "signatures",
    "decrypt": "jwe",
    "encrypt": "jwe",
    "encryption_key": "recipient",
    "encryption_key_from_secret": "recipient",
    "generate_key": "fresh",
    "half_hash": "hashes",
    "key_for": "exact",
    "key_from_jwk": "keys",
    "key_from_secret": "keys",
    "load_key": "keys",
    "peek": "compact",
    "peek_jwe": "compact",
    "sign": "jwt",
    "sign_exactly": "exact",
    "thumbprint": "key",
    "verify": "signatures",
    "x5t_s256": "certificates",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
