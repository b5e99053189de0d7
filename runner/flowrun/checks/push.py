"""Checks of the answer to a pushed authorization request (RFC 9126)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.checks import base
from flowrun.checks.base import Check, NotApplicable, accepted
from flowrun.checks.randomness import guessable

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEP = frozenset({"push"})
_CREATED = 201
_ID_SENTENCE = "the x-fapi-interaction-id comes back"
_ID_CLAUSE = "FAPI 2.0 Implementation Advice §2.1.1"
_PREFIX_WORDS: Final = frozenset({"urn", "ietf", "params", "oauth", "par", "request_uri", "uuid"})
_RECOMMENDED_PREFIX = "urn:ietf:params:oauth:request_uri:"


def status_201(around: Around) -> str | None:
    """Any other 2xx is good enough for the flow to go on, yet wrong."""
    status = accepted(around).status
    return None if status == _CREATED else f"the server answered {status}"


def request_uri(around: Around) -> str | None:
    """Report any other prefix: it is allowed."""
    uri = accepted(around).members.get("request_uri")
    if isinstance(uri, str) and uri.startswith(_RECOMMENDED_PREFIX):
        return None
    if not isinstance(uri, str):
        return "request_uri is not there"
    return f"the request_uri starts with {uri.partition(':')[0]}:" if ":" in uri else "the request_uri is no URI"


def expires_in(around: Around) -> str | None:
    """Want a whole number of seconds above zero."""
    value = accepted(around).members.get("expires_in")
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return None
    return "expires_in is not there" if value is None else f"expires_in is {value!r}"


def lifetime(around: Around) -> str | None:
    """Compare expires_in with what the profile allows; a request_uri is only for the next minutes."""
    value, limit = accepted(around).members.get("expires_in"), around.environment.profile.limits.get("request_uri")
    if limit is None:
        raise NotApplicable("the profile has no limit")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotApplicable("there is no expires_in")
    return None if value < limit else f"expires_in is {value}; this profile wants less than {limit:g}"


def json(around: Around) -> str | None:
    """Look at the content type of an accepted push."""
    return base.json_type(accepted(around))


def no_store(around: Around) -> str | None:
    """Look at Cache-Control."""
    return base.no_store(accepted(around))


def entropy(around: Around) -> str | None:
    """Too short to be random, seen before in this run, or counted up; nothing is measured on one value."""
    uri = accepted(around).members.get("request_uri")
    if not isinstance(uri, str) or not uri:
        raise NotApplicable("there is no request_uri")
    earlier = [reference(other) for other in around.earlier.get("request_uri", ())]
    return guessable("the reference in the request_uri", reference(uri), earlier)


def reference(uri: str) -> str:
    """Return the part of a request_uri that must not be guessed: the longest piece that is no word of a prefix.

    After the recommended prefix everything is: Base64 has slashes too.
    """
    if uri.startswith(_RECOMMENDED_PREFIX):
        return uri.removeprefix(_RECOMMENDED_PREFIX)
    after_host = uri.partition("://")[2].partition("/")[2] if "://" in uri else uri
    pieces = after_host.replace("/", ":").split(":")
    return max((piece for piece in pieces if piece not in _PREFIX_WORDS), key=len, default="")


def error_shape(around: Around) -> str | None:
    """Want JSON with a member `error` in every answer 400 or 401."""
    return base.error_shape(around.answer)


def interaction_id(around: Around) -> str | None:
    """Compare with the id that was sent; of a refusal, or a page in place of the server, there is more to say."""
    if around.answer is None or "x-fapi-interaction-id" not in around.answer.sent.headers:
        raise NotApplicable("no x-fapi-interaction-id was sent")
    accepted(around)
    got = around.answer.headers.get("x-fapi-interaction-id")
    if got == around.answer.sent.headers["x-fapi-interaction-id"]:
        return None
    return "the answer has no x-fapi-interaction-id" if got is None else "the answer has another x-fapi-interaction-id"


CHECKS: Final = (
    Check("push.status-201", _STEP, "an accepted push is answered with 201", "RFC 9126 §2.2", status_201),
    Check("push.request-uri", _STEP, "the request_uri has the recommended prefix", "RFC 9126 §2.2", request_uri),
    Check("push.expires-in", _STEP, "expires_in is a positive whole number", "RFC 9126 §2.2", expires_in),
    Check("push.no-store", _STEP, "the answer may not be stored", "RFC 9126 §2.2", no_store),
    Check(
        "push.lifetime",
        _STEP,
        "the request_uri does not live too long",
        "RFC 9126 §2.2, FAPI 2.0 SP §5.3.2.2",
        lifetime,
    ),
    Check("push.json", _STEP, "an accepted push is answered with JSON", "RFC 9126 §2.2", json),
    Check("push.entropy", _STEP, "the request_uri can't be guessed", "RFC 9126 §7.1", entropy),
    Check("push.error-shape", _STEP, "a refused push is answered with an OAuth error", "RFC 9126 §2.3", error_shape),
    Check("push.interaction-id", _STEP, _ID_SENTENCE, _ID_CLAUSE, interaction_id),
)
