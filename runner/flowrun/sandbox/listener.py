"""The HTTP server under the sandbox: loopback sockets, a thread each, and a clean end to all."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from flowrun.errors import FlowrunError, Problem
from flowrun.sandbox.app import create_app
from flowrun.sandbox.world import World

if TYPE_CHECKING:
    import ssl

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
        self.authority: Path | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._servers: list[tuple[_Server, threading.Thread]] = []
        # Werkzeug ends the process when it cannot bind, so the sockets are made here.
        with _listening(settings.port) as pages:
            if settings.tls == "none":
                self.issuer = self.api = f"http://{HOST}:{_port(pages)}"
                self._serve(pages, create_app(World(settings, self.issuer)), None)
                return
            with _listening(0) as api:
                self._serve_tls(settings, pages, api)

    def _serve_tls(self, settings: Settings, pages: socket.socket, api: socket.socket) -> None:
        from flowrun.sandbox.tls import NAME, make_certificates, server_context  # noqa: PLC0415 - most runs are http

        self._folder = TemporaryDirectory(prefix="flowrun-sandbox-")
        folder = Path(self._folder.name)
        self.issuer, self.api = (f"https://{NAME}:{_port(one)}" for one in (pages, api))
        world = World(settings, self.issuer, self.api)
        old = world.broken("tls.old-versions")
        self.authority = make_certificates(folder, ends_soon=world.broken("tls.certificate-ends"))
        app = create_app(world)
        self._serve(pages, app, server_context(folder, old=old))
        registered = [client.certificate for client in settings.clients if client.certificate]
        self._serve(api, app, server_context(folder, registered, old=old))

    def _serve(self, listening: socket.socket, app: Any, context: ssl.SSLContext | None) -> None:
        server = _Server(HOST, _port(listening), app, _Handler, fd=listening.fileno())
        server.ssl_context = context  # given to Werkzeug it would shake hands in the thread that accepts
        thread = threading.Thread(
            target=server.serve_forever, args=(POLL_SECONDS,), name="flowrun-sandbox", daemon=True
        )
        thread.start()
        self._servers.append((server, thread))

    def close(self) -> None:
        """Stop listening, cut what is open, and wait for every thread."""
        for server, thread in self._servers:
            server.shutdown()
            thread.join()
            server.hang_up()
            server.server_close()
        if self._folder is not None:
            self._folder.cleanup()


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise port_taken(port, error) from error
    listening.listen(BACKLOG)
    return listening


def _port(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


class _Server(ThreadedWSGIServer):
    """Remembers its connections: a browser opens some in advance and says nothing on them, and a thread waits there."""

    daemon_threads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._open: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()
        super().__init__(*args, **kwargs)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        me = threading.current_thread()
        if self.ssl_context is not None:  # the handshake happens with the first read, where nobody else waits for it
            try:
                request = self.ssl_context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            except OSError:
                self.shutdown_request(request)
                return
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

    def send_response(self, code: int, message: str | None = None) -> None:
        """Leave the header Date to the app, whose clock may be another one than this machine's."""
        self.send_response_only(code, message)
        self.send_header("Server", self.version_string())

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
