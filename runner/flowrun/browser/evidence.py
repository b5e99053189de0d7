"""What a page shows, in words: for messages, and as proof of a refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowrun.browser.finder import PRESSED, quoted
from flowrun.browser.redirect import without_parameters
from flowrun.browser.snapshot import FIELD, HEADING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowrun.browser.model import Hop
    from flowrun.browser.snapshot import Snapshot

EXCERPT = 300
MOST_NAMES = 12
MOST_HOPS = 6
MOST_SAID = 3
# RFC 6749 4.1.2.1 and 5.2, RFC 9101 7, RFC 9126 2.3, RFC 9396 5, RFC 8707 2, RFC 9449, OIDC Core 3.1.2.6
OAUTH_ERRORS = (
    "invalid_request_uri",
    "invalid_request_object",
    "request_uri_not_supported",
    "request_not_supported",
    "registration_not_supported",
    "invalid_authorization_details",
    "invalid_redirect_uri",
    "invalid_request",
    "unauthorized_client",
    "access_denied",
    "unsupported_response_type",
    "unsupported_response_mode",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "invalid_client",
    "invalid_grant",
    "unsupported_grant_type",
    "invalid_target",
    "invalid_dpop_proof",
    "interaction_required",
    "login_required",
    "account_selection_required",
    "consent_required",
)
LABELLED = re.compile(r"""["']?\berror(?:[ _]code)?\b["']?\s*[:=]\s*["']?([a-z][a-z0-9_]{3,60})\b""", re.IGNORECASE)


def oauth_error(text: str) -> str:
    """Return the OAuth error code that a page or JSON document shows, or an empty text.

    A code that stands behind the word `error` goes before one that merely occurs.
    """
    labelled = [found.group(1).casefold() for found in LABELLED.finditer(text)]
    for code in labelled:
        if code in OAUTH_ERRORS:
            return code
    for code in labelled:
        if "_" in code and code != "error_description":
            return code
    places = ((found.start(), code) for code in OAUTH_ERRORS if (found := re.search(rf"\b{code}\b", text)))
    return min(places, default=(0, ""))[1]


def is_json(page: Snapshot) -> bool:
    """Tell whether the document is raw JSON."""
    return "json" in page.type


def facts(page: Snapshot) -> tuple[tuple[str, str], ...]:
    """Return what the page shows as facts of a Problem: nothing that was typed, no query of the URL."""
    return tuple(_facts(page))


def way(hops: Sequence[Hop], console: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the way the browser went, with statuses, and the last that its console showed in red, as facts."""
    steps = [f"{without_parameters(hop.url)} {hop.status or ''}".rstrip() for hop in hops]
    cut = ["…"] if len(steps) > MOST_HOPS else []
    went = " → ".join([*cut, *steps[-MOST_HOPS:]])
    said = [("console", excerpt(words)) for words in console[-MOST_SAID:]]
    return (*((("way", went),) if len(hops) > 1 else ()), *said)


def _facts(page: Snapshot) -> Iterator[tuple[str, str]]:
    yield "url", without_parameters(page.url)
    if page.status is not None:
        yield "status", str(page.status)
    if page.title:
        yield "title", page.title
    if page.of(HEADING):
        yield "headings", _names(page, HEADING)
    if not is_json(page):
        yield "fields", _names(page, FIELD)
        yield "buttons", _names(page, *PRESSED)
    if page.text:
        yield "text", excerpt(page.text)


def _names(page: Snapshot, *kinds: str) -> str:
    return quoted([control.name for control in page.of(*kinds)][:MOST_NAMES])


def excerpt(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


def paragraphs(text: str) -> str:
    """Return the beginning of a text with its lines, so that the one that matters is seen."""
    lines = [line for line in (" ".join(one.split()) for one in text.splitlines()) if line]
    kept = "\n".join(lines)
    return kept if len(kept) <= EXCERPT else kept[: EXCERPT - 1].rstrip() + "…"
