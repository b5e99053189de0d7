"""Long lines on a narrow terminal: they go on under their column instead of at the left edge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flowrun.errors import columns

_SIGN: Final = re.compile(r"\x1b\[\d+m")
_PARTS: Final = re.compile(r" +|[^ ]+")
_PIECES: Final = re.compile(r"\x1b\[\d+m|.", re.DOTALL)
LEAST: Final = 16  # columns that a hanging text needs to be read; with fewer it begins further left
# Where the text of a line of `errors.draw` begins, after which it may be wrapped.
_FACT: Final = re.compile(r" *= (?:help: |.*?  +|)")
_CARETS: Final = re.compile(r"( *\| ) *\^+ ")
_EXCERPT: Final = re.compile(r" *\d* \|")


def width_of(text: str) -> int:
    """Return the columns of a text; colours have none."""
    return columns(_SIGN.sub("", text))


def wrapped(text: str, width: int, hang: int = 0) -> list[str]:
    """Return a line as lines of at most `width` columns, all but the first with `hang` blanks before them.

    Words are kept whole where they fit on a line, addresses always: one that is cut can't be copied.
    """
    if width_of(text) <= width:
        return [text]
    hang = max(0, min(hang, width - LEAST))
    lines, line, used = [], "", 0
    for part in _PARTS.findall(text):
        size = width_of(part)
        if used + size > width and line.strip() and not part.isspace():
            lines.append(line.rstrip())
            line, used = " " * hang, hang
        elif used + size > width and part.isspace():
            continue
        if size > width - used and "://" not in part:
            *whole, part = _cut(part, width - used, width - hang)  # noqa: PLW2901  its last piece
            for piece in whole:
                lines.append(line + piece)
                line, used = " " * hang, hang
            size = width_of(part)
        line, used = line + part, used + size
    return [*lines, line.rstrip()] if line.strip() else lines


def _cut(word: str, first: int, others: int) -> Iterator[str]:
    """Yield a word in pieces of so many columns."""
    piece, used, room = "", 0, first
    for one in _PIECES.findall(word):
        size = width_of(one)
        if used + size > room and used:
            yield piece
            piece, used, room = "", 0, others
        piece, used = piece + one, used + size
    yield piece


def problem_lines(drawn: str, width: int) -> Iterator[str]:
    """Yield the lines of a problem, as `errors.draw` draws it, at most `width` columns wide; excerpts stay."""
    first, *rest = drawn.splitlines()
    yield from wrapped(first, width, 2)
    for line in rest:
        carets, fact = _CARETS.match(line), _FACT.match(line)
        if carets and width_of(line) > width:
            label = line[carets.end() :]
            if width - carets.end() >= LEAST:
                yield from wrapped(line, width, carets.end())
            else:
                yield line[: carets.end()].rstrip()
                yield from wrapped(f"{carets[1]}{label}", width, len(carets[1]))
        elif _EXCERPT.match(line):
            yield line
        else:
            indent = fact.end() if fact else len(line) - len(line.lstrip())
            yield from wrapped(line, width, indent)
