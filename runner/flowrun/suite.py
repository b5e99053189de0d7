"""Scenarios run one at a time for somebody else, who decides which and when: pytest."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun import engine
from flowrun.cli.browsing import BrowserOptions, settings_of
from flowrun.cli.common import read_sets
from flowrun.dataclass import dataclass
from flowrun.errors import draw
from flowrun.events import Called, PageSeen, RunFinished, RunStarted, ScenarioFinished
from flowrun.reading import Reading, unknown_sets
from flowrun.report.console import Console
from flowrun.report.folder import RunFolder
from flowrun.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowrun.browser import BrowserSettings
    from flowrun.errors import Problem
    from flowrun.plan import Plan


@dataclass(frozen=True, slots=True)
class Ended:
    """How a scenario ended: the word and the sentence for it, the lines of the console, and warnings as drawn."""

    status: str
    summary: str
    text: str = ""
    warnings: str = ""


class Suite:
    """What scenarios share that run in one process; `close` ends it."""

    def __init__(
        self,
        *,
        envs: Sequence[str] = (),
        sets: Sequence[str] = (),
        strict: bool = False,
        browser: str | None = None,
        headed: bool = False,
        grid: str | None = None,
        runs: str | None = None,
    ) -> None:
        """Start nothing yet; raises `FlowrunError` for an option that is wrong. The options are those of a run."""
        self._overrides = read_sets(sets)
        self._session = Session()
        self._reading = Reading(self._session, envs, self._overrides)
        self._browsing = BrowserOptions(browser=browser, headed=headed, grid=grid)
        self._options = engine.Options(strict=strict)
        self._standing = engine.Standing(self._options)
        self._plans: list[Plan] = []
        self._inputs: set[str] = set()
        self._settings: BrowserSettings | None = None
        self._runs, self._folder = runs, RunFolder(None)
        self._began = 0.0
        self._taken = 0  # plans so far, those too that were not run

    def read(self, path: Path) -> tuple[list[Plan], str]:
        """Return the plans of a file and, drawn, what is wrong with it."""
        read = self._reading.file(path)
        self._plans += read.plans
        self._inputs |= set(read.inputs)
        return read.plans, self._drawn(read.problems)

    def unknown_inputs(self) -> str:
        """Return, drawn, which `--flowrun-set` no scenario has use for."""
        return self._drawn(unknown_sets(self._overrides, self._inputs)).replace("--set", "--flowrun-set")

    def run(self, plan: Plan) -> Ended:
        """Run a plan. What its server is down for is told once, and the others are not run."""
        reason = self._standing.why_not(plan.environment, interrupted=self._session.interrupted.is_set())
        if not reason and any(plan.visits):
            reason = "a person goes through its pages; run it with flowrun"
        self._taken += 1
        if reason:
            self._standing.count("not run")
            return Ended("not run", reason)
        self._begin()
        out = io.StringIO()
        console = Console(out)
        options = engine.Options(strict=self._options.strict, browser=self._browser(plan))
        finished = None
        sent = False
        for happened in engine.events([plan], self._session, options):
            event = self._folder.keep(happened) if not isinstance(happened, RunFinished) else happened
            console.tell(event)
            if not isinstance(event, RunStarted | RunFinished):
                self._folder.tell(event)
            sent |= isinstance(event, Called | PageSeen)
            finished = event if isinstance(event, ScenarioFinished) else finished
        assert finished is not None  # noqa: S101  every plan that is run ends
        self._standing.take(plan.environment, finished.exit_code, finished.summary, sent=sent)
        self._standing.count(finished.status)
        warnings = [*plan.environment.warnings, *(one for one in finished.problems if one.warning)]
        status = "interrupted" if self._session.interrupted.is_set() else finished.status
        return Ended(status, finished.summary, out.getvalue(), self._drawn(warnings))

    def close(self) -> None:
        """End everything that was started, and the run that is kept."""
        if self._began:
            seconds = time.time() - self._began
            interrupted = self._session.interrupted.is_set()
            ended = self._standing.over(self._taken, seconds, interrupted=interrupted)
            self._folder.tell(self._folder.keep(ended))
            self._folder.close()
        self._session.close()

    def _begin(self) -> None:
        if not self._began:
            self._began = time.time()
            self._folder = RunFolder(Path(self._runs) if self._runs else None)
            environments = {plan.environment.name for plan in self._plans}
            self._folder.tell(RunStarted(len(self._plans), len(environments), self._began))

    def _browser(self, plan: Plan) -> BrowserSettings | None:
        """Return the one browser of this process, which begins to start; None where the plan needs none."""
        if not plan.visits:
            return None
        if self._settings is None:
            self._settings = settings_of(self._plans, self._session, self._browsing)
        self._session.prepare_browser(self._settings)
        return self._settings

    def _drawn(self, problems: Iterable[Problem]) -> str:
        return "\n".join(draw(self._session.redactor.value(one)) for one in dict.fromkeys(problems))
