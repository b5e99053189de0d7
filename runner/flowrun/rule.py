"""The one rule that a scenario proves (`proves:`): what of its problems breaks the rule, and what is said then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowrun import blame
from flowrun.errors import FAILED
from flowrun.events import Judged

if TYPE_CHECKING:
    from flowrun.errors import Problem
    from flowrun.profiles import Profile
    from flowrun.scenario import Scenario, WrittenStep

# Of these nobody can tell what they say of the server: the pages are not described well enough, or a file is wrong.
_UNCLEAR: Final = ("page-", "control-", "answer-", "option-", "window-", "tamper-", "browser-", "wait-too-long")


def concerns(scenario: Scenario, step: WrittenStep) -> bool:
    """Tell whether a step is one that the rule is about; what stands before leads there, what comes after tidies up."""
    proves = scenario.proves
    return proves is not None and step.at[0] == "steps" and int(step.at[1]) >= proves.since


def broken_by(problem: Problem) -> bool:
    """Tell whether a problem of such a step breaks the rule."""
    return problem.exit_code == FAILED and not problem.warning and not problem.code.startswith(_UNCLEAR)


def told(problems: Sequence[Problem], scenario: Scenario, profile: Profile) -> list[Problem]:
    """Return the problems of such a step as the rule has them: under its id, at its level; noted ones are left out."""
    assert scenario.proves is not None  # noqa: S101  `concerns` has said so
    level = scenario.proves.level_in(profile.family)
    found = []
    for problem in problems:
        if not broken_by(problem):
            found.append(problem)
        elif level in {"must", "should"}:
            facts = (("rule", scenario.title), ("spec", scenario.proves.clause), *problem.facts)
            whose = problem.blame or f"{blame.THEIRS}: {scenario.proves.clause}"
            found.append(replace(problem, code=scenario.id, facts=facts, warning=level == "should", blame=whose))
    return found


def judged(scenario: Scenario, profile: Profile, complaint: str, deviation: str, *, tried: bool) -> Judged:
    """Return what came of the rule, as of an automatic check; `tried`: the run came as far as that."""
    assert scenario.proves is not None  # noqa: S101  the caller has looked
    level = scenario.proves.level_in(profile.family)
    word = "deviation" if deviation else "noted" if level == "info" else "failed"
    if not complaint:
        word = "held" if tried else "skipped"
        complaint = "" if tried else "the run did not come as far as that"
    return Judged(scenario.id, level, word, scenario.title, scenario.proves.clause, complaint, deviation)
