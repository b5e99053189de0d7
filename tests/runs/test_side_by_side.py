"""--jobs: the same reports and exit codes as one after the other, and nothing left however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = {"Content-Type": "application/json"}
ENVIRONMENT = """\
environment: sandbox
issuer: {url}
clients: {{default: {{client_id: a, auth: client_secret_post, client_secret: "{{{{ secrets.SECRET_OF_A }}}}"}}}}
timeouts: {{http: 20s}}
"""
UNDONE = """\
scenario: W
steps: [{call: {url: "URL/begun"}}, {wait: 50s}]
after: [{call: {url: "URL/good"}, name: undo}]
"""
PATIENT = """\
scenario: W NAME
steps: [{wait: 600ms, expect: {waited: {at_least: 0.5}}}]
"""
TIMES = re.compile(
    r"\d\d:\d\d:\d\d GMT|\d{4}-\d\d-\d\dT[\d:.+]+|\d\d? \w+ \d{4}, [\d:]+|\d+(\.\d+)?( m?s\b)|[\d.]+e-\d+|\d+\.\d+"
)
SECRET = "correct-horse-battery"
CALL = "scenario: {title}\nsteps:\n  - call: {{url: {url}{path}}}\n    expect: {{ok: true}}\n"


class Project:
    """A folder with scenarios that call the stub, and the real command on it."""

    def __init__(self, folder: Path, stub: Any) -> None:
        self.folder, self.stub = folder, stub
        (folder / "environments").mkdir()
        (folder / "environments" / "sandbox.yaml").write_text(ENVIRONMENT.format(url=stub.url), "utf-8")
        stub.answers["/good"] = (200, JSON, '{"ok": true}')
        stub.answers["/begun"] = stub.answers["/good"]
        stub.answers["/bad"] = (200, JSON, '{"ok": false}')
        stub.answers["/slow"] = "hang"

    def write(self, name: str, path: str = "/good", text: str = "") -> None:
        made = CALL.format(title=f"Scenario {name}", url=self.stub.url, path=path)
        (self.folder / f"{name}.yaml").write_text(text or made, "utf-8")

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, "TMPDIR": str(self.folder), "SECRET_OF_A": SECRET, "NO_COLOR": "1"}
        environment["PYTHONPATH"] = str(self.folder)  # of `patch`
        command = [sys.executable, "-m", "flowrun", ".", *arguments]
        usual: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, text=True, env=environment, **{**usual, **more})

    def patch(self, text: str) -> None:
        """Let the command run this Python before it begins."""
        (self.folder / "sitecustomize.py").write_text(text, "utf-8")

    def run(self, *arguments: str) -> tuple[int, str, dict[str, Any]]:
        """Return exit code, both outputs without times, and the JSON report."""
        report = self.folder / "out.json"
        report.unlink(missing_ok=True)
        with self.start(*arguments, "--runs", "none", "--report", f"json={report}") as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, without_times(out + err), json.loads(report.read_text()) if report.exists() else {}

    def wait_for(self, path: str, times: int) -> None:
        """Wait until the stub was asked for a path so many times."""
        until = time.monotonic() + 30
        while self.stub.asked[path] < times and time.monotonic() < until:
            time.sleep(0.02)

    def left(self) -> list[str]:
        """The processes of ours that still run a while later."""
        until = time.monotonic() + 10
        while (found := list(self._running())) and time.monotonic() < until:
            time.sleep(0.02)
        return found

    def _running(self) -> Iterator[str]:
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                state = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
                inside = (entry / "cwd").resolve() == self.folder.resolve()
                if state != "Z" and inside:
                    yield (entry / "cmdline").read_text("utf-8").replace("\0", " ")


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s", "TIME", text)


def same(report: dict[str, Any]) -> str:
    """A report without what is another in every run."""
    return re.sub(r'"(at|began|seconds)": [\d.e-]+|\d\d:\d\d:\d\d GMT', "TIME", json.dumps(report))


@pytest.fixture
def project(stub) -> Iterator[Project]:
    folder = Path(tempfile.mkdtemp(prefix="jobs-"))  # not tmp_path: in a deep folder the browser uses another one
    yield Project(folder, stub)
    shutil.rmtree(folder)


def test_reports_and_lines_are_the_same_as_one_after_the_other(project):
    for number in range(12):
        project.write(f"s{number:02}", "/bad" if number in {3, 7} else "/good")
    project.write("needs", text=CALL.format(title="Needs", url=project.stub.url, path="/good") + "needs: [mtls]\n")
    alone, beside = project.run(), project.run("--jobs", "3")
    assert alone[0] == beside[0] == 1
    assert alone[1] == beside[1]
    assert same(alone[2]) == same(beside[2])
    assert [one["status"] for one in beside[2]["scenarios"]].count("failed") == 2


def test_every_report_is_the_same(project):
    for number in range(5):
        project.write(f"s{number}", "/bad" if number == 1 else "/good")
    kinds = ("html", "junit", "markdown", "github", "gitlab", "har")
    texts = []
    for jobs in ("1", "2"):
        project.run("--jobs", jobs, *(f"--report={kind}={project.folder / kind}" for kind in kinds))
        texts.append({kind: (project.folder / kind).read_text("utf-8") for kind in kinds})
    for kind in kinds:
        one, two = (TIMES.sub("#", text[kind]) for text in texts)
        assert one == two


def test_what_is_over_first_is_not_told_first_and_what_is_slow_holds_nobody_up(project):
    project.write("a", "/slow")
    for name in "bcdefg":
        project.write(name)
    with project.start("--jobs", "2", "--runs", "none") as process:
        assert project.stub.wait_for("/slow", 20)
        project.wait_for("/good", 6)
        assert project.stub.asked["/good"] == 6  # all of them, beside the one that hangs
        project.stub.answers["/slow"] = (200, JSON, '{"ok": true}')
        project.stub.done.set()
        out, _ = process.communicate(timeout=30)
    assert re.findall("Scenario (.)", out) == list("abcdefg")


def test_wrong_files_of_every_process_are_told_at_once_and_nothing_is_sent(project):
    for number in range(4):
        project.write(f"s{number}", text="scenario: x\nsteps:\n  - calll: /x\n" if number % 2 else "")
    alone, beside = project.run(), project.run("--jobs", "2")
    assert alone[:2] == beside[:2]
    assert alone[0] == 2
    assert alone[1].count("error[") == 2
    assert not project.stub.asked


def test_fail_fast_begins_nothing_after_a_failure(project):
    project.write("a", "/bad")
    for number in range(40):
        project.write(f"b{number:02}")
    code, out, report = project.run("--jobs", "2", "--fail-fast")
    statuses = [one["status"] for one in report["scenarios"]]
    assert (code, statuses[0], len(statuses)) == (1, "failed", 41)
    assert statuses[-1] == "not run"
    assert "--fail-fast stops there" in out


def test_a_server_that_is_down_is_told_once(project):
    for number in range(20):
        project.write(f"s{number:02}", text="scenario: D\nsteps: [discover]\n")
    url = "http://127.0.0.1:9"
    (project.folder / "environments" / "sandbox.yaml").write_text(ENVIRONMENT.format(url=url), "utf-8")
    code, out, report = project.run("--jobs", "2")
    assert code == 3
    assert len(report["scenarios"]) == 20
    assert out.count("error[connection-refused]") <= 2  # both may have begun


def test_secrets_do_not_leave_the_process_that_has_them(project):
    said = {"ok": True, "said": f"it was {SECRET}", "access_token": "a" * 40, "seen": "a" * 40}
    project.stub.answers["/echo"] = (200, JSON, json.dumps(said))
    for name in "abc":
        project.write(name, "/echo")
    _, _, alone = project.run()
    _, out, beside = project.run("--jobs", "2", "--verbose")
    assert beside["scenarios"][0]["steps"][0]["calls"][0]["text"].count("‹SECRET_OF_A›") == 1
    for secret in (SECRET, "a" * 40):
        assert secret not in out + json.dumps(beside)
    assert same(alone) == same(beside)


@pytest.mark.parametrize("arguments", [["--keep-state"], ["--by-hand"]])
def test_what_needs_one_at_a_time_is_refused(project, arguments):
    project.write("a", text="scenario: B\nsteps: [{browse: {url: 'https://op.example'}}]\n")
    (project.folder / "environments" / "sandbox.yaml").write_text(
        ENVIRONMENT.format(url=project.stub.url).replace(
            "client_id: a", "client_id: a, redirect_uri: https://a.example/cb"
        ),
        "utf-8",
    )
    code, out, _ = project.run("--jobs", "2", *arguments)
    assert (code, "leave out --jobs" in out) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tells_what_was_over_and_leaves_nothing(project, number):
    project.write("a", "/slow")
    project.write("b")
    for name in "cdef":
        project.write(name, "/slow")
    with project.start("--jobs", "2", "--report", "json=out.json") as process:
        project.wait_for("/slow", 2)  # so the second process is done with b
        process.send_signal(number)
        began = time.monotonic()
        _, err = process.communicate(timeout=30)
    assert (process.returncode, time.monotonic() - began < 12) == (130, True)
    assert "Traceback" not in err
    statuses = [one["status"] for one in json.loads((project.folder / "out.json").read_text())["scenarios"]]
    assert (statuses[1], {*statuses[:1], *statuses[2:]}) == ("passed", {"interrupted", "not run"})
    assert statuses.count("interrupted") == 2
    assert project.left() == []


def test_ctrl_c_on_a_terminal_reaches_the_whole_group_and_waits_are_ended(project):
    for name in "abcd":
        project.write(name, text=UNDONE.replace("URL", project.stub.url))
    with project.start("--jobs", "2", "--report", "json=out.json", start_new_session=True) as process:
        project.wait_for("/begun", 2)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    report = json.loads((project.folder / "out.json").read_text())
    assert process.returncode == report["exit_code"] == 130
    assert [one["status"] for one in report["scenarios"]] == ["interrupted", "interrupted", "not run", "not run"]
    assert project.stub.asked["/good"] == 2  # what was begun is undone
    assert project.left() == []


def test_a_parent_that_is_killed_leaves_nothing(project):
    for name in "abcd":
        project.write(name, "/slow")
    with project.start("--jobs", "2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert project.stub.wait_for("/slow", 20)
        process.kill()
        process.wait()
    assert project.left() == []


def test_a_process_that_dies_is_told_and_the_others_go_on(project):
    project.write("a", "/slow")
    for name in "bcdefg":
        project.write(name)
    with project.start("--jobs", "2", "--report", "json=out.json") as process:
        project.wait_for("/good", 6)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2
        os.kill(int(children[0]), signal.SIGKILL)  # the first has the first file
        out, _ = process.communicate(timeout=30)
    scenarios = json.loads((project.folder / "out.json").read_text())["scenarios"]
    assert process.returncode == 1
    assert [one["status"] for one in scenarios] == ["failed", *["passed"] * 6]
    assert scenarios[0]["problems"][0]["code"] == "job-ended"
    assert "ended by signal 9" in out


def test_a_process_that_dies_before_it_is_told_what_to_run_is_no_silent_end(project):
    """The run is slow to begin, as with a sandbox to start; one of its processes is gone by then."""
    for name in "abcd":
        project.write(name)
    project.patch(
        "import os, signal\nfrom flowrun.session import Session\nlend = Session.lend\n"
        "def slow(session, environments):\n    import multiprocessing\n"
        "    one = multiprocessing.active_children()[0]\n    one.kill()\n    one.join()\n"
        "    return lend(session, environments)\nSession.lend = slow\n"
    )
    with project.start("--jobs", "2") as process:
        out, err = process.communicate(timeout=30)
    # Which one it is, and whether it was handed a scenario before its end was read, is chance; every one is told.
    lost = out.count("✗ failed in")
    assert (process.returncode, "Traceback" in err) == (int(lost > 0), False)
    assert ("ended by signal 9" in out) == (lost > 0)
    assert (lost <= 1, out.count("✓ passed in")) == (True, 4 - lost)


def test_a_fault_in_a_process_is_told_as_one(project):
    """Also one that looks like a broken pipe: only who talks to the other process knows that nobody is there."""
    project.write("a")
    project.write("b")
    project.patch(
        "from flowrun.running import Run\ndef fail(run):\n    raise PermissionError(13, 'no entry')\nRun.run = fail\n"
    )
    with project.start("--jobs", "2") as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "error[internal-error]" in out + err
    assert "PermissionError" in out + err


def test_a_terminal_shows_what_runs_and_no_line_is_torn(project):
    for name in "abcdefgh":
        project.write(name, text=PATIENT.replace("NAME", name))
    here, there = pty.openpty()
    with project.start("--jobs", "2", "--runs", "none", stdout=there, stderr=there) as process:
        os.close(there)
        seen = b""
        while select.select([here], [], [], 30)[0]:
            try:
                seen += os.read(here, 65536)
            except OSError:
                break
        assert process.wait(30) == 0
    os.close(here)
    text = seen.decode()
    assert re.search(r"\d/8 W .: wait … \d s, W .: wait … \d s", text)
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\r", "", text)
    assert re.findall(r"W (.)\n  \S+\.yaml, environment sandbox\n  ✓ wait", plain.replace(" \n", "\n")) == list(
        "abcdefgh"
    )


@pytest.mark.sandbox
@pytest.mark.browser
def test_one_sandbox_serves_all_and_each_process_has_one_browser(project, environment, repo):
    shutil.rmtree(project.folder / "environments")
    shutil.copytree(Path(environment("sandbox")).parent, project.folder / "environments")
    for name in "abcd":
        shutil.copy(repo / "scenarios" / "par_dp.yaml", project.folder / f"{name}.yaml")
    with project.start("--jobs", "2", "--report", "json=out.json") as process:
        most = 0
        while process.poll() is None:
            most = max(most, len([words for words in project._running() if "guard.py" in words]))
            time.sleep(0.05)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert most == 2
    scenarios = json.loads((project.folder / "out.json").read_text())["scenarios"]
    issuers = {step["summary"] for one in scenarios for step in one["steps"] if step["kind"] == "discover"}
    assert len(issuers) == 1
    assert project.left() == []


def test_a_suite_without_pages_starts_no_browser(project):
    for name in "abcd":
        project.write(name)
    assert project.run("--jobs", "2")[0] == 0
    assert not list(project.folder.glob("flowrun-*"))
