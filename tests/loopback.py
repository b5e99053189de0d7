"""What every server that tests start on loopback has in common: a thread, a URL, silence, and an end."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

HTML = "text/html; charset=utf-8"


class Handler(BaseHTTPRequestHandler):
    """Answers GET and POST alike: `answer` is what a server has of its own. `dated` says what time it is."""

    dated = True

    def do_GET(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    do_POST = do_GET  # noqa: N815  the library's name

    def answer(self, body: str) -> None:
        """Answer a request; `body` is what came with it."""
        raise NotImplementedError

    def send(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        """Send an answer; a client that did not wait for it is none of our business."""
        data = body.encode()
        self.send_response_only(status)
        if self.dated and "Date" not in headers:
            self.send_header("Date", self.date_time_string())
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # a browser opens many connections at once

    def handle_error(self, *_: Any) -> None:
        """Stay silent: clients that turn away in the middle are what some tests are about."""


class Loopback:
    """Serves from its making to `close`, or to the end of its block."""

    def __init__(self, handler: type[Handler], tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; nobody is served any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
