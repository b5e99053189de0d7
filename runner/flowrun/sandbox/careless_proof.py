"""Fault switches of DPoP proofs: what a careless server takes for good, and what a petty one does not (RFC 9449)."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.world import World

PARTS: Final = 3
PRIVATE: Final = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
KNOWN_CLAIMS: Final = {"jti", "htm", "htu", "iat", "ath", "nonce"}
PETTY_SECONDS: Final = 5  # of a clock that is not borne with


def sent(world: World, written: str) -> str:
    """Return the header DPoP; of two proofs, which the HTTP server has joined by a comma, a careless one reads one."""
    return written.partition(",")[0].strip() if world.broken("dpop.two-proofs") else written


def taken_unread(world: World, written: str, header: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a proof is taken for good without a look at its key: it is no JWT, or brings no key along."""
    if header is not None:
        return "jwk" not in header and world.broken("dpop.no-jwk")
    return written.count(".") != PARTS - 1 and world.broken("dpop.unreadable")


def header_seen(world: World, header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the header of a proof as a careless server sees it; with every switch off it is the same."""
    seen = dict(header)
    if world.broken("dpop.any-typ"):
        seen["typ"] = "dpop+jwt"
    if world.broken("dpop.private-jwk") and isinstance(seen.get("jwk"), dict):
        seen["jwk"] = {name: value for name, value in seen["jwk"].items() if name not in PRIVATE}
    return seen


def algorithms(world: World, strong: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms that are taken."""
    return (*strong, "RS256") if world.broken("dpop.any-alg") else strong


def taken_unverified(world: World, header: Mapping[str, Any]) -> bool:
    """Tell whether nobody looks at the signature of a proof."""
    return (
        world.broken("dpop.any-signature")
        or ("alg" not in header and world.broken("dpop.no-alg"))
        or (header.get("alg") == "none" and world.broken("dpop.unsigned"))
    )


def claims_in(written: str) -> dict[str, Any]:
    """Return the claims of a proof whose signature is not looked at; ValueError when there are none."""
    part = written.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(claims, dict):
        raise ValueError("the claims are no object")  # noqa: TRY004  one error for everything that is no JWT
    return claims


def claims_seen(world: World, claims: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of a proof as a careless server sees them; `right` are the ones that this request wants."""
    seen = dict(claims)
    for name, taken, optional in (
        ("htm", world.broken("dpop.any-htm"), world.broken("dpop.htm-optional")),
        ("htu", world.broken("dpop.any-htu"), world.broken("dpop.htu-optional")),
        ("iat", world.broken("dpop.any-iat"), world.broken("dpop.iat-optional")),
        ("ath", world.broken("dpop.any-ath"), world.broken("dpop.ath-optional")),
    ):
        if name in right and (taken if name in seen else optional):
            seen[name] = right[name]
    if world.broken("dpop.jti-optional"):
        seen.setdefault("jti", str(uuid.uuid4()))
    return seen


def pettiness(world: World, claims: Mapping[str, Any], url: str) -> str:
    """Return why a petty server refuses a proof that is good, empty without such a switch; `url` as it was called."""
    unknown = sorted(set(claims) - KNOWN_CLAIMS)
    if unknown and world.broken("dpop.known-claims"):
        return f"the claim {unknown[0]} is unknown"
    if claims.get("htu") != url and world.broken("dpop.htu-exact"):
        return "the claim htu is not, letter by letter, the URL that was called"
    issued = claims.get("iat")
    apart = abs(issued - world.now()) if isinstance(issued, int | float) else 0
    if apart > PETTY_SECONDS and world.broken("dpop.no-leeway"):
        return "the claim iat is not now"
    return ""
