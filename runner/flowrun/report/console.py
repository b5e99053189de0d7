"""The run on the terminal, for people who watch it: step by step, problems where they arise, one line at the end."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TextIO

from flowrun.errors import Problem, draw
from flowrun.events import (
    Called,
    Event,
    Expected,
    Judged,
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
    from rich.status import Status

_SIGNS: Final[Mapping[str, tuple[str, str, str]]] = {
    # status: sign, sign for terminals without these characters, colour
    "passed": ("✓", "ok", "32"),
    "refused": ("✓", "ok", "32"),
    "warned": ("!", "!", "33"),
    "failed": ("✗", "FAIL", "31"),
    "skipped": ("–", "-", "2"),
    "not reached": ("·", ".", "2"),
    "not applicable": ("–", "-", "2"),
    "interrupted": ("!", "!", "33"),
    "not run": ("·", ".", "2"),
}
_NAME_WIDTH: Final = 10


class Console:
    """Writes lines. On a terminal the step under way stands below them, with the time it has taken so far."""

    def __init__(
        self, out: TextIO | None = None, *, verbose: bool = False, quiet: bool = False, still: bool = False
    ) -> None:
        """Write to `out`, standard output if none is given; `still` moves no line: a person may be asked something."""
        self._out = out or sys.stdout
        self._verbose, self._quiet, self._still = verbose, quiet, still
        self._terminal = self._out.isatty()
        self._colour = self._terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._unicode = _can_show(self._out, "✓✗–·→")
        self._status: Status | None = None
        self._told: list[str] = []
        self._several = False
        self._environments = 1
        self._left_out: dict[str, int] = {}
        self._width = _NAME_WIDTH
        self._shown: list[Problem] = []

    def tell(self, event: Event) -> None:
        """Say what happened."""
        match event:
            case RunStarted(scenarios=count, environments=environments):
                self._several, self._environments = count > 1, environments
            case ScenarioStarted():
                self._scenario(event)
            case StepStarted(name=name):
                self._begin(name)
            case Called() if self._verbose:
                self._call(event)
            case PageSeen():
                self._page(event)
            case Judged(outcome="deviation"):
                self._note("deviation", f"{event.check}: {event.complaint} ({event.deviation})")
            case Judged() if self._verbose:
                self._note(event.outcome, f"{event.check} ({event.clause}) {event.complaint}".rstrip())
            case Expected(path=path, held=held) if self._verbose:
                self._note("expected", f"{path}: {'held' if held else 'failed'}")
            case Told(label=label, value=value):
                self._note(label, value)
            case StepFinished():
                self._step(event)
            case ScenarioFinished():
                self._end(event)
            case RunFinished():
                self._run_over(event)

    def close(self) -> None:
        """Take the line of the running step away."""
        self._stop()

    def _scenario(self, event: ScenarioStarted) -> None:
        self._width = max(_NAME_WIDTH, *(len(name) for name in event.steps)) if event.steps else _NAME_WIDTH
        if self._quiet:
            return
        case = f" [{event.case}]" if event.case else ""
        self._line(self._paint(f"{event.title}{case}", "1"))
        self._line(self._paint(f"  {event.file}, environment {event.environment}", "2"))
        for problem in event.warnings:
            self._problem(problem)

    def _begin(self, name: str) -> None:
        self._told = []
        if not self._terminal or self._quiet or self._still:
            return
        from rich.console import Console as Screen  # noqa: PLC0415  only a terminal has a moving line
        from rich.status import Status  # noqa: PLC0415

        self._stop()
        self._status = Status(f"{name} …", console=Screen(file=self._out))
        self._status.start()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _note(self, label: str, value: str) -> None:
        self._told.append(f"      {label}: {value}")

    def _page(self, event: PageSeen) -> None:
        if self._verbose:
            self._note("page", f"{event.name or 'not described'}: {event.heading} ({event.url.partition('?')[0]})")
        if event.screenshot_file:
            self._note("screenshot", event.screenshot_file)

    def _call(self, event: Called) -> None:
        self._note("call", f"{event.method} {event.url} → {event.status} in {event.seconds:.3f} s")
        for name, value in event.sent_form:
            self._told.append(f"        {name} = {value}")
        text = " ".join(event.text.split())
        if text:
            self._told.append(f"        {text[:500]}")

    def _step(self, event: StepFinished) -> None:
        self._stop()
        notes, self._told = self._told, []
        if self._quiet:
            for problem in event.problems:
                if not problem.warning:
                    self._problem(problem)
            return
        sign = self._sign(event.status)
        time = f"{event.seconds:7.2f} s" if event.status not in {"not reached", "skipped"} else " " * 9
        words = event.summary or ("" if event.status in {"passed", "failed"} else event.status)
        if event.status == "refused":
            words = f"{event.summary} (as expected)"
        self._line(f"  {sign} {event.name:<{self._width}} {time}  {words}".rstrip())
        for note in notes:
            self._line(self._paint(note, "2"))
        for problem in event.problems:
            self._problem(problem)

    def _problem(self, problem: Problem) -> None:
        self._stop()
        self._shown.append(problem)
        first, *rest = draw(problem).splitlines()
        self._line("")
        self._line("    " + self._paint(first, "33" if problem.warning else "31"))
        for line in rest:
            self._line(f"    {line}")
        self._line("")

    def _end(self, event: ScenarioFinished) -> None:
        self._stop()
        if event.status == "not run":
            self._left_out[event.summary] = self._left_out.get(event.summary, 0) + 1
            return
        self._closing_problems(event)
        where = f" [{event.case}]" if event.case else ""
        place = f" ({event.environment})" if self._environments > 1 else ""
        head = f"{event.title}{where}{place}: " if self._quiet else ""
        word = self._paint(event.status, _SIGNS[event.status][2])
        self._line(f"  {self._sign(event.status)} {head}{word} in {event.seconds:.1f} s: {event.summary}")
        if not self._quiet:
            self._line("")

    def _closing_problems(self, event: ScenarioFinished) -> None:
        """Show what came up outside the steps: the outcome as a whole, a server that did not start."""
        for problem in event.problems:
            if problem not in self._shown and not (self._quiet and problem.warning):
                self._problem(problem)
        self._shown.clear()

    def _run_over(self, event: RunFinished) -> None:
        if not self._several:
            return
        for reason, number in self._left_out.items():
            self._line(f"  {self._sign('not run')} {number} not run: {reason}")
        counts = ", ".join(f"{number} {word}" for word, number in event.counts.items()) or "nothing ran"
        self._line(f"{counts} in {event.seconds:.1f} s")

    def _sign(self, status: str) -> str:
        sign, plain, colour = _SIGNS[status]
        return self._paint(sign if self._unicode else plain, colour)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str) -> None:
        if not self._unicode:
            text = text.translate(_PLAIN)
        encoding = self._out.encoding or "ascii"
        shown = _CONTROL.sub(" ", text).encode(encoding, "backslashreplace").decode(encoding)
        self._out.write(shown + "\n")
        self._out.flush()


# What a server says must not move the cursor, begin a line of its own or turn the text around; our colours stay.
_CONTROL: Final = re.compile("[\x00-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\x1b(?!\\[(?:0|1|2|3[123])m)")
_PLAIN: Final = str.maketrans(
    {"→": "->", "…": "...", "·": ".", "‹": "<", "›": ">", "–": "-", "§": "section ", "’": "'", "✓": "ok", "✗": "x"}
)


def _can_show(out: TextIO, text: str) -> bool:
    try:
        text.encode(out.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
