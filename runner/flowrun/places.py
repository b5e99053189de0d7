"""Where in a file each value and each key stands.

Of the files that were looked at last it is kept as it is; of the others only the text is, packed, and read once more
when somebody asks: in a suite of thousands the places would take more room than everything else.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from flowrun.errors import Span
from flowrun.source import Source

Where = tuple[str | int, ...]
Found = dict[Where, tuple[int, int]]

_OPEN: Final = 32  # files that are kept as they are


class Table:
    """All places of one file: those of its values and those of its keys, as indices, and the text that they are in."""

    __slots__ = ("_again", "_opened", "_packed", "file")

    def __init__(
        self, spans: Found, keys: Found, source: Source, again: Callable[[Source], tuple[Found, Found]]
    ) -> None:
        """Keep what was found; `again` finds it once more."""
        self.file, self._packed = source.file, b""
        self._opened: tuple[Found, Found, Source] | None = (spans, keys, source)
        self._again = again
        _open(self)

    def opened(self) -> tuple[Found, Found, Source]:
        """Return the places of values, those of keys, and the text."""
        opened = self._opened
        if opened is None:
            source = Source(self.file, zlib.decompress(self._packed).decode("utf-8", "surrogatepass"))
            opened = self._opened = (*self._again(source), source)
            _open(self)
        return opened

    def close(self) -> None:
        """Take less room until somebody asks again."""
        if self._opened is not None and not self._packed:
            self._packed = zlib.compress(self._opened[2].text.encode("utf-8", "surrogatepass"), 1)
        self._opened = None


_LAST: Final[deque[Table]] = deque()


def _open(table: Table) -> None:
    """Remember that this one is open; the one that is so for the longest time is closed."""
    _LAST.append(table)
    if len(_LAST) > _OPEN:
        _LAST.popleft().close()


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

    def __iter__(self) -> Iterator[Where]:
        """Yield the paths in file order."""
        return iter(self._found())

    def __len__(self) -> int:
        """Count the paths."""
        return len(self._found())

    def __contains__(self, path: object) -> bool:
        """Say whether something was written there."""
        return path in self._found()
