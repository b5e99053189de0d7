"""--shard: all parts are everything once and take equally long; merged they are the report of one run."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from flowrun.cli import main
from flowrun.cli.shard import part_of
from flowrun.report.folder import kept

JSON = {"Content-Type": "application/json"}
ENVIRONMENT = "environment: sandbox\nissuer: {url}\nclients: {{default: {{client_id: a, auth: none}}}}\n"
CALL = "scenario: {title}\nsteps:\n  - call: {{url: {url}{path}}}\n    expect: {{ok: true}}\n"
KINDS = {"json": "json", "junit": "xml", "markdown": "md", "github": "txt", "gitlab": "json", "html": "html"}
TIMES = re.compile(
    r"\d\d:\d\d:\d\d GMT|\d{4}-\d\d-\d\dT[\d:.+]+|\d\d? \w+ \d{4}, [\d:]+|\d+(\.\d+)?( m?s\b)|[\d.]+e-\d+|\d+\.\d+"
)


class Plan:
    def __init__(self, file: str) -> None:
        self.key = (file, "uat", "")


def report(folder: Path, seconds: dict[str, float], **more: Any) -> None:
    folder.mkdir(parents=True)
    scenarios = [
        {"file": file, "environment": "uat", "case": "", "status": "passed", "seconds": took}
        for file, took in seconds.items()
    ]
    (folder / "report.json").write_text(
        json.dumps({"version": 2, "began": 1.0, **more, "scenarios": scenarios}), "utf-8"
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_all_parts_together_are_everything_once_in_order(tmp_path, count):
    plans = [Plan(f"{number}.yaml") for number in range(20)]
    parts = [part_of(plans, (number, count), tmp_path) for number in range(1, count + 1)]
    assert sorted(plan.key for some, _ in parts for plan in some) == sorted(plan.key for plan in plans)
    assert len({shard.cut for _, shard in parts}) == 1
    for some, shard in parts:
        assert [plans[place] for place in shard.places] == some
        assert list(shard.places) == sorted(shard.places)
        assert abs(len(some) - 20 / count) < 1


def test_parts_take_equally_long_by_what_the_last_runs_say(tmp_path):
    rng = random.Random(7)
    seconds = {f"{number}.yaml": rng.choice([0.1, 1.0, 30.0]) * rng.random() for number in range(200)}
    report(tmp_path / "2026-11-20_06-00-00", dict.fromkeys(seconds, 1.0))
    report(tmp_path / "2026-11-21_06-00-00", seconds)
    parts = [part_of([Plan(file) for file in seconds], (number, 4), tmp_path)[0] for number in (1, 2, 3, 4)]
    took = [sum(seconds[plan.key[0]] for plan in part) for part in parts]
    assert max(took) - min(took) < 0.02 * max(took)


def test_what_is_new_counts_as_the_median_and_parts_of_runs_say_nothing(tmp_path):
    whole = {"a.yaml": 10.0, "b.yaml": 2.0, "c.yaml": 2.0}
    report(tmp_path / "2026-11-20_06-00-00", whole)
    plans = [Plan(f"{name}.yaml") for name in "abcdef"]
    before = [part_of(plans, (number, 2), tmp_path) for number in (1, 2)]
    assert [plan.key[0] for plan in before[0][0]] == ["a.yaml"]
    shard = {"number": 1, "count": 2, "scenarios": 3, "cut": "x", "places": [0]}
    report(tmp_path / "2026-11-21_06-00-00", {"a.yaml": 0.1}, shard=shard)
    (tmp_path / "2026-11-22_06-00-00").mkdir()
    (tmp_path / "2026-11-22_06-00-00" / "report.json").write_text('{"version": 1, "scenarios": []}', "utf-8")
    after = [part_of(plans, (number, 2), tmp_path) for number in (1, 2)]
    assert [part.cut for _, part in after] == [part.cut for _, part in before]


def test_many_kept_parts_do_not_hide_the_last_whole_run(tmp_path):
    report(tmp_path / "2026-11-20_06-00-00", {"a.yaml": 10.0, "b.yaml": 2.0, "c.yaml": 2.0})
    plans = [Plan(f"{name}.yaml") for name in "abc"]
    before = part_of(plans, (1, 2), tmp_path)[1]
    shard = {"number": 1, "count": 2, "scenarios": 3, "cut": "x", "places": [0]}
    for second in range(30):
        report(tmp_path / f"2026-11-21_06-00-{second:02}", {"a.yaml": 0.1}, shard=shard)
    assert part_of(plans, (1, 2), tmp_path)[1].cut == before.cut


def test_a_run_with_a_name_of_its_own_is_as_old_as_its_report(tmp_path):
    report(tmp_path / "merged", {"a.yaml": 1.0})
    report(tmp_path / "2026-11-21_06-00-00", {"a.yaml": 1.0})
    for written, last in ((0, "2026-11-21_06-00-00"), (4e9, "merged")):
        os.utime(tmp_path / "merged" / "report.json", (written, written))
        assert kept(tmp_path)[0].name == last


def test_other_times_make_another_cut(tmp_path):
    plans = [Plan("a.yaml"), Plan("b.yaml"), Plan("c.yaml")]
    one = part_of(plans, (1, 2), tmp_path)[1]
    report(tmp_path / "2026-11-20_06-00-00", {"a.yaml": 10.0, "b.yaml": 1.0, "c.yaml": 1.0})
    assert part_of(plans, (1, 2), tmp_path)[1].cut != one.cut


@pytest.fixture
def suite(tmp_path: Path, stub: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite" / "environments").mkdir(parents=True)
    (tmp_path / "suite" / "environments" / "sandbox.yaml").write_text(ENVIRONMENT.format(url=stub.url), "utf-8")
    stub.answers["/good"], stub.answers["/bad"] = (200, JSON, '{"ok": true}'), (200, JSON, '{"ok": false}')
    for number in range(9):
        text = CALL.format(title=f"Number {number}", url=stub.url, path="/bad" if number in {2, 5} else "/good")
        more = "needs: [mtls]\n" if number == 7 else ""
        (tmp_path / "suite" / f"{number}.yaml").write_text(text + more, "utf-8")
    return tmp_path


def reports(folder: Path, *runs: str) -> dict[str, str]:
    """Make every kind of report of these runs; return them without what is another each time."""
    made = {kind: folder / f"{len(runs)}-{kind}.{ending}" for kind, ending in KINDS.items()}
    with pytest.raises(SystemExit) as ended:
        main(["report", *runs, *(f"--report={kind}={path}" for kind, path in made.items())])
    assert not ended.value.code
    return {kind: TIMES.sub("TIME", path.read_text("utf-8")) for kind, path in made.items()}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_parts_merged_are_the_report_of_one_run(suite, flowrun_alone, jobs):
    assert flowrun_alone("suite", "--runs", "whole").code == 1
    codes = {flowrun_alone("suite", "--runs", "parts", "--shard", f"{n}/3", "--jobs", jobs).code for n in (1, 2, 3)}
    assert codes <= {0, 1}
    parts = sorted(str(path) for path in Path("parts").iterdir())
    assert len(parts) == 3
    one = reports(suite, *(str(path) for path in Path("whole").iterdir()))
    merged = reports(suite, *reversed(parts))  # in whatever order they are named
    for kind in KINDS:
        assert merged[kind] == one[kind], kind


@pytest.mark.usefixtures("suite")
def test_parts_that_do_not_fit_are_not_merged(flowrun_alone):
    flowrun_alone("suite", "--runs", "parts", "--shard", "1/2")
    flowrun_alone("suite", "--runs", "parts", "--shard", "2/3")
    parts = sorted(str(path) for path in Path("parts").iterdir())
    ran = flowrun_alone("report", *parts)
    assert (ran.code, "error[shards-differ]" in ran.err) == (2, True)
    ran = flowrun_alone("report", parts[0], parts[0])
    assert (ran.code, "part 1 of 2 is there twice" in ran.err) == (2, True)
    ran = flowrun_alone("report", parts[0])
    assert (ran.code, "part 2 of the suite is missing" in ran.err) == (0, True)


@pytest.mark.usefixtures("suite")
def test_a_part_without_a_scenario_and_one_that_does_not_apply_are_no_failure(flowrun_alone):
    ran = flowrun_alone("suite/7.yaml", "--runs", "none", "--shard", "1/2")
    assert (ran.code, ran.scenario["status"]) == (0, "not applicable")
    ran = flowrun_alone("suite/7.yaml", "--runs", "none", "--shard", "2/2")
    assert (ran.code, ran.report["scenarios"]) == (0, [])
    assert "nothing falls into part 2 of 2" in ran.out
    assert flowrun_alone("suite/7.yaml", "--runs", "none").code == 1


@pytest.mark.usefixtures("suite")
def test_every_part_sees_the_same_failures_of_the_run_before(flowrun_alone):
    flowrun_alone("suite", "--runs", "kept")
    codes = [flowrun_alone("suite", "--runs", "kept", "--failed-first", "--shard", f"{n}/2").code for n in (1, 2)]
    assert max(codes) == 1
    parts = sorted(str(path) for path in Path("kept").iterdir())[-2:]
    ran = flowrun_alone("report", *parts)
    assert (ran.code, ran.report["exit_code"], len(ran.report["scenarios"])) == (0, 1, 9)


@pytest.mark.usefixtures("suite")
def test_a_report_of_one_part_is_that_part(flowrun_alone):
    flowrun_alone("suite/7.yaml", "--runs", "kept", "--shard", "2/2")
    ran = flowrun_alone("report", *map(str, Path("kept").iterdir()))
    assert (ran.report["exit_code"], ran.report["shard"]["number"]) == (0, 2)
    assert flowrun_alone("suite/7.yaml", "--runs", "none", "--shard", "1/1").code == 1  # all of it


@pytest.mark.usefixtures("suite")
@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_what_is_no_part_is_told(flowrun_alone, text):
    ran = flowrun_alone("suite", "--shard", text)
    assert (ran.code, "like 1/4" in ran.err) == (2, True)
