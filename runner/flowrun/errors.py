"""What a person can put right: where it is, what it is, what to do about it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final
from unicodedata import combining, east_asian_width

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

# Exit codes (README, "Exit codes"). A suite takes the gravest: 130, 2, 4, 3, 1.
HELD = 0
FAILED = 1
WRONG_FILE = 2
UNREACHABLE = 3
NO_BROWSER = 4
INTERRUPTED = 130
GRAVEST_FIRST = (INTERRUPTED, WRONG_FILE, NO_BROWSER, UNREACHABLE, FAILED, HELD)

TAB_WIDTH = 4

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a file: lines and columns count from 1, `end_column` is the first column after it.

    A piece that runs over several lines ends, for drawing, with its first line. `text` is that line as it
    stands in the file, so that an excerpt never opens the file again.
    """

    file: str
    line: int
    column: int
    end_column: int
    text: str = ""

    def __str__(self) -> str:
        """`file:line:column`, the form that editors and terminals make a link of."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in the one shape that every message of flowrun has.

    `code` is a stable slug (`unknown-key`); `label` stands beside the carets and says what to write; `facts` are
    pairs of a name and a text (`expected`, `got`, `where`, `spec`); `hint` is a deed; `exit_code` is one of the
    constants above; a `warning` is told and stops nothing. `blame` says whose fault a failure is, in plain words.
    """

    code: str
    title: str
    at: Span | None = None
    label: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    exit_code: int = WRONG_FILE
    warning: bool = False
    blame: str = ""


class FlowrunError(Exception):
    """Stops a stage; carries every problem that the stage found."""

    def __init__(self, *problems: Problem) -> None:
        """Take at least one problem."""
        super().__init__("; ".join(p.title for p in problems))
        self.problems = problems


class StepError(Exception):
    """A step could not do its work; the engine knows where in the file `field` was written.

    `field` is a path inside the step's own input, for example `("answers", "consent")`; empty means the step itself.
    `place` is where a refusal happened (push, callback, page, exchange, …; design: refusals), `error` the OAuth error
    code that came with it; both are empty when it was no refusal.
    """

    def __init__(
        self,
        code: str,
        title: str,
        *,
        field: tuple[str | int, ...] = (),
        label: str = "",
        facts: Iterable[tuple[str, str]] = (),
        hint: str = "",
        exit_code: int = FAILED,
        place: str = "",
        error: str = "",
    ) -> None:
        """Say what is wrong; words only, no positions."""
        super().__init__(title)
        self.code = code
        self.title = title
        self.field = field
        self.label = label
        self.facts = tuple(facts)
        self.hint = hint
        self.exit_code = exit_code
        self.place = place
        self.error = error


def gravest(codes: Iterable[int]) -> int:
    """Return the exit code that a suite of these exit codes has."""
    seen = set(codes)
    return next((code for code in GRAVEST_FIRST if code in seen), HELD)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest known word, or an empty text."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""


WIDEST: Final = 140  # columns of an excerpt; a longer line is shown around its carets


def draw(problem: Problem, widest: int = WIDEST) -> str:
    """Draw a problem as text: title, file:line:column, the line, carets, facts, what to do.

    An excerpt that is wider than `widest` columns is cut on both sides of its carets.
    Nothing in it is a command to a terminal, whatever a file or a server said.
    """
    lines = [f"{'warning' if problem.warning else 'error'}[{problem.code}]: {problem.title}"]
    at = problem.at
    gutter = " " * len(str(at.line)) if at else ""
    if at is not None:
        lines.append(f"{gutter}--> {at}")
    if at is not None and at.text:
        excerpt, pad, carets = _excerpt(at, widest)
        label = f" {problem.label}" if problem.label else ""
        lines += [f"{gutter} |", f"{at.line} | {excerpt}".rstrip(), f"{gutter} | {pad}{carets}{label}"]
    elif problem.label:
        lines.append(f"{gutter} = {problem.label}")
    facts = (*problem.facts, ("blame", problem.blame)) if problem.blame else problem.facts
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        first, *rest = value.splitlines() or [""]
        lines.append(f"{gutter} = {name:<{width}}  {first}".rstrip())
        lines += [f"{gutter}   {' ' * width}  {more}".rstrip() for more in rest]
    if problem.hint:
        first, *rest = problem.hint.splitlines()
        lines.append(f"{gutter} = help: {first}")
        lines += [f"{gutter}         {more}".rstrip() for more in rest]
    return _CONTROL.sub("\ufffd", "\n".join(lines)) + "\n"


def _excerpt(at: Span, widest: int) -> tuple[str, str, str]:
    """Return the line, the blanks before the carets and the carets: tabs opened, a very long line cut on both sides."""
    before = at.text[: at.column - 1].expandtabs(TAB_WIDTH)
    marked = at.text[: at.end_column - 1].expandtabs(TAB_WIDTH)[len(before) :]
    text = at.text.expandtabs(TAB_WIDTH)
    if columns(text) > widest:
        marked = marked[: widest // 2]
        start = max(0, len(before) - widest // 4)
        cut = text[start : start + widest]
        before = before[start:]
        if start:
            cut, before = f"…{cut[1:]}", f"…{before[1:]}"
        text = cut if start + widest >= len(text) else f"{cut}…"
    return text, " " * columns(before), "^" * max(1, columns(marked))


def columns(text: str) -> int:
    """Return how many columns a terminal gives a text: two for wide characters, none for those that combine."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def can_show(out: TextIO, text: str) -> bool:
    """Tell whether a terminal or file has signs for all of a text."""
    try:
        text.encode(out.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
