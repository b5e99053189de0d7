"""pytest runs scenarios: the same verdicts as flowrun, its own messages, and nothing for those who did not ask."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
ENVIRONMENT = "environment: {name}\nissuer: {url}\nclients: {{default: {{client_id: a, auth: none}}}}\n"
GOOD = """\
scenario: It is splendid
tags: [smoke, opt-in]
inputs: {colour: red}
steps:
  - call: {url: "URL/good?{{ colour }}"}
    expect: {ok: true}
"""
BAD = """\
scenario: It is bad
steps:
  - call: {url: "URL/good"}
    expect: {ok: false}
"""
CASES = """\
scenario: In each case
inputs: {kind: good}
cases:
  - {case: first, kind: good}
  - {case: second, kind: bad}
steps:
  - call: {url: "URL/{{ kind }}"}
    expect: {ok: true}
"""
ELSEWHERE = "scenario: For certificates\nneeds: [mtls]\nsteps: [{call: {url: URL/good}}]\n"
PYTHON = "def test_that_is_no_scenario():\n    assert True\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"ok": self.path.startswith("/good")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Project:
    """A project with scenarios, Python tests and YAML files that are nobody's business."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        (folder / "scenarios" / "environments").mkdir(parents=True)
        for name in ("sandbox", "uat"):
            self.write(f"scenarios/environments/{name}.yaml", ENVIRONMENT.format(name=name, url=url))
        self.write("tests/test_a.py", PYTHON)
        self.write("tests/data.yaml", "scenario: of somebody else's tool\nsteps: 7\n")
        self.write("scenarios/notes.yaml", "just: a file\n")
        self.write("pytest.ini", "[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("URL", self.url), "utf-8")

    def pytest(self, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, env=environment)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, url: str) -> Project:
    made = Project(tmp_path, url)
    made.write("scenarios/good.yaml", GOOD)
    return made


def counted(out: str) -> dict[str, int]:
    return {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", out.splitlines()[-1])
    }


def test_one_test_a_scenario_environment_and_case(project):
    project.write("scenarios/cases.yaml", CASES)
    code, out = project.pytest("scenarios", "--collect-only", "-q", "--flowrun-env", "sandbox", "--flowrun-env", "uat")
    assert code == 0
    assert [line for line in out.splitlines() if "::" in line] == [
        "scenarios/cases.yaml::cases[sandbox, first]",
        "scenarios/cases.yaml::cases[sandbox, second]",
        "scenarios/cases.yaml::cases[uat, first]",
        "scenarios/cases.yaml::cases[uat, second]",
        "scenarios/good.yaml::good[sandbox]",
        "scenarios/good.yaml::good[uat]",
    ]


@pytest.mark.parametrize("workers", [[], ["-n", "2"], ["-n", "2", "-W", "error"]])
def test_verdicts_are_those_of_flowrun(project, workers, tmp_path):
    project.write("scenarios/bad.yaml", BAD)
    project.write("scenarios/cases.yaml", CASES)
    project.write("scenarios/elsewhere.yaml", ELSEWHERE)
    command = [sys.executable, "-m", "flowrun", "scenarios", "--runs", "none", "--report", "json=out.json"]
    assert subprocess.run(command, cwd=project.folder, capture_output=True, check=False).returncode == 1
    ours = {
        (one["file"], one["case"]): one["status"]
        for one in json.loads((tmp_path / "out.json").read_text())["scenarios"]
    }
    code, out = project.pytest("scenarios", *workers, "--junitxml", "out.xml")
    theirs = {}
    for case in ET.parse(tmp_path / "out.xml").iter("testcase"):
        name, told = case.get("name") or "", {child.tag for child in case} - {"properties", "system-out"}
        word = {"failure": "failed", "skipped": "not applicable"}.get(next(iter(told), ""), "passed")
        found = re.fullmatch(r"(\w+)\[sandbox(?:, (.*))?\]", name)
        assert found
        theirs[f"scenarios/{found[1]}.yaml", found[2] or ""] = word
    assert (code, theirs) == (1, ours)
    assert counted(out) == {"failed": 2, "passed": 2, "skipped": 1}
    assert sorted(ours.values()) == ["failed", "failed", "not applicable", "passed", "passed"]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_failure_is_told_as_flowrun_tells_it(project, workers):
    project.write("scenarios/bad.yaml", BAD)
    code, out = project.pytest("scenarios/bad.yaml", *workers)
    assert code == 1
    assert "error[expectation]" in out
    assert "--> scenarios/bad.yaml:4:14" in out
    assert "Traceback" not in out
    assert "pytest_plugin.py" not in out
    assert "FAILED scenarios/bad.yaml::bad[sandbox] - Failed: " in out


def test_marks_come_from_tags_and_words_from_titles(project):
    project.write("scenarios/bad.yaml", BAD)
    assert counted(project.pytest("scenarios", "-m", "smoke")[1]) == {"passed": 1}
    assert counted(project.pytest("scenarios", "-m", "opt-in and flowrun")[1]) == {"passed": 1}
    assert counted(project.pytest("scenarios", "-k", "splendid")[1]) == {"passed": 1}
    assert counted(project.pytest("scenarios", "-k", "bad")[1]) == {"failed": 1}
    assert counted(project.pytest("scenarios/good.yaml::good[sandbox]")[1]) == {"passed": 1}


@pytest.mark.parametrize("tag", ["skip", "xfail"])
def test_a_tag_that_pytest_has_a_use_for_changes_no_verdict(project, tag):
    project.write("scenarios/bad.yaml", BAD.replace("steps:", f"tags: [{tag}]\nsteps:"))
    assert counted(project.pytest("scenarios/bad.yaml")[1]) == {"failed": 1}


FAULT = """\
from flowrun.wire import Wire

def fail(wire, target, tls):
    raise RuntimeError("no transport")

Wire._lane_to = fail
"""


def test_a_fault_of_flowrun_s_own_is_told_without_arguments_and_secrets(project):
    project.write("conftest.py", FAULT)
    project.write("scenarios/environments/sandbox.yaml", WARNED)
    project.write("scenarios/post.yaml", "scenario: P\nsteps:\n  - call: {url: URL, form: {a: written-down-here}}\n")
    code, out = project.pytest("scenarios/post.yaml")
    assert code == 1
    assert "error[internal-error]" in out
    assert "RuntimeError: no transport" in out
    assert "written-down-here" not in out


def test_a_visit_in_after_looks_for_its_browser(project):
    project.write(
        "scenarios/after.yaml",
        "scenario: A\nsteps: [{call: {url: URL/good}}]\nafter: [{browse: {url: URL/good}}]\n",
    )
    project.write(
        "scenarios/environments/sandbox.yaml",
        "environment: sandbox\nissuer: URL\nbrowser: {binary: /nowhere/chrome}\npages: {p: {shows: {text: a}}}\n"
        'clients: {default: {client_id: a, auth: none, redirect_uri: "https://app.example/cb"}}\n',
    )
    _, out = project.pytest("scenarios/after.yaml")
    assert "AssertionError" not in out
    assert "/nowhere/chrome" in out


def test_a_grid_is_named_by_its_url(project):
    code, out = project.pytest("scenarios", "--flowrun-grid", "grid:4444")
    assert (code, "write a URL like http://grid.example:4444" in out) == (4, True)


def test_a_wrong_file_is_an_error_of_the_collection_at_its_line(project):
    project.write("scenarios/wrong.yaml", "scenario: W\nsteps:\n  - calll: /x\n")
    code, out = project.pytest("scenarios")
    assert code == 2
    assert "--> scenarios/wrong.yaml:3:5" in out
    assert "Traceback" not in out
    assert "did you mean 'call'?" in out


def test_nothing_is_collected_that_was_not_asked_for(project):
    project.write("environments/other.yaml", "not: ours\n")  # a folder of this name is no reason
    assert counted(project.pytest()[1]) == {"passed": 1}
    assert counted(project.pytest("-n", "1")[1]) == {"passed": 1}
    (project.folder / "environments" / "other.yaml").unlink()
    (project.folder / "environments").rmdir()
    assert counted(project.pytest("tests")[1]) == {"passed": 1}
    assert counted(project.pytest("tests", "scenarios")[1]) == {"passed": 2}
    assert counted(project.pytest(".", "-p", "no:flowrun")[1]) == {"passed": 1}


def test_somebody_else_s_run_imports_nothing_of_ours(project):
    project.write(
        "tests/test_a.py",
        "import sys\ndef test_x():\n    ours = {one for one in sys.modules if one.startswith('flowrun')}\n"
        "    assert ours == {'flowrun', 'flowrun.pytest_plugin'}, ours\n    assert 'click' not in sys.modules\n",
    )
    code, out = project.pytest("tests")
    assert code == 0, out


def test_inputs_and_strict_are_those_of_a_run(project):
    assert counted(project.pytest("scenarios", "--flowrun-set", "colour=blue")[1]) == {"passed": 1}
    code, out = project.pytest("scenarios", "--flowrun-set", "color=blue")
    assert (code, "did you mean 'colour'?" in out, "--flowrun-set color" in out) == (4, True, True)
    code, out = project.pytest("scenarios", "--flowrun-set", "colour")
    assert (code, "write --flowrun-set NAME=VALUE" in out) == (4, True)


WARNED = """\
environment: sandbox
issuer: URL
clients: {default: {client_id: a, auth: client_secret_post, client_secret: written-down-here}}
"""


@pytest.mark.parametrize("arguments", [[], ["-W", "error"], ["-n", "1", "-W", "error"]])
def test_warnings_are_told_and_fail_nothing(project, arguments):
    project.write("scenarios/environments/sandbox.yaml", WARNED)
    code, out = project.pytest("scenarios", *arguments)
    assert code == 0
    assert "flowrun warnings" in out
    assert "warning[literal-secret]" in out
    assert "written-down-here" not in out


def test_a_server_that_is_down_is_told_once(project):
    project.write("scenarios/environments/sandbox.yaml", ENVIRONMENT.format(name="sandbox", url="http://127.0.0.1:9"))
    for name in "abc":
        project.write(f"scenarios/{name}.yaml", "scenario: D\nsteps: [discover]\n")
    _, out = project.pytest("scenarios/a.yaml", "scenarios/b.yaml", "scenarios/c.yaml")
    assert counted(out) == {"failed": 1, "skipped": 2}


def test_a_run_can_be_kept_for_the_reports_of_flowrun(project):
    project.write("scenarios/bad.yaml", BAD)
    assert project.pytest("scenarios", "-n", "2", "--flowrun-runs", "kept")[0] == 1
    kept = sorted(map(str, (project.folder / "kept").iterdir()))
    assert len(kept) == 2
    command = [sys.executable, "-m", "flowrun", "report", *kept, "--report", "json=all.json"]
    subprocess.run(command, cwd=project.folder, check=True)
    report = json.loads((project.folder / "all.json").read_text())
    assert sorted(one["status"] for one in report["scenarios"]) == ["failed", "passed"]
    assert report["exit_code"] == 1


@pytest.mark.sandbox
@pytest.mark.browser
def test_one_browser_and_one_sandbox_serve_all(repo):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "scenarios/par_dp.yaml",
        "scenarios/par_deny.yaml",
        "-n",
        "0",
        "-p",
        "no:randomly",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d passed", done.stdout)
