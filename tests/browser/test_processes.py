"""No browser outlives the run, however the run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun.browser import BrowseError, BrowserMissing, BrowserSettings, open_browser
from flowrun.browser.chromium import find_programs
from flowrun.errors import NO_BROWSER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Server

START = """
import sys, time
from flowrun.browser import open_browser
def say(text): print(text, flush=True)
with open_browser() as browser:
    say(browser._launched.folder)
    {deed}
say("closed")
"""
WALK = """browser.walk(sys.argv[1], redirect_uri="https://app.invalid/cb", pages={}, fill=lambda v, p: v, answers={},
        page_seconds=60, total_seconds=60, tell=print)"""


def left(mark: str) -> list[str]:
    """What still runs and has the mark in its command line or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in words and state != "Z":
            found.append(f"{process.name} {words[:80]!r}")
    return found


def wait_until_gone(folder: str) -> None:
    until = time.monotonic() + 15
    while (left(folder) or Path(folder).exists()) and time.monotonic() < until:
        time.sleep(0.02)
    assert left(folder) == []
    assert not Path(folder).exists()


def running(deed: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START.format(deed=deed), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def folder_of() -> Iterator[Any]:
    processes: list[subprocess.Popen[str]] = []

    def folder(process: subprocess.Popen[str]) -> str:
        processes.append(process)
        assert process.stdout is not None
        found = process.stdout.readline().strip()
        assert found
        assert len(left(found)) >= 3  # guard, chromedriver, Chromium and its own
        return found

    yield folder
    for process in processes:
        process.kill()
        with process:
            pass


@pytest.mark.browser
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_runner_that_is_ended_leaves_nothing(folder_of: Any, number: int) -> None:
    process = running("time.sleep(60)")
    folder = folder_of(process)
    os.kill(process.pid, number)
    process.wait(15)
    wait_until_gone(folder)


@pytest.mark.browser
def test_ctrl_c_in_the_middle_of_a_walk_leaves_nothing(folder_of: Any, server: Server) -> None:
    process = running(WALK, server.page("refresh"))
    folder = folder_of(process)
    until = time.monotonic() + 10
    while not server.requests and time.monotonic() < until:
        time.sleep(0.01)
    assert server.requests
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    process.wait(15)
    wait_until_gone(folder)


@pytest.mark.browser
def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    for wait in (0.3, 0.45, 0.6):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from flowrun.browser import open_browser\nopen_browser()\nimport time; time.sleep(60)",
            ],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            start_new_session=True,
        )
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        process.wait(20)
        until = time.monotonic() + 10
        while (left(str(tmp_path)) or list(tmp_path.iterdir())) and time.monotonic() < until:
            time.sleep(0.02)
        assert left(str(tmp_path)) == []
        assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
def test_a_forked_child_does_not_keep_the_browser(folder_of: Any) -> None:
    process = running("import os; child = os.fork(); time.sleep(4 if child == 0 else 60)")
    folder = folder_of(process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(5)
    wait_until_gone(folder)


@pytest.mark.browser
def test_closing_leaves_nothing_and_twice_is_no_error() -> None:
    with open_browser() as browser:
        folder = str(browser._launched.folder)
        assert browser.alive
    browser.close()
    assert not browser.alive
    assert left(folder) == []
    assert not Path(folder).exists()


@pytest.mark.browser
@pytest.mark.parametrize("victim", ["chromedriver", "--type=renderer", "--remote-debugging-port"])
def test_a_browser_that_dies_is_noticed(server: Server, victim: str) -> None:
    with open_browser() as browser:
        folder = str(browser._launched.folder)

        def kill(_visit: object) -> None:
            for line in left(folder):
                pid = int(line.split()[0])
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                hit = (
                    words[0].endswith(b"/chromedriver")
                    if victim == "chromedriver"
                    else victim.encode() in b" ".join(words)
                )
                if hit and (victim != "--remote-debugging-port" or b"--type=" not in b" ".join(words)):
                    os.kill(pid, signal.SIGKILL)

        pages = {"dead": {"shows": {"heading": "Dead end"}, "do": [{"press": "Continue"}]}}
        with pytest.raises(BrowseError) as caught:
            browser.walk(
                server.page("dead"),
                redirect_uri="https://app.invalid/cb",
                pages=pages,
                fill=lambda value, _path: value,
                answers={},
                page_seconds=10,
                total_seconds=20,
                tell=kill,
            )
        assert (caught.value.code, caught.value.exit_code) == ("browser-crashed", NO_BROWSER)
        assert not browser.alive
        assert [visit.name for visit in caught.value.pages] == ["dead"]
    wait_until_gone(folder)


def test_a_missing_browser_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FLOWRUN_CHROME", raising=False)
    monkeypatch.delenv("FLOWRUN_CHROMEDRIVER", raising=False)
    with pytest.raises(BrowserMissing) as caught:
        find_programs(BrowserSettings())
    assert (caught.value.code, caught.value.exit_code) == ("no-browser", NO_BROWSER)
    assert caught.value.title == "the browse step needs Chromium and chromedriver, not found on this machine"
    assert "apt-get install chromium chromium-driver" in caught.value.hint
    monkeypatch.setenv("FLOWRUN_CHROME", "/nowhere/chrome")
    with pytest.raises(BrowserMissing, match="Chromium is not at /nowhere/chrome, which FLOWRUN_CHROME names"):
        find_programs(BrowserSettings())


def test_named_programs_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWRUN_CHROME", "/bin/sh")
    monkeypatch.setenv("FLOWRUN_CHROMEDRIVER", "/bin/sh")
    assert find_programs(BrowserSettings(driver="/bin/ls")) == type(find_programs(BrowserSettings()))(
        "/bin/sh", "/bin/ls"
    )


@pytest.mark.parametrize("program", ["/bin/true", "/nowhere/really"])
def test_a_driver_that_does_not_start(program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _name: program)
    with pytest.raises(BrowserMissing, match="did not start"):
        open_browser()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
def test_a_browser_that_does_not_start(tmp_path: Path) -> None:
    false = tmp_path / "chrome"
    false.write_text("#!/bin/sh\necho no such library >&2\nexit 1\n")
    false.chmod(0o755)
    with pytest.raises(BrowserMissing) as caught:
        open_browser(BrowserSettings(binary=str(false)))
    assert caught.value.title == f"{false} does not start"
    assert caught.value.facts


def test_the_package_loads_no_heavy_library() -> None:
    code = "import sys, flowrun.browser; sys.exit(bool({'selenium', 'websocket', 'urllib3'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
