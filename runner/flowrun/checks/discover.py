"""Checks of the server's metadata (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.checks.base import Check, NotApplicable, metadata

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEP = frozenset({"discover"})


def issuer_match(around: Around) -> str | None:
    """Compare character by character: a trailing slash counts."""
    if not around.issuer:
        raise NotApplicable("the metadata was read from a URL, so no issuer was expected")
    got = metadata(around).get("issuer")
    if got is None:
        return "the metadata names no issuer"
    return None if got == around.issuer else f"the metadata says issuer {got!r}, the environment {around.issuer!r}"


def par(around: Around) -> str | None:
    """Look for the PAR endpoint; the environment may list it where there is no metadata."""
    if "pushed_authorization_request_endpoint" in around.flow.server:
        return None
    return "pushed_authorization_request_endpoint is not in the metadata"


def s256(around: Around) -> str | None:
    """Look for S256 among the PKCE methods."""
    methods = metadata(around).get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" in methods:
        return None
    name = "code_challenge_methods_supported"
    return f"{name} is not in the metadata" if methods is None else f"{name} is {methods!r}, without S256"


def iss_param(around: Around) -> str | None:
    """Look for the promise of `iss` in authorization responses."""
    if metadata(around).get("authorization_response_iss_parameter_supported") is True:
        return None
    return "authorization_response_iss_parameter_supported is not true"


CHECKS: Final = (
    Check("disc.issuer-match", _STEP, "the metadata names the issuer it was asked for", "RFC 8414 §3.3", issuer_match),
    Check("disc.par", _STEP, "the metadata names a PAR endpoint", "RFC 9126 §5", par),
    Check("disc.s256", _STEP, "the server offers PKCE with S256", "RFC 7636 §4.2, RFC 8414 §2", s256),
    Check("disc.iss-param", _STEP, "the server promises iss in its authorization responses", "RFC 9207 §3", iss_param),
)
