"""Which clauses were put to the test, by which scenarios, and what came of it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from flowrun.report.record import RecordReporter

if TYPE_CHECKING:
    from flowrun.events import Judged
    from flowrun.report.record import Scenario

# The gravest first: where several checks of one scenario speak of one clause, it is that one that counts.
WORDS: Final = ("failed", "warned", "deviation", "noted", "passed", "skipped")
_SHOWN: Final = 3  # names of scenarios in a line


class Coverage(RecordReporter):
    """Gathers clauses × scenarios. `cells` maps a clause to scenarios and a word for each, `rules` to its checks."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.cells: dict[str, dict[str, str]] = {}
        self.rules: dict[str, set[str]] = {}
        self.scenarios: list[str] = []

    def scenario(self, scenario: Scenario) -> None:
        """Take what the checks of a scenario came to."""
        name = scenario.started.id or scenario.name
        if scenario.started.case:
            name = f"{name} [{scenario.started.case}]"
        if name not in self.scenarios:
            self.scenarios.append(name)
        for step in scenario.steps:
            for check in step.checks:
                row = self.cells.setdefault(check.clause, {})
                row[name] = min(_word(check), row.get(name, WORDS[-1]), key=WORDS.index)
                self.rules.setdefault(check.clause, set()).add(check.check)

    def counts(self) -> Counter[str]:
        """Return how many clauses came to what; a clause that was only skipped was not exercised."""
        return Counter(min(row.values(), key=WORDS.index) for row in self.cells.values())


def _word(check: Judged) -> str:
    if check.outcome == "held":
        return "passed"
    return "warned" if check.outcome == "failed" and check.level == "should" else check.outcome


def _in_order(table: Coverage) -> Iterator[tuple[str, dict[str, str]]]:
    yield from sorted(table.cells.items(), key=lambda pair: [_natural(part) for part in pair[0].split()])


def _natural(text: str) -> tuple[int, list[int], str]:
    numbers = [int(part) for part in text.strip("§,").split(".") if part.isdigit()]
    return (0 if numbers else 1, numbers, text)


def text(table: Coverage) -> Iterator[str]:
    """Yield the lines of the table for a terminal: a clause a line, what it came to, and where."""
    counts = table.counts()
    exercised = sum(counts.values()) - counts["skipped"]
    told = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word] and word != "skipped")
    yield f"{exercised} {'clause' if exercised == 1 else 'clauses'} exercised{': ' if told else ''}{told}"
    width = max((len(clause) for clause in table.cells), default=0)
    idle = []
    for clause, row in _in_order(table):
        worst = min(row.values(), key=WORDS.index)
        if worst == "skipped":
            idle.append(clause)
            continue
        names = [name for name, word in row.items() if word == worst]
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        yield f"  {clause:<{width}}  {worst:<9}  {shown}"
    if idle:
        yield f"not exercised: {'; '.join(idle)}"


def markdown(table: Coverage) -> Iterator[str]:
    """Yield the lines of a table for Markdown: a clause a line, how many scenarios came to what."""
    yield "| Clause | Rules | Result | Scenarios |"
    yield "| --- | --- | --- | --- |"
    for clause, row in _in_order(table):
        worst = min(row.values(), key=WORDS.index)
        by_word: dict[str, list[str]] = {}
        for name, word in row.items():
            by_word.setdefault(word, []).append(name)
        told = "; ".join(f"{word}: {', '.join(by_word[word])}" for word in WORDS if word in by_word)
        rules = ", ".join(f"`{rule}`" for rule in sorted(table.rules[clause]))
        yield f"| {_cell(clause)} | {rules} | {worst} | {_cell(told)} |"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


def separated(table: Coverage) -> Iterator[str]:
    """Yield the lines of the whole matrix as CSV: a clause a line, a scenario a column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["clause", *map(_plain, table.scenarios)])
    for clause, row in _in_order(table):
        writer.writerow([_plain(clause), *(row.get(name, "") for name in table.scenarios)])
    yield from out.getvalue().splitlines()


def _plain(words: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{words}" if words[:1] in "=+-@" else words


FORMS: Final = {"text": text, "markdown": markdown, "csv": separated}
