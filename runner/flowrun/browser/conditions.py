"""Conditions of the page grammar, and which page they say this is. Pure: a snapshot in, a verdict out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from flowrun.browser.finder import PRESSED, find, is_exact, shows_text
from flowrun.browser.snapshot import FIELD, HEADING
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowrun.browser.snapshot import Snapshot


def _heading(words: str, page: Snapshot) -> int:
    return _named(words, page, HEADING)


def _field(words: str, page: Snapshot) -> int:
    return _named(words, page, FIELD)


def _button(words: str, page: Snapshot) -> int:
    return _named(words, page, *PRESSED)


def _named(words: str, page: Snapshot, *kinds: str) -> int:
    """Return 2 when the words are a whole name, 1 when they are part of one, 0 when nothing is called so."""
    found = find(words, page.of(*kinds))
    if not found:
        return 0
    return 2 if any(is_exact(words, control) for control in found) else 1


def _text(words: str, page: Snapshot) -> int:
    return int(shows_text(words, page.text) or any(shows_text(words, button.name) for button in page.of(*PRESSED)))


def _url(words: str, page: Snapshot) -> int:
    if "*" in words:
        literal = re.sub(r"([?[])", r"[\1]", words)  # only the star is a wildcard here
        return int(fnmatchcase(page.url, f"*{literal}*"))
    return int(words in page.url)


CONDITIONS: Mapping[str, Callable[[str, Snapshot], int]] = {
    "heading": _heading,
    "text": _text,
    "field": _field,
    "button": _button,
    "url": _url,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much of a page's `shows` is there: conditions met of all, and how many by a whole name."""

    met: int
    total: int
    exact: int

    @property
    def holds(self) -> bool:
        """Whether all conditions hold; a page without conditions never does."""
        return self.met == self.total > 0


@dataclass(frozen=True, slots=True)
class Choice:
    """Which page this is. `name` is empty when none fits or several fit equally (`tied`).

    `rivals` says that a page with at least as many conditions is there in part: it may still be coming.
    """

    name: str = ""
    tied: tuple[str, ...] = ()
    rivals: bool = False


def words_of(value: Any) -> tuple[str, ...]:
    """Return a condition's texts; a list means any of them."""
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else (str(value),)


def judge(conditions: Mapping[str, Any], page: Snapshot) -> Verdict:
    """Hold the conditions against the page. An unknown condition counts as one that does not hold."""
    marks = [
        max((CONDITIONS[kind](words, page) for words in words_of(value)), default=0) if kind in CONDITIONS else 0
        for kind, value in conditions.items()
    ]
    return Verdict(sum(mark > 0 for mark in marks), len(marks), sum(mark > 1 for mark in marks))


def choose(pages: Mapping[str, Mapping[str, Any]], page: Snapshot) -> Choice:
    """Return the page with most conditions met, from each page's `shows`.

    Pages that ask for the same kinds of things and meet as many are told apart by whole names before parts of them.
    """
    verdicts = {name: judge(shows, page) for name, shows in pages.items()}
    holding = {name: verdict for name, verdict in verdicts.items() if verdict.holds}
    if not holding:
        return Choice()
    most = max(verdict.met for verdict in holding.values())
    best = [name for name, verdict in holding.items() if verdict.met == most]
    if len({frozenset(pages[name]) for name in best}) == 1:
        closest = max(holding[name].exact for name in best)
        best = [name for name in best if holding[name].exact == closest]
    if len(best) > 1:
        return Choice(tied=tuple(best))
    rivals = any(verdict.met and not verdict.holds and verdict.total >= most for verdict in verdicts.values())
    return Choice(best[0], rivals=rivals)


def what_holds(conditions: Mapping[str, Any], page: Snapshot) -> str:
    """Return the words of these conditions that the page shows, for a message."""
    shown = [words for kind, value in conditions.items() for words in words_of(value) if CONDITIONS[kind](words, page)]
    return ", ".join(f"'{words}'" for words in shown)
