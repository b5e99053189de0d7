"""The one rule that a scenario proves: what breaks it, under which name and level it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from flowrun.scenario import Proof

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Ran

BREAKS = "steps: [{set: {one: 1}}, {set: {two: 1}, name: second, expect: {two: 2}}]\n"
HOLDS = "steps: [{set: {one: 1}, expect: {one: 1}}]\n"


@pytest.fixture
def run(flowrun_run: Callable[..., Ran], scenario: Callable[..., str], tmp_path: Path) -> Callable[..., Ran]:
    """Run a scenario `a` that proves a rule, against a server that nobody calls."""

    def written(proves: str, steps: str, *, profile: str = "fapi2", **more: object) -> Ran:
        path = tmp_path / "here.yaml"
        data = {"environment": "here", "issuer": "http://127.0.0.1:9", "clients": {"default": {"client_id": "a"}}}
        path.write_text(yaml.safe_dump({**data, "profile": profile, **more}), "utf-8")
        text = f"scenario: The rule\nproves: {{{proves}, clause: RFC 9126 §2.2}}\n{steps}"
        if "id:" not in steps:
            text += "id: a\n"
        return flowrun_run(scenario(text), "--env", str(path), "--runs", "none")

    return written


@pytest.mark.parametrize(
    ("level", "code", "word"), [("must", 1, "error[a]"), ("should", 0, "warning[a]"), ("info", 0, "")]
)
def test_a_broken_rule_has_the_name_of_the_scenario_and_its_level(run, level, code, word):
    ran = run(f"level: {level}", BREAKS)

    assert ran.code == code
    assert word in ran.out
    assert ran.codes == (["a"] if word else [])
    assert ran.checks("noted" if level == "info" else "failed") == {"a"}


def test_it_tells_the_rule_and_the_clause(run):
    out = run("level: must", BREAKS).out

    assert "= rule" in out
    assert "The rule" in out
    assert "RFC 9126 §2.2" in out


def test_a_rule_that_holds_is_one_check_and_no_other_is_run(run):
    ran = run("level: must", HOLDS)

    assert ran.code == 0
    assert ran.checks("held") == {"a"}


def test_what_goes_wrong_before_says_nothing_of_the_rule(run, tmp_path):
    (tmp_path / "good.yaml").write_text("scenario: Good\nsteps: [discover, {set: {one: 1}}]\n", "utf-8")

    ran = run("level: must", "like: good.yaml\nsteps: [discover, {set: {one: 2}, expect: {one: 2}}]\n")

    assert "a" not in ran.codes
    assert ran.checks("skipped") == {"a"}
    assert ran.code != 0


@pytest.mark.parametrize("where", [{"check": "a", "scenario": "a"}, {"check": "par-expired"}])
def test_a_deviation_excuses_it(run, where):
    ran = run("level: must", f"id: {where['check']}\n{BREAKS}", deviations=[{**where, "reason": "ticket 7"}])

    assert ran.code == 0
    assert "ticket 7" in ran.out


def test_a_rule_that_the_profile_does_not_have_is_not_tried(run):
    ran = run('level: must, but: {fapi2: "off"}', BREAKS)

    assert ran.scenario["status"] == "not applicable", ran.out
    assert "the profile fapi2 does not ask for it" in ran.out


@pytest.mark.parametrize(
    ("family", "level"), [(("ofm", "fapi2"), "off"), (("fapi2",), "should"), (("oauth2",), "must")]
)
def test_the_nearest_profile_decides(family, level):
    assert Proof("must", "RFC 1", but={"ofm": "off", "fapi2": "should"}).level_in(family) == level
