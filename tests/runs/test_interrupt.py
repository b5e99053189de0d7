"""Ctrl-C, SIGTERM and SIGKILL in the middle of the browser step: calm words, the right code, and nothing left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun.errors import INTERRUPTED, NO_BROWSER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.sandbox, pytest.mark.browser]

HTML = {"Content-Type": "text/html; charset=utf-8"}
SCENARIO = """\
scenario: A person takes very long to sign in
authorization: {scope: openid}
steps:
  - discover
  - push
  - browse: {user: alice}
  - exchange
after:
  - userinfo: {token: a-token-of-nobody, url: UNDO}
  - revoke: {token: refresh_token}
"""
# The page is there and described; the button that the run waits for never comes.
PAGE = "<title>Sign in</title><h1>Sign in</h1><button>Later</button>"
PAGES = {"login": {"shows": {"heading": "Sign in"}, "do": [{"press": "Sign in"}]}}
LONG = {"http": "50s", "page": "50s", "browse": "50s"}
STARTED = 30.0  # seconds that a browser may need on a machine that is busy with other tests
PROGRAMS = {
    "chromedriver": "chromedriver",
    "chrome": ("chromium", "chrome"),
    "geckodriver": "geckodriver",
    "firefox": "firefox",
}
SOON = 12  # seconds; a busy machine takes a while to end a browser, and what hangs takes a minute


def last_of(told: str) -> str:
    """Return the last line that says how it ended; where the report is comes after it."""
    return [line for line in told.splitlines() if line.strip() and not line.startswith("report: ")][-1]


class Command:
    """The real command, as somebody starts it. Its temporary files, the browser's profile too, go into `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.report = folder / "report.json"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowrun", *arguments, "--report", f"json={self.report}"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )

    def send(self, number: int) -> tuple[str, str, float]:
        """Send a signal; return both outputs and how many seconds it took to end."""
        started = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return out, err, time.monotonic() - started

    def browsers(self) -> dict[int, str]:
        """What this run has started and what still runs: command lines that, or whose TMPDIR, name its folder."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_text("utf-8").replace("\0", " ")
                around = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
            except OSError:
                continue
            mark = f"{self.folder}/flowrun-"
            if (mark in words or mark.encode() in around) and state != "Z":
                found[int(entry.name)] = words
        return found

    def kill(self, what: str) -> None:
        """Kill the driver, or the browser that it has started."""
        for number, words in self.browsers().items():
            program = Path(words.split(" ")[0]).name
            inner = "--type=" in words or "-contentproc" in words or "guard.py" in words
            if program.startswith(PROGRAMS[what]) and not inner:
                os.kill(number, signal.SIGKILL)
                return
        raise AssertionError(f"no {what} runs: {self.browsers()}")

    def left(self) -> list[str]:
        """The processes and folders that are still there a while after the end."""
        until = time.monotonic() + SOON
        while True:
            left = [*self.browsers().values(), *(str(path) for path in self.folder.glob("flowrun-*"))]
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.02)

    def steps(self) -> dict[str, str]:
        """How each step ended, from the report."""
        (scenario,) = json.loads(self.report.read_text("utf-8"))["scenarios"]
        return {step["name"]: step["status"] for step in scenario["steps"]}


@pytest.fixture
def start(environment, scenario, stub) -> Iterator[Callable[..., Command]]:
    """Start the command on a scenario whose login page is the stub's and never gets anywhere."""
    running: list[Command] = []
    folder = Path(tempfile.mkdtemp(prefix="runs-"))  # not tmp_path: in a deep folder the browser uses another one
    stub.answers |= {"/auth": (200, HTML, PAGE), "/undo": (200, {"Content-Type": "application/json"}, '{"sub": "a"}')}

    def begin(text: str = SCENARIO, **changes: Any) -> Command:
        usual = {"endpoints": {"authorization_endpoint": f"{stub.url}/auth"}, "pages": PAGES, "timeouts": LONG}
        env = environment(**{**usual, **changes})
        running.append(Command(folder, scenario(text.replace("UNDO", f"{stub.url}/undo")), "--env", env))
        return running[-1]

    yield begin
    for command in running:
        command.process.kill()
        command.process.communicate()
    shutil.rmtree(folder)


@pytest.fixture
def browser() -> str:
    """The browser of a test that names none."""
    return "chrome"


@pytest.fixture
def waiting(start, stub, browser) -> Command:
    """The command in the middle of its browser step."""
    command = start(browser={"name": browser})
    assert stub.wait_for("/auth", STARTED)
    page = {"chrome": "--type=renderer", "firefox": "-contentproc"}[browser]
    assert any(page in words for words in command.browsers().values())  # or `left` would find nothing ever
    return command


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_of_the_browser_step(number, waiting, stub):
    out, err, seconds = waiting.send(number)

    assert waiting.process.returncode == INTERRUPTED
    assert seconds < SOON
    assert "Traceback" not in out + err
    assert err == ""
    last = last_of(out)
    assert last.strip().startswith("! interrupted in ")
    assert last.endswith(" s: stopped before the end")
    assert "error[" not in out
    assert stub.asked["/undo"] == 1  # the `after` steps ran
    assert waiting.steps() == {
        "discover": "passed",
        "push": "passed",
        "browse": "interrupted",
        "exchange": "not reached",
        "userinfo": "passed",
        "revoke": "skipped",
    }
    assert waiting.left() == []


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_killed_in_the_middle_of_the_browser_step(waiting):
    waiting.send(signal.SIGKILL)

    assert waiting.process.returncode == -signal.SIGKILL
    assert waiting.left() == []


@pytest.mark.parametrize(
    ("browser", "what"),
    [("chrome", "chromedriver"), ("chrome", "chrome"), ("firefox", "geckodriver"), ("firefox", "firefox")],
)
def test_a_browser_that_is_killed_in_mid_step_is_said_to_have_ended(what, waiting, stub):
    waiting.kill(what)
    out, err = waiting.process.communicate(timeout=SOON + 30)

    assert waiting.process.returncode == NO_BROWSER
    assert "Traceback" not in out + err
    assert "error[browser-crashed]: the browser ended in the middle of the step" in out
    assert stub.asked["/undo"] == 1  # the `after` steps ran
    assert waiting.steps()["browse"] == "failed"
    assert waiting.left() == []


def test_stopped_while_the_page_is_on_its_way(start, stub):
    stub.answers["/auth"] = "hang"
    command = start()
    assert stub.wait_for("/auth", STARTED)

    out, err, seconds = command.send(signal.SIGINT)

    assert (command.process.returncode, err) == (INTERRUPTED, "")
    assert "interrupted" in last_of(out)
    assert seconds < SOON
    assert stub.asked["/undo"] == 1
    assert command.left() == []


def test_stopped_while_a_server_does_not_answer(start, stub):
    # The browser is starting meanwhile. No answer comes any more, so the run gives up waiting for it.
    stub.answers["/.well-known/openid-configuration"] = "hang"
    command = start(server=None, issuer=stub.url, endpoints=None, users=None, text=SCENARIO.replace("user: alice", ""))
    assert stub.wait_for("/.well-known/openid-configuration", STARTED)

    out, err, seconds = command.send(signal.SIGINT)

    assert command.process.returncode == INTERRUPTED
    assert "Traceback" not in out + err
    assert "interrupted" in last_of(out + err)
    assert seconds < 15
    assert command.left() == []


def test_stopped_while_the_after_steps_hang_by_a_second_ctrl_c(waiting, stub):
    stub.answers["/undo"] = "hang"
    waiting.process.send_signal(signal.SIGINT)
    assert stub.wait_for("/undo", SOON)

    out, err, seconds = waiting.send(signal.SIGINT)

    assert waiting.process.returncode == INTERRUPTED
    assert "Traceback" not in out + err
    assert "interrupted" in last_of(out + err)
    assert seconds < SOON
    assert waiting.left() == []


@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_stopped_at_any_moment(after, start):
    """Also while Python is still importing, when nobody has taken the signals yet."""
    command = start()
    time.sleep(after)

    out, err, seconds = command.send(signal.SIGTERM)

    # As a shell tells it. Python ends itself by SIGINT when an interrupt went through code it had compiled from text
    # (a dataclass being made while a module is imported), also if the interrupt was caught: 130 all the same.
    code = command.process.returncode
    assert (code if code >= 0 else 128 - code) in {INTERRUPTED, 128 + signal.SIGTERM}
    assert "Traceback" not in out + err
    assert seconds < SOON
    assert command.left() == []
