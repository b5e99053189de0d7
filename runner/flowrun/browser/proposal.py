"""A page for the environment file, ready to paste: what would recognise the page that is there, and lead on from it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from flowrun.browser.finder import PRESSED, UNDER, find, tidy
from flowrun.browser.redirect import without_parameters
from flowrun.browser.snapshot import BUTTON, CLIENT_ERROR, FIELD, HEADING, LINK
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from flowrun.browser.snapshot import Control, Snapshot

MOST_FIELDS = 6
FEWEST_DIGITS = 4  # from here on fields that differ by a number are the boxes of a code
ENOUGH = 2  # two conditions tell most pages apart
FIRST_WORDS = 8
FIRST_LINES = 4
COMMON = frozenset({"user", "username", "name", "login", "account", "password", "id"})  # many a test user's names too
PLAIN_SCALAR = re.compile(r"[^\W\d_][\w '()/.&-]*[\w).]|[^\W\d_]", re.UNICODE)
YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# The first button is often the one that says no; nobody wants that pasted into a page.
REFUSES: Final = re.compile(r"\b(deny|cancel|refuse|reject|decline|abort|no|batal|tolak)\b", re.IGNORECASE)
SAYS_NO: Final = re.compile(rf"{REFUSES.pattern}|\b(back|exit|kembali)\b", re.IGNORECASE)
SAYS_YES: Final = re.compile(
    r"^((sign|log) ?[io]n|next|continue|submit|proceed|verify|confirm|allow|approve|accept|agree|grant|authori[sz]e|yes"
    r"|lanjut|teruskan|setuju)\b",
    re.IGNORECASE,
)
# What helps with a page, or is offered beside it, and leads nowhere; and what nobody wants pressed by a machine.
ASIDE: Final = re.compile(
    r"\b(show|hide|toggle|forg[eo]t|remember|keep me|stay signed|cookies?|help|create|regist(er|ration)|sign up)\b"
    r"|\b(sign|log) ?in with\b|\bcontinue with\b"
    r"|\b(sign|log)[ -]?(out|off)\b|\b(delete|remove|unsubscribe|deactivate)\b|\blog keluar\b",
    re.IGNORECASE,
)
CODE: Final = re.compile(
    r"\bone[ -]time\b|\b(t?otp|2fa|mfa)\b|\b(verification|security|authenticat\w+) code\b|\b\d[ -]digit code\b",
    re.IGNORECASE,
)
OF_A_CODE: Final = re.compile(r"\b(code|digit|number|token|pin)\b", re.IGNORECASE)
GONE_WRONG: Final = re.compile(
    r"\b(errors?|denied|forbidden|invalid|expired|unauthori[sz]ed|not (allowed|found|permitted)|failed|failure|wrong"
    r"|sorry|oops|problem|can ?not|can't|unable|ralat|gagal|tidak sah)\b",
    re.IGNORECASE,
)
SAYS_AGAIN: Final = re.compile(rf"{GONE_WRONG.pattern}|\b(incorrect|correct|again|salah|semula)\b", re.IGNORECASE)
BOXES: Final = frozenset({"checkbox", "radio"})
CHOSEN: Final = frozenset({*BOXES, "select", "listbox", "combobox"})


@dataclass(frozen=True, slots=True)
class Walked:
    """What is known of the walk: words that are one person's or one client's, and the headings of earlier pages."""

    personal: Collection[str] = ()
    headings: Collection[str] = ()

    def is_good(self, words: str) -> bool:
        """Tell whether words would recognise a page for others too, and no earlier page of the walk."""
        return tidy(words) not in {tidy(one) for one in self.headings} and not any(
            re.search(rf"(?<!\w){re.escape(one)}(?!\w)", words, re.IGNORECASE)
            for one in self.personal
            if len(one) > 1 and one.casefold() not in COMMON
        )


NOTHING: Final = Walked()


def page_yaml(page: Snapshot, name: str = "new_page", walked: Walked = NOTHING) -> str:
    """Return a page for the environment file that would recognise this one, use its fields and lead on from it.

    An empty text where nothing on it can be used and nothing says that something went wrong.
    """
    every = _fields(page)[:MOST_FIELDS]
    fields = _without_digits(every)
    going, leaving = _buttons(page, every[-1] if every else None)
    question = bool(going and leaving) and all(one.type in CHOSEN for one in fields)
    if fields:
        question = question and bool(REFUSES.search(leaving[0].name))
    wrong = "" if fields or question else _complaint(page)
    if wrong or (page.status or 0) >= CLIENT_ERROR:
        return f"{name}:\n  shows: {{{_text_or_url(page, wrong, walked)}}}\n  means: refused"
    if not (fields or going or leaving):
        return ""
    lines = [f"{name}:", f"  shows: {{{', '.join(_shows(page, fields, [*going, *leaving], walked))}}}"]
    deeds = [_deed(field, page, code=len(every) != len(fields)) for field in fields]
    if question:  # the scenario says what to answer
        yes = ", ".join([*deeds, f"{{press: {scalar(called(going[0], page))}}}"])
        no = scalar(called(leaving[0], page))
        return "\n".join([*lines, f"  answers: {{approve: [{yes}], deny: [{{press: {no}}}]}}"])
    if going or leaving:
        deeds.append(f"{{press: {scalar(called((going or leaving)[0], page))}}}")
    return "\n".join([*lines, f"  do: [{', '.join(deeds)}]"])


def failed_if_yaml(before: str, page: Snapshot, walked: Walked = NOTHING) -> str:
    """Return a `failed_if` of the words that a page shows now and did not before; empty where there are none.

    A line that says that something went wrong goes before the others.
    """
    old = set(before.splitlines())
    new = [line for line in page.text.splitlines() if line not in old]
    new.sort(key=lambda line: not SAYS_AGAIN.search(line))
    words = next(
        (words for words in (" ".join(line.split()[:FIRST_WORDS]) for line in new) if walked.is_good(words)), ""
    )
    return f"failed_if: {{text: {scalar(words)}}}" if words else ""


def _complaint(page: Snapshot) -> str:
    """Return the line of a page that says that something went wrong; empty when its beginning says nothing such."""
    lines = page.text.splitlines()[:FIRST_LINES]
    said = next((line for line in lines if GONE_WRONG.search(line)), "")
    return said or (lines[0] if lines and GONE_WRONG.search(page.title) else "")


def _text_or_url(page: Snapshot, line: str, walked: Walked = NOTHING) -> str:
    for one in filter(None, [line, page.text, *page.text.splitlines()]):
        words = " ".join(one.split()[:FIRST_WORDS])
        if walked.is_good(words):
            return f"text: {scalar(words)}"
    return f"url: {scalar(without_parameters(page.url).rstrip('?…'))}"


def _shows(page: Snapshot, fields: list[Control], buttons: list[Control], walked: Walked) -> list[str]:
    """Return two conditions, such as hold for others too where there are any; a heading and a field, if need be more.

    Above a form stands what it is for; a page that only asks yes or no says it at its top.
    """
    headings = [*(one.under for one in fields[:1] if one.under), *(one.name for one in page.of(HEADING) if one.name)]
    found = [f"heading: {scalar(one)}" for one in _good(headings, walked)[:1]]
    found += [f"field: {scalar(one)}" for one in _good((called(field, page) for field in fields), walked)[:1]]
    if len(found) < ENOUGH:
        found += [f"button: {scalar(one)}" for one in _good((called(one, page) for one in buttons), walked)[:1]]
    if found:
        return found
    return [f"heading: {scalar(headings[0])}"] if headings else [_text_or_url(page, "")]


def _good(names: Iterable[str], walked: Walked) -> list[str]:
    return [name for name in names if walked.is_good(name)]


def _fields(page: Snapshot) -> list[Control]:
    """Return the fields to use: what can be used, of radio buttons the first of each group."""
    found: list[Control] = []
    for one in page.of(FIELD):
        chosen = one.type == "radio" and any((one.type, one.group) == (other.type, other.group) for other in found)
        if one.name and one.enabled and not chosen and not ASIDE.search(one.name):
            found.append(one)
    return found


def _without_digits(fields: list[Control]) -> list[Control]:
    """Return the fields without the further boxes of a code: the first takes all of it."""
    alike = [re.sub(r"\d+", "#", one.name) for one in fields]
    return [
        one
        for number, one in enumerate(fields)
        if one.type in CHOSEN or alike.count(alike[number]) < FEWEST_DIGITS or alike.index(alike[number]) == number
    ]


def _deed(field: Control, page: Snapshot, *, code: bool) -> str:
    label = scalar(called(field, page))
    if field.type in BOXES:
        return f"{{tick: {label}}}"
    if field.type in {"select", "listbox", "combobox"}:
        option = next((text for text, value, enabled in field.options if enabled and value), "…")
        return f"{{choose: {{{label}: {scalar(option)}}}}}"
    asks = CODE.search(f"{field.under}\n{page.heading}\n{page.text}") and OF_A_CODE.search(field.name)
    code = code or bool(asks or CODE.search(field.name))
    hole = "password" if field.type == "password" and not code else "totp | totp" if code else "username"
    return f'{{fill: {{{label}: "{{{{ user.{hole} }}}}"}}}}'


def _buttons(page: Snapshot, last: Control | None) -> tuple[list[Control], list[Control]]:
    """Return the buttons that lead on, and those that say no, the likeliest first.

    Most lead on by their words, by sending a form, or by standing behind the last field; of links those that say so,
    and the others when there is no button.
    """
    every = page.of(BUTTON, LINK)
    named = [one for one in every if one.name and not ASIDE.search(one.name) and not one.shy]
    named = [
        one for one in named if one.kind == BUTTON or SAYS_YES.search(one.name) or REFUSES.search(one.name)
    ] or named
    behind = every.index(next((one for one in every if last and one.index > last.index), every[0])) if every else 0

    def rank(one: Control) -> tuple[bool, ...]:
        away = every.index(one) < behind
        return away, not SAYS_YES.search(one.name), one.type != "submit", one.kind != BUTTON

    going = sorted((one for one in named if not SAYS_NO.search(one.name)), key=rank)
    leaving = sorted((one for one in named if SAYS_NO.search(one.name)), key=lambda one: not REFUSES.search(one.name))
    return going, leaving


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
