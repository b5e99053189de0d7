"""JUnit XML, as Jenkins, GitLab and the Ant task read it: a suite an environment, a case a scenario."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from flowrun.dataclass import dataclass
from flowrun.errors import draw
from flowrun.report.record import FileReporter, Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.errors import Problem

# What XML 1.0 can't hold, not even escaped (section 2.2).
_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEFT_OUT: Final = frozenset({"not applicable", "not run"})


def _spool() -> IO[str]:
    """Return a file for lines whose place is further down: the counts stand before them."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="\n")


@dataclass(slots=True)
class _Suite:
    tests: int = 0
    cases: IO[str] = field(default_factory=_spool)
    failures: int = 0
    errors: int = 0
    out: list[str] = field(default_factory=list)
    seconds: float = 0.0


class JunitReport(FileReporter):
    """A failed expectation or check is a failure; a server or browser that is not there, or a wrong file, an error."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        super().__init__(path)
        self._suites: dict[str, _Suite] = {}

    def scenario(self, scenario: Scenario) -> None:
        """Keep its lines."""
        environment = scenario.started.environment or "flowrun"
        if environment not in self._suites:
            self._suites[environment] = _Suite()
        suite = self._suites[environment]
        seconds = scenario.finished.seconds if scenario.finished else 0.0
        suite.seconds += seconds
        classname = scenario.started.file.removesuffix(".yaml").removesuffix(".yml").replace("/", ".")
        name, place = _attribute(scenario.name), _attribute(classname)
        case = f"  <testcase name={name} classname={place} time={_seconds(seconds)}>"
        inside = self._inside(scenario, suite)
        if scenario.tampered:
            suite.out.append(f"{_text(scenario.name)}\ntampered: {_text(scenario.tampered)}\n")
        suite.tests += 1
        suite.cases.write(f"{case}\n{inside}  </testcase>\n" if inside else f"{case[:-1]}/>\n")

    def _inside(self, scenario: Scenario, suite: _Suite) -> str:
        summary = _attribute(scenario.finished.summary if scenario.finished else "the run was cut off")
        if scenario.status in _LEFT_OUT:
            said = scenario.finished.summary if scenario.finished else ""
            return f"    <skipped>{_text(said)}</skipped>\n"  # Jenkins' schema has no attribute here
        wrong = [problem for problem in scenario.problems if not problem.warning]
        if scenario.status == "interrupted":
            suite.errors += 1
            return f'    <error message={summary} type="interrupted"></error>\n'
        if scenario.status == "failed":
            code = scenario.finished.exit_code if scenario.finished else 1
            tag = "failure" if code == 1 else "error"
            suite.failures += tag == "failure"
            suite.errors += tag == "error"
            kind = _attribute(wrong[0].code if wrong else "strict")
            return f"    <{tag} message={summary} type={kind}>{_drawn(wrong or scenario.problems)}</{tag}>\n"
        warnings = [problem for problem in scenario.problems if problem.warning]
        if warnings:
            suite.out.append(f"{_text(scenario.name)}\n{_drawn(warnings)}")
        return ""

    def finish(self) -> None:
        """Write the suites with their counts."""
        at = f"{datetime.fromtimestamp(self.began.at, UTC):%Y-%m-%dT%H:%M:%S}"
        self.file.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
        for index, (name, suite) in enumerate(self._suites.items()):
            self.file.write(
                f'<testsuite name={_attribute(name)} id="{index}" package="flowrun" tests="{suite.tests}" '
                f'failures="{suite.failures}" errors="{suite.errors}" '
                f'time={_seconds(suite.seconds)} timestamp="{at}" hostname={_attribute(socket.gethostname())}>\n'
                f'  <properties><property name="environment" value={_attribute(name)}/></properties>\n'
            )
            with suite.cases as cases:
                cases.seek(0)
                shutil.copyfileobj(cases, self.file)
            out = "".join(suite.out)
            self.file.write(f"  <system-out>{out}</system-out>\n  <system-err/>\n</testsuite>\n")
        self.file.write("</testsuites>\n")


def _attribute(text: str) -> str:
    return quoteattr(_UNFIT.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_UNFIT.sub("\ufffd", text))


def _drawn(problems: Iterable[Problem]) -> str:
    return _text("\n".join(draw(problem) for problem in problems))


def _seconds(value: float) -> str:
    return f'"{value:.3f}"'


def open_report(path: Path) -> JunitReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return JunitReport(path)
