"""What happens in the browser: a request_uri that is not taken, and pages that are not as described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from flowrun.blame.case import Blame, elsewhere, length, ours, page_changed, theirs, unclear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.blame.case import Case

# The problems of pages bring their own advice, with words to copy.
_PAGES: Final[Mapping[str, Blame]] = {
    "page-unknown": page_changed("this page is none of those that the environment describes"),
    "page-ambiguous": ours("two pages of the environment are described so that both fit"),
    "page-stuck": page_changed("what the environment does on it does not lead on"),
    "page-failed": ours(
        "the page does not take what was filled in",
        "correct user name or password under users: in the environment file; what the page says tells which",
    ),
    "page-error": theirs("it showed an error in place of a page", ""),
    "page-hangs": theirs("a script of the page does not come to an end", ""),
    "answer-unknown": ours("the scenario's answer is none of those that the environment gives the page"),
    "answer-missing": ours("the page asks for an answer, and the scenario has none"),
    "browse-timeout": unclear("the pages took longer than timeouts: {browse: …} allows"),
    "wrong-redirect": unclear("the browser was sent back to another address than the client's redirect_uri"),
    "browser-crashed": elsewhere("the browser ended"),
    "still-seen": unclear("the page shows what the environment says it must not"),
    "not-requested": unclear("the page shows more than was asked for, or the environment lacks a word for it"),
}
_CONTROLS: Final = ("control-", "window-", "frame-")


def request_uri(case: Case) -> Blame | None:
    """Say why a request_uri was not taken (RFC 9126 §4): late, not ours, or not known."""
    spoken_of = case.error in {"invalid_request_uri", "invalid_request"} and "request_uri" in case.error + case.said
    late = case.problem.code == "request_uri_expired"
    if case.kind != "browse" or not (spoken_of or late):
        return None
    ends, opened = case.flow.expires_at, _opened(case)
    if ends is not None and case.now > ends and opened == case.flow.request_uri:
        words = f"the request_uri had expired {length(case.now - ends)} before the server said no"
        pushed = next((one for one in reversed(case.past) if one.kind == "push"), None)
        if pushed is not None:
            lived, waited = length(ends - pushed.at), length(case.now - pushed.at)
            words += f": it lived for {lived} (expires_in), and {pushed} was {waited} ago"
        return ours(words, "move push to just before browse, or shorten what is between them")
    if opened is None:
        words = "the browser was sent without request_uri, and this server wants the request pushed"
        return ours(words, "write a push step before browse")
    if case.flow.request_uri is None:
        return ours("no request was pushed before, so the request_uri is none of this run")
    if opened != case.flow.request_uri:
        words = "the scenario opened another request_uri than the one that was pushed last"
        return ours(words, "leave url: out of this browse step: flowrun opens the one that was pushed")
    if case.says(r"(another|other|different) client"):
        return ours(
            "the request_uri was pushed by another client than the one that opened it", "use one client for both"
        )
    earlier = case.earlier("request_uri", opened)
    if earlier is not None:
        words = f"the request_uri was used before, by {earlier}, and can be used once"
        return ours(words, "write another push step before this browse")
    if case.says(r"(?<![a-z])(used|spent|once)(?![a-z])"):
        return ours("the request_uri was used before, and can be used once", "write a push step before each browse")
    words = "the server gave out this request_uri and does not take it, though it has not expired"
    return unclear(f"{words} and flowrun opened it only now", "run it again; if it stays so, tell the server's team")


def _opened(case: Case) -> str | None:
    """Return the request_uri that the browser was opened with, None for none."""
    if not case.flow.hops:
        return case.flow.request_uri
    return dict(parse_qsl(urlsplit(case.flow.hops[0].url).query)).get("request_uri")


def page(case: Case) -> Blame | None:
    """Say what a page that is not as described speaks for."""
    code = case.problem.code
    if code in _PAGES:
        return _PAGES[code]
    if case.kind == "browse" and (code.startswith(_CONTROLS) or code == "not-seen"):
        return page_changed("what the environment looks for is not on it, or can't be used")
    return None
