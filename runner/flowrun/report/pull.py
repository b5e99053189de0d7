"""JSON that is read piece by piece: a report of two thousand scenarios never stands in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TextIO

_PIECE: Final = 1 << 16
_BLANK: Final = " \t\r\n"


class Pull:
    """Takes values off a text; raises ValueError where it is no JSON."""

    def __init__(self, file: TextIO) -> None:
        """Read from the beginning of `file`."""
        self._file, self._text, self._at = file, "", 0
        self._scan = json.JSONDecoder().raw_decode

    def members(self) -> Iterator[str]:
        """Yield the names of an object's members; take the value of each before the next."""
        self._take("{")
        while self._next() != "}":
            name = self.value()
            self._take(":")
            yield str(name)
            if self._next() == ",":
                self._take(",")
        self._take("}")

    def items(self) -> Iterator[Any]:
        """Yield the items of a list."""
        self._take("[")
        while self._next() != "]":
            yield self.value()
            if self._next() == ",":
                self._take(",")
        self._take("]")

    def value(self) -> Any:
        """Return a whole value."""
        self._next()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            if not self._text[end:].strip("eE+-.") and self._more():  # a number may go on
                continue
            self._at = end
            return value

    def _more(self) -> bool:
        left = self._text[self._at :]
        piece = self._file.read(max(_PIECE, len(left)))
        self._text, self._at = left + piece, 0
        return bool(piece)

    def _next(self) -> str:
        """Return the next character that is no blank."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                raise ValueError("the text is cut off")

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            raise ValueError(f"no {sign} where one belongs")
        self._at += 1
