"""A fault of flowrun itself is told in words: exit code 1, no secret, no path of the machine, what to report."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from flowrun.cli import main
from flowrun.cli.fault import LONGEST, problem_of
from flowrun.errors import FAILED, WRONG_FILE, FlowrunError, Problem, draw
from flowrun.running import Run

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cret/ +fault\n\"<'"
ENVIRONMENT = "environment: here\nissuer: http://127.0.0.1:9\nclients: {default: {client_id: a}}\n"


@pytest.fixture
def told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, str]]:
    """Run a scenario and return the exit code and what came out, of both streams."""
    (tmp_path / "here.yaml").write_text(ENVIRONMENT, "utf-8")
    (tmp_path / "a.yaml").write_text("scenario: A\nsteps: [{set: {a: 1}, expect: {a: 1}}]\n", "utf-8")

    def run() -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(tmp_path / "a.yaml"), "--env", str(tmp_path / "here.yaml"), "--runs", "none"])
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def test_a_fault_in_a_step_is_told_without_secrets(told, monkeypatch, tmp_path):
    def broken(self, step):
        self.session.redactor.learn("token", SECRET)
        raise RuntimeError(f"went wrong with {SECRET} and {quote(SECRET)} of {step.name}") from KeyError(SECRET)

    monkeypatch.setattr(Run, "_attempt", broken)
    code, text = told()
    assert code == FAILED
    assert (
        "error[internal-error]: flowrun itself failed: RuntimeError: went wrong with ‹token› and ‹token› of set" in text
    )
    assert "because of  KeyError: " in text
    assert "flowrun/running.py:" in text
    assert "in _step" in text
    assert "report these lines" in text
    assert "s3cret" not in text
    assert "Traceback" not in text
    fault = text.partition("error[internal-error]")[2]
    assert str(tmp_path) not in fault
    assert str(Path(__file__).parents[2]) not in fault


def test_a_fault_of_another_thread_is_told_the_same_way(told, monkeypatch):
    def broken(self, step):  # noqa: ARG001  a method's signature
        self.session.redactor.learn("token", SECRET)

        def work():
            raise RuntimeError(SECRET)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.append(arguments.exc_type))
    monkeypatch.setattr(Run, "_attempt", broken)
    code, text = told()
    assert code == FAILED
    assert "flowrun itself failed: RuntimeError: ‹token›" in text
    assert "s3cret" not in text
    assert seen == [RuntimeError]  # who asked before us is asked too


def test_a_problem_that_nobody_caught_keeps_its_words_and_its_code(told, monkeypatch):
    problem = Problem("wrong-value", "a value is wrong", exit_code=WRONG_FILE)
    monkeypatch.setattr(Run, "run", lambda _: (_ for _ in ()).throw(FlowrunError(problem)))
    assert told() == (WRONG_FILE, draw(problem))


def test_a_long_text_is_cut_and_an_empty_one_is_left_out():
    long = problem_of(ValueError("x" * 1000)).title
    assert long.endswith("…")
    assert len(long) < LONGEST + 50
    assert problem_of(AssertionError()).title == "flowrun itself failed: AssertionError"
