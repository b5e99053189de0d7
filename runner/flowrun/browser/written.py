"""Pages out of what a person did: grouped by screen, with words that people read, passwords as secrets. Pure."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

from flowrun.browser.finder import tidy
from flowrun.browser.proposal import SAYS_NO, called, scalar
from flowrun.browser.snapshot import BUTTON, FIELD, HEADING
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowrun.browser.record import Deed
    from flowrun.browser.snapshot import Control, Snapshot

USERNAME_HINT: Final = re.compile(r"user|login|e-?mail|\bid\b|identifier|account", re.IGNORECASE)
CODE_HINT: Final = re.compile(r"one-time-code|otp|totp|\bcode\b|token|2fa|mfa", re.IGNORECASE)
CODE: Final = re.compile(r"\d{6,8}")
PASSWORD = "{{ user.password }}"  # noqa: S105  a hole
USERNAME = "{{ user.username }}"
ONE_TIME_CODE = "{{ user.totp | totp }}"


@dataclass(slots=True)
class Screen:
    """One screen: as it was met, and what was done there, in order, each control once."""

    page: Snapshot
    deeds: dict[tuple[str, str], str | None] = field(default_factory=dict)  # (action, label) → value

    @property
    def question(self) -> tuple[str, str] | None:
        """The buttons that say yes and no, when the last press was the answer to a question."""
        pressed = next((label for action, label in reversed(self.deeds) if action == "press"), "")
        names = [control.name for control in self.page.of(BUTTON) if control.name]
        no = [name for name in names if SAYS_NO.search(name)]
        yes = [name for name in names if not SAYS_NO.search(name)]
        asks = not any(action == "fill" for action, _ in self.deeds)
        if not (pressed and no and yes and asks and pressed in names):
            return None
        return (yes[0], pressed) if pressed in no else (pressed, no[0])


@dataclass(frozen=True, slots=True)
class Written:
    """The recorded text for an environment file: `users` and `pages`, and what a reader should look at again."""

    users: str
    pages: str
    remarks: tuple[str, ...]


def write(deeds: Sequence[Deed]) -> Written:
    """Return the pages for what a person did."""
    remarks: list[str] = []
    username = ""
    screens: list[Screen] = []
    for deed in deeds:
        control = deed.page.controls[deed.place] if 0 <= deed.place < len(deed.page.controls) else None
        if not screens or _is_another(screens[-1], deed.page):
            screens.append(Screen(deed.page))
        action, value = deed.deed, deed.value
        if action == "key":
            screens[-1].deeds[action, value or "Enter"] = None
            continue
        if control is None or not control.name:
            remarks.append(f"something was used on '{_title(deed.page)}' that has no name: add a css: selector by hand")
            continue
        label = called(control, deed.page)
        if action == "fill":
            value = _hole(control, deed)
            if value == USERNAME:
                username = deed.value or username
        if action == "choose" and control.type == "radio":
            action = "tick"
        if action in {"tick", "untick"}:
            other = "untick" if action == "tick" else "tick"
            screens[-1].deeds.pop((other, label), None)
        screens[-1].deeds[action, label] = value
    kept = _without_repeats(screens)
    names = _names(kept)
    lines = ["pages:"]
    for name, screen in zip(names, kept, strict=True):
        lines += _page(name, screen, [other.page for other in kept if other is not screen])
    return Written(_users(username, kept), "\n".join(lines) + "\n" if kept else "", tuple(dict.fromkeys(remarks)))


def _is_another(screen: Screen, page: Snapshot) -> bool:
    """Tell whether a person would call this another screen than the one before."""
    if page.document != screen.page.document:
        return True
    pressed = any(action in {"press", "key"} for action, _ in screen.deeds)
    return pressed and _look(page) != _look(screen.page)


def _look(page: Snapshot) -> tuple[object, ...]:
    return page.heading, tuple((field.name, field.type) for field in page.of(FIELD))


def _without_repeats(screens: Iterable[Screen]) -> list[Screen]:
    """Return each screen once, as it was used last: who mistypes a password meets the same page again."""
    kept: dict[object, Screen] = {}
    for screen in screens:
        if screen.deeds:
            kept[_look(screen.page), tuple(button.name for button in screen.page.of(BUTTON))] = screen
    return list(kept.values())


def _hole(control: Control, deed: Deed) -> str:
    """Return what is to be typed: what belongs to the person becomes a hole."""
    if control.type == "password":
        return PASSWORD
    value, hint = deed.value or "", f"{deed.hint} {control.name}"
    if CODE.fullmatch(value) and CODE_HINT.search(hint):
        return ONE_TIME_CODE
    alone = [one for one in deed.page.of(FIELD) if one.type in {"text", "email", "tel", "textarea", ""}] == [control]
    secret = any(one.type == "password" for one in deed.page.of(FIELD))
    if USERNAME_HINT.search(hint) or control.type == "email" or (alone and secret):
        return USERNAME
    return value


def _names(screens: Sequence[Screen]) -> list[str]:
    names: list[str] = []
    for screen in screens:
        typed = {value for (action, _), value in screen.deeds.items() if action == "fill"}
        if USERNAME in typed or (PASSWORD in typed and "login" not in names):
            name = "login"
        elif PASSWORD in typed:
            name = "password"
        elif ONE_TIME_CODE in typed:
            name = "code"
        elif screen.question:
            name = "consent"
        else:
            name = re.sub(r"[^a-z0-9]+", "_", _title(screen.page).casefold()).strip("_")[:30] or "page"
            name = name if name[0].isalpha() else f"page_{name}"
        number = 2
        first = name
        while name in names:
            name, number = f"{first}_{number}", number + 1
        names.append(name)
    return names


def _title(page: Snapshot) -> str:
    return page.heading or page.title or "a page"


def _shows(screen: Screen, others: Sequence[Snapshot]) -> str:
    """Return the heading, and a field or button if the page has one: two conditions tell most pages apart."""
    page = screen.page
    shows: list[str] = []
    headings = [control.name for control in page.of(HEADING) if control.name and not re.search(r"\d", control.name)]
    if headings:
        shows.append(f"heading: {scalar(tidy(headings[0]))}")
    fields = [control for control in page.of(FIELD) if control.name]
    buttons = [label for action, label in screen.deeds if action == "press"]
    shared = any(other.heading == page.heading for other in others)
    if fields and (not shows or shared or screen.question is None):
        shows.append(f"field: {scalar(called(fields[0], page))}")
    elif buttons and (not shows or shared):
        shows.append(f"button: {scalar(buttons[-1])}")
    return ", ".join(shows) or f"text: {scalar(' '.join(page.text.split()[:6]))}"


def _page(name: str, screen: Screen, others: Sequence[Snapshot]) -> list[str]:
    lines = [f"  {name}:", f"    shows: {{{_shows(screen, others)}}}"]
    deeds = dict(screen.deeds)
    question = screen.question
    if question is not None:
        for answer in question:
            deeds.pop(("press", answer), None)
    if deeds:
        lines.append("    do:")
        lines += [f"      - {_action(action, label, value)}" for (action, label), value in deeds.items()]
    if question is not None:
        yes, no = question
        lines.append("    answers:")
        lines += [f"      approve: [{{press: {scalar(yes)}}}]", f"      deny: [{{press: {scalar(no)}}}]"]
    return lines


def _action(action: str, label: str, value: str | None) -> str:
    if action in {"fill", "choose"}:
        return f"{action}: {{{scalar(label)}: {scalar(value or '')}}}"
    return f"{action}: {scalar(label)}"


def _users(username: str, screens: Sequence[Screen]) -> str:
    typed = {value for screen in screens for (action, _), value in screen.deeds.items() if action == "fill"}
    if not typed & {USERNAME, PASSWORD, ONE_TIME_CODE}:
        return ""
    name = re.sub(r"[^a-z0-9_]+", "_", username.casefold().partition("@")[0]).strip("_") or "person"
    name = name if name[0].isalpha() else f"person_{name}"
    members = [f"username: {scalar(username)}"] if username else []
    if PASSWORD in typed:
        members.append(f'password: "{{{{ secrets.{name.upper()}_PASSWORD }}}}"')
    if ONE_TIME_CODE in typed:
        members.append(f'totp: "{{{{ secrets.{name.upper()}_TOTP }}}}"')
    return f"users:\n  {name}: {{{', '.join(members)}}}\n"
