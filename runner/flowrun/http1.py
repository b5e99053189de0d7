"""Answers of HTTP/1.1, read from a connection (RFC 9112): head, body, and where both end.

Python's own `http.client` reads headers as those of an email, which takes as long as all the rest of a request, and its
import is a tenth of what a small run takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from flowrun.lane import TOKEN, BrokenError, NotHttpError, joined

_PART: Final = 65536  # bytes that are read at once
_LONGEST: Final = 1 << 17  # bytes of all headers together, and of any other line
_BEGINS: Final = b"HTTP/1."
_HEAD_ENDS: Final = re.compile(rb"\n\r?\n")
_STATUS: Final = re.compile(rb"HTTP/1\.(\d) +([1-9]\d\d)(?:\s.*)?")
_SPACE: Final = (b" ", b"\t")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,16}")
_OK, _SWITCHING_PROTOCOLS = 200, 101
_WITHOUT_BODY: Final = frozenset({_SWITCHING_PROTOCOLS, 204, 304})
_CUT_OFF: Final = "peer closed connection before the end of the answer"
_SHOWN: Final = 60  # bytes of what is no HTTP


class Head(NamedTuple):
    """Status and headers of an answer, and how its body ends.

    `headers` have lower-case names; of one that came twice the values are joined with a comma. `length` is the body's
    in bytes; None: it comes in chunks, or, if not `chunked`, until the server hangs up. `stays`: the connection may be
    used again.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    chunked: bool
    stays: bool


class Incoming:
    """What comes over one connection. Everything raises OSError, and `BrokenError` where the server hangs up."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        """Take what returns some bytes, so many at most, and none once the other side has hung up."""
        self._receive = receive
        self.rest = b""  # what came and nobody has asked for yet

    def head(self, method: str) -> Head:
        """Return the head of the answer to such a request; those that only announce it are read over.

        Raises `NotHttpError`.
        """
        while True:
            lines = self._lines()
            status = _STATUS.fullmatch(lines[0].rstrip())
            if status is None:
                raise NotHttpError(f"no status of HTTP/1: {lines[0][:_SHOWN]!r}")
            code = int(status[2])
            if code >= _OK or code == _SWITCHING_PROTOCOLS:  # the others announce (RFC 9110, section 15.2)
                return _head(code, joined(_headers(lines[1:])), method, new=status[1] != b"0")

    def body(self, head: Head) -> Iterator[bytes]:
        """Yield the body, part by part; raises `NotHttpError`."""
        if head.chunked:
            yield from self._chunks()
        elif head.length is None:
            yield self.rest
            while part := self._receive(_PART):
                yield part
        else:
            yield from self._bytes(head.length)

    def _lines(self) -> list[bytes]:
        """Return the lines up to an empty one."""
        while (end := _HEAD_ENDS.search(self.rest)) is None:
            if not self.rest.startswith(_BEGINS[: len(self.rest)]):  # some servers speak first, and then wait
                raise NotHttpError(f"no HTTP/1: {self.rest[:_SHOWN]!r}")
            if len(self.rest) > _LONGEST:
                break
            self._more(_CUT_OFF if self.rest else "disconnected without sending an answer")
        if end is None or end.start() > _LONGEST:
            raise NotHttpError("headers that are too long")
        head, self.rest = self.rest[: end.start()], self.rest[end.end() :]
        return head.split(b"\n")

    def _line(self) -> bytes:
        while (end := self.rest.find(b"\n")) < 0:
            if len(self.rest) > _LONGEST:
                raise NotHttpError("a line that is too long")
            self._more()
        line, self.rest = self.rest[:end], self.rest[end + 1 :]
        return line.rstrip()

    def _bytes(self, length: int) -> Iterator[bytes]:
        while length:
            if not self.rest:
                self._more()
            part, self.rest = self.rest[:length], self.rest[length:]
            length -= len(part)
            yield part

    def _chunks(self) -> Iterator[bytes]:
        """Yield what is in the chunks; extensions and trailers are read over (RFC 9112, section 7.1)."""
        while True:
            size = self._line().partition(b";")[0].strip()
            if not _HEX.fullmatch(size):
                raise NotHttpError("a chunk without a length")
            length = int(size, 16)
            if not length:
                break
            yield from self._bytes(length)
            if self._line():
                raise NotHttpError("a chunk that is longer than it says")
        while self._line():
            pass

    def _more(self, otherwise: str = _CUT_OFF) -> None:
        part = self._receive(_PART)
        if not part:
            raise BrokenError(otherwise)
        self.rest += part


def _head(status: int, headers: Mapping[str, str], method: str, *, new: bool) -> Head:
    """Find out where the body ends (RFC 9112, section 6.3); `new`: HTTP/1.1 or newer."""
    coding = headers.get("transfer-encoding", "").lower()
    if coding not in {"", "chunked"}:
        raise NotHttpError("a coding that nobody asked for")
    again = {word.strip() for word in headers.get("connection", "").lower().split(",")}
    stays = "close" not in again and (new or "keep-alive" in again)
    if method == "HEAD" or status in _WITHOUT_BODY:
        return Head(status, headers, 0, False, stays)
    length = None if coding else _length(headers)
    return Head(status, headers, length, bool(coding), stays and (bool(coding) or length is not None))


def _length(headers: Mapping[str, str]) -> int | None:
    """Return how long a body is, None: until the server hangs up. The same length may be told twice."""
    if "content-length" not in headers:
        return None
    told = {word.strip() for word in headers["content-length"].split(",")}
    length = told.pop()
    if told or not (length.isascii() and length.isdigit()):
        raise NotHttpError("a length that is none")
    return int(length)


def _headers(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Yield names and values; what begins with a space goes on with the line before it."""
    whole: list[bytes] = []
    for line in lines:
        if line[:1] in _SPACE and whole:
            whole[-1] += b" " + line.strip()
        else:
            whole.append(line.rstrip())
    for one in whole:
        before, colon, value = one.partition(b":")
        name = _text(before)
        if not colon or not TOKEN.fullmatch(name):
            raise NotHttpError("a header that is none")
        yield name, _text(value.lstrip())


def _text(value: bytes) -> str:
    """Return a part of a header: UTF-8 where it is that, as of old ISO 8859-1 where not."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("iso-8859-1")
