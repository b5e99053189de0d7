"""A small accounts API on loopback, plain and TLS, in a process of its own: `python server.py CERTIFICATE`.

Bare asyncio: it takes a request apart by hand and answers in a tenth of the time that a client in Python takes.
Prints its two ports and serves until standard input ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys
from typing import Final

_NUMBERS: Final = itertools.count(1)
_REASONS: Final = {200: "OK", 201: "Created", 401: "Unauthorized", 404: "Not Found"}


def answer(method: str, path: str, token: bool) -> tuple[int, object]:
    """Return status and JSON of a request: a token, a consent made, a consent read, accounts, anything about health."""
    path = path.partition("?")[0]
    if path == "/health":
        return 200, {"status": "up", "version": "1.4.2"}
    if path == "/token" and method == "POST":
        made = f"at-{next(_NUMBERS):012d}-7f3c9b1e5d2a8460"
        return 200, {"access_token": made, "token_type": "Bearer", "expires_in": 300, "scope": "accounts"}
    if not token:
        return 401, {"error": "invalid_token"}
    if path == "/consents" and method == "POST":
        consent = f"consent-{next(_NUMBERS):08d}"
        return 201, {"id": consent, "status": "AwaitingAuthorisation", "permissions": ["ReadAccounts", "ReadBalances"]}
    if path.startswith("/consents/"):
        return 200, {"id": path[10:], "status": "Authorised", "account": "account-0042"}
    if path.startswith("/accounts/"):
        money = {"amount": "1230.00", "currency": "AED"}
        return 200, {"id": path[10:], "type": "Current", "balances": [{"type": "Available", **money}]}
    return 404, {"error": "not_found"}


class Connection(asyncio.Protocol):
    """One client's connection, kept alive; requests come one after the other."""

    def __init__(self) -> None:
        """Start with nothing received."""
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].decode("latin-1")
            line, *lines = head.split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
            if "chunked" in headers.get("transfer-encoding", ""):
                body_end = self.received.find(b"0\r\n\r\n", end + 4)
                if body_end < 0:
                    return
                rest = body_end + 5
            else:
                rest = end + 4 + int(headers.get("content-length", 0))
            if len(self.received) < rest:
                return
            self.received = self.received[rest:]
            method, path, _ = line.split(" ")
            status, body = answer(method, path, headers.get("authorization", "").lower().startswith("bearer "))
            close = headers.get("connection", "").lower() == "close"
            text = json.dumps(body).encode()
            self.transport.write(
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
                f"Cache-Control: no-store\r\nContent-Length: {len(text)}\r\n"
                f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n".encode()
                + text
            )
            if close:
                self.transport.close()
                return


async def main() -> None:
    """Listen on two ports of the system's choice."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1])
    loop = asyncio.get_running_loop()
    plain = await loop.create_server(Connection, "127.0.0.1", 0)
    secure = await loop.create_server(Connection, "127.0.0.1", 0, ssl=context)
    print(plain.sockets[0].getsockname()[1], secure.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    plain.close()
    secure.close()


if __name__ == "__main__":
    asyncio.run(main())
