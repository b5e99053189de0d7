"""The run on the terminal, for people who watch it: step by step, problems where they arise, one line at the end."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Final, TextIO

from flowrun.errors import Problem, can_show, draw
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
    UnderWay,
)
from flowrun.report.layout import problem_lines, width_of, wrapped
from flowrun.report.moving import Moving
from flowrun.report.tally import Tally, is_deviation
from flowrun.report.verbose import Line, call_lines, jwt_lines

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
_IN_DETAIL: Final = frozenset({Expected, Judged, JwtSeen, Called})  # what only --verbose tells
_NAME_WIDTH: Final = 10
_NARROWEST: Final = 30  # columns; with fewer, nothing can be laid out
_ROOMY: Final = 60  # columns; with fewer, a step's words go on under its name
_FIRST: Final = 3  # problems that a suite's end tells to begin with


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
        self._unicode = can_show(self._out, "✓✗–·→")
        self._moving = Moving(self._out, unicode=self._unicode)
        self._under_way: list[tuple[str, float]] = []
        self._told: list[Line] = []
        self._scenarios = self._environments = 1
        self._number = 0
        self._jobs = 1
        self._beside = UnderWay(0, ())
        self._began = 0.0
        self._tally = Tally()
        self._warned: set[Problem] = set()
        self._left_out: dict[str, int] = {}
        self._width = _NAME_WIDTH
        self._shown: list[Problem] = []

    def tell(self, event: Event) -> None:
        """Say what happened."""
        if type(event) in _IN_DETAIL and not self._verbose and not is_deviation(event):
            return  # most events
        self._tally.tell(event)
        match event:
            case RunStarted(scenarios=count, environments=environments, at=at, jobs=jobs):
                self._scenarios, self._environments, self._began, self._jobs = count, environments, at, jobs
            case UnderWay() if self.watched:
                self._beside = event
                if event.steps and not self._moving.shown:
                    self._moving.start(self._side_by_side)
            case ScenarioStarted():
                self._scenario(event)
            case StepStarted(name=name):
                self._begin(name)
            case Called():
                self._told += call_lines(event)
            case JwtSeen():
                self._told += jwt_lines(event, self._began)
            case PageSeen():
                self._page(event)
            case Judged(outcome="deviation"):
                self._note("deviation", f"{event.check}: {event.complaint} ({event.deviation})")
            case Judged():
                self._note(event.outcome, f"{event.check} ({event.clause}) {event.complaint}".rstrip())
            case Expected(path=path, held=held):
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
        self._moving.stop()

    def _scenario(self, event: ScenarioStarted) -> None:
        self._moving.stop()
        self._number += 1
        self._told = []
        widest = max(_NAME_WIDTH, self._columns() // 3)
        self._width = min(widest, max(_NAME_WIDTH, *map(width_of, event.steps))) if event.steps else _NAME_WIDTH
        if self._quiet:
            return
        case = f" [{event.case}]" if event.case else ""
        self._line(self._paint(f"{event.title}{case}", "1"), 2)
        self._line(self._paint(f"  {event.file}, environment {event.environment}", "2"), 4)
        for problem in event.warnings:
            if problem not in self._warned:  # of the environment: once is enough, however many scenarios it has
                self._warned.add(problem)
                self._problem(problem)

    def _begin(self, name: str) -> None:
        self._told = []
        self._under_way.append((name, time.monotonic()))
        self._move()

    def _move(self) -> None:
        """Show the step under way, and the time passing, on the last line of a terminal."""
        if self._under_way and self._jobs == 1 and self.watched:
            self._moving.start(self._progress)

    @property
    def watched(self) -> bool:
        """Tell whether somebody watches a line that moves."""
        return not (not self._terminal or self._quiet or self._still or os.environ.get("TERM") == "dumb")

    def _side_by_side(self) -> str:
        """Return what runs at once; these steps are told when all before them are."""
        dots = "…" if self._unicode else "..."
        steps = ", ".join(f"{name} {dots} {seconds:.0f} s" for name, seconds in self._beside.steps)
        return f"{self._beside.done}/{self._scenarios} {steps}"

    def _progress(self) -> str:
        name, since = self._under_way[-1]
        place = f"{self._number}/{self._scenarios} " if self._scenarios > 1 else ""
        dots = "…" if self._unicode else "..."
        return f"{place}{name} {dots} {time.monotonic() - since:.0f} s"

    def _note(self, label: str, value: str) -> None:
        self._told.append((f"      {label}: {value}", 8))

    def _page(self, event: PageSeen) -> None:
        if self._verbose:
            self._note("page", f"{event.name or 'not described'}: {event.heading} ({event.url.partition('?')[0]})")
        if event.screenshot_file:
            self._note("screenshot", event.screenshot_file)

    def _step(self, event: StepFinished) -> None:
        self._moving.stop()
        if self._under_way and self._under_way[-1][0] == event.name:  # one that is left out never began
            self._under_way.pop()
        notes, self._told = self._told, []
        if self._quiet:
            for problem in event.problems:
                if not problem.warning:
                    self._problem(problem)
            return
        sign = self._sign(event.status)
        took = f"{event.seconds:7.2f} s" if event.status not in {"not reached", "skipped"} else " " * 9
        words = event.summary or ("" if event.status in {"passed", "failed"} else event.status)
        if event.status == "refused":
            words = f"{event.summary} (as expected)"
        head = f"  {sign} {event.name:<{self._width}} {took}  "
        self._line(f"{head}{words}".rstrip(), width_of(head) if self._columns() >= _ROOMY else 4)
        self._notes(notes)
        for problem in event.problems:
            self._problem(problem)
        self._move()  # a step that runs others goes on

    def _notes(self, notes: list[Line]) -> None:
        for text, hang in notes:
            self._line(self._paint(text, "2"), hang)

    def _problem(self, problem: Problem) -> None:
        self._moving.stop()
        self._shown.append(problem)
        room = self._columns() - 4
        drawn = draw(problem, room - 10) if self._terminal else draw(problem)
        drawn = drawn if self._unicode else drawn.translate(_PLAIN)
        title = len(list(wrapped(drawn.partition("\n")[0], room, 2)))
        self._line("")
        for number, line in enumerate(problem_lines(drawn, room)):
            shown = self._paint(line, "33" if problem.warning else "31") if number < title else line
            self._write(f"    {shown}")
        self._line("")

    def _end(self, event: ScenarioFinished) -> None:
        self._moving.stop()
        self._under_way.clear()
        if event.status == "not run":
            self._left_out[event.summary] = self._left_out.get(event.summary, 0) + 1
            return
        notes, self._told = self._told, []
        if not self._quiet:
            self._notes(notes)  # what was told after the last step
        self._closing_problems(event)
        where = f" [{event.case}]" if event.case else ""
        place = f" ({event.environment})" if self._environments > 1 else ""
        head = f"{event.title}{where}{place}: " if self._quiet else ""
        status, summary = self._in_one_line(event) if self._quiet else (event.status, event.summary)
        word = self._paint(status, _SIGNS[status][2])
        self._line(f"  {self._sign(status)} {head}{word} in {event.seconds:.1f} s: {summary}", 4)
        if not self._quiet:
            self._line("")

    def _in_one_line(self, event: ScenarioFinished) -> tuple[str, str]:
        """Return word and sentence for a scenario of which nothing else is shown: a warning must not look like none."""
        warnings = [one for one in event.problems if one.warning]
        if event.status != "passed" or not warnings:
            return event.status, event.summary
        more = f", and {len(warnings) - 1} more" if len(warnings) > 1 else ""
        return "warned", f"{warnings[0].title} [{warnings[0].code}]{more}"

    def _closing_problems(self, event: ScenarioFinished) -> None:
        """Show what came up outside the steps: the outcome as a whole, a server that did not start."""
        for problem in event.problems:
            if problem not in self._shown and not (self._quiet and problem.warning):
                self._problem(problem)
        self._shown.clear()

    def _run_over(self, event: RunFinished) -> None:
        if self._scenarios <= 1:
            return
        for reason, number in self._left_out.items():
            self._line(f"  {self._sign('not run')} {number} not run: {reason}", 4)
        counts = ", ".join(f"{number} {word}" for word, number in event.counts.items()) or "nothing ran"
        self._line(f"{counts} in {event.seconds:.1f} s", 2)
        if self._tally.besides():
            self._line(f"among them: {self._tally.besides()}", 2)
        if not self._quiet:
            self._what_to_do_first()

    def _what_to_do_first(self) -> None:
        groups = self._tally.groups()
        if not groups:
            return
        self._line("")
        self._line(self._paint("What to do first:", "1"))
        for number, group in enumerate(groups[:_FIRST], 1):
            problem = group.problem
            many = f" ({group.scenarios} scenarios)" if group.scenarios > 1 else ""
            self._line(f"  {number}. {problem.title} [{problem.code}]{many}", 5)
            for label, value in (("do", problem.hint), ("blame", problem.blame), ("see", str(problem.at or ""))):
                if value:
                    self._line(f"     {label}: {' '.join(value.split())}", 7)
        if len(groups) > _FIRST:
            left = len(groups) - _FIRST
            self._line(f"  and {left} more {'kind' if left == 1 else 'kinds'} of problem, told above", 2)

    def _sign(self, status: str) -> str:
        sign, plain, colour = _SIGNS[status]
        return self._paint(sign if self._unicode else plain, colour)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _columns(self) -> int:
        """Return how wide a line may be; only a terminal has an end."""
        return max(_NARROWEST, shutil.get_terminal_size().columns) if self._terminal else sys.maxsize

    def _line(self, text: str, hang: int = 0) -> None:
        """Write a line; what has no room goes on under column `hang`."""
        text = self._fit(text)
        for line in wrapped(text, self._columns(), hang) if self._terminal else [text]:
            self._out.write(line + "\n")
        self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write(self._fit(text) + "\n")

    def _fit(self, text: str) -> str:
        """Return a text as this terminal can show it, with nothing in it that steers one."""
        if not self._unicode:
            text = text.translate(_PLAIN)
        encoding = self._out.encoding or "ascii"
        return _CONTROL.sub(" ", text).encode(encoding, "backslashreplace").decode(encoding)


# What a server says must not move the cursor, begin a line of its own or turn the text around; our colours stay.
_CONTROL: Final = re.compile("[\x00-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\x1b(?!\\[(?:0|1|2|3[123])m)")
_PLAIN: Final = str.maketrans(
    {"→": "->", "…": "...", "·": ".", "‹": "<", "›": ">", "–": "-", "§": "section ", "’": "'", "✓": "ok", "✗": "x"}
)
