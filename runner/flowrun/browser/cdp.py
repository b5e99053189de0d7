"""The Chrome DevTools Protocol over a websocket of our own, beside the one chromedriver has."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import websocket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Listener = Callable[[str, str, Mapping[str, Any]], None]

CALL_SECONDS = 10.0


class CdpGone(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """The browser does not answer any more."""


def socket_address(debugger_address: str) -> str:
    """Ask a browser at `host:port` for the address of its websocket."""
    connection = HTTPConnection(debugger_address, timeout=CALL_SECONDS)
    try:
        connection.request("GET", "/json/version")
        return str(json.load(connection.getresponse())["webSocketDebuggerUrl"])
    finally:
        connection.close()


class Cdp:
    """Calls go out from any thread; events come in on one, and `listen(method, session, params)` must not call back."""

    def __init__(self, address: str, listen: Listener) -> None:
        """Connect; CdpGone when nobody is there."""
        try:
            self._socket = websocket.create_connection(
                address, timeout=CALL_SECONDS, suppress_origin=True, http_no_proxy=["*"], enable_multithread=True
            )
        except (OSError, websocket.WebSocketException) as error:
            raise CdpGone(str(error)) from error
        self._socket.settimeout(None)
        self._listen = listen
        self._next = 0
        self._awaited: dict[int, Callable[[Mapping[str, Any]], None]] = {}
        self._answers: dict[int, Mapping[str, Any]] = {}
        self._reply = threading.Condition()
        self.alive = True
        self._thread = threading.Thread(target=self._read, name="flowrun-cdp", daemon=True)
        self._thread.start()

    def send(
        self,
        method: str,
        session: str = "",
        /,
        *,
        then: Callable[[Mapping[str, Any]], None] | None = None,
        **params: Any,
    ) -> None:
        """Send a command and do not wait; `then` gets the result when it came. A browser that is gone is no error."""
        try:
            self._send(method, session, params, then=then)
        except CdpGone:
            return

    def call(self, method: str, session: str = "", /, **params: Any) -> Mapping[str, Any]:
        """Send a command and return its result; an answer that is an error gives an empty result."""
        number = self._send(method, session, params, then=self._wake)
        with self._reply:
            self._reply.wait_for(lambda: number in self._answers or not self.alive, CALL_SECONDS)
            answer = self._answers.pop(number, None)
            self._awaited.pop(number, None)
        if answer is None:
            raise CdpGone(f"no answer to {method}")
        result: Mapping[str, Any] = answer.get("result", {})
        return result

    def close(self) -> None:
        """Hang up. The browser itself goes on."""
        self.alive = False
        connection = self._socket.sock
        with contextlib.suppress(OSError):
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)  # closing alone would not wake the thread that reads
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.shutdown()  # type: ignore[no-untyped-call]  # a polite close would wait for the other side
        if threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def _wake(self, _result: Mapping[str, Any] | None = None) -> None:
        with self._reply:
            self._reply.notify_all()

    def _send(
        self,
        method: str,
        session: str,
        params: Mapping[str, Any],
        *,
        then: Callable[[Mapping[str, Any]], None] | None,
    ) -> int:
        with self._reply:
            self._next += 1
            number = self._next
            if then is not None:
                self._awaited[number] = then
            message: dict[str, Any] = {"id": number, "method": method, "params": params}
            if session:
                message["sessionId"] = session
            try:
                self._socket.send(json.dumps(message))
            except (OSError, websocket.WebSocketException) as error:
                self._awaited.pop(number, None)
                raise CdpGone(str(error)) from error
        return number

    def _answered(self, message: Mapping[str, Any]) -> None:
        with self._reply:
            then = self._awaited.pop(message["id"], None)
            if then == self._wake:
                self._answers[message["id"]] = message
        if then is not None:
            then(message.get("result", {}))

    def _read(self) -> None:
        try:
            while True:
                message = json.loads(self._socket.recv())
                if "id" in message:
                    self._answered(message)
                else:
                    self._listen(message["method"], message.get("sessionId", ""), message["params"])
        except (OSError, ValueError, AttributeError, websocket.WebSocketException):
            pass  # the other side hung up; `alive` tells
        finally:
            self.alive = False
            self._wake()
            self._listen("gone", "", {})
