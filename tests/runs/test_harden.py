"""`flowrun harden` and `flowrun coverage`: from one good scenario to a table of clauses."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
import yaml

from flowrun.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("in_repo")]
GOOD = "scenarios/par_dp.yaml"
QUICK = "tests/pack/environments/quick.yaml"


@pytest.fixture
def harden(flowrun_by_http: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """Harden the good scenario with the login by HTTP, and keep the run."""
    return lambda *arguments, good=GOOD, env=QUICK: flowrun_by_http(
        "harden", good, "--env", env, "--runs", str(tmp_path / "runs"), *arguments
    )


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out = capsys.readouterr()
    return int(ended.value.code or 0), out.out, out.err


def test_the_good_scenario_comes_first_with_all_its_checks_then_the_rows(harden):
    ran = harden("-k", "par-http")

    assert ran.code == 0
    assert [one["id"] for one in ran.report["scenarios"]] == [
        "par_dp",
        "par-http-delete",
        "par-http-get",
        "par-http-put",
    ]
    assert len(ran.checks("held")) > 50
    assert "4 passed" in ran.out
    assert "RFC 9126 §2.3" in ran.out


def test_what_can_not_be_tried_is_told_with_the_reason(harden):
    out = harden("-k", "dpop-bind").out

    assert "not testable here: 2 of the pack" in out
    assert "needs dpop, which is not there: dpop-bind-jkt, dpop-bind-par" in out


def test_a_row_that_fails_is_an_error_with_its_name_level_and_clause(harden, environment):
    ran = harden("-k", "code-reuse", env=environment(faults=["code.reuse"]))

    assert ran.code == 1
    assert "code-reuse" in ran.codes
    assert "error[code-reuse]: everything was accepted; a refusal was expected" in ran.out
    assert "RFC 6749 §4.1.2" in ran.out.partition("exercised")[2]
    assert "failed" in ran.out.partition("exercised")[2]


def test_where_the_good_scenario_fails_nothing_else_is_tried(harden, environment):
    ran = harden("-k", "par-http", env=environment(faults=["push.no-expires-in"]))

    assert ran.code == 1
    assert "3 not run: the good scenario did not pass, so a refusal would prove nothing" in ran.out


ROW = """\
scenario: Row {number} gets through
id: row-{number}
like: {good}
proves: {{level: must, clause: RFC 9126 §4}}
inputs: {{dp_id: ""}}
steps: [discover, sign: request_object, push, browse: {{session: new}}]
"""


def test_what_nobody_gets_past_is_not_tried_again_and_again(harden, environment, repo, tmp_path):
    """The rows ask for no data provider, so that a page comes up which the environment does not describe."""
    (tmp_path / "rows").mkdir()
    for number in range(5):
        text = ROW.format(number=number, good=repo / GOOD)
        (tmp_path / "rows" / f"row-{number}.yaml").write_text(text, "utf-8")
    pages = yaml.safe_load((repo / QUICK).read_text("utf-8"))["pages"]
    del pages["provider"]

    ran = harden("--pack", str(tmp_path / "rows"), env=environment(pages=pages))

    statuses = [one["status"] for one in ran.report["scenarios"]]
    assert statuses == ["passed", "failed", "failed", "failed", "not run", "not run"]
    assert ran.codes == ["page-unknown"] * 3
    assert "3 before it did not get past the same page" in ran.report["scenarios"][-1]["summary"]


def test_where_no_page_has_the_answer_of_a_row_it_is_left_out(harden, environment, repo):
    pages = yaml.safe_load((repo / QUICK).read_text("utf-8"))["pages"]
    del pages["consent"]["answers"]["deny"]

    out = harden("-k", "user-rejects", env=environment(pages=pages)).out

    assert "no page of the environment has the answer 'deny': user-rejects" in out


def test_an_answer_of_a_row_is_given_on_the_page_that_has_it(harden, environment, repo, tmp_path):
    pages = yaml.safe_load((repo / QUICK).read_text("utf-8"))["pages"]
    pages["approval"] = pages.pop("consent")
    good = (
        (repo / GOOD)
        .read_text("utf-8")
        .replace("consent: approve", "approval: approve")
        .replace(": consent}", ": approval}")
    )
    (tmp_path / "good.yaml").write_text(good, "utf-8")

    ran = harden("-k", "user-rejects", good=str(tmp_path / "good.yaml"), env=environment(pages=pages))

    assert (ran.code, len(ran.report["scenarios"])) == (0, 2), ran.out


def test_what_the_good_scenario_got_is_believed_more_than_the_metadata(harden, monkeypatch):
    monkeypatch.setattr("flowrun.sandbox.metadata.GRANT_TYPES", ["authorization_code"])

    ran = harden("-k", "ref-no-auth")

    assert [one["status"] for one in ran.report["scenarios"]] == ["passed", "passed"]


def test_waits_overlap(harden):
    ran = harden("-k", "expired")

    assert ran.code == 0
    waiting = [one for one in ran.report["scenarios"] if one["id"] in {"par-expired", "code-expired"}]
    assert len(waiting) == 2
    began = [one["at"] for one in waiting]
    assert max(began) < min(one["at"] + one["seconds"] for one in waiting)


def test_list_sends_nothing_and_tells_levels(capsys):
    code, out, _ = said(capsys, "harden", GOOD, "--list", "--env", QUICK)

    assert code == 0
    assert "par-expired" in out
    assert "rows apply" in out
    assert "not testable here" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scenarios/par_deny.yaml"], "error[not-good]: a scenario that is refused is no good one to begin with"),
        ([GOOD, "--second", "thrid"], "error[unknown-client]: --second thrid: no client has this name"),
        ([GOOD, "-k", "nothing like it"], "error[no-scenario]: no row of the pack has these tags or this text"),
        ([GOOD, "--pack", "schemas"], "error[no-scenario]: no scenario in schemas/"),
        (["scenarios/nothing.yaml"], "error[file-missing]: there is no file scenarios/nothing.yaml"),
        ([GOOD, "--env", "nowhere"], "error[unknown-environment]: there is no environment 'nowhere'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(capsys, arguments, says):
    code, out, err = said(capsys, "harden", *arguments)

    assert (code, out) == (2, "")
    assert err.startswith(says)


def test_a_row_of_ones_own_that_proves_nothing_is_a_mistake(capsys, tmp_path, repo):
    text = f"scenario: Mine\nlike: {repo / GOOD}\nsteps: [discover]\n"
    (tmp_path / "mine.yaml").write_text(text, "utf-8")

    code, _, err = said(capsys, "harden", GOOD, "--pack", str(tmp_path))

    assert code == 2
    assert "error[no-rule]: this proves nothing: it has no `proves`" in err


def test_coverage_shows_clauses_and_scenarios_of_kept_runs(harden, capsys, tmp_path):
    harden("-k", "par-http")

    _, text, _ = said(capsys, "coverage", str(tmp_path / "runs"))
    _, markdown, _ = said(capsys, "coverage", "--as", "markdown", str(tmp_path / "runs"))
    _, matrix, _ = said(capsys, "coverage", "--as", "csv", str(tmp_path / "runs"))

    assert "clauses exercised" in text
    assert "| RFC 9126 §2.3 |" in markdown
    table = {line["clause"]: line for line in csv.DictReader(matrix.splitlines())}
    assert table["RFC 9126 §2.3"]["par-http-put"] == "passed"
    assert table["RFC 9126 §2.3"]["par_dp"] in {"", "skipped"}


def test_coverage_without_a_run_is_a_mistake(capsys, tmp_path):
    code, _, err = said(capsys, "coverage", str(tmp_path))

    assert code == 2
    assert err.startswith("error[no-run]: no run was kept in")
