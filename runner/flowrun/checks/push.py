"""Checks of the answer to a pushed authorization request (RFC 9126)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.checks.base import Check, NotApplicable

if TYPE_CHECKING:
    from flowrun.flow import Around
    from flowrun.wire import Answer

_STEP = frozenset({"push"})
_CREATED = 201
_ID_SENTENCE = "the x-fapi-interaction-id comes back"
_ID_CLAUSE = "FAPI 2.0 Implementation Advice §2.1.1"
_RECOMMENDED_PREFIX = "urn:ietf:params:oauth:request_uri:"


def accepted(around: Around) -> Answer:
    """Return the answer if it is a 2xx; refusals have other rules."""
    if around.answer is None or not 200 <= around.answer.status < 300:  # noqa: PLR2004  HTTP's own numbers
        raise NotApplicable("the request was not accepted")
    return around.answer


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


def no_store(around: Around) -> str | None:
    """Look at Cache-Control."""
    value = accepted(around).headers.get("cache-control", "")
    return None if "no-store" in value.lower() else f"Cache-Control is {value!r}" if value else "no Cache-Control"


def interaction_id(around: Around) -> str | None:
    """Compare with the id that was sent."""
    if around.answer is None or "x-fapi-interaction-id" not in around.answer.sent.headers:
        raise NotApplicable("no x-fapi-interaction-id was sent")
    got = around.answer.headers.get("x-fapi-interaction-id")
    if got == around.answer.sent.headers["x-fapi-interaction-id"]:
        return None
    return "the answer has no x-fapi-interaction-id" if got is None else "the answer has another x-fapi-interaction-id"


CHECKS: Final = (
    Check("push.status-201", _STEP, "an accepted push is answered with 201", "RFC 9126 §2.2", status_201),
    Check("push.request-uri", _STEP, "the request_uri has the recommended prefix", "RFC 9126 §2.2", request_uri),
    Check("push.expires-in", _STEP, "expires_in is a positive whole number", "RFC 9126 §2.2", expires_in),
    Check("push.no-store", _STEP, "the answer may not be stored", "RFC 9126 §2.2", no_store),
    Check("push.interaction-id", _STEP, _ID_SENTENCE, _ID_CLAUSE, interaction_id),
)
