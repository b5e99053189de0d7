"""What happened is the same on the other side, whatever it was."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import get_args

from flowrun import events
from flowrun.errors import Problem, Span
from flowrun.jobs.parcel import _KINDS, pack, unpack

PROBLEM = Problem("code", "title", Span("a.yaml", 1, 2, 3, "text"), "label", (("a", "b"),), "hint", 1, blame="nobody")
MADE = [
    events.ScenarioStarted("T", "a.yaml", "uat", "case", "why", ("one",), (PROBLEM,), "id", ("tag",), "ofm", 3, 1.5),
    events.StepStarted("one", "call", after=True, line=4, at=1.0),
    events.Called("GET", "https://x", 200, 0.1, {"a": "b"}, (("c", "d"),), {"e": "f"}, "text", "sent", 2.0),
    events.JwtSeen("id_token", False, {"alg": "PS256"}, {"sub": ["x", 1, None]}, "no"),
    events.PageSeen("login", "https://x", "Sign in", None, "text", 0.5, b"\x89PNG\0"),
    events.Told("label", "ü \ud83d"),
    events.Judged("a.b", "must", "held", "sentence", "clause", "complaint", "deviation"),
    events.Expected("path", held=False),
    events.StepFinished("one", "call", "failed", 0.5, "summary", (PROBLEM,), {"values": [1, {"deep": True}]}),
    events.ScenarioFinished("T", "failed", 1.0, "summary", 1, "uat", "a.yaml", "case", "id", (PROBLEM,)),
]


def test_every_kind_of_event_comes_back_as_it_was():
    assert unpack(pack(MADE)) == MADE
    assert unpack(pack([])) == []


def test_every_event_of_a_scenario_has_a_place_in_the_parcel():
    of_a_run = {events.RunStarted, events.RunFinished, events.UnderWay}  # told by the process that tells
    assert set(_KINDS) == set(get_args(events.Event)) - of_a_run == {type(event) for event in MADE}
    assert all(is_dataclass(kind) and len(fields(kind)) > 1 for kind in _KINDS)
