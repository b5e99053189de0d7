from __future__ import annotations

from flowrun.steps import set as set_step


def test_names_are_left_for_later_steps(tools):
    names = {"a": 1, "b": {"c": [2]}}
    outcome = set_step.run(set_step.Set(names=names), tools())
    assert (outcome.values, outcome.leaves, outcome.summary) == (names, names, "a, b")
    assert outcome.answer is None
