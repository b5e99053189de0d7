"""The HTTP server under the sandbox: a loopback socket, a thread, and a clean end to both."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from flowrun.errors import FlowrunError, Problem
from flowrun.sandbox.app import create_app
from flowrun.sandbox.world import World

if TYPE_CHECKING:
    from flowrun.sandbox.settings import Settings

HOST: Final = "127.0.0.1"
BACKLOG: Final = 128
POLL_SECONDS: Final = 0.02  # how long stop() may wait for the serving thread to notice


class Listener:
    """Listens and serves from the moment it is made until `close()`."""

    def __init__(self, settings: Settings) -> None:
        """Raise FlowrunError when the port is taken."""
        # Authlib's debug log prints whole tokens; ours must never, whatever the rest of the process logs.
        logging.getLogger("authlib").setLevel(logging.INFO)
        # Werkzeug ends the process when it cannot bind, so the socket is made here.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((HOST, settings.port))
            except OSError as error:
                raise port_taken(settings.port, error) from error
            listening.listen(BACKLOG)
            port: int = listening.getsockname()[1]
            self.issuer = f"http://{HOST}:{port}"
            app = create_app(World(settings, self.issuer))
            self._server = _Server(HOST, port, app, _Handler, fd=listening.fileno())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="flowrun-sandbox", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening, cut what is open, and wait for every thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadedWSGIServer):
    """Remembers its connections: a browser opens some in advance and says nothing on them, and a thread waits there."""

    daemon_threads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._open: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()
        super().__init__(*args, **kwargs)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        me = threading.current_thread()
        with self._guard:
            self._open[me] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.pop(me, None)

    def hang_up(self) -> None:
        """End every open connection and wait for its thread."""
        with self._guard:
            waiting = dict(self._open)
        for thread, connection in waiting.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that closes its connection is no error, and the app answers its own."""


class _Handler(WSGIRequestHandler):
    """Silent: the app tells `Settings.log` what may be told."""

    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        return "flowrun-sandbox"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name is Werkzeug's
        """Drop it: request lines carry codes and request_uris."""


def port_taken(port: int, error: OSError) -> FlowrunError:
    """Say that the port of the settings cannot be listened on."""
    return FlowrunError(
        Problem(
            "sandbox-port-taken",
            f"the embedded sandbox cannot listen on port {port} of {HOST}",
            facts=(("reason", error.strerror or str(error)),),
            hint="end the program that listens there, or take another port; 0 takes a free one",
        )
    )
