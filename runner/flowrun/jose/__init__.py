"""Keys and signed tokens: read a key, sign claims, verify what a server signed (JOSE, RFC 7515 to 7519).

The names below are looked up when they are first used, because python-jose and cryptography take long to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowrun.jose.errors import JoseError

if TYPE_CHECKING:
    from flowrun.jose.compact import Peeked, peek
    from flowrun.jose.hashes import half_hash
    from flowrun.jose.jwt import sign
    from flowrun.jose.key import Key
    from flowrun.jose.keys import key_from_jwk, key_from_secret, load_key
    from flowrun.jose.signatures import Verified, verify

__all__ = [
    "JoseError",
    "Key",
    "Peeked",
    "Verified",
    "half_hash",
    "key_from_jwk",
    "key_from_secret",
    "load_key",
    "peek",
    "sign",
    "verify",
]

_HOMES = {
    "Key": "key",
    "Peeked": "compact",
    "Verified": "signatures",
    "half_hash": "hashes",
    "key_from_jwk": "keys",
    "key_from_secret": "keys",
    "load_key": "keys",
    "peek": "compact",
    "sign": "jwt",
    "verify": "signatures",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
