from __future__ import annotations

from flowrun.steps import use
from flowrun.steps.base import Outcome


def test_whoever_runs_steps_gets_inputs_and_outputs(tools):
    asked = []

    def runs(inputs, outputs):
        asked.append((inputs, outputs))
        return Outcome({"done": True})

    ours = tools(use=runs)
    assert use.run(use.Use(file="other.yaml", inputs={"a": 1}, outputs={"b": "c"}), ours).values == {"done": True}
    use.run(use.Use(file="other.yaml"), ours)
    assert asked == [({"a": 1}, {"b": "c"}), ({}, {})]
