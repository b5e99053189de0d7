"""Straight to the server, over connections that are kept.

httpx takes three times as long for a request, and longer to be imported than all the rest, which is felt where a suite
makes thousands of them. What needs more than a connection, a proxy, goes over httpx.
"""

from __future__ import annotations

import select
import socket
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from flowrun.http1 import Head, Incoming
from flowrun.lane import Came, LateError, Target

if TYPE_CHECKING:
    import ssl

_KEPT_SECONDS: Final = 5.0  # for which a connection that nobody uses is still taken to be open


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
        lines = [f"{method} {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "\r\n"]
        request = "\r\n".join(lines).encode("ascii") + body
        idle = self._idle[target._replace(path="")]
        connection = self._taken(idle) or _Connection()
        try:
            connection.open(target, self._context, seconds)
            connection.send(request)
            head = connection.incoming.head(method)
        except BaseException:
            connection.close()
            raise
        reading = _Body(head, connection, idle)
        return Came(head.status, head.headers, iter(reading), reading.close, connection.seen)

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
    """One connection; `incoming` is what comes over it, `seen` what there is to say of its TLS."""

    incoming: Incoming

    def __init__(self) -> None:
        """Begin without one."""
        self.seen: Mapping[str, Any] = {}
        self.last_used = 0.0
        self._sock: socket.socket | None = None
        self._seconds = self._until = 0.0
        self._poll = select.poll()

    def open(self, target: Target, context: ssl.SSLContext | None, seconds: float) -> None:
        """Connect where that was not done yet, and limit each wait, and all those for an answer; raises OSError."""
        if self._sock is not None:
            if seconds != self._seconds:
                self._sock.settimeout(seconds)
        else:
            self._sock = socket.create_connection((target.host, target.port), seconds)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                secure = context.wrap_socket(self._sock, server_hostname=target.host)
                self._sock, self.seen = secure, seen_of(secure)
            self._poll.register(self._sock, select.POLLIN)
            self.incoming = Incoming(self._receive)
        self._seconds, self._until = seconds, time.monotonic() + seconds

    def _receive(self, most: int) -> bytes:
        assert self._sock is not None  # noqa: S101  it is open
        if time.monotonic() > self._until:  # a server that drips would never reach the limit of one wait
            raise LateError("the answer took too long")
        return self._sock.recv(most)

    @property
    def fresh(self) -> bool:
        """Whether it can be used once more: it is open, and the server has said nothing that nobody asked for."""
        unused = time.monotonic() - self.last_used
        return unused < _KEPT_SECONDS and not self.incoming.rest and not self._poll.poll(0)

    def send(self, request: bytes) -> None:
        """Send all of it; raises TimeoutError."""
        assert self._sock is not None  # noqa: S101  it is open
        try:
            self._sock.sendall(request)
        except TimeoutError:
            raise
        except OSError:
            pass  # a server may answer, or say why it refuses TLS, and hang up before it has read everything

    def close(self) -> None:
        """End it."""
        if self._sock is not None:
            self._sock.close()


class _Body:
    """The body of an answer, part by part; read to its end, the connection can be used again."""

    def __init__(self, head: Head, connection: _Connection, idle: deque[_Connection]) -> None:
        """Read what comes after `head`; `idle` takes the connection."""
        self._head = head
        self._connection = connection
        self._idle = idle
        self._whole = head.length == 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes; raises OSError and `BrokenError`."""
        yield from self._connection.incoming.body(self._head)
        self._whole = True

    def close(self) -> None:
        """Give the connection back, or end it where something is still to come."""
        if self._whole and self._head.stays:
            self._connection.last_used = time.monotonic()
            self._idle.append(self._connection)
        else:
            self._connection.close()


def seen_of(connection: ssl.SSLSocket | ssl.SSLObject) -> dict[str, Any]:
    """Return version and cipher of a TLS connection, and when the server's certificate `ends` (s since 1970)."""
    from ssl import cert_time_to_seconds  # noqa: PLC0415  plain http must not pay for it

    ends = (connection.getpeercert() or {}).get("notAfter")  # nothing is read of a certificate that nobody verifies
    cipher = connection.cipher()
    until = {"ends": cert_time_to_seconds(str(ends))} if ends else {}
    return {"version": connection.version(), "cipher": cipher[0] if cipher else None, **until}
