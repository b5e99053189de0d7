"""A small client of the language server protocol: what an editor asks yaml-language-server, over pipes."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE: Final = 60.0  # seconds for one answer; machines with many tests at once are slow
# No schema but the one that a file's first line names: nothing is asked of the network.
SETTINGS: Final = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    }
}


class Diagnostic(NamedTuple):
    """A mistake as the editor underlines it; lines and columns count from 1 here, as everywhere in flowrun."""

    line: int
    column: int
    end_line: int
    end_column: int
    message: str


class LanguageServer:
    """A running server; a context manager."""

    def __init__(self, node: str, server: Path, log: Path) -> None:
        """Start it; what it writes to its standard error goes into `log`."""
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            [node, server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        self._incoming: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._diagnostics: dict[str, list[Diagnostic]] = {}
        self._last = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        try:
            self._handshake()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.request("shutdown", None)
            self._notify("exit", None)
        self._stop()

    def open(self, path: Path, text: str) -> str:
        """Open a text under a path, which need not exist; return its URI."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._diagnostics.pop(uri, None)
        self._notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def diagnostics(self, uri: str) -> list[Diagnostic]:
        """Wait for what the server says is wrong with an open document, in file order."""
        while uri not in self._diagnostics:
            self._take()
        return sorted(self._diagnostics[uri], key=lambda one: (one.line, one.column))

    def complete(self, uri: str, line: int, column: int) -> dict[str, dict[str, Any]]:
        """Return what the editor offers at a place, by label; line and column count from 1."""
        found = self.request("textDocument/completion", _place(uri, line, column)) or {}
        items = found["items"] if isinstance(found, dict) else found
        return {item["label"]: item for item in items}

    def hover(self, uri: str, line: int, column: int) -> str:
        """Return what the editor shows for a place, or an empty text."""
        found = self.request("textDocument/hover", _place(uri, line, column))
        if not found:
            return ""
        contents = found["contents"]
        return str(contents["value"] if isinstance(contents, dict) else contents)

    def request(self, method: str, params: Any) -> Any:
        """Ask, and return the answer; a refusal is an AssertionError."""
        self._last += 1
        number = self._last
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, f"{method}: {message['error']}"
                return message.get("result")

    def _handshake(self) -> None:
        capabilities = {
            "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": False}},
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
                "publishDiagnostics": {},
            },
        }
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self._notify("initialized", {})
        self._notify("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def _notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _take(self) -> dict[str, Any]:
        """Return the next message; what the server asks or tells on its own is dealt with on the way."""
        message = self._incoming.get(timeout=PATIENCE)
        assert message is not None, f"yaml-language-server ended: {Path(self._log.name).read_text('utf-8')}"
        if message.get("method") == "textDocument/publishDiagnostics":
            found = message["params"]
            self._diagnostics[found["uri"]] = [_diagnostic(one) for one in found["diagnostics"]]
        elif "method" in message and "id" in message:
            result: Any = None
            if message["method"] == "workspace/configuration":
                result = [SETTINGS.get(item.get("section")) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": result})
        return message

    def _read(self) -> None:
        """Put every message into the queue, and None when the server has gone."""
        stream = self._process.stdout
        assert stream is not None
        while True:
            length = 0
            while (line := stream.readline().strip()) or not length:
                if not line:
                    self._incoming.put(None)
                    return
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self._incoming.put(json.loads(stream.read(length)))

    def _stop(self) -> None:
        for stream in (self._process.stdin, self._log):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _place(uri: str, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line - 1, "character": column - 1}}


def _diagnostic(found: dict[str, Any]) -> Diagnostic:
    start, end = found["range"]["start"], found["range"]["end"]
    return Diagnostic(
        start["line"] + 1, start["character"] + 1, end["line"] + 1, end["character"] + 1, found["message"]
    )
