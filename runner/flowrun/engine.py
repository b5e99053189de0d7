"""Runs plans one after the other and yields what happens as events; it knows no reporter."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from flowrun.errors import FAILED, HELD, INTERRUPTED, UNREACHABLE, gravest
from flowrun.events import Event, RunFinished, RunStarted, ScenarioFinished
from flowrun.running import Run
from flowrun.turns import in_turns

if TYPE_CHECKING:
    from flowrun.browser import BrowserSettings
    from flowrun.plan import Plan
    from flowrun.session import Session
    from flowrun.state import Recorder, Resume

LONGEST_WIND_UP: Final = 10.0  # seconds for the `after` steps once a person has pressed Ctrl-C
LONGEST_SILENCE: Final = 3.0  # seconds in which nothing happens meanwhile: a call that hangs can't be interrupted


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: stop at the first failed scenario, let warnings fail, the browser to use.

    `recorder` keeps what is known after each step, `resume` goes on with what was kept. `harden`: the first scenario is
    the good one; where it holds the others run in turns, and the browser stays signed in from one to the next.
    """

    fail_fast: bool = False
    strict: bool = False
    browser: BrowserSettings | None = None
    recorder: Recorder | None = None
    resume: Resume | None = None
    harden: bool = False


def events(plans: Sequence[Plan], session: Session, options: Options) -> Iterator[Event]:
    """Yield what happens. The steps run on a thread of their own, so that whoever reads can show the time passing.

    Ctrl-C ends the step under way; the `after` steps still run, and the run counts as interrupted. A second Ctrl-C, or
    `after` steps that take too long, raise KeyboardInterrupt. Secrets are out of every event before it is yielded.
    """
    told: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            _run(plans, session, options, lambda event: told.put(session.redactor.value(event)))
        except BaseException as error:  # noqa: BLE001  a fault of flowrun itself must surface where it is read
            told.put(error)
        told.put(None)

    threading.Thread(target=work, name="steps", daemon=True).start()
    deadline: float | None = None
    while True:
        try:
            left = None if deadline is None else min(LONGEST_SILENCE, max(0.0, deadline - time.monotonic()))
            event = told.get(timeout=left)
        except KeyboardInterrupt:
            if deadline is not None:
                raise
            deadline = time.monotonic() + LONGEST_WIND_UP
            session.interrupt()
            continue
        except queue.Empty:
            raise KeyboardInterrupt from None
        if event is None:
            return
        if isinstance(event, BaseException):
            raise event
        yield event


def _run(plans: Sequence[Plan], session: Session, options: Options, tell: Callable[[Event], None]) -> None:
    started = time.monotonic()
    tell(RunStarted(len(plans), len({plan.environment.name for plan in plans}), time.time()))
    counts: Counter[str] = Counter()
    codes: list[int] = []
    down: dict[str, str] = {}  # environments whose server can't be reached, and why: told once, not eighty times

    def one(plan: Plan, tell: Callable[[Event], None], *, keep_login: bool = False) -> None:
        failed = any(code != HELD for code in codes)
        reason = _why_not(plan, session, down, failed=options.fail_fast and failed)
        if reason:
            tell(not_run(plan, reason))
            counts["not run"] += 1
            return
        run = Run(plan, session, options.browser, options.strict, tell, keep_login=keep_login)
        run.recorder, run.resume = options.recorder, options.resume
        finished = run.run()
        counts[finished.status] += 1
        codes.append(finished.exit_code)
        if finished.exit_code == UNREACHABLE and not run.sent:  # it never answered; once it did, it may again
            down[str(plan.environment.document.path)] = finished.summary

    if options.harden:
        good, *rows = plans
        one(good, tell)
        if codes == [HELD]:
            in_turns(rows, session, tell, partial(one, keep_login=True))
        else:
            for row in rows:
                tell(not_run(row, "the good scenario did not pass, so a refusal would prove nothing"))
            counts["not run"] += len(rows)
    else:
        for plan in plans:
            one(plan, tell)
    if session.interrupted.is_set():
        codes.append(INTERRUPTED)
    if counts["not applicable"] == len(plans):
        codes.append(FAILED)  # everything was left out: a run that checked nothing must not look like success
    tell(RunFinished(dict(+counts), time.monotonic() - started, gravest(codes)))


def _why_not(plan: Plan, session: Session, down: Mapping[str, str], *, failed: bool) -> str:
    """Return why a plan is not run at all; empty if it is."""
    if session.interrupted.is_set():
        return "interrupted"
    if failed:
        return "a scenario before it failed, and --fail-fast stops there"
    return down.get(str(plan.environment.document.path), "")


def not_run(plan: Plan, reason: str) -> ScenarioFinished:
    """Return the event of a plan that was left out."""
    scenario, environment = plan.scenario, plan.environment
    return ScenarioFinished(
        scenario.title, "not run", 0.0, reason, HELD, environment.name, scenario.document.file, plan.case
    )
