"""What a page shows, in words: for messages, for a ready-to-paste page, and as proof of a refusal."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from flowrun.browser.finder import PRESSED, quoted
from flowrun.browser.redirect import without_parameters
from flowrun.browser.snapshot import BUTTON, FIELD, HEADING

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
PLAIN_SCALAR = re.compile(r"[^\W\d_][\w '()/.&-]*[\w).]|[^\W\d_]", re.UNICODE)
YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


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


# The first button is often the one that says no; nobody wants that pasted into a page.
SAYS_NO: Final = re.compile(
    r"\b(deny|cancel|refuse|reject|decline|abort|back|no|exit|batal|tolak|kembali)\b", re.IGNORECASE
)


def page_yaml(page: Snapshot, name: str = "new_page") -> str:
    """Return a page for the environment file that would recognise this one and use its fields and first button."""
    shows: list[str] = []
    if page.heading:
        shows.append(f"heading: {scalar(page.heading)}")
    fields = [control for control in page.of(FIELD) if control.name][:4]
    if fields:
        shows.append(f"field: {scalar(fields[0].name)}")
    buttons = [control for control in page.of(BUTTON) if control.name]
    if buttons and len(shows) < 2:  # noqa: PLR2004 - two conditions tell most pages apart
        shows.append(f"button: {scalar(buttons[0].name)}")
    if not shows:
        words = " ".join(page.text.split()[:6])
        shows.append(f"text: {scalar(words)}" if words else f"url: {scalar(without_parameters(page.url).rstrip('?…'))}")
    lines = [f"{name}:", f"  shows: {{{', '.join(shows)}}}"]
    deeds = []
    for field in fields:
        label = scalar(field.name)
        if field.type in {"checkbox", "radio"}:
            deeds.append(f"{{tick: {label}}}")
        elif field.type in {"select", "listbox", "combobox"}:
            option = next((text for text, value, enabled in field.options if enabled and value), "…")
            deeds.append(f"{{choose: {{{label}: {scalar(option)}}}}}")
        elif field.type == "password":
            deeds.append(f'{{fill: {{{label}: "{{{{ user.password }}}}"}}}}')
        else:
            deeds.append(f'{{fill: {{{label}: "{{{{ user.username }}}}"}}}}')
    going = [button.name for button in buttons if not SAYS_NO.search(button.name)]
    leaving = [button.name for button in buttons if SAYS_NO.search(button.name)]
    if going and leaving and not fields:  # a question: the scenario says what to answer
        answers = f"approve: [{{press: {scalar(going[0])}}}], deny: [{{press: {scalar(leaving[0])}}}]"
        return "\n".join([*lines, f"  answers: {{{answers}}}"])
    if buttons:
        deeds.append(f"{{press: {scalar((going or leaving)[0])}}}")
    lines.append(f"  do: [{', '.join(deeds)}]" if deeds else "  means: refused")
    return "\n".join(lines)


def scalar(text: str) -> str:
    """Return a text as YAML has it, in quotes where it needs some."""
    if PLAIN_SCALAR.fullmatch(text) and text.casefold() not in YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
