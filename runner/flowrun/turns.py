"""Scenarios in turns: while one waits for something to expire, the others go on. Only one of them does something.

So nothing that they share has to be safe for threads, and the waits of a hundred scenarios take as long as the longest.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from flowrun.session import Turn

if TYPE_CHECKING:
    from flowrun.events import Event
    from flowrun.plan import Plan
    from flowrun.scenario import Scenario
    from flowrun.session import Session

MOST: Final = 32  # of those that wait, at a time


def waits(scenario: Scenario) -> bool:
    """Tell whether a scenario gives others time."""
    return any(step.kind == "wait" or "hold" in step.input for step in scenario.steps)


def in_turns(
    plans: Sequence[Plan],
    session: Session,
    tell: Callable[[Event], None],
    run: Callable[[Plan, Callable[[Event], None]], None],
) -> None:
    """Run plans, those that wait first. What happens is told scenario by scenario, those that wait at the end.

    `run` runs one of them and tells what happens. The order in which they are told is the same each time.
    """
    waiting: deque[tuple[Plan, list[Event]]] = deque((plan, []) for plan in plans if waits(plan.scenario))
    others = deque(plan for plan in plans if not waits(plan.scenario))
    told = [events for _, events in waiting]
    errors: list[BaseException] = []
    session.turn = turn = Turn()

    def wait_and_run() -> None:
        while waiting and not errors:
            with turn:
                if waiting:
                    plan, events = waiting.popleft()
                    attempt(plan, events.append)

    def attempt(plan: Plan, tell_: Callable[[Event], None]) -> None:
        try:
            run(plan, tell_)
        except BaseException as error:  # noqa: BLE001  it is raised again where the others are waited for
            errors.append(error)

    threads = [threading.Thread(target=wait_and_run, name="steps", daemon=True) for _ in range(min(len(waiting), MOST))]
    for thread in threads:
        thread.start()
    while others and not errors:
        plan = others.popleft()
        with turn:
            attempt(plan, tell)
    for thread in threads:
        thread.join()
    session.turn = None
    if errors:
        raise errors[0]
    for events in told:
        for event in events:
            tell(event)
