"""Sign claims (RFC 7519): client assertions, request objects, proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jose.exceptions import JOSEError

from flowrun.jose.algorithms import prepared
from flowrun.jose.encoding import to_base64url, to_json
from flowrun.jose.errors import JoseError
from flowrun.jose.pem import public_instead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.jose.key import Key


def sign(claims: Mapping[str, Any], key: Key, alg: str, header: Mapping[str, Any] | None = None) -> str:
    """Return the signed token in compact form; raise JoseError when `key` cannot sign with `alg`.

    The header is `alg` and, if the key has one, `kid`; then `header` is laid over it, and a member that it sets to
    None is left out. So a refusal scenario can send a header that lies; the signature is made with `alg` all the same.
    """
    if not key.private:
        raise public_instead(key.source)
    misfit = key.misfit(alg)
    if misfit:
        raise misfit
    members = {"alg": alg, "kid": key.kid, **(header or {})}
    parts = (part({name: v for name, v in members.items() if v is not None}, "header"), part(claims, "claims"))
    signing_input = ".".join(parts)
    signature: bytes | None
    try:
        # Not jose.jws.sign: it always writes a typ, and some servers want none.
        signature = prepared(key.material, alg).sign(signing_input.encode("ascii"))
    except JOSEError:
        signature = None
    if signature is None:
        raise JoseError(
            "key-unfit",
            f"{key.name} cannot make a signature with {alg}",
            hint="use a key of at least 2048 bits" if key.kty == "RSA" else "",
            facts=[("key", key.source), ("bits", str(key.bits))],
        )
    return f"{signing_input}.{to_base64url(signature)}"


def part(value: Mapping[str, Any], name: str) -> str:
    """Return header or claims as they stand in a token; raise `claims-not-json`."""
    try:
        return to_base64url(to_json(value))
    except (TypeError, ValueError) as error:
        raise JoseError(
            "claims-not-json", f"the {name} cannot be written as JSON", facts=[("why", str(error))]
        ) from None
