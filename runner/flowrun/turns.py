"""Scenarios in turns: while one waits for something to expire, the others go on. Only one of them does something.

So nothing that they share has to be safe for threads, and the waits of a hundred scenarios take as long as the longest.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Final

from flowrun.dataclass import dataclass
from flowrun.session import Turn

if TYPE_CHECKING:
    from flowrun.events import Event
    from flowrun.plan import Plan
    from flowrun.scenario import Scenario
    from flowrun.session import Session

MOST: Final = 32  # of those that wait, at a time


def browses(scenario: Scenario) -> bool:
    """Tell whether a scenario needs the browser."""
    steps = (*scenario.steps, *scenario.after)
    return any(step.kind == "browse" for step in steps) or any(map(browses, scenario.used.values()))


def waits(scenario: Scenario) -> bool:
    """Tell whether a scenario gives others time."""
    return any(step.kind == "wait" or "hold" in step.input for step in scenario.steps)


def _holds_pages(scenario: Scenario) -> bool:
    """Tell whether nobody else can have the browser while a scenario waits."""
    return any("hold" in step.input for step in scenario.steps)


def in_turns(
    plans: Sequence[Plan],
    session: Session,
    tell: Callable[[Event], None],
    run: Callable[[Plan, Callable[[Event], None]], None],
) -> None:
    """Run plans, those that wait first. What happens is told scenario by scenario, those that wait at the end.

    `run` runs one of them and tells what happens. The order in which they are told is the same each time.
    """
    told = [_Told(plan) for plan in sorted(plans, key=_place)]
    waiting = deque(one for one in told if waits(one.plan.scenario))
    # While one that waits has the browser, those that need none go on.
    lines = [waiting] * min(len(waiting), MOST)
    lines += [
        deque(one for one in told if one not in waiting and browses(one.plan.scenario) == it) for it in (True, False)
    ]
    errors: list[BaseException] = []
    left = deque(told)
    session.turn = turn = Turn()

    def work(line: deque[_Told]) -> None:
        while line and not errors:
            with turn:
                if not line:
                    return
                one = line.popleft()
                try:
                    run(one.plan, tell if one is left[0] else one.events.append)
                except BaseException as error:  # noqa: BLE001  it is raised again where the others are waited for
                    errors.append(error)
                one.over = True
                while left and left[0].over:
                    for event in left.popleft().events:
                        tell(event)

    threads = [threading.Thread(target=work, args=(line,), name="steps", daemon=True) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.turn = None
    if errors:
        raise errors[0]


def _place(plan: Plan) -> tuple[bool, bool]:
    """Those that wait come last; what keeps the browser meanwhile comes after those whose waits begin with a login."""
    return waits(plan.scenario), _holds_pages(plan.scenario)


@dataclass(slots=True, eq=False)
class _Told:
    """A plan and what happened, kept until those before it have been told."""

    plan: Plan
    events: list[Event] = field(default_factory=list)
    over: bool = False
