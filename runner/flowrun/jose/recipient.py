"""Which key a token is encrypted for: one that the server publishes, or one made of the client's secret."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from flowrun.jose.agreement import AGREED
from flowrun.jose.errors import JoseError, quoted
from flowrun.jose.jwk import from_jwks
from flowrun.jose.key import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

RSA: Final = ("RSA-OAEP-256", "RSA-OAEP", "RSA1_5")
WRAPPING_KEY: Final[Mapping[str, int]] = {"A128KW": 16, "A192KW": 24, "A256KW": 32}  # octets
SENT: Final = ("RSA-OAEP-256", "RSA-OAEP", *WRAPPING_KEY, "dir")
# Octets of the content key (RFC 7518, sections 5.2 and 5.3).
CONTENT_KEY: Final[Mapping[str, int]] = {
    "A128GCM": 16,
    "A192GCM": 24,
    "A256GCM": 32,
    "A128CBC-HS256": 32,
    "A192CBC-HS384": 48,
    "A256CBC-HS512": 64,
}


def suits(key: Key, alg: str, enc: str) -> bool:
    """Say whether the kind and the size of a key are right for a known `alg` and `enc`, whatever its JWK says."""
    if alg in RSA:
        return key.kty == "RSA"
    if alg in AGREED:
        return key.kty == "EC"
    return key.kty == "oct" and key.bits == 8 * _octets(alg, enc)


def needed_key(alg: str, enc: str) -> str:
    """Return the kind of key that `alg` and `enc` need, in words."""
    if alg in AGREED:
        return "an EC key"
    return "an RSA key" if alg in RSA else f"a shared secret of {8 * _octets(alg, enc)} bits"


def encryption_key(jwks: Mapping[str, Any], alg: str, kid: str | None = None) -> Key:
    """Return the key of a JWKS that a token is encrypted for with `alg`, an RSA one; raise `no-encryption-key`.

    With `kid` it is that key and no other. Else it is the first that says `use: enc`, or `alg` itself; a key that says
    neither what it is for nor for which algorithm comes last, one that is for signing never.
    """
    keys, notes = from_jwks(jwks)
    fitting = [key for key in keys if key.kty == "RSA" and (kid is None or key.kid == kid) and _for_it(key, alg)]
    if fitting:
        return min(fitting, key=lambda key: (key.alg != alg, key.use != "enc"))
    wanted = f" with the kid {quoted(kid)}" if kid is not None else ""
    published = [f"{key.name}: {key.kty}, use {key.use or 'any'}, alg {key.alg or 'any'}" for key in keys]
    raise JoseError(
        "no-encryption-key",
        f"the server publishes no key{wanted} that can be used to encrypt with {alg}",
        facts=[
            ("published", "\n".join(quoted(line)[1:-1] for line in published) or "none"),
            *(("note", n) for n in notes),
        ],
        hint="its JWKS needs an RSA key with use: enc; without one nothing can be encrypted for this server",
    )


def encryption_key_from_secret(secret: str, alg: object, enc: object) -> Key | None:
    """Return the key that `alg` (A128KW and its like, dir) makes of a client secret; None for any other `alg`.

    The left part of its SHA-256, or of a longer SHA-2 where that is too short (OpenID Connect Core, section 10.2).
    """
    if alg not in ("dir", *WRAPPING_KEY) or enc not in tuple(CONTENT_KEY):  # a header may say anything, a list too
        return None
    octets = _octets(str(alg), str(enc))
    digests = (hashlib.new(name, secret.encode("utf-8")).digest() for name in ("sha256", "sha384", "sha512"))
    material = next(digest for digest in digests if len(digest) >= octets)[:octets]
    return Key(kid=None, kty="oct", private=True, source="the client secret", material=material)


def _octets(alg: str, enc: str) -> int:
    return CONTENT_KEY[enc] if alg == "dir" else WRAPPING_KEY[alg]


def _for_it(key: Key, alg: str) -> bool:
    return key.use in (None, "enc") and key.alg in (None, alg)
