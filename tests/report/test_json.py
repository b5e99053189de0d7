from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from flowrun.events import ScenarioStarted, StepFinished, StepStarted, Told
from flowrun.report import REPORTS, open_report
from flowrun.report.json import VERSION


def report(path, events):
    reporter = open_report("json", path)
    for event in events:
        reporter.tell(event)
    reporter.close()
    return json.loads(path.read_text("utf-8"))


def test_the_same_events_are_the_same_bytes(tmp_path, events):
    report(tmp_path / "one.json", events)
    report(tmp_path / "two.json", events)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_run_is_a_tree_of_scenarios_steps_and_what_happened_in_them(tmp_path, events):
    run = report(tmp_path / "run.json", events)
    assert (run["version"], run["exit_code"], run["counts"]) == (
        VERSION,
        1,
        {"passed": 1, "failed": 1, "not applicable": 1},
    )
    assert [(s["title"], s["status"], s["case"], s["exit_code"]) for s in run["scenarios"]] == [
        ("PAR passes", "passed", "", 0),
        ("PAR fails", "failed", "dp=1", 1),
        ("Other", "not applicable", "", 0),
    ]
    discover, push, revoke = run["scenarios"][0]["steps"]
    assert (discover["name"], discover["status"], discover["values"]) == (
        "discover",
        "passed",
        {"issuer": "i", "n": [1]},
    )
    assert [call["status"] for call in discover["calls"]] == [200]
    assert [(c["check"], c["outcome"]) for c in discover["checks"]] == [
        ("disc.par", "held"),
        ("disc.s256", "failed"),
        ("cb.iss", "deviation"),
    ]
    assert push["calls"][0]["sent_form"] == [["client_id", "flowrun"], ["scope", "a"]]
    assert push["pages"][0]["heading"] == "Sign in"
    assert push["expectations"] == [{"path": "request_uri", "held": True}]
    assert push["told"] == [{"label": "authorization URL", "value": "https://op.example/auth"}]
    assert push["problems"][0]["at"]["line"] == 12
    assert (revoke["status"], revoke["summary"]) == ("skipped", "nothing to undo")
    assert run["scenarios"][1]["problems"][1]["code"] == "not-refused"


def test_no_member_is_there_twice(tmp_path, events):
    def members(pairs):
        names = [name for name, _ in pairs]
        assert sorted(set(names)) == sorted(names)
        return dict(pairs)

    report(tmp_path / "run.json", [ScenarioStarted('a "steps": [] b', "a.yaml", "uat"), *events])
    json.loads((tmp_path / "run.json").read_text("utf-8"), object_pairs_hook=members)


def test_no_picture_is_inside(tmp_path, events):
    report(tmp_path / "run.json", events)
    assert "PNG" not in (tmp_path / "run.json").read_text("utf-8")


def test_the_file_takes_the_place_of_the_old_one_at_the_end(tmp_path, events):
    path = tmp_path / "deep" / "run.json"
    path.parent.mkdir()
    path.write_text("old", "utf-8")
    reporter = open_report("json", path)
    for event in events:
        reporter.tell(event)
        assert path.read_text("utf-8") == "old"
    assert len(list(path.parent.iterdir())) == 2
    reporter.close()
    assert [file.name for file in path.parent.iterdir()] == ["run.json"]
    assert json.loads(path.read_text("utf-8"))["version"] == VERSION


def test_folders_on_the_way_are_made(tmp_path):
    assert report(tmp_path / "a" / "b" / "run.json", [])["scenarios"] == []


def test_a_file_in_the_place_of_a_folder_is_told_before_the_run(tmp_path):
    (tmp_path / "x").write_text("", "utf-8")
    with pytest.raises(OSError, match="x"):
        open_report("json", tmp_path / "x" / "run.json")


def test_an_interrupted_run_leaves_what_it_did(tmp_path, events):
    run = report(tmp_path / "run.json", events[:9])
    assert "exit_code" not in run
    assert run["scenarios"][0]["steps"][1]["name"] == "push"
    assert run["scenarios"][0]["steps"][1]["status"] == run["scenarios"][0]["status"] == "interrupted"


def test_values_that_json_does_not_have_are_written_as_text(tmp_path):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    values = {"expires_at": moment, "größe": "ü", "half": "\ud83d", "quote": '"\\'}
    events = [
        ScenarioStarted("t", "f", "e"),
        StepStarted("s", "push"),
        StepFinished("s", "push", "passed", 0.1, values=values),
    ]
    (step,) = report(tmp_path / "run.json", events)["scenarios"][0]["steps"]
    assert step["values"] == {"expires_at": "2026-01-01 00:00:00+00:00", "größe": "ü", "half": "\ud83d", "quote": '"\\'}


def test_the_steps_that_a_use_runs_do_not_end_it(tmp_path):
    events = [
        ScenarioStarted("t", "f", "e"),
        StepStarted("use", "use"),
        StepStarted("push", "push"),
        StepFinished("push", "push", "passed", 0.1),
        StepFinished("use", "use", "failed", 0.2),
    ]
    steps = report(tmp_path / "run.json", events)["scenarios"][0]["steps"]
    assert [(step["name"], step["status"]) for step in steps] == [("use", "failed"), ("push", "passed")]


def test_what_happens_before_any_step_belongs_to_the_scenario(tmp_path):
    run = report(tmp_path / "run.json", [ScenarioStarted("t", "f", "e"), Told("note", "x")])
    (outside,) = run["scenarios"][0]["steps"]
    assert outside["name"] == "(scenario)"
    assert outside["told"] == [{"label": "note", "value": "x"}]


def test_what_a_server_says_stays_data(tmp_path):
    hostile = '</script><script>alert(1)</script>"}]'
    run = report(tmp_path / "run.json", [ScenarioStarted(hostile, "f", "e")])
    assert run["scenarios"][0]["title"] == hostile


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_opens_and_closes(tmp_path, kind):
    path = tmp_path / f"run.{kind}"
    open_report(kind, path).close()
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size > 0 or kind == "github"  # which has a line for each problem, and there is none
