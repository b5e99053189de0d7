"""The run as Markdown, to be pasted into a pull request, a ticket or a chat."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from flowrun.errors import draw
from flowrun.report.record import FileReporter, Scenario

if TYPE_CHECKING:
    from pathlib import Path

_SIGNS: Final = {"passed": "✅", "failed": "❌", "interrupted": "❌", "not applicable": "➖", "not run": "➖"}
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")
_LONGEST: Final = 50  # scenarios that are shown with their problems; a comment may have 65,536 characters


class MarkdownReport(FileReporter):
    """One table; below it the problems, folded."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        super().__init__(path)
        self._rows: list[str] = []
        self._problems: list[str] = []
        self._counts: Counter[str] = Counter()

    def scenario(self, scenario: Scenario) -> None:
        """Keep its row and its problems."""
        self._counts[scenario.status] += 1
        summary = scenario.finished.summary if scenario.finished else "the run was cut off"
        seconds = scenario.finished.seconds if scenario.finished else 0.0
        summary += f" (tampered: {scenario.tampered})" if scenario.tampered else ""
        sign = _SIGNS.get(scenario.status, "")
        cells = (_plain(scenario.name), _plain(scenario.started.environment), f"{sign} {scenario.status}")
        self._rows.append(f"| {' | '.join(cells)} | {seconds:.1f} s | {_plain(summary)} |")
        wrong = [problem for problem in scenario.problems if not problem.warning]
        if wrong and len(self._problems) < _LONGEST:
            drawn = "\n".join(draw(problem) for problem in wrong)
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", drawn)), default=0))
            self._problems.append(
                f"<details><summary>{_html(scenario.name)}: {_html(summary)}</summary>\n\n{fence}text\n{drawn}{fence}\n"
                "\n</details>\n"
            )

    def finish(self) -> None:
        """Write it down."""
        failed = self._counts["failed"] + self._counts["interrupted"]
        total = sum(self._counts.values())
        head = f"❌ {failed} of {total} scenarios failed" if failed else f"✅ {total} scenarios, none failed"
        counts = ", ".join(f"{number} {word}" for word, number in self._counts.items())
        seconds = f" in {self.over.seconds:.1f} s" if self.over else ", cut off"
        self.file.write(f"### {head}\n\n{counts or 'nothing ran'}{seconds}\n\n")
        self.file.write("| scenario | environment | result | time | what happened |\n|---|---|---|---:|---|\n")
        self.file.write("\n".join(self._rows) + "\n")
        if self._problems:
            self.file.write("\n" + "\n".join(self._problems))


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "@\u200b")  # nobody is to be notified


def _html(text: str) -> str:
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def open_report(path: Path) -> MarkdownReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return MarkdownReport(path)
