"""Checks of the token endpoint's answer (RFC 6749, RFC 9396)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable

if TYPE_CHECKING:
    from flowrun.flow import Around
    from flowrun.wire import Answer

_STEP = frozenset({"exchange"})
_OK, _REDIRECT = 200, 300


def granted(around: Around) -> Answer:
    """Return the answer if tokens were granted; refusals have other rules."""
    if around.answer is None or not _OK <= around.answer.status < _REDIRECT:
        raise NotApplicable("no tokens were granted")
    return around.answer


def _by_the_person(around: Around) -> None:
    if around.kind not in {"authorization_code", "refresh_token"}:
        raise NotApplicable("these tokens do not come from the authorization request")


def members(around: Around) -> str | None:
    """access_token and token_type are there, expires_in is a number if it is there, and all that with 200."""
    answer = granted(around)
    body = answer.members
    for name in ("access_token", "token_type"):
        if not isinstance(body.get(name), str) or not body[name]:
            return f"{name} is not there" if name not in body else f"{name} is no text"
    lifetime = body.get("expires_in")
    if lifetime is not None and (isinstance(lifetime, bool) or not isinstance(lifetime, int | float)):
        return f"expires_in is {lifetime!r}, not a number"
    return None if answer.status == _OK else f"the server answered {answer.status}, not 200"


def no_store(around: Around) -> str | None:
    """Look at Cache-Control."""
    value = granted(around).headers.get("cache-control", "")
    return None if "no-store" in value.lower() else f"Cache-Control is {value!r}" if value else "no Cache-Control"


def scope(around: Around) -> str | None:
    """Nothing beyond what was asked for."""
    got = granted(around).members.get("scope")
    _by_the_person(around)
    asked = (around.flow.parameters or {}).get("scope")
    if not isinstance(got, str) or asked is None:
        raise NotApplicable("the answer names no scope" if asked is not None else "no scope was asked for")
    more = sorted(set(got.split()) - set(asked.split() if isinstance(asked, str) else asked))
    return f"granted without being asked for: {' '.join(more)}" if more else None


def rar(around: Around) -> str | None:
    """Want the granted details, of the types asked for, with a consent_id where the profile has one."""
    asked = (around.flow.parameters or {}).get("authorization_details")
    if not asked:
        raise NotApplicable("no authorization_details were sent")
    got = granted(around).members.get("authorization_details")
    _by_the_person(around)
    if not isinstance(got, list) or not got:
        return "authorization_details are not in the answer"
    types = [entry.get("type") for entry in asked if isinstance(entry, dict)]
    more = [str(entry.get("type")) for entry in got if isinstance(entry, dict) and entry.get("type") not in types]
    if more:
        return f"granted types that were not asked for: {', '.join(more)}"
    if around.environment.profile.name == "ofm" and not _consent_id(got):
        return "authorization_details have no consent.consent_id"
    return None


def _consent_id(details: list[Any]) -> str:
    for entry in details:
        consent = entry.get("consent") if isinstance(entry, dict) else None
        if isinstance(consent, dict) and isinstance(consent.get("consent_id"), str):
            return str(consent["consent_id"])
    return ""


def no_rotation(around: Around) -> str | None:
    """Compare with the first refresh token."""
    if around.kind != "refresh_token":
        raise NotApplicable("nothing was refreshed")
    got = granted(around).members.get("refresh_token")
    if got is None or got == around.flow.first_refresh_token:
        return None
    return "the refresh was answered with another refresh token"


CHECKS: Final = (
    Check("tok.members", _STEP, "the answer has access_token and token_type", "RFC 6749 §5.1", members),
    Check("tok.no-store", _STEP, "the answer may not be stored", "RFC 6749 §5.1", no_store),
    Check("tok.scope", _STEP, "no more scope is granted than was asked for", "RFC 6749 §3.3", scope),
    Check("tok.rar", _STEP, "the granted authorization_details come back", "RFC 9396 §7", rar),
    Check("ref.no-rotation", _STEP, "refresh tokens are not rotated", "FAPI 2.0 SP §5.3.2.1", no_rotation),
)
