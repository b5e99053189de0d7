"""Find what a person means: exact words before words inside others, what is read before what is only in the code."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from flowrun.browser.snapshot import BUTTON, FIELD, HEADING, LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from flowrun.browser.snapshot import Control

READ = frozenset({"label", "aria", "text", "value", "placeholder", "title"})
PRESSED = (BUTTON, LINK)
CSS = "css:"
UNDER = " > "  # between a heading and what stands under it
SHORTEST_PART = 2  # a single letter is inside nearly everything

WORD_OF = {FIELD: "field", BUTTON: "button", LINK: "button", HEADING: "heading"}


# Not to be seen: where a line may break, which way is written. And signs that look like those on a keyboard.
UNSEEN = dict.fromkeys(
    [0xAD, 0x200B, 0x200C, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)
ALIKE = {ord(sign): alike for alike, signs in {"'": "’‘‛´`", '"': "“”„«»", "-": "‐‑‒–—−"}.items() for sign in signs}


def tidy(text: str) -> str:
    """Return the words with single spaces between them."""
    return " ".join(text.translate(UNSEEN).split())


def folded(text: str) -> str:
    """Return the words without case, and with the signs of a keyboard for those that only look better."""
    return tidy(unicodedata.normalize("NFKC", text.translate(ALIKE))).casefold()


def plain(text: str) -> str:
    """Return the words as they are compared: folded, without the marks that forms put behind a label."""
    return folded(text).rstrip(" *:")


def find(wanted: str, controls: Sequence[Control]) -> tuple[Control, ...]:
    """Return the controls that fit best; more than one is an ambiguity, none a control that is missing.

    In this order: the very words, the words but for case and marks, the same before the field, the name in the
    code, the words inside others. Among equals a button goes before a link, and what looks like a decoy goes last.
    `Heading > words` looks only at what stands under that heading.
    """
    words, short = tidy(wanted), plain(wanted)
    if not short:
        return ()
    tests: tuple[Callable[[str, str], bool], ...] = (
        lambda text, how: how in READ and tidy(text) == words,
        lambda text, how: how in READ and plain(text) == short,
        lambda text, how: how == "nearby" and plain(text) == short,
        lambda text, how: how == "name" and text == wanted.strip(),
        lambda text, how: how in READ and len(short) >= SHORTEST_PART and short in plain(text),
        lambda text, how: how == "nearby" and len(short) >= SHORTEST_PART and short in plain(text),
        lambda text, how: how == "name" and plain(text) == short,
    )
    for test in tests:
        found = [control for control in controls if any(test(text, how) for text, how in control.names)]
        if found:
            return _preferred(found)
    heading, arrow, rest = wanted.rpartition(UNDER)
    return find(rest, [one for one in controls if shows_text(heading, one.under)]) if arrow else ()


def find_names(wanted: str, names: Mapping[str, str]) -> list[str]:
    """Return the keys whose name fits best: the very words, the words but for case, the words inside others."""
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: tidy(name) == tidy(wanted),
        lambda name: plain(name) == plain(wanted),
        lambda name: shows_text(wanted, name),
    )
    for test in tests:
        found = [key for key, name in names.items() if test(name)]
        if found:
            return found
    return []


def _preferred(found: Iterable[Control]) -> tuple[Control, ...]:
    chosen = list(found)
    for better in (
        lambda control: control.kind != LINK,
        lambda control: not control.shy,
        lambda control: control.enabled,
    ):
        chosen = [control for control in chosen if better(control)] or chosen
    return tuple(chosen)


def is_exact(wanted: str, control: Control) -> bool:
    """Tell whether the words are a whole name of the control."""
    return any(plain(text) == plain(wanted) for text, _ in control.names)


def shows_text(wanted: str, text: str) -> bool:
    """Tell whether the words stand in the text, whatever the case and the line breaks."""
    return bool(tidy(wanted)) and folded(wanted) in folded(text)


def quoted(names: Iterable[str]) -> str:
    """Return `'Confirm', 'Cancel'`, each once, or `none`."""
    return ", ".join(f"'{name}'" for name in dict.fromkeys(filter(None, names))) or "none"
