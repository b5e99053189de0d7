"""What every test may ask for: the checkout, and real authorization servers.

Markers: `make check` leaves out browser, peer and slow; plain `pytest` and `make test` leave out nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import flowrun.session
from flowrun.cli import main
from flowrun.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPO = Path(__file__).parents[1]

# A run that was started in the background ignores Ctrl-C, and so would every program that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PORT = re.compile(r"(127\.0\.0\.1|localhost):\d{2,5}")
WALK = re.compile(r"/auth/[\w-]{24}")
KID = re.compile(r"key '[\w-]{43}'")
SECONDS = re.compile(r" +\d+\.\d+ s\b")


@dataclass(frozen=True)
class Ran:
    """How a run ended: exit code, both outputs, and the JSON report of it (empty when nothing ran)."""

    code: int
    out: str
    err: str
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def scenario(self) -> dict[str, Any]:
        """The only scenario of the run."""
        (only,) = self.report["scenarios"]
        return only

    @property
    def problems(self) -> list[dict[str, Any]]:
        """Every problem and warning of every scenario, in the order they came up."""
        return [problem for scenario in self.report["scenarios"] for problem in scenario["problems"]]

    @property
    def codes(self) -> list[str]:
        """The codes of the problems, warnings among them."""
        return [problem["code"] for problem in self.problems]

    def checks(self, outcome: str) -> set[str]:
        """The automatic checks that came to this: held, failed, noted, skipped, deviation."""
        steps = [step for scenario in self.report["scenarios"] for step in scenario["steps"]]
        return {check["check"] for step in steps for check in step.get("checks", ()) if check["outcome"] == outcome}

    @property
    def told(self) -> str:
        """Both outputs with ports, ids and times put out of the way."""
        return normalised(self.out + self.err)

    @property
    def problem_texts(self) -> str:
        """The problems as they were drawn, with ports, ids and times put out of the way."""
        kept: list[str] = []
        inside = False
        for line in self.told.splitlines():
            starts = re.match(r" {0,4}(error|warning)\[", line)
            if starts and kept:
                kept.append("")
            inside = bool(starts or (inside and line.strip()))
            if inside:
                kept.append(line.removeprefix("    "))
        return "\n".join(kept) + "\n"

    @property
    def last_line(self) -> str:
        """The line that says how it ended, without times; where the report was put stands after it."""
        lines = re.sub(r" in \d+\.\d s:", ":", self.out).rstrip().splitlines()
        line = [line for line in lines if line and not line.startswith("report: ")][-1]
        return normalised(line).strip()


def normalised(text: str) -> str:
    """Return a text without what is different in each run."""
    text = PORT.sub(r"\1:PORT", UUID.sub("ID", text))
    text = KID.sub("key 'KID'", WALK.sub("/auth/WALK", text))
    return SECONDS.sub(" TIME", text)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def _keeper() -> Iterator[Session]:
    with Session() as keeper:
        yield keeper


@pytest.fixture
def share_browser(_keeper: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every run the same browser: it is cleared between scenarios anyway, and starting it takes a second."""

    class Sharing(Session):
        def prepare_browser(self, settings):
            _keeper.prepare_browser(settings)

        def browser(self, settings):
            return _keeper.browser(settings)

        def _close_browser(self):
            """Leave it to the next run."""

    monkeypatch.setattr(flowrun.session, "Session", Sharing)


@pytest.fixture
def flowrun_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Callable[..., Ran]]:
    """Run the command line in this process, with a browser of its own: `flowrun_alone("scenarios/a.yaml")`."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> Ran:
        report = tmp_path / "report.json"
        report.unlink(missing_ok=True)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--report", f"json={report}"])
        said = capsys.readouterr()
        told = json.loads(report.read_text("utf-8")) if report.is_file() else {}
        return Ran(int(ended.value.code or 0), said.out, said.err, told)

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def flowrun_run(share_browser: None, flowrun_alone: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run the command line in this process, with the browser that all tests share."""
    assert share_browser is None
    return flowrun_alone


@pytest.fixture
def flowrun_by_http(flowrun_alone: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the command line in this process, without a browser: pages without scripts are gone through by HTTP."""
    from tests.http_browser import HttpBrowser  # noqa: PLC0415  it loads selenium, as the browser does

    class ByHttp(Session):
        _pages: HttpBrowser | None = None

        def wire(self, environment):
            self._authorities = {*getattr(self, "_authorities", ()), self.authority(environment), environment.tls.ca}
            return super().wire(environment)

        def prepare_browser(self, settings):
            """Start nothing."""

        def browser(self, settings):
            self._pages = self._pages or HttpBrowser(verify=not settings.insecure)
            for authority in self._authorities - {None}:
                self._pages.trust(authority)
            return self._pages

        def _close_browser(self):
            if self._pages is not None:
                self._pages.close()

    monkeypatch.setattr(flowrun.session, "Session", ByHttp)
    return flowrun_alone


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[[str], str]:
    """Write a scenario and return its path."""

    def write(text: str, name: str = "scenario.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return str(path)

    return write


@pytest.fixture(scope="session")
def peer_node() -> str:
    """A Node that runs the peers, with their packages installed; skipped only where FLOWRUN_NO_PEERS says so."""
    if os.environ.get("FLOWRUN_NO_PEERS"):
        pytest.skip("FLOWRUN_NO_PEERS is set: no real authorization server is started")
    (REPO / ".cache").mkdir(exist_ok=True)
    with (REPO / ".cache" / "peers.lock").open("w") as lock:  # several xdist workers, one installation
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["bash", REPO / ".ci" / "peers"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f".ci/peers could not install what the tests use from npm:\n{done.stderr}", pytrace=False)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., dict[str, str]]]:
    """Run a command that serves, to the end of the session; its first line is a JSON object: a name, and its issuer.

    The same command is started once. It also ends by itself when our end of its standard input is gone.
    """
    running: dict[tuple[str, ...], dict[str, str]] = {}
    with contextlib.ExitStack() as stack:

        def start(*command: str | Path) -> dict[str, str]:
            key = tuple(map(str, command))
            if key not in running:
                running[key] = stack.enter_context(_serving(key, tmp_path_factory.mktemp("peer") / "log"))
            return running[key]

        yield start


@pytest.fixture(scope="session")
def oidc_provider(peer_node: str, start_server: Callable[..., dict[str, str]]) -> Callable[..., str]:
    """Start oidc-provider: `oidc_provider("signed")` gives its issuer.

    Configurations are in tests/peers/oidc-provider/configurations.mjs; one process serves them all. `client_jwks` is
    the file with the client's public keys; `certificates` a folder, for the configurations with mutual TLS.
    """

    def start(
        configuration: str,
        *,
        client_jwks: Path = REPO / "keys.example" / "client-public.jwks.json",
        certificates: Path | None = None,
    ) -> str:
        options = {"client_jwks": str(client_jwks), "until_stdin_closes": True}
        options |= {"certificates": str(certificates)} if certificates else {}
        script = REPO / "tests" / "peers" / "oidc-provider" / "server.mjs"
        return start_server(peer_node, script, json.dumps(options))[configuration]

    return start


@contextlib.contextmanager
def _serving(command: tuple[str, ...], log: Path) -> Iterator[dict[str, str]]:
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PEER_LOG": "1"},
        )
    with process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()  # a server that cannot start ends, and then this is empty
            if not ready:
                pytest.fail(f"a server did not start: {command}\n{log.read_text('utf-8')}", pytrace=False)
            yield json.loads(ready)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
