"""A kept run gives back the events it was made of, and two runs are compared."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from flowrun import grammar
from flowrun.errors import FlowrunError
from flowrun.events import PageSeen, RunFinished, ScenarioStarted
from flowrun.report import open_report
from flowrun.report.archive import Kept, read
from flowrun.report.archive import events as again
from flowrun.report.compare import compare, failed


def kept(path, events):
    reporter = open_report("json", path)
    for event in events:
        reporter.tell(event)
    reporter.close()
    return path


def test_a_kept_run_is_what_the_published_schema_says(tmp_path, events):
    run = read(kept(tmp_path / "report.json", events))
    jsonschema.Draft7Validator(dict(grammar.schema("report"))).validate(run)


def test_the_events_come_back(tmp_path, events):
    path = kept(tmp_path / "report.json", events)
    second = kept(tmp_path / "second.json", list(again([Kept(path)])))
    assert second.read_text("utf-8") == path.read_text("utf-8")


def test_a_cut_off_run_comes_back_as_one(tmp_path, events):
    path = kept(tmp_path / "report.json", events[:9])
    found = list(again([Kept(path)]))
    assert not any(isinstance(event, RunFinished) for event in found)
    assert [event.title for event in found if isinstance(event, ScenarioStarted)] == ["PAR passes"]


def test_pictures_are_read_from_where_they_were_put(tmp_path, events):
    (tmp_path / "01.png").write_bytes(b"PNG")
    named = [
        replace(event, screenshot_file=str(tmp_path / "01.png")) if isinstance(event, PageSeen) else event
        for event in events
    ]
    found = again([Kept(kept(tmp_path / "report.json", named))])
    assert [event.screenshot for event in found if isinstance(event, PageSeen)] == [b"PNG"]


def test_shards_are_one_run(tmp_path, events, one):
    first, second = kept(tmp_path / "1.json", one), kept(tmp_path / "2.json", events)
    found = list(again([Kept(first), Kept(second)]))
    assert found[0].scenarios == 4
    assert (found[-1].counts, found[-1].exit_code) == ({"passed": 2, "failed": 1, "not applicable": 1}, 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "scenarios": []}'])
def test_what_is_no_run_is_told(tmp_path, text):
    (tmp_path / "report.json").write_text(text, "utf-8")
    with pytest.raises(FlowrunError) as told:
        read(tmp_path)
    assert told.value.problems[0].code == "no-run"


def scenario(title="S", status="passed", **more):
    made = {"title": title, "file": "s.yaml", "environment": "uat", "case": "", "status": status, "steps": []}
    return {**made, "summary": "it was refused" if status == "failed" else "", "problems": [], **more}


def run(*scenarios):
    return {"scenarios": list(scenarios)}


def test_what_broke_and_what_was_mended():
    before = run(scenario(file="1"), scenario(file="2", status="failed"), scenario(file="3", status="failed"))
    after = run(scenario(file="1", status="failed"), scenario(file="2"), scenario(file="3", status="failed"))
    found = compare(before, after)
    assert found.broken == ["S (uat): it was refused"]
    assert found.mended == ["S (uat)"]
    assert found.still == ["S (uat): it was refused"]
    assert failed(after["scenarios"]) == {("1", "uat", ""), ("3", "uat", "")}


def test_what_is_new_and_what_is_gone():
    found = compare(run(scenario("A", file="a")), run(scenario("B", file="b", case="x")))
    assert (found.new, found.gone) == (["B [x] (uat): passed"], ["A (uat)"])


def step(seconds, *calls, name="push"):
    return {"name": name, "status": "passed", "seconds": seconds, "calls": list(calls)}


def test_a_slower_step_is_told_and_noise_is_not():
    before = run(scenario(steps=[step(1.0), step(0.1, name="sign")]))
    after = run(scenario(steps=[step(1.6), step(0.4, name="sign")]))
    assert compare(before, after).slower == ["S (uat), step push: 1.0 s before, 1.6 s now"]


def call(url, body):
    return {"url": url, "text": json.dumps(body)}


def test_what_the_server_changed():
    metadata = "https://op.example/.well-known/openid-configuration"
    old = [
        call(metadata, {"issuer": "i", "scopes_supported": ["a"], "gone": 1}),
        call("https://op/jwks", {"keys": [{"kid": "1"}]}),
    ]
    now = [
        call(metadata, {"issuer": "i", "scopes_supported": ["a", "b"], "new": True}),
        call("https://op/jwks", {"keys": [{"kid": "2"}]}),
    ]
    found = compare(run(scenario(steps=[step(1, *old)])), run(scenario(steps=[step(1, *now)])))
    assert found.drift == [
        'uat, JWKS: key 1 is gone, it was {"kid": "1"}',
        'uat, JWKS: key 2 is new, {"kid": "2"}',
        "uat, metadata: gone is gone, it was 1",
        "uat, metadata: new is new, true",
        'uat, metadata: scopes_supported was ["a"], it is ["a", "b"]',
    ]
