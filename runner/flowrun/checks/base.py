"""What an automatic check is, and what many of them ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from flowrun.flow import Around
    from flowrun.wire import Answer


# Not allowed in a description either, but large servers put them between its sentences, and nothing breaks.
_LINE_ENDS: Final = "\r\n\t"
NO_METADATA: Final = "the server has no metadata; the environment lists its endpoints"


class NotApplicable(Exception):  # noqa: N818  it is no error; it says why there is nothing to judge
    """Raised by a check that has nothing to judge here; the check counts as skipped, never as passed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `judge` returns None when it holds, or a complaint that says what the server did.

    `id` is stable; `sentence` says the rule in plain words; `clause` names the text it comes from; its level is the
    profile's matter. A check never sends anything.
    """

    id: str
    steps: frozenset[str]
    sentence: str
    clause: str
    judge: Callable[[Around], str | None]


def accepted(around: Around) -> Answer:
    """Return the answer if it is a 2xx; refusals have other rules."""
    if around.answer is None or not 200 <= around.answer.status < 300:  # noqa: PLR2004  HTTP's own numbers
        raise NotApplicable("the request was not accepted")
    return around.answer


def metadata(around: Around) -> dict[str, Any]:
    """Return the server's metadata; a server without any is not judged by what the environment lists instead."""
    if around.answer is None:
        raise NotApplicable(NO_METADATA)
    return around.flow.server


def json_type(answer: Answer) -> str | None:
    """Return a complaint unless the answer is declared as JSON."""
    got = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got == "application/json":
        return None
    return f"the content type is {got}, not application/json" if got else "the answer has no content type"


def no_store(answer: Answer) -> str | None:
    """Return a complaint unless nobody on the way may keep the answer."""
    value = answer.headers.get("cache-control", "")
    return None if "no-store" in value.lower() else f"Cache-Control is {value!r}" if value else "no Cache-Control"


def secure(url: str) -> bool:
    """Tell whether a URL is https; on the machine itself plain http is good enough."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme.lower() != "http":
        return parts.scheme.lower() == "https"
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address  # noqa: PLC0415  few hosts get here

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def error_shape(answer: Answer | None) -> str | None:
    """Return a complaint unless a 400 or 401 carries an OAuth error (RFC 6749 §5.2); others need none."""
    if answer is None or answer.status not in {400, 401}:
        raise NotApplicable("there was no refusal with an OAuth error")
    error = answer.members.get("error")
    if not isinstance(error, str) or not error:
        return f"the answer {answer.status} has no JSON member 'error'"
    for name, tolerated in (("error", ""), ("error_description", _LINE_ENDS)):
        text = answer.members.get(name, "")
        if not isinstance(text, str):
            return f"{name} is no text"
        if not all(letter in tolerated or (" " <= letter <= "~" and letter not in '"\\') for letter in text):
            return f"{name} has characters that are not allowed there"
    return None
