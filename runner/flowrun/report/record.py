"""What the reporters for files are built on: the events of a run as a tree, one scenario at a time.

A scenario is handed over when it is over and then let go of, so that a long suite stays small.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from flowrun.dataclass import dataclass
from flowrun.events import (
    Called,
    Event,
    Expected,
    Judged,
    JwtSeen,
    PageSeen,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    Told,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrun.errors import Problem

Moment = Called | PageSeen | JwtSeen
OUTSIDE: Final = "(scenario)"  # the name of what happened before the first step


@dataclass(slots=True)
class Step:
    """One step: how it began, how it ended, and everything between. `moments` are in the order they happened."""

    name: str
    kind: str
    after: bool = False
    line: int = 0
    at: float = 0.0
    status: str = "interrupted"
    seconds: float = 0.0
    summary: str = ""
    problems: tuple[Problem, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    checks: list[Judged] = field(default_factory=list)
    expectations: list[Expected] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    @property
    def calls(self) -> list[Called]:
        """The requests of the step with their answers."""
        return [moment for moment in self.moments if isinstance(moment, Called)]

    @property
    def pages(self) -> list[PageSeen]:
        """The pages of the browser."""
        return [moment for moment in self.moments if isinstance(moment, PageSeen)]

    @property
    def tampered(self) -> list[str]:
        """What it sent otherwise than a good client would, a change each, in words."""
        return [told.value for told in self.told if told.label == "tampered"]

    @property
    def jwts(self) -> list[JwtSeen]:
        """The JWTs, ours and theirs."""
        return [moment for moment in self.moments if isinstance(moment, JwtSeen)]


@dataclass(slots=True)
class Scenario:
    """One scenario in one environment with one case; `finished` is None while it runs, or when the run was cut off."""

    started: ScenarioStarted
    steps: list[Step] = field(default_factory=list)
    finished: ScenarioFinished | None = None

    @property
    def status(self) -> str:
        """The word of the outcome."""
        return self.finished.status if self.finished else "interrupted"

    @property
    def name(self) -> str:
        """The title, with the case if there is one."""
        return f"{self.started.title} [{self.started.case}]" if self.started.case else self.started.title

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other scenario of a run, and lasts from run to run: file, environment, case."""
        return (self.started.file, self.started.environment, self.started.case)

    @property
    def problems(self) -> Sequence[Problem]:
        """Everything that was wrong, warnings among it."""
        return self.finished.problems if self.finished else [one for step in self.steps for one in step.problems]

    @property
    def checks(self) -> Counter[str]:
        """How many checks and expectations came to what: held, failed, warned, noted, skipped, deviation."""
        counts: Counter[str] = Counter()
        for step in self.steps:
            for check in step.checks:
                warned = check.outcome == "failed" and check.level == "should"
                counts["warned" if warned else check.outcome] += 1
            for expectation in step.expectations:
                counts["held" if expectation.held else "failed"] += 1
        return counts

    @property
    def degraded(self) -> str:
        """Why the run went on without what it should have used (`par: fallback`); empty if it did not."""
        return next((told.value for step in self.steps for told in step.told if told.label == "degraded"), "")

    @property
    def tampered(self) -> str:
        """What its steps have sent otherwise than a good client would, in words; empty for nothing."""
        return "; ".join(f"{step.name}: {words}" for step in self.steps for words in step.tampered)


class RecordReporter:
    """A reporter that is handed whole scenarios; subclasses say what they make of `scenario` and of the end."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.began = RunStarted(0)
        self.over: RunFinished | None = None
        self._current: Scenario | None = None
        self._open: dict[str, Step] = {}
        self._step: Step | None = None

    def scenario(self, scenario: Scenario) -> None:
        """Take a scenario that is over."""

    def finish(self) -> None:
        """Write what is left; the run is over or was cut off (`over` is None then)."""

    def tell(self, event: Event) -> None:
        """Put an event in its place."""
        match event:
            case Judged():  # most events
                self._here().checks.append(event)
            case RunStarted():
                self.began = event
            case ScenarioStarted():
                self._hand_over()
                self._current = Scenario(event)
                self._open, self._step = {}, None
            case StepStarted():
                self._begin(event)
            case Called() | PageSeen() | JwtSeen():
                self._here().moments.append(event)
            case Expected():
                self._here().expectations.append(event)
            case Told():
                self._here().told.append(event)
            case StepFinished():
                self._end(event)
            case ScenarioFinished():
                if self._current is None:  # one that was left out never started
                    title = ScenarioStarted(event.title, event.file, event.environment, event.case)
                    self._current = Scenario(title)
                self._current.finished = event
                self._hand_over()
            case RunFinished():
                self.over = event

    def close(self) -> None:
        """Hand over what was under way, and finish."""
        self._hand_over()
        self.finish()

    def _scenario(self) -> Scenario:
        if self._current is None:
            self._current = Scenario(ScenarioStarted("", "", ""))
        return self._current

    def _begin(self, event: StepStarted) -> None:
        step = Step(event.name, event.kind, event.after, event.line, event.at)
        self._open[event.name] = self._step = step
        self._scenario().steps.append(step)

    def _here(self) -> Step:
        if self._step is None:
            self._step = Step(OUTSIDE, "", status="passed")
            self._scenario().steps.append(self._step)
        return self._step

    def _end(self, event: StepFinished) -> None:
        # A step that was left out never started; the step of a `use` ends after those that it runs.
        step = self._open.pop(event.name, None)
        if step is None:
            step = Step(event.name, event.kind)
            self._scenario().steps.append(step)
        step.status, step.seconds, step.summary = event.status, event.seconds, event.summary
        step.problems, step.values = event.problems, event.values
        self._step = step

    def _hand_over(self) -> None:
        if self._current is not None:
            done, self._current, self._step = self._current, None, None
            self.scenario(done)


class FileReporter(RecordReporter):
    """A `RecordReporter` that writes a text file: into a temporary one beside it, which takes its place at the end."""

    def __init__(self, path: Path) -> None:
        """Open the temporary file now: a folder that can't be written to must cost no run. Raises OSError.

        `-` is standard output.
        """
        super().__init__()
        self._path = path
        self._temporary: Path | None = None
        if str(path) == "-":
            self.file: TextIO = sys.stdout
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        # Half a surrogate pair, which a server may send, is written as JSON writes it.
        self.file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n")
        self._temporary = Path(name)

    def close(self) -> None:
        """Hand over what was under way, finish, and put the file in its place; an interrupted run leaves one too."""
        super().close()
        if self._temporary is None:
            self.file.flush()
            return
        self.file.close()
        self._temporary.chmod(0o644)
        self._temporary.replace(self._path)
