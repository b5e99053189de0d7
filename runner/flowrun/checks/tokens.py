"""Checks of the token endpoint's answer (RFC 6749, RFC 9396)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.checks import base
from flowrun.checks.base import Check, NotApplicable
from flowrun.checks.randomness import guessable

if TYPE_CHECKING:
    from flowrun.flow import Around
    from flowrun.wire import Answer

_STEP = frozenset({"exchange"})
_OK, _REDIRECT = 200, 300
_DOTS_OF_A_JWT: Final = 2
NO_ACCESS_TOKEN: Final = "n_a"  # noqa: S105  the token_type of other tokens, in lower case (RFC 8693 §2.2.1)
# RFC 6749 §5.1, OIDC Core §3.1.3.3, RFC 9396 §7, RFC 8693 §2.2.1, and what CDR and several products add.
_KNOWN_MEMBERS: Final = frozenset(
    {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token", "authorization_details"}
    | {"issued_token_type", "refresh_token_expires_in", "refresh_expires_in", "cdr_arrangement_id", "session_state"}
)


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


def json(around: Around) -> str | None:
    """Look at the content type of granted tokens."""
    return base.json_type(granted(around))


def no_store(around: Around) -> str | None:
    """Look at Cache-Control."""
    return base.no_store(granted(around))


def error_shape(around: Around) -> str | None:
    """Want JSON with a member `error` in every answer 400 or 401."""
    return base.error_shape(around.answer)


def token_type(around: Around) -> str | None:
    """DPoP for a client that proves its key, Bearer for one that shows a certificate."""
    got = granted(around).members.get("token_type")
    wanted = {"dpop": "dpop", "mtls": "bearer"}.get(around.client.sender_constraint)
    if isinstance(got, str) and got.lower() == NO_ACCESS_TOKEN:
        raise NotApplicable("what was issued is no access token")
    if wanted is None or not isinstance(got, str):
        raise NotApplicable(
            "the tokens of this client are not bound to anything" if wanted is None else "there is none"
        )
    if got.lower() == wanted:
        return None
    return f"token_type is {got!r} for a client with sender_constraint {around.client.sender_constraint}"


def lifetime(around: Around) -> str | None:
    """Compare expires_in of an access token with what the profile allows."""
    value, limits = granted(around).members.get("expires_in"), around.environment.profile.limits
    least, most = limits.get("access_token_least", 0), limits.get("access_token")
    if most is None:
        raise NotApplicable("the profile has no limit")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotApplicable("there is no expires_in")
    if least <= value <= most:
        return None
    return f"the access token lives {value} s; this profile wants " + (
        f"{least:g} to {most:g}" if least else f"{most:g} at most"
    )


def entropy(around: Around) -> str | None:
    """Too short to be random, or counted up; a signed token is protected otherwise, and the same one may come again."""
    token = granted(around).members.get("access_token")
    if not isinstance(token, str) or not token:
        raise NotApplicable("there is no access token")
    if token.count(".") >= _DOTS_OF_A_JWT:
        raise NotApplicable("the access token is a JWT, its signature protects it")
    earlier = [other for other in around.earlier.get("access_token", ()) if other != token]
    return guessable("the access token", token, earlier)


def extra(around: Around) -> str | None:
    """Report members that no specification here names: they are allowed."""
    more = sorted(set(granted(around).members) - _KNOWN_MEMBERS)
    return f"members that are not expected there: {', '.join(more)}" if more else None


def scope(around: Around) -> str | None:
    """Nothing beyond what was asked for."""
    got = granted(around).members.get("scope")
    _by_the_person(around)
    asked = around.flow.asked.get("scope")
    if not isinstance(got, str) or asked is None:
        raise NotApplicable("the answer names no scope" if asked is not None else "no scope was asked for")
    more = sorted(set(got.split()) - set(asked.split() if isinstance(asked, str) else asked))
    return f"granted without being asked for: {' '.join(more)}" if more else None


def rar(around: Around) -> str | None:
    """Want the granted details, of the types asked for, with a consent_id where the profile has one."""
    asked = around.flow.asked.get("authorization_details")
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
    Check("tok.http", _STEP, "tokens are answered with JSON", "RFC 6749 §5.1", json),
    Check(
        "tok.error-shape",
        _STEP,
        "a refused token request is answered with an OAuth error",
        "RFC 6749 §5.2",
        error_shape,
    ),
    Check("tok.type-dpop", _STEP, "token_type fits how tokens are bound", "RFC 9449 §5, RFC 8705 §3", token_type),
    Check("tok.lifetime", _STEP, "the access token lives as long as the profile says", "RFC 6749 §5.1", lifetime),
    Check("tok.entropy", _STEP, "the access token can't be guessed", "RFC 6749 §10.10", entropy),
    Check("tok.extra", _STEP, "the answer has only members that are expected", "RFC 6749 §5.1", extra),
    Check("tok.no-store", _STEP, "the answer may not be stored", "RFC 6749 §5.1", no_store),
    Check("tok.scope", _STEP, "no more scope is granted than was asked for", "RFC 6749 §3.3", scope),
    Check("tok.rar", _STEP, "the granted authorization_details come back", "RFC 9396 §7", rar),
    Check("ref.no-rotation", _STEP, "refresh tokens are not rotated", "FAPI 2.0 SP §5.3.2.1", no_rotation),
)
