"""Every mistake in tests/broken: `flowrun check FILE` ends with 2 and says what stands beside the file, to the letter.

A file `NAME.yaml` has its text in `NAME.err`. Environments that scenarios of the folder use are in `environments/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowrun.cli import main
from flowrun.errors import HELD, WRONG_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN = Path(__file__).with_name("broken")
FILES = sorted(file for file in BROKEN.rglob("*.yaml") if file.parent.name != "environments")
ENVIRONMENTS = sorted((BROKEN / "environments").glob("*.yaml"))
KINDS_OF_MISTAKE = ("yaml", "schema", "plan")  # what a name begins with; as-environment/ has environments alone


@pytest.fixture
def check(capsys, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """Run `flowrun check` in a folder; return exit code and both outputs."""

    def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as ended:
            main(["check", *arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture(autouse=True)
def _no_secret_is_set(monkeypatch) -> None:
    for name in ("CLIENT_ID", "SECRET", "PASSWORD"):
        monkeypatch.delenv(f"FLOWRUN_BROKEN_{name}", raising=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(BROKEN).with_suffix("")))
def test_a_mistake_is_told(file, check):
    code, out, err = check(file.parent, file.name)

    told = file.with_suffix(".err").read_text("utf-8")
    count = told.count("error[")
    if file.parent != BROKEN and count > 1:  # as-environment/ has the problems alone
        told += f"\n{count} problems; nothing was sent\n"
    assert err == told
    assert (out, code) == ("", WRONG_FILE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(BROKEN).with_suffix("")))
def test_a_text_points_at_a_line_and_knows_no_machine(file):
    text = file.with_suffix(".err").read_text("utf-8")

    assert text.startswith(("error[", "warning["))
    assert text.count("--> ") == text.count("error[") + text.count("warning[")
    assert str(BROKEN.parents[1]) not in text
    assert "/home/" not in text
    assert "Traceback" not in text


def test_every_text_has_its_file_and_every_file_a_kind():
    assert sorted(BROKEN.rglob("*.err")) == [file.with_suffix(".err") for file in FILES]
    assert {file.name.partition("-")[0] for file in FILES if file.parent == BROKEN} == set(KINDS_OF_MISTAKE)


def test_every_environment_is_used():
    used = {
        line.split()[1]
        for file in FILES
        if file.name.startswith("plan-")
        for line in file.read_text("utf-8").splitlines()
        if line.startswith("environment: ")
    }

    assert {file.stem for file in ENVIRONMENTS} == used - {"plane"}  # the one that there is not
    assert all(f"environment: {file.stem}\n" in file.read_text("utf-8") for file in ENVIRONMENTS)


def test_the_environment_of_most_of_them_has_no_mistake(check):
    code, out, err = check(BROKEN, "environments/plain.yaml")

    assert (code, err) == (HELD, "")
    assert "nothing wrong found" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["no-such-file.yaml"],
            "error[file-missing]: there is no file no-such-file.yaml\n",
        ),
        (["environments"], "error[no-scenario]: no scenario in environments/\n"),
        (["plan-secrets.yaml", "--env", "plane"], "error[unknown-environment]: there is no environment 'plane'\n"),
        (["plan-secrets.yaml", "--env", "nowhere/x.yaml"], "error[unknown-environment]: there is no environment file"),
        (["plan-inputs.yaml", "--set", "dpid=1"], "error[unknown-input]: --set dpid: no scenario here has an input"),
        (["plan-inputs.yaml", "--set", "count=many"], "error[wrong-value]: --set count: expected a number, got 'many'"),
        (["plan-inputs.yaml", "--set", "count"], "error[bad-option]: --set count: write --set NAME=VALUE\n"),
        (["plan-secrets.yaml", "--tag", "none"], "error[no-scenario]: no scenario has these tags or this text\n"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(check, arguments, told):
    code, out, err = check(BROKEN, *arguments)

    assert told in err
    assert (out, code) == ("", WRONG_FILE)


def test_several_files_are_told_of_together(check):
    code, _, err = check(BROKEN, "plan-secrets.yaml", "plan-unknown-user.yaml", "no-such-file.yaml")

    for name in ("plan-secrets", "plan-unknown-user"):
        assert (BROKEN / f"{name}.err").read_text("utf-8") in err
    assert "no-such-file.yaml" in err
    assert err.endswith("\n3 problems; nothing was sent\n")
    assert code == WRONG_FILE
