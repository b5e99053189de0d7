"""A text that knows its lines: from the index of a character to its line and column."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import cached_property

from flowrun.dataclass import dataclass
from flowrun.errors import Span

_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Source:
    """A text that knows its lines. An index counts characters from 0; lines and columns of a `Span` count from 1."""

    file: str
    text: str

    @cached_property
    def starts(self) -> array[int]:
        """Where the lines begin: as editors count them, after LF, CR LF or CR."""
        return array("L", [0, *(found.end() for found in _BREAK.finditer(self.text))])

    def row(self, index: int) -> int:
        """Return the number of the line, from 0, that an index is in."""
        return bisect_right(self.starts, index) - 1

    def line(self, row: int) -> str:
        """Return a line without its end."""
        stop = self.starts[row + 1] if row + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[row] : stop].rstrip("\r\n")

    def span(self, start: int, end: int) -> Span:
        """Return the piece from `start` to before `end`; of several lines, the first."""
        row = self.row(start)
        line, begin = self.line(row), self.starts[row]
        stop = min(end - begin, len(line))
        if end - begin > len(line):
            stop = len(line.rstrip())
        return Span(self.file, row + 1, start - begin + 1, max(stop, start - begin) + 1, line)
