"""A listener at a redirect_uri on this machine: takes one callback, in the query, the fragment or a posted form."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowrun.browser.model import BrowseError, Callback
from flowrun.browser.redirect import read_callback, same_place, without_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = {"127.0.0.1": ("127.0.0.1",), "localhost": ("127.0.0.1", "::1"), "::1": ("::1",)}
LARGEST_BODY = 1 << 20
FRAGMENT = "X-Flowrun-Fragment"
TAKEN = b"""<!doctype html><meta charset=utf-8><title>flowrun</title><link rel=icon href="data:,">
<p>flowrun has what it needs. You may close this window."""
# A fragment stays in the browser: the page hands it over.
RELAY = b"""<!doctype html><meta charset=utf-8><title>flowrun</title><link rel=icon href="data:,">
<p id=p>One moment &hellip;
<script>const f = location.hash.slice(1);
if (!f) p.textContent = "This is flowrun's redirect_uri, and nothing came with you: no code and no error.";
else fetch(location.pathname, {method: "POST", headers: {"X-Flowrun-Fragment": "1"}, body: f})
  .then(() => { p.textContent = "flowrun has what it needs. You may close this window."; });
</script>"""


class Listener:
    """Listens from `at` until its block ends. `callback` is what came; the first counts."""

    def __init__(self, redirect_uri: str) -> None:
        """Listen for nothing yet."""
        self.redirect_uri = redirect_uri
        self.callback: Callback | None = None

    @classmethod
    @contextlib.contextmanager
    def at(cls, redirect_uri: str) -> Iterator[Listener | None]:
        """Listen at this redirect_uri if it is http on this machine; give None if it is not. Raises BrowseError."""
        parts = urlsplit(redirect_uri)
        addresses = LOOPBACK.get(parts.hostname or "", ()) if parts.scheme == "http" else ()
        if not addresses:
            yield None
            return
        listener = cls(redirect_uri)
        with contextlib.ExitStack() as stack:
            for number, address in enumerate(addresses):
                try:
                    stack.enter_context(_serving(listener, address, parts.port or 80))
                except OSError as error:
                    if number:  # a machine without IPv6
                        continue
                    raise BrowseError(
                        "port-taken",
                        f"flowrun can't listen at {without_parameters(redirect_uri)}: {error.strerror}",
                        hint="end the program that uses this port (the app itself?), or use another redirect_uri",
                    ) from error
            yield listener

    def take(self, path: str, *, method: str = "GET", body: str = "", fragment: bool = False) -> bytes:
        """Read a request; return the page to show."""
        url = f"http://{urlsplit(self.redirect_uri).netloc}{path}"
        if fragment:
            url, method = f"{url}#{body}", "GET"
        found = read_callback(url, self.redirect_uri, method=method, body=body)
        registered = read_callback(self.redirect_uri, self.redirect_uri).params
        if not set(found.params) - set(registered):
            return RELAY
        self.callback = self.callback or found
        return TAKEN


@contextlib.contextmanager
def _serving(listener: Listener, address: str, port: int) -> Iterator[None]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True
        block_on_close = False

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
            self._answer(self.rfile.read(length).decode("utf-8", "replace"))

        def _answer(self, body: str) -> None:
            url = f"http://{urlsplit(listener.redirect_uri).netloc}{self.path}"
            known = same_place(url, listener.redirect_uri)
            page = b"<!doctype html><p>Not here."
            if known:
                page = listener.take(self.path, method=self.command, body=body, fragment=FRAGMENT in self.headers)
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the library's name
            """Stay silent: the address holds the code."""

    with Server((address, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="redirect_uri", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
