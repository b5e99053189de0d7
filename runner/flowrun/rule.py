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
    from flowrun.flow import Refusal
    from flowrun.profiles import Profile
    from flowrun.scenario import Scenario, WrittenStep

# Of these nobody can tell what they say of the server: the pages are not described well enough, or a file is wrong.
_UNCLEAR: Final = ("page-", "control-", "answer-", "option-", "window-", "tamper-", "browser-", "wait-too-long")
_BROKE: Final = "page-error"  # the server itself broke (5xx), which is no refusal and no answer either
_SAYS_NO: Final = frozenset({400, 401, 403})  # what a server without a word about it may say no with


def concerns(scenario: Scenario, step: WrittenStep) -> bool:
    """Tell whether a step is one that the rule is about; what stands before leads there, what comes after tidies up."""
    proves = scenario.proves
    return proves is not None and step.at[0] == "steps" and int(step.at[1]) >= proves.since


def broken_by(problem: Problem) -> bool:
    """Tell whether a problem of such a step breaks the rule."""
    unclear = problem.code.startswith(_UNCLEAR) and problem.code != _BROKE
    return problem.exit_code == FAILED and not problem.warning and not unclear


def stands_in_the_way(problem: Problem) -> bool:
    """Tell whether a problem of such a step leaves open what the server does: the rule is not judged then."""
    return not problem.warning and not broken_by(problem)


def is_refused_all_the_same(scenario: Scenario, step: WrittenStep, refusal: Refusal) -> bool:
    """Tell a refusal that the rule is content with, at its place but without the error that belongs there.

    Whether a server refuses is what the rule is about. How it says so is another rule (RFC 6749 §5.2).
    """
    there = step.name in scenario.refused or refusal.place in scenario.refused
    return (
        scenario.proves is not None
        and there
        and refusal.place not in {"page", "callback"}
        and (refusal.status in _SAYS_NO)
    )


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
            title, whose = problem.title, problem.blame
            if problem.code == "expectation":  # the rule itself, not what a person may have expected in vain
                said = dict(problem.facts)
                title, whose = f"{title}: {said.get('expected')}, but it is {said.get('got')}", ""
            whose = whose or f"{blame.THEIRS}: {scenario.proves.clause}"
            found.append(
                replace(problem, code=scenario.id, title=title, facts=facts, warning=level == "should", blame=whose)
            )
    return found


def judged(
    scenario: Scenario, profile: Profile, complaint: str, deviation: str, *, tried: bool, unclear: str
) -> Judged:
    """Return what came of the rule, as of an automatic check.

    `tried`: the run came as far as that; `unclear` is what stood in the way of judging it.
    """
    assert scenario.proves is not None  # noqa: S101  the caller has looked
    level = scenario.proves.level_in(profile.family)
    word = "deviation" if deviation else "noted" if level == "info" else "failed"
    if not complaint:
        complaint = unclear if tried else "the run did not come as far as that"
        word = "skipped" if complaint else "held"
    return Judged(scenario.id, level, word, scenario.title, scenario.proves.clause, complaint, deviation)
