"""Problems at their line in the change that is looked at: GitHub's workflow commands, GitLab's code quality file."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from flowrun.report.record import FileReporter, Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.errors import Problem


def _placed(scenario: Scenario, problem: Problem) -> tuple[str, int, int]:
    if problem.at is not None:
        return problem.at.file, problem.at.line, problem.at.column
    return scenario.started.file, scenario.started.line, 1


def _words(problem: Problem, scenario: Scenario) -> str:
    told = [f"tampered: {scenario.tampered}"] if scenario.tampered else []
    return "\n".join([*(f"{name}: {value}" for name, value in problem.facts), *told, problem.hint]).strip()


class GithubAnnotations(FileReporter):
    """Lines that a GitHub job prints to have them shown at the line (`cat FILE` in the workflow, or /dev/stdout)."""

    def scenario(self, scenario: Scenario) -> None:
        """Write a line for each problem."""
        for problem in scenario.problems:
            file, line, column = _placed(scenario, problem)
            kind = "warning" if problem.warning else "error"
            title = f"{problem.code}: {scenario.name}"
            text = f"{problem.title}\n{_words(problem, scenario)}".strip()
            self.file.write(
                f"::{kind} file={_property(file)},line={line},col={column},title={_property(title)}::{_data(text)}\n"
            )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class GitlabQuality(FileReporter):
    """A report of the kind `codequality`, which GitLab shows in the merge request."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        super().__init__(path)
        self._found: list[dict[str, Any]] = []
        self._seen: Counter[str] = Counter()

    def scenario(self, scenario: Scenario) -> None:
        """Keep its problems."""
        for problem in scenario.problems:
            file, line, _ = _placed(scenario, problem)
            text = f"{scenario.name}: {problem.title}"
            marks = "\0".join([problem.code, problem.title, *scenario.key])
            self._seen[marks] += 1  # what comes twice is told apart, and the others keep their print from run to run
            marks = f"{marks}\0{self._seen[marks]}"
            self._found.append(
                {
                    "description": text,
                    "check_name": problem.code,
                    "fingerprint": hashlib.sha256(marks.encode("utf-8", "replace")).hexdigest(),
                    "severity": "minor" if problem.warning else "major",
                    "location": {"path": file, "lines": {"begin": line}},
                    "content": {"body": _words(problem, scenario)},
                }
            )

    def finish(self) -> None:
        """Write it down."""
        json.dump(self._found, self.file, ensure_ascii=False, indent=1)
        self.file.write("\n")


def open_github(path: Path) -> GithubAnnotations:
    """Return the reporter; raises OSError when the file can't be written."""
    return GithubAnnotations(path)


def open_gitlab(path: Path) -> GitlabQuality:
    """Return the reporter; raises OSError when the file can't be written."""
    return GitlabQuality(path)
