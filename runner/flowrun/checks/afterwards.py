"""Checks of what comes after the tokens: userinfo, introspection, revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.checks.base import Check, accepted

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
)
