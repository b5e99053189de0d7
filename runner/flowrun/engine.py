"""Runs plans one after the other and yields what happens as events; it knows no reporter."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from flowrun.dataclass import dataclass
from flowrun.errors import FAILED, HELD, INTERRUPTED, UNREACHABLE, gravest
from flowrun.events import Event, RunFinished, RunStarted, ScenarioFinished
from flowrun.presses import pressed
from flowrun.running import Run
from flowrun.turns import browses, in_turns, waits

if TYPE_CHECKING:
    from flowrun.browser import BrowserSettings
    from flowrun.environment import Environment
    from flowrun.events import Shard
    from flowrun.plan import Plan
    from flowrun.redact import Redactor
    from flowrun.session import Session
    from flowrun.state import Recorder, Resume

BETWEEN_LOOKS: Final = 0.05  # seconds until whoever watches sees what has happened
_SAME_PAGE: Final = 3  # of the rows of the pack: each takes as long as a page may, and says the same


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: stop at the first failed scenario, let warnings fail, the browser to use.

    `recorder` keeps what is known after each step, `resume` goes on with what was kept. `harden`: the first scenario is
    the good one; where it holds the others run in turns, and the browser stays signed in from one to the next. `shard`
    says that the plans are part of a larger suite.
    """

    fail_fast: bool = False
    strict: bool = False
    browser: BrowserSettings | None = None
    recorder: Recorder | None = None
    resume: Resume | None = None
    harden: bool = False
    shard: Shard | None = None


def events(plans: Sequence[Plan], session: Session, options: Options) -> Iterator[Event]:
    """Yield what happens. The steps run on a thread of their own, so that whoever reads can show the time passing.

    Ctrl-C ends the step under way; the `after` steps still run, and the run counts as interrupted. A second Ctrl-C, or
    `after` steps that take too long, raise KeyboardInterrupt. Secrets are out of every event before it is yielded.
    """
    relay = _Relay(session.redactor)

    def work() -> None:
        try:
            _run(plans, session, options, relay.tell)
        except BaseException as error:  # noqa: BLE001  a fault of flowrun itself must surface where it is read
            relay.error = error
        relay.over.set()

    threading.Thread(target=work, name="steps", daemon=True).start()
    with pressed() as presses:
        while not relay.over.wait(BETWEEN_LOOKS):
            if presses.first():
                session.interrupt()
                presses.heard()  # to end the session of a Grid takes seconds
            happened = relay.take()
            yield from happened
            if happened:
                presses.heard()
            if presses.enough:
                raise KeyboardInterrupt
        yield from relay.take()
        if presses.first():  # it came with the end
            session.interrupt()
        if presses.count > 1:
            raise KeyboardInterrupt
    if relay.error is not None:
        raise relay.error


class Hushed:
    """Keeps events, without secrets: `told` are those that everybody may see.

    Secrets are looked for in many events at once: before a further one is learned, and before those of a scenario are
    forgotten at its end.
    """

    def __init__(self, redactor: Redactor) -> None:
        """Take secrets out with this."""
        self.told: deque[Event] = deque()
        self._redactor = redactor
        redactor.before_learning = self.pass_on  # what is hidden must not depend on when somebody looks
        self._held: deque[Event] = deque()
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Take an event."""
        self._held.append(event)
        if type(event) is ScenarioFinished:
            self.pass_on()

    def pass_on(self) -> None:
        """Tell what was kept back."""
        with self._lock:
            held = [self._held.popleft() for _ in range(len(self._held))]
            self.told.extend(self._redactor.values(held))


class _Relay(Hushed):
    """Takes events from the thread of the steps to the one that reads, which looks for them now and then.

    If each event woke it, the two would take turns hundreds of times a second, and a suite would take a third longer.
    """

    def __init__(self, redactor: Redactor) -> None:
        """Begin with nothing."""
        super().__init__(redactor)
        self.over = threading.Event()
        self.error: BaseException | None = None

    def take(self) -> list[Event]:
        """Return what has come since the last time."""
        self.pass_on()
        return [self.told.popleft() for _ in range(len(self.told))]


class Standing:
    """How a run stands: what its scenarios have come to so far, and why the next one is left out."""

    def __init__(self, options: Options) -> None:
        """Begin with nothing."""
        self._options = options
        self._counts: Counter[str] = Counter()
        self._codes: list[int] = []
        # Environments whose server can't be reached, and why: it is told once, not eighty times.
        self._down: dict[str, str] = {}

    @property
    def stops_early(self) -> bool:
        """Tell whether the first scenario that fails is the last one that is run."""
        return self._options.fail_fast

    def why_not(self, environment: Environment, *, interrupted: bool) -> str:
        """Return why a plan in this environment is not run at all; empty if it is."""
        if interrupted:
            return "interrupted"
        if self._options.fail_fast and not self.held:
            return "a scenario before it failed, and --fail-fast stops there"
        return self._down.get(str(environment.document.path), "")

    def take(self, environment: Environment, exit_code: int, summary: str, *, sent: bool) -> None:
        """Take to heart how a scenario ended; `sent` says whether anything went out."""
        self._codes.append(exit_code)
        if exit_code == UNREACHABLE and not sent:  # it never answered; once it did, it may again
            self._down[str(environment.document.path)] = summary

    def count(self, status: str, number: int = 1) -> None:
        """Count scenarios by how they ended, in the order in which they are told."""
        self._counts[status] += number

    @property
    def held(self) -> bool:
        """Tell whether everything has held so far."""
        return all(code == HELD for code in self._codes)

    def over(self, plans: int, seconds: float, *, interrupted: bool) -> RunFinished:
        """Return how it ended."""
        codes = [*self._codes, *([INTERRUPTED] if interrupted else [])]
        whole = self._options.shard is None or self._options.shard.count == 1
        if self._counts["not applicable"] == plans and whole:
            codes.append(FAILED)  # everything was left out: a run that checked nothing must not look like success
        return RunFinished(dict(+self._counts), seconds, gravest(codes))


def _run(plans: Sequence[Plan], session: Session, options: Options, tell: Callable[[Event], None]) -> None:
    started, standing = time.monotonic(), Standing(options)
    tell(RunStarted(len(plans), len({plan.environment.name for plan in plans}), time.time(), options.shard))

    proven: set[str] = set()
    pages: Counter[str] = Counter()  # what the browser could not get past, and how often

    def one(plan: Plan, tell: Callable[[Event], None], *, keep_login: bool = False) -> None:
        reason = standing.why_not(plan.environment, interrupted=session.interrupted.is_set())
        reason = reason or (_stuck(pages) if browses(plan.scenario) else "")
        if reason:
            tell(not_run(plan, reason))
            standing.count("not run")
            return
        run = Run(plan, session, options.browser, options.strict, tell, keep_login=keep_login, proven=proven)
        run.recorder, run.resume = options.recorder, options.resume
        finished = run.run()
        if options.harden:
            # A page that nobody described may be how a server refuses; where it should not, it is in everybody's way.
            stuck = () if plan.scenario.refused else finished.problems
            pages.update({one.title for one in stuck if one.code.startswith(("page-unknown", "control-"))})
            proven.update({"refresh_token"} if run.has_refresh_token else ())
        standing.take(plan.environment, finished.exit_code, finished.summary, sent=run.sent)
        standing.count(finished.status)

    if options.harden:
        good, *rows = plans
        one(good, tell)
        if standing.held:
            # What a scenario that waits holds meanwhile must not go with the login of the others.
            in_turns(rows, session, tell, lambda plan, tell: one(plan, tell, keep_login=not waits(plan.scenario)))
        else:
            for row in rows:
                tell(not_run(row, "the good scenario did not pass, so a refusal would prove nothing"))
            standing.count("not run", len(rows))
    else:
        for plan in plans:
            one(plan, tell)
    tell(standing.over(len(plans), time.monotonic() - started, interrupted=session.interrupted.is_set()))


def _stuck(pages: Counter[str]) -> str:
    """Return why no further scenario should try to get past a page; empty while it is worth it."""
    same = next((title for title, times in pages.items() if times >= _SAME_PAGE), "")
    return f"{_SAME_PAGE} before it did not get past the same page: {same}" if same else ""


def not_run(plan: Plan, reason: str) -> ScenarioFinished:
    """Return the event of a plan that was left out."""
    scenario, environment = plan.scenario, plan.environment
    return ScenarioFinished(
        scenario.title, "not run", 0.0, reason, HELD, environment.name, scenario.document.file, plan.case
    )
