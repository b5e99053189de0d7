"""Checks of the authorization response (RFC 6749, RFC 9207)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.checks.base import Check, NotApplicable
from flowrun.flow import form_value

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEP = frozenset({"browse"})
# RFC 6749 §4.1.2.1: the server could not read the state of a request that it could not read.
_STATE_MAY_BE_MISSING = frozenset({"invalid_request_object", "invalid_request_uri"})


def _callback(around: Around) -> dict[str, str]:
    if around.flow.callback is None:
        raise NotApplicable("there was no callback")
    return around.flow.callback


def state(around: Around) -> str | None:
    """Compare with the state that was sent; none comes back if none was sent."""
    callback = _callback(around)
    parameters = around.flow.parameters or {}
    sent = form_value(parameters["state"]) if "state" in parameters else None
    got = callback.get("state")
    if got == sent:
        return None
    if got is None and callback.get("error") in _STATE_MAY_BE_MISSING:
        raise NotApplicable("an unreadable request may be answered without state")
    return "the callback has no state" if got is None else "the callback has another state than the one sent"


def iss(around: Around) -> str | None:
    """Compare with the issuer; without a promise in the metadata only the profile demands it."""
    got = _callback(around).get("iss")
    issuer = around.flow.server.get("issuer") or around.issuer
    if got == issuer:
        return None
    if got is None:
        promised = around.flow.server.get("authorization_response_iss_parameter_supported")
        if promised is not True and around.environment.profile.level("disc.iss-param") == "off":
            raise NotApplicable("the server does not promise iss")
        return "the callback has no iss"
    return f"the callback has iss {got!r}, the issuer is {issuer!r}"


CHECKS: Final = (
    Check("cb.state", _STEP, "the callback brings the state that was sent", "RFC 6749 §4.1.2", state),
    Check("cb.iss", _STEP, "the callback names its issuer", "RFC 9207 §2", iss),
)
