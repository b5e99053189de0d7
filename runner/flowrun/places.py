"""Where in a file each value and each key stands.

Of the files that were looked at last it is kept as it is, of the others packed: in a suite of thousands the places
would take more room than everything else.
"""

from __future__ import annotations

import marshal
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from flowrun.errors import Span
from flowrun.source import Source

Where = tuple[str | int, ...]
Found = dict[Where, tuple[int, int]]

_OPEN: Final = 256  # files that are kept as they are, some 10 MB


class Table:
    """All places of one file: those of its values and those of its keys, as indices, and the text that they are in."""

    __slots__ = ("_opened", "_packed", "file")

    def __init__(self, spans: Found, keys: Found, source: Source) -> None:
        """Keep what was found."""
        self.file = source.file
        self._opened: tuple[Found, Found, Source] | None = (spans, keys, source)
        self._packed = b""
        _open(self)

    def opened(self) -> tuple[Found, Found, Source]:
        """Return the places of values, those of keys, and the text."""
        opened = self._opened
        if opened is None:
            spans, keys, text = marshal.loads(zlib.decompress(self._packed))  # noqa: S302  it never left this process
            opened = self._opened = (spans, keys, Source(self.file, text))
            _open(self)
        return opened

    def pack(self) -> None:
        """Take less room until somebody asks again."""
        if not self._packed:
            spans, keys, source = self.opened()
            self._packed = zlib.compress(marshal.dumps((spans, keys, source.text)), 1)
        self._opened = None


_LAST: Final[deque[Table]] = deque()


def _open(table: Table) -> None:
    """Remember that this one is open; the one that is so for the longest time is packed."""
    _LAST.append(table)
    if len(_LAST) > _OPEN:
        _LAST.popleft().pack()


class Places(Mapping[Where, Span]):
    """Spans by path; drawn up when one is asked for."""

    __slots__ = ("_table", "_which")

    def __init__(self, table: Table, which: int) -> None:
        """Show the places of values (0) or of keys (1)."""
        self._table, self._which = table, which

    def _found(self) -> Found:
        spans, keys, _ = self._table.opened()
        return keys if self._which else spans

    def __getitem__(self, path: Where) -> Span:
        """Return a span; raises KeyError."""
        opened = self._table.opened()
        return opened[2].span(*(opened[1] if self._which else opened[0])[path])

    def line(self, path: Where) -> int:
        """Return the number of the line that a span begins in; raises KeyError."""
        opened = self._table.opened()
        return opened[2].row((opened[1] if self._which else opened[0])[path][0]) + 1

    def __iter__(self) -> Iterator[Where]:
        """Yield the paths in file order."""
        return iter(self._found())

    def __len__(self) -> int:
        """Count the paths."""
        return len(self._found())

    def __contains__(self, path: object) -> bool:
        """Say whether something was written there."""
        return path in self._found()
