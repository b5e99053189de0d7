"""The lane to a server, octet by octet: what goes out, what comes in, and which connection it goes over."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from flowrun import direct
from flowrun.direct import Direct
from flowrun.lane import BrokenError, LateError, NotHttpError, target_of

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """A server that answers the requests of each connection with octets, one after the other, then hangs up."""

    def __init__(self, *connections: list[bytes | float]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = target_of(f"http://127.0.0.1:{self._listener.getsockname()[1]}/x")
        self.heard: list[bytes] = []
        self._connections = connections
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answers in self._connections:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                for answer in answers:
                    if isinstance(answer, float):
                        time.sleep(answer)
                        continue
                    self.heard.append(connection.recv(1 << 20))
                    connection.sendall(answer)

    def close(self) -> None:
        self._thread.join(5)
        self._listener.close()


def asked(lane, peer, *, method="GET", headers=(("host", "h"),), body=b"", seconds=2.0):
    came = lane.exchange(method, peer.target, headers, body, seconds)
    try:
        return came.status, came.headers, b"".join(came.parts)
    finally:
        came.close()


def answered(octets, **more):
    with closing(Peer([octets])) as peer, closing(Direct(None)) as lane:
        return asked(lane, peer, **more)


def test_a_request_goes_out_as_one_piece():
    with (
        closing(Peer([b"HTTP/1.1 204 No Content\r\n\r\n"])) as peer,
        closing(Direct(None)) as lane,
    ):
        headers = [("host", "op.example"), ("x-a", "1"), ("x-a", "2"), ("content-length", "3")]
        assert asked(lane, peer, method="POST", headers=headers, body=b"a=b") == (204, {}, b"")
    assert peer.heard == [b"POST /x HTTP/1.1\r\nhost: op.example\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 3\r\n\r\na=b"]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokmore", (200, {"content-length": "2"}, b"ok")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", (200, {"content-length": "2, 2"}, b"ok")),
        (b"HTTP/1.1 201\nX-A:1\nx-a:\t2 \ncontent-length:0\n\n", (201, {"x-a": "1, 2", "content-length": "0"}, b"")),
        (
            b"HTTP/1.1 200 OK\r\nx: a\r\n  b\r\ncontent-length: 0\r\n\r\n",
            (200, {"x": "a b", "content-length": "0"}, b""),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", (200, {}, b"to the end")),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", (200, {}, b"to the end")),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx: 1\r\n\r\n",
            (200, {"transfer-encoding": "chunked"}, b"abcde"),
        ),
        (
            (
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n"
                b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"
            ),
            (200, {"content-length": "1"}, b"a"),
        ),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", (304, {"content-length": "5"}, b"")),
        (
            "HTTP/1.1 200 OK\r\nx: größe\r\ncontent-length: 0\r\n\r\n".encode(),
            (200, {"x": "größe", "content-length": "0"}, b""),
        ),
        (
            "HTTP/1.1 200 OK\r\nx: größe\r\ncontent-length: 0\r\n\r\n".encode("iso-8859-1"),
            (200, {"x": "größe", "content-length": "0"}, b""),
        ),
    ],
)
def test_an_answer_is_read_to_its_end_and_not_further(octets, expected):
    assert answered(octets) == expected


def test_the_answer_to_head_has_no_body():
    octets = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
    assert answered(octets, method="HEAD") == (200, {"content-length": "100"}, b"")


@pytest.mark.parametrize(
    ("octets", "error", "words"),
    [
        (b"", BrokenError, "disconnected"),
        (b"HTTP/1.1 200 OK\r\nx: 1\r\n", BrokenError, "peer closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", BrokenError, "peer closed"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc", BrokenError, "peer closed"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", BrokenError, "peer closed"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc", NotHttpError, "chunk"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", NotHttpError, "longer"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 140_000, NotHttpError, "too long"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nabc", NotHttpError, "chunk"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NotHttpError, "coding"),
        (b"HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\nab", NotHttpError, "length"),
        (b"SSH-2.0-server\r\n", NotHttpError, "SSH"),
        (b"HTTP/2 200\r\n\r\n", NotHttpError, "HTTP/2"),
        (b"HTTP/1.1 abc\r\n\r\n", NotHttpError, "abc"),
        (b"HTTP/1.1 000 None\r\n\r\n", NotHttpError, "000"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", NotHttpError, "header that is none"),
        (b"HTTP/1.1 200 OK\r\n\xff: 1\r\n\r\n", NotHttpError, "header that is none"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nab", NotHttpError, "length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab", NotHttpError, "length"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: 1\r\n" * 30_000 + b"\r\n", NotHttpError, "too long"),
        (b"HTTP/1.1 200 OK\r\na: " + b"1" * 280_000 + b"\r\n\r\n", NotHttpError, "too long"),
    ],
)
def test_what_is_no_answer(octets, error, words):
    with pytest.raises(error, match=words):
        answered(octets)


def test_a_server_that_drips_is_not_waited_for():
    octets = b"HTTP/1.1 200 OK\r\nx: " + b"1" * 100

    class Dripping(Peer):
        def _serve(self) -> None:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                connection.recv(1 << 20)
                for one in octets:
                    connection.sendall(bytes([one]))
                    time.sleep(0.05)
                time.sleep(3)

    with closing(Dripping()) as peer, closing(Direct(None)) as lane:
        began = time.monotonic()
        with pytest.raises(LateError):
            asked(lane, peer, seconds=0.5)
        assert time.monotonic() - began < 2.0


def test_a_server_that_speaks_first_is_not_waited_for():
    with closing(Peer([b"SSH-2.0-server\r\n", 1.5])) as peer, closing(Direct(None)) as lane:
        began = time.monotonic()
        with pytest.raises(NotHttpError, match="SSH"):
            asked(lane, peer)
        assert time.monotonic() - began < 1.0


def test_a_connection_is_used_again():
    with closing(Peer([OK, OK])) as peer, closing(Direct(None)) as lane:
        assert asked(lane, peer)[0] == asked(lane, peer)[0] == 200
    assert len(peer.heard) == 2


@pytest.mark.parametrize(
    "first",
    [
        [OK],  # the server hangs up afterwards
        [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", 0.5],
        [b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 0.5],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0.5],
    ],
)
def test_a_connection_that_is_of_no_use_any_more_is_left(first):
    with closing(Peer(first, [OK])) as peer, closing(Direct(None)) as lane:
        assert asked(lane, peer)[2] == b"ok"
        time.sleep(0.1)
        assert asked(lane, peer)[2] == b"ok"
    assert len(peer.heard) == 2


def test_a_connection_that_was_idle_for_long_is_left(monkeypatch):
    with closing(Peer([OK, 0.1], [OK])) as peer, closing(Direct(None)) as lane:
        asked(lane, peer)
        monkeypatch.setattr(direct, "_KEPT_SECONDS", 0.0)
        assert asked(lane, peer)[2] == b"ok"


def test_an_answer_that_is_not_read_to_its_end_ends_its_connection():
    with closing(Peer([OK], [OK])) as peer, closing(Direct(None)) as lane:
        lane.exchange("GET", peer.target, [("host", "h")], b"", 2.0).close()
        assert asked(lane, peer)[2] == b"ok"


def test_a_server_that_says_no_before_it_has_read_everything_is_heard():
    octets = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    class Hasty(Peer):
        def _serve(self) -> None:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(10)
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    while connection.recv(1 << 20):
                        pass

    with closing(Hasty()) as peer, closing(Direct(None)) as lane:
        assert asked(lane, peer, method="POST", body=b"x" * (1 << 22))[0] == 413


def test_each_wait_has_its_limit_also_on_a_connection_that_is_used_again():
    with closing(Peer([OK, b"", 0.6])) as peer, closing(Direct(None)) as lane:
        asked(lane, peer, seconds=5.0)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            asked(lane, peer, seconds=0.2)
        assert time.monotonic() - began < 0.6
