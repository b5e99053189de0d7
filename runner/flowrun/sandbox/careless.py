"""What fault switches make of the verification of JWTs: signatures that a careless server takes."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import TYPE_CHECKING, Any, Final

from joserfc.jwk import OctKey

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection

    from joserfc.jwk import KeySet

JWS_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Careless:
    """How careless a server is.

    `unsigned` takes alg none, `any_signature` looks at no signature, `public_key` takes the public key of the client
    for the secret of HS256 (RFC 8725 §2.1), `rs256` takes an algorithm that FAPI 2.0 §5.4.1 does not have.
    """

    unsigned: bool = False
    any_signature: bool = False
    public_key: bool = False
    rs256: bool = False

    def algorithms(self, strong: Collection[str]) -> list[str]:
        """Return the algorithms that are taken, where the careful take `strong` only."""
        return [*strong, "RS256"] if self.rs256 else list(strong)

    def claims(self, token: str, keys: KeySet, strong: Collection[str]) -> dict[str, Any] | None:
        """Return the claims of a token that is taken as it stands; None: it is verified as it should be."""
        parts = token.split(".")
        if len(parts) != JWS_PARTS:
            return None
        try:
            header, claims = (_part(part) for part in parts[:2])
        except ValueError:
            return None
        alg = header.get("alg")
        taken = (
            (self.unsigned and alg == "none")
            or (self.any_signature and alg in strong)
            or (self.public_key and alg == "HS256" and _is_mac_of_a_public_key(parts, keys))
        )
        return claims if taken else None


def _part(encoded: str) -> dict[str, Any]:
    try:
        part = json.loads(_octets(encoded))
    except (binascii.Error, RecursionError) as error:
        raise ValueError("this is no part of a JWT") from error
    if not isinstance(part, dict):
        raise ValueError("this is no part of a JWT")  # noqa: TRY004  one error for everything that is none
    return part


def _octets(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def _is_mac_of_a_public_key(parts: list[str], keys: KeySet) -> bool:
    signed = ".".join(parts[:2]).encode()
    try:
        sent = _octets(parts[2])
    except binascii.Error:
        return False
    pems = (key.as_pem(private=False) for key in keys.keys if not isinstance(key, OctKey))
    return any(hmac.compare_digest(hmac.digest(pem, signed, "sha256"), sent) for pem in pems)
