"""What a page shows, in words: for messages, for a ready-to-paste page, and as proof of a refusal."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from flowrun.browser.finder import PRESSED, UNDER, find, quoted, tidy
from flowrun.browser.redirect import without_parameters
from flowrun.browser.snapshot import BUTTON, FIELD, HEADING, LINK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowrun.browser.model import Hop
    from flowrun.browser.snapshot import Control, Snapshot

EXCERPT = 300
MOST_NAMES = 12
MOST_FIELDS = 6
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


def paragraphs(text: str) -> str:
    """Return the beginning of a text with its lines, so that the one that matters is seen."""
    lines = [line for line in (" ".join(one.split()) for one in text.splitlines()) if line]
    kept = "\n".join(lines)
    return kept if len(kept) <= EXCERPT else kept[: EXCERPT - 1].rstrip() + "…"


# The first button is often the one that says no; nobody wants that pasted into a page.
SAYS_NO: Final = re.compile(
    r"\b(deny|cancel|refuse|reject|decline|abort|back|no|exit|batal|tolak|kembali)\b", re.IGNORECASE
)
SAYS_YES: Final = re.compile(
    r"^((sign|log) ?[io]n|next|continue|submit|proceed|verify|confirm|allow|approve|accept|agree|grant|authori[sz]e|yes"
    r"|lanjut|teruskan|setuju)\b",
    re.IGNORECASE,
)
# What helps with a page, or is offered beside it, and leads nowhere.
ASIDE: Final = re.compile(
    r"\b(show|hide|toggle|forg[eo]t|remember|keep me|stay signed|cookies?|help|create|regist(er|ration)|sign up)\b"
    r"|\b(sign|log) ?in with\b|\bcontinue with\b",
    re.IGNORECASE,
)
CODE: Final = re.compile(
    r"\bone[ -]time\b|\b(t?otp|2fa|mfa)\b|\b(verification|security|authenticat\w+) code\b", re.IGNORECASE
)
BOXES: Final = frozenset({"checkbox", "radio"})


def page_yaml(page: Snapshot, name: str = "new_page") -> str:
    """Return a page for the environment file that would recognise this one, use its fields and lead on from it."""
    fields = _fields(page)[:MOST_FIELDS]
    going, leaving = _buttons(page, fields[-1] if fields else None)
    # Above a form stands what it is for; a page that only asks yes or no says it at its top.
    heading = next((one.under for one in fields), "") or page.heading
    shows: list[str] = []
    if heading:
        shows.append(f"heading: {scalar(heading)}")
    if fields:
        shows.append(f"field: {scalar(called(fields[0], page))}")
    if (going or leaving) and len(shows) < 2:  # noqa: PLR2004 - two conditions tell most pages apart
        shows.append(f"button: {scalar(called((going or leaving)[0], page))}")
    if not shows:
        words = " ".join(page.text.split()[:6])
        shows.append(f"text: {scalar(words)}" if words else f"url: {scalar(without_parameters(page.url).rstrip('?…'))}")
    lines = [f"{name}:", f"  shows: {{{', '.join(shows)}}}"]
    deeds = [_deed(field, scalar(called(field, page))) for field in fields]
    if going and leaving and not fields:  # a question: the scenario says what to answer
        yes, no = scalar(called(going[0], page)), scalar(called(leaving[0], page))
        return "\n".join([*lines, f"  answers: {{approve: [{{press: {yes}}}], deny: [{{press: {no}}}]}}"])
    if going or leaving:
        deeds.append(f"{{press: {scalar(called((going or leaving)[0], page))}}}")
    lines.append(f"  do: [{', '.join(deeds)}]" if deeds else "  means: refused")
    return "\n".join(lines)


def _fields(page: Snapshot) -> list[Control]:
    """Return the fields to use: what can be used, of radio buttons the first of each group."""
    found: list[Control] = []
    for one in page.of(FIELD):
        chosen = one.type == "radio" and any((one.type, one.group) == (other.type, other.group) for other in found)
        if one.name and one.enabled and not chosen and not ASIDE.search(one.name):
            found.append(one)
    return found


def _deed(field: Control, label: str) -> str:
    if field.type in BOXES:
        return f"{{tick: {label}}}"
    if field.type in {"select", "listbox", "combobox"}:
        option = next((text for text, value, enabled in field.options if enabled and value), "…")
        return f"{{choose: {{{label}: {scalar(option)}}}}}"
    hole = "password" if field.type == "password" else "totp | totp" if CODE.search(field.name) else "username"
    return f'{{fill: {{{label}: "{{{{ user.{hole} }}}}"}}}}'


def _buttons(page: Snapshot, last: Control | None) -> tuple[list[Control], list[Control]]:
    """Return the buttons that lead on, the likeliest first, and those that say no.

    Most lead on by their words, by sending a form, or by standing behind the last field; links when there is no button.
    """
    every = page.of(BUTTON, LINK)
    named = [one for one in every if one.name and not ASIDE.search(one.name) and not one.shy]
    named = [one for one in named if one.kind == BUTTON or SAYS_YES.search(one.name)] or named
    behind = every.index(next((one for one in every if last and one.index > last.index), every[0])) if every else 0

    def rank(one: Control) -> tuple[bool, ...]:
        away = every.index(one) < behind
        return away, not SAYS_YES.search(one.name), one.type != "submit", one.kind != BUTTON

    going = sorted((one for one in named if not SAYS_NO.search(one.name)), key=rank)
    return going, [one for one in named if SAYS_NO.search(one.name)]


def called(control: Control, page: Snapshot) -> str:
    """Return the first of a control's names that means it alone, if need be with the heading above it."""
    kinds = (FIELD,) if control.kind == FIELD else PRESSED
    among = [one for one in page.of(*kinds) if kinds == PRESSED or (one.type in BOXES) == (control.type in BOXES)]
    read = [tidy(name).rstrip(" *:") or tidy(name) for name, how in control.names if how != "name"]
    below = [f"{control.under}{UNDER}{name}" for name in read if control.under]
    for name in [*read, *below, *(name for name, _ in control.names)]:
        if find(name, among) == (control,):
            return name
    return tidy(control.name)


def scalar(text: str) -> str:
    """Return a text as YAML has it, in quotes where it needs some."""
    if PLAIN_SCALAR.fullmatch(text) and text.casefold() not in YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
