"""Straight to the server: Python's own HTTP over connections that are kept.

httpx takes twice as long for a request, and longer to be imported than all the rest, which is felt where a suite makes
thousands of them. What needs more than a connection, a proxy, goes over httpx.
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

from flowrun.lane import BrokenError, Came, LateError, NotHttpError, Target, UnsendableError, joined

_PART: Final = 65536  # bytes that are read at once
_KEPT_SECONDS: Final = 5.0  # for which a connection that nobody uses is still taken to be open
_LONGEST_LINE: Final = 65536  # bytes of a header
_MOST_LINES: Final = 200
_LAST_LINES: Final = frozenset({b"\r\n", b"\n", b""})
_SPACE: Final = (b" ", b"\t")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,16}")
_WITHOUT_BODY: Final = frozenset({101, 204, 304})
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAME: Final = re.compile(_TOKEN)
# No character that ends a line or that nobody can see, no space around it (RFC 9110, section 5.5).
_LINE: Final = re.compile(_TOKEN + rb": (?:[^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?")


class Direct:
    """The lane to every server that is called with the same TLS."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Begin without a connection; None is for plain http."""
        self._context = context
        self._idle: defaultdict[Target, deque[_Connection]] = defaultdict(deque)

    def exchange(
        self, method: str, target: Target, headers: Sequence[tuple[str, str]], body: bytes, seconds: float
    ) -> Came:
        """Do what `Lane.exchange` says."""
        lines = [f"{name}: {value}".encode("ascii") for name, value in headers]
        if not (_NAME.fullmatch(method.encode("ascii")) and all(map(_LINE.fullmatch, lines))):
            raise UnsendableError("a header that is none")
        place = target._replace(path="")
        idle = self._idle[place]
        connection = self._taken(idle) or _Connection(target, self._context)
        try:
            connection.open(seconds)
            answer = connection.ask(method, target.path, lines, body)
        except BaseException as error:  # noqa: BLE001  it is raised again
            connection.close()
            _explain(error)
        reading = _Body(answer, connection, idle)
        return Came(answer.status, answer.found, iter(reading), reading.close, connection.seen)

    def close(self) -> None:
        """Close every connection that is not in use."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    @staticmethod
    def _taken(idle: deque[_Connection]) -> _Connection | None:
        """Return a connection that is still open; the server may have closed it, or say something that nobody asked."""
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread has taken it
                return None
            if connection.fresh:
                return connection
            connection.close()
        return None


class _Connection:
    """One connection; `seen` is what there is to say of its TLS."""

    def __init__(self, target: Target, context: ssl.SSLContext | None) -> None:
        """Make it; nothing is sent yet."""
        self.seen: Mapping[str, Any] = {}
        self.last_used = 0.0
        self._target, self._context = target, context
        self._sock: socket.socket | None = None
        self._seconds = 0.0
        self._poll = select.poll()

    def open(self, seconds: float) -> None:
        """Connect where that was not done yet, and limit each wait; raises OSError."""
        if self._sock is not None:
            if seconds != self._seconds:
                self._sock.settimeout(seconds)
        else:
            self._sock = socket.create_connection((self._target.host, self._target.port), seconds)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                secure = self._context.wrap_socket(self._sock, server_hostname=self._target.host)
                self._sock, self.seen = secure, seen_of(secure)
            self._poll.register(self._sock, select.POLLIN)
        self._seconds = seconds

    @property
    def fresh(self) -> bool:
        """Whether it can be used once more."""
        return time.monotonic() - self.last_used < _KEPT_SECONDS and not self._poll.poll(0)

    def ask(self, method: str, path: str, lines: Sequence[bytes], body: bytes) -> _Answer:
        """Send and return status and headers of the answer; raises OSError and `http.client.HTTPException`."""
        assert self._sock is not None  # noqa: S101  it is open
        try:
            self._sock.sendall(b"\r\n".join((f"{method} {path} HTTP/1.1".encode("ascii"), *lines, b"", body)))
        except TimeoutError:
            raise
        except OSError:
            pass  # a server may answer, or say why it refuses TLS, and hang up before it has read everything
        answer = _Answer(self._sock, method=method)
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """End it."""
        if self._sock is not None:
            self._sock.close()


class _Answer(http.client.HTTPResponse):
    """An answer whose headers are read as they stand: as parts of an email they take a third of the time of a request.

    `found` are the headers of the answer that comes after those which only announce it (RFC 9110, section 15.2).
    """

    def begin(self) -> None:
        """Read status and headers, and find out where the body ends (RFC 9112, section 6.3)."""
        while True:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]
            self.found = joined(self._lines())
            if status == http.client.SWITCHING_PROTOCOLS or not http.client.CONTINUE <= status < http.client.OK:
                break
        if not version.startswith("HTTP/1."):
            raise http.client.UnknownProtocol(version)
        self.version, self.status, self.reason = (10 if version == "HTTP/1.0" else 11), status, reason.strip()
        coding = self.found.get("transfer-encoding", "")
        if coding.lower() not in {"", "chunked"}:
            raise http.client.HTTPException("a coding that nobody asked for")
        self.chunked = bool(coding)
        self.chunk_left: int | None = None
        again = {word.strip() for word in self.found.get("connection", "").lower().split(",")}
        self.will_close = "close" in again or (self.version == 10 and "keep-alive" not in again)  # noqa: PLR2004
        if self._method == "HEAD" or status in _WITHOUT_BODY:  # type: ignore[attr-defined]
            self.length = 0
        elif self.chunked:
            self.length = None
        else:
            self.length = self._length()
            self.will_close = self.will_close or self.length is None

    def _lines(self) -> Iterator[tuple[str, str]]:
        """Yield names and values; what begins with a space goes on with the line before it."""
        lines: list[bytes] = []
        while (line := self.fp.readline(_LONGEST_LINE)) not in _LAST_LINES:
            if len(line) == _LONGEST_LINE or len(lines) == _MOST_LINES:
                raise http.client.HTTPException("too many headers, or one that is too long")
            if line[:1] in _SPACE and lines:
                lines[-1] += b" " + line.strip()
            else:
                lines.append(line.rstrip())
        if not line:
            raise http.client.IncompleteRead(b"")
        for one in lines:
            name, colon, value = one.partition(b":")
            if not colon or not _NAME.fullmatch(name):
                raise http.client.HTTPException("a header that is none")
            yield name.decode("ascii"), _text(value.lstrip())

    def _read_next_chunk_size(self) -> int:
        """Return how long the next chunk is; the library would take anything that is a number in Python."""
        line = self.fp.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        size = line.partition(b";")[0].strip()
        if not _HEX.fullmatch(size):
            raise http.client.HTTPException("a chunk without a length")
        return int(size, 16)

    def _read_and_discard_trailer(self) -> None:
        """Read what comes after the last chunk; the library would take a lost connection for its end."""
        while (line := self.fp.readline(_LONGEST_LINE)) not in _LAST_LINES:
            pass
        if not line:
            raise http.client.IncompleteRead(b"")

    def _length(self) -> int | None:
        """Return how long the body is, None: until the connection ends. The same length may be told twice."""
        if "content-length" not in self.found:
            return None
        told = {word.strip() for word in self.found["content-length"].split(",")}
        length = told.pop()
        if told or not (length.isascii() and length.isdigit()):
            raise http.client.HTTPException("a length that is none")
        return int(length)


class _Body:
    """The body of an answer, part by part; read to its end, the connection can be used again."""

    def __init__(self, answer: http.client.HTTPResponse, connection: _Connection, idle: deque[_Connection]) -> None:
        """Read from `answer`; `idle` takes the connection."""
        self._answer = answer
        self._connection = connection
        self._idle = idle
        self._whole = answer.length == 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes; raises `BrokenError` where the end is missing."""
        answer = self._answer
        while not self._whole:
            try:
                part = answer.read1(_PART)
            except BaseException as error:  # noqa: BLE001  it is raised again
                _explain(error)
            if not part and answer.length:
                _explain(http.client.IncompleteRead(b"", answer.length))
            self._whole = not part or answer.length == 0
            yield part

    def close(self) -> None:
        """Give the connection back, or end it where something is still to come."""
        again = self._whole and not self._answer.will_close
        self._answer.close()
        if again:
            self._connection.last_used = time.monotonic()
            self._idle.append(self._connection)
        else:
            self._connection.close()


def seen_of(connection: ssl.SSLSocket | ssl.SSLObject) -> dict[str, Any]:
    """Return version and cipher of a TLS connection, and when the server's certificate `ends` (s since 1970)."""
    ends = (connection.getpeercert() or {}).get("notAfter")  # nothing is read of a certificate that nobody verifies
    cipher = connection.cipher()
    until = {"ends": ssl.cert_time_to_seconds(str(ends))} if ends else {}
    return {"version": connection.version(), "cipher": cipher[0] if cipher else None, **until}


def _text(value: bytes) -> str:
    """Return the value of a header: UTF-8 where it is that, as of old ISO 8859-1 where not."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("iso-8859-1")


def _explain(error: BaseException) -> NoReturn:
    """Raise what a lane raises in place of what the library has raised."""
    match error:
        case TimeoutError():
            raise LateError(str(error)) from error
        case http.client.RemoteDisconnected():
            raise BrokenError("disconnected without sending an answer") from error
        case http.client.IncompleteRead():
            raise BrokenError("peer closed connection before the end of the answer") from error
        case http.client.HTTPException():
            raise NotHttpError(repr(error)) from error
        case ssl.SSLError():
            raise error
        case OSError():
            raise BrokenError(str(error)) from error
    raise error
