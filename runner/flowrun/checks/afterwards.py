"""Checks of what comes after the tokens: userinfo, introspection, revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.checks.base import Check, NotApplicable, accepted

if TYPE_CHECKING:
    from flowrun.flow import Around

_OK: Final = 200
_USERINFO: Final = ("application/json", "application/jwt")


def revoked(around: Around) -> str | None:
    """Look at the status of an accepted revocation."""
    status = accepted(around).status
    return None if status == _OK else f"the server answered {status}, not 200"


def introspected(around: Around) -> str | None:
    """Want `active` as true or false."""
    body = accepted(around).members
    if isinstance(body.get("active"), bool):
        return None
    return f"active is {body['active']!r}, not true or false" if "active" in body else "active is not there"


def userinfo_type(around: Around) -> str | None:
    """Look at the content type: JSON, or a JWT where it is signed or encrypted."""
    got = accepted(around).content_type
    if got in _USERINFO:
        return None
    return f"the content type is {got}, not {' or '.join(_USERINFO)}" if got else "the answer has no content type"


def userinfo_signature(around: Around) -> str | None:
    """Believe the verification of a userinfo JWT; iss and aud are the server and us, where they are there."""
    accepted(around)
    jwt = around.jwt
    if jwt is None:
        raise NotApplicable("userinfo came as plain JSON")
    if jwt.distrust:
        return f"userinfo can't be trusted: {jwt.distrust}"
    issuer, client_id = around.flow.server.get("issuer") or around.issuer, around.client.client_id
    iss, aud = jwt.claims.get("iss", issuer), jwt.claims.get("aud", client_id)
    if iss != issuer:
        return f"the iss of userinfo is {iss!r}, the issuer is {issuer!r}"
    if client_id not in (aud if isinstance(aud, list) else [aud]):
        return f"the aud of userinfo is {aud!r}, our client_id is {client_id!r}"
    return None


CHECKS: Final = (
    Check("rev.200", frozenset({"revoke"}), "a revocation is answered with 200", "RFC 7009 §2.2", revoked),
    Check(
        "intro.shape",
        frozenset({"introspect"}),
        "an introspection says if the token lives",
        "RFC 7662 §2.2",
        introspected,
    ),
    Check("userinfo.type", frozenset({"userinfo"}), "userinfo is JSON or a JWT", "OIDC Core §5.3.2", userinfo_type),
    Check(
        "userinfo.sig",
        frozenset({"userinfo"}),
        "a userinfo JWT is the server's, and for our client",
        "OIDC Core §5.3.2, §5.3.4",
        userinfo_signature,
    ),
)
