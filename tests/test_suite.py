"""Scenarios that share one process under pytest: what a person who presses Ctrl-C gets."""

from __future__ import annotations

import _thread
import time

from flowrun import engine
from flowrun.events import RunFinished
from flowrun.suite import Suite

ENVIRONMENT = "environment: here\nissuer: http://127.0.0.1:1\nclients: {default: {client_id: a, auth: none}}\n"
SCENARIO = "scenario: A name is set\nenvironment: here\nsteps:\n  - set: {a: 1}\n    expect: {a: 1}\n"


def test_ctrl_c_with_the_end_of_a_scenario_ends_the_others_too(tmp_path, monkeypatch):
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/here.yaml").write_text(ENVIRONMENT, "utf-8")
    (tmp_path / "a.yaml").write_text(SCENARIO, "utf-8")
    suite = Suite()
    plans, wrong = suite.read(tmp_path / "a.yaml")
    assert wrong == ""
    assert suite.run(plans[0]).status == "passed"
    events = engine.events

    def pressed(*arguments):
        for event in events(*arguments):
            if isinstance(event, RunFinished):
                _thread.interrupt_main()
                time.sleep(0.01)
            yield event

    monkeypatch.setattr(engine, "events", pressed)
    ended = suite.run(plans[0])
    suite.close()
    assert ended.status == "interrupted"
