"""The real command in this process, against the real sandbox and one real browser for every test of a worker."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests import loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from flowrun.session import Session

JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html; charset=utf-8"}


def descendants(root: int, without: Collection[int] = ()) -> dict[int, str]:
    """Return the processes below `root` that still run, with their command lines; `without` the trees of some."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            number = int(folder.name)
            state, parent, *_ = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
            if state != "Z":
                children.setdefault(int(parent), []).append(number)
    found: dict[int, str] = {}
    todo = [root]
    while todo:
        for number in children.get(todo.pop(), []):
            if number in without:
                continue
            with contextlib.suppress(OSError):
                found[number] = (Path("/proc") / str(number) / "cmdline").read_text("utf-8").replace("\0", " ")
                todo.append(number)
    return found


@pytest.fixture
def left_behind(_keeper: Session) -> Callable[[], list[str]]:
    """What this test has left running: processes and threads that were not there when it began."""
    shared = set()
    if _keeper._browser is not None:
        shared = {_keeper._browser.result()._launched._process.pid}  # it goes on, and starts what it needs
    before = set(descendants(os.getpid(), shared))
    threads = set(threading.enumerate())

    def look() -> list[str]:
        until = time.monotonic() + 5
        while True:
            left = [words for number, words in descendants(os.getpid(), shared).items() if number not in before]
            left += [thread.name for thread in threading.enumerate() if thread not in threads]
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.05)

    return look


class Stub:
    """A server that answers what it is told to: a path and `(status, headers, body)`, `drop` or `hang`."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self.done = threading.Event()
        self._told = threading.Condition()
        stub = self

        class Handler(loopback.Handler):
            def answer(self, _body: str) -> None:
                path = self.path.partition("?")[0]
                with stub._told:
                    stub.asked[path] += 1
                    stub._told.notify_all()
                answer = stub.answers.get(path, (404, HTML, "<h1>Not found</h1>"))
                if answer == "hang":
                    stub.done.wait(60)
                if answer in ("hang", "drop"):
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send(status, body, headers)

        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self.server = loopback.Loopback(Handler, context)
        self.url = self.server.url

    def describe(self, **changes: Any) -> None:
        """Answer the question for the metadata."""
        members = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "pushed_authorization_request_endpoint": f"{self.url}/par",
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "authorization_response_iss_parameter_supported": True,
            **changes,
        }
        self.answers["/.well-known/openid-configuration"] = (200, JSON, json.dumps(members))

    def wait_for(self, path: str, seconds: float) -> bool:
        """Return whether this path was asked for within this time."""
        with self._told:
            return self._told.wait_for(lambda: self.asked[path] > 0, seconds)

    def close(self) -> None:
        """End it and its connections."""
        self.done.set()
        self.server.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


@pytest.fixture
def secure_stub(repo: Path) -> Iterator[Stub]:
    """A server with a certificate that nobody vouches for."""
    stub = Stub(tls=(repo / "keys.example" / "tls.pem", repo / "keys.example" / "tls.key"))
    yield stub
    stub.close()


@pytest.fixture
def environment(repo: Path, tmp_path: Path) -> Callable[..., str]:
    """Write the sandbox's environment, changed, and return its path: `environment(faults=["push.html"])`.

    `pages` and what is no mapping replace what is there, other mappings are laid over it; None takes it away.
    """

    def write(name: str = "broken", **changes: Any) -> str:
        data = yaml.safe_load((repo / "scenarios" / "environments" / "sandbox.yaml").read_text("utf-8"))
        data["environment"] = name
        for key in [key for client in data["clients"].values() for key in client["keys"].values()]:
            key["file"] = str(repo / "keys.example" / Path(key["file"]).name)
        for key, value in changes.items():
            if value is None:
                data.pop(key, None)
            else:
                data[key] = {**data.get(key, {}), **value} if type(value) is dict and key != "pages" else value
        if "server" not in data:
            data.pop("sandbox", None)  # settings of a server that it has not
        path = tmp_path / "environments" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), "utf-8")
        return str(path)

    return write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from the test's own folder, so that messages name files as `scenario.yaml`."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def in_repo(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from the root of the checkout, as people do."""
    monkeypatch.chdir(repo)
