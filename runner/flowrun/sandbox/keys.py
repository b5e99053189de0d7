"""The server's signing keys: made once in a process, and only when first asked for (about 50 ms)."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM: Final = "PS256"
BITS: Final = 2048
_lock = Lock()


@cache
def _made(name: str) -> RSAKey:
    key = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM}, private=True)
    key.ensure_kid()
    return key if name == "published" else RSAKey.import_key(key.as_dict(private=True), {"kid": name})


def _key(name: str) -> RSAKey:
    with _lock:  # two sandboxes that ask at once get the same key
        return _made(name)


def published() -> dict[str, Any]:
    """Return the public JWK that the id_tokens verify with."""
    return dict(_key("published").as_dict(private=False))


def sign(claims: Mapping[str, Any], *, unpublished: bool = False) -> str:
    """Return claims as a PS256 JWS under the published kid; `unpublished` signs it with a key nobody can know."""
    key = _key("unpublished" if unpublished else "published")
    return jwt.encode({"alg": ALGORITHM, "kid": published()["kid"]}, dict(claims), key, [ALGORITHM])
