"""DPoP proofs (RFC 9449): judged, used once, and what they bind."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from flask import request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from joserfc.jws import JWSRegistry

from flowrun.sandbox import careless_proof
from flowrun.sandbox.jwt_rules import CLOCK_SKEW_SECONDS, JwtRefusedError, moment
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authlib.oauth2 import OAuth2Error

    from flowrun.sandbox.world import World

PROOF_ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
HEADER: Final = "DPoP"
NONCE_HEADER: Final = "DPoP-Nonce"
LONGEST_PROOF_SECONDS: Final = 60
NONCE_SECONDS: Final = 300
LONGEST_HEADER: Final = 4096
PORTS: Final = {"http": 80, "https": 443}


def proven_key(world: World, access_token: str | None = None, bound_to: str = "") -> str | None:
    """Return the thumbprint (jkt) of the key that the current request proves, None when it has no proof.

    With an access token the proof must name it (ath); `bound_to` is the key that the token is bound to, which only a
    careless server takes on trust. OAuth2Error: invalid_dpop_proof, or use_dpop_nonce.
    """
    written = request.headers.get(HEADER)
    if written is None:
        return None
    written = careless_proof.sent(world, written)
    if bound_to and careless_proof.taken_unread(world, written):
        return bound_to
    try:
        claims, jkt = _opened(world, written, bound_to)
        right = _right(world, access_token)
        _require_no_pettiness(world, claims)
        claims = careless_proof.claims_seen(world, claims, right)
        _require_this_request(claims, right)
        _require_nonce(world, claims)
        _require_fresh(world, claims, jkt)
    except JwtRefusedError as error:
        raise refusal("invalid_dpop_proof", f"The DPoP proof is refused: {error}.") from error
    return jkt


def nonce(world: World) -> str:
    """Return the nonce that proofs must carry now; the old one ends with it."""
    if world.dpop_nonce is None or world.now() >= world.dpop_nonce[1]:
        world.dpop_nonce = (secrets.token_urlsafe(16), world.now() + NONCE_SECONDS)
    return world.dpop_nonce[0]


def wanted_nonce(world: World) -> str:
    """Return which nonce of the server proofs must carry: none, ours, or one that there is not (a switch)."""
    if world.broken("dpop.nonce-never-fits"):
        return "another"
    return "ours" if world.settings.dpop_nonce else "none"


def _opened(world: World, written: str, bound_to: str) -> tuple[dict[str, Any], str]:
    """Return the claims, and the thumbprint of the key, of a proof whose signature holds under the key it brings."""
    try:
        header = json.loads(base64.urlsafe_b64decode(written.partition(".")[0] + "=="))
        header = careless_proof.header_seen(world, header)
        if bound_to and careless_proof.taken_unread(world, written, header):
            return careless_proof.claims_in(written), bound_to
        unverified = careless_proof.taken_unverified(world, header)
        algorithms = careless_proof.algorithms(world, PROOF_ALGORITHMS)
        if header.get("typ") != "dpop+jwt":
            raise JwtRefusedError("the header typ is not dpop+jwt")
        if header.get("alg") not in algorithms and not unverified:
            raise JwtRefusedError(f"the header alg is none of {', '.join(PROOF_ALGORITHMS)}")
        jwk = header.get("jwk")
        if not isinstance(jwk, dict):
            raise JwtRefusedError("the header has no jwk")
        if not careless_proof.PRIVATE.isdisjoint(jwk):
            raise JwtRefusedError("the jwk in the header is no public key")
        key = JWKRegistry.import_key(jwk)
        if unverified:
            return careless_proof.claims_in(written), key.thumbprint()
        registry = JWSRegistry(algorithms=[header["alg"]])
        registry.max_header_length = LONGEST_HEADER  # an RSA key in the header is longer than joserfc allows
        return dict(jwt.decode(written, key, registry=registry).claims), key.thumbprint()
    except JoseError as error:
        raise JwtRefusedError(error.error) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise JwtRefusedError("this is not a signed JWT") from error


def _right(world: World, access_token: str | None) -> dict[str, Any]:
    """Return the claims that a proof for the current request has; ath only with an access token."""
    right: dict[str, Any] = {"htm": request.method, "htu": request.base_url, "iat": int(world.now())}
    if access_token is not None:
        digest = hashlib.sha256(access_token.encode()).digest()
        right["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return right


def _require_this_request(claims: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    if claims.get("htm") != right["htm"]:
        raise JwtRefusedError(f"the claim htm is not {right['htm']}")
    if not isinstance(claims.get("htu"), str) or _plain(claims["htu"]) != _plain(right["htu"]):
        raise JwtRefusedError("the claim htu is not the URL that was called")
    if claims.get("ath") != right.get("ath", claims.get("ath")):
        raise JwtRefusedError("the claim ath is not the hash of the access token")


def _plain(url: str) -> str:
    """Return a URL as proofs are compared (RFC 9449 §4.3): no query, no fragment, no usual port, host in lower case."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port not in (None, PORTS.get(parts.scheme.lower())):
        host += f":{parts.port}"
    return urlunsplit((parts.scheme.lower(), host, parts.path or "/", "", ""))


def _require_no_pettiness(world: World, claims: Mapping[str, Any]) -> None:
    petty = careless_proof.pettiness(world, claims, request.url)
    if petty:
        raise JwtRefusedError(petty)


def _require_nonce(world: World, claims: Mapping[str, Any]) -> None:
    wanted = wanted_nonce(world)
    if wanted != "none" and (wanted == "another" or claims.get("nonce") != nonce(world)):
        raise refusal("use_dpop_nonce", "The DPoP proof must carry the nonce of the header DPoP-Nonce.")


def _require_fresh(world: World, claims: Mapping[str, Any], jkt: str) -> None:
    issued = moment(claims, "iat")
    if issued > world.now() + CLOCK_SKEW_SECONDS:
        raise JwtRefusedError("the claim iat is in the future")
    if issued < world.now() - LONGEST_PROOF_SECONDS:
        raise JwtRefusedError("the claim iat is more than a minute ago")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise JwtRefusedError("no claim jti")
    if (jkt, jti) in world.proofs and not world.broken("dpop.replay"):
        raise JwtRefusedError("it was used before (jti)")
    world.proofs.add((jkt, jti))


def is_about_dpop(error: OAuth2Error) -> bool:
    """Tell whether an error speaks of the proof, so that a resource challenges with DPoP."""
    return str(error.error) in ("invalid_dpop_proof", "use_dpop_nonce")
