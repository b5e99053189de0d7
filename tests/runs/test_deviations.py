"""Deviations that name a scenario are its known failures: excused while they last, told when they no longer happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from flowrun.errors import FAILED, HELD, WRONG_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Ran

WRONG = "scenario: A\nid: a\nsteps: [{set: {one: 1}, expect: {one: 2}}]\n"
RIGHT = "scenario: A\nid: a\nsteps: [{set: {one: 1}, expect: {one: 1}}]\n"
NEVER_REFUSED = "scenario: A\nid: a\nsteps: [{set: {one: 1}, expect: {one: 1}}]\noutcome: {refused: {push: any}}\n"
USES = "scenario: A\nid: a\nsteps: [{use: {file: inner.yaml}}]\n"
KNOWN = {"check": "expectation", "scenario": "a", "reason": "they know, ticket 7"}


@pytest.fixture
def run(flowrun_run: Callable[..., Ran], scenario: Callable[..., str], tmp_path: Path) -> Callable[..., Ran]:
    """Run a scenario with these deviations against a server that nobody calls."""

    def written(text: str, *deviations: dict[str, str]) -> Ran:
        path = tmp_path / "here.yaml"
        data = {"environment": "here", "issuer": "http://127.0.0.1:9", "clients": {"default": {"client_id": "a"}}}
        path.write_text(yaml.safe_dump({**data, "deviations": list(deviations)}), "utf-8")
        return flowrun_run(scenario(text), "--env", str(path), "--runs", "none")

    return written


def test_a_known_failure_fails_nothing_and_is_told(run):
    ran = run(WRONG, KNOWN)
    assert ran.code == HELD
    assert "warning[expectation]: one is not what was expected" in ran.out
    assert "known failure  they know, ticket 7" in ran.out
    assert "1 known deviation" in ran.last_line
    assert ran.scenario["status"] == "passed"


@pytest.mark.parametrize(
    "changed", [{"scenario": "b"}, {"check": "not-refused"}, {"until": "2020-01-31"}], ids=lambda one: next(iter(one))
)
def test_it_excuses_neither_other_scenarios_nor_other_problems_nor_for_ever(run, changed):
    ran = run(WRONG, {**KNOWN, **changed})
    assert ran.code == FAILED
    assert ran.codes.count("expectation") == 1
    assert "known failure" not in ran.out


def test_its_day_is_told_when_it_is_over(run):
    assert (
        "warning[deviation-ended]: the deviation expectation was accepted until 2020-01-31"
        in run(RIGHT, {**KNOWN, "until": "2020-01-31"}).out
    )


def test_an_unexpected_pass_is_told(run):
    ran = run(RIGHT, KNOWN)
    assert ran.code == HELD
    assert "note: the deviation expectation is no longer needed: a passed without it" in ran.out


def test_another_scenario_says_nothing_of_it(run):
    assert "no longer needed" not in run(RIGHT, {**KNOWN, "scenario": "b"}).out


def test_that_a_refusal_does_not_come_can_be_known_too(run):
    assert run(NEVER_REFUSED).codes == ["not-refused"]
    ran = run(NEVER_REFUSED, {**KNOWN, "check": "not-refused"})
    assert ran.code == HELD
    assert "warning[not-refused]" in ran.out


def test_a_failure_in_a_file_that_is_used_is_the_scenarios_own(run, scenario):
    scenario("scenario: Inner\nid: inner\nsteps: [{set: {one: 1}, expect: {one: 2}}]\n", "inner.yaml")
    assert run(USES).code == FAILED
    assert run(USES, KNOWN).code == HELD


def test_a_code_without_a_scenario_and_a_check_that_is_none_are_mistakes(run):
    for wrong in ({"check": "expectation", "reason": "all of them"}, {**KNOWN, "check": "push.status-2O1"}):
        ran = run(WRONG, wrong)
        assert ran.code == WRONG_FILE
        assert "unknown-check" in ran.err
