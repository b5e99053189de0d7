"""The run as JSON, for machines: every scenario with its steps, checks, calls and problems (`schemas/report.json`)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flowrun.events import Called, JwtSeen, PageSeen
from flowrun.report.record import FileReporter, Scenario, Step

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 2


class JsonReport(FileReporter):
    """Writes each scenario when it is over, so that a long suite stays small."""

    _written = 0
    _begun = False

    def scenario(self, scenario: Scenario) -> None:
        """Write one scenario."""
        self._head()
        self.file.write(("," if self._written else "") + "\n" + _text(_scenario(scenario), 2))
        self._written += 1

    def finish(self) -> None:
        """Write how it ended."""
        self._head()
        self.file.write("\n ]")
        if self.over is not None:
            for name, value in asdict(self.over).items():
                self.file.write(f",\n {json.dumps(name)}: {_text(value, 1).lstrip()}")
        self.file.write("\n}\n")

    def _head(self) -> None:
        if not self._begun:
            self._begun = True
            self.file.write(f'{{\n "version": {VERSION},\n "began": {self.began.at!r},\n "scenarios": [')


def _scenario(scenario: Scenario) -> dict[str, Any]:
    ended = asdict(scenario.finished) if scenario.finished else {"status": "interrupted"}
    steps = [_step(step) for step in scenario.steps]
    return {**asdict(scenario.started), "steps": steps, **{k: v for k, v in ended.items() if k != "title"}}


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": step.kind,
        "after": step.after,
        "line": step.line,
        "at": step.at,
        "status": step.status,
        "seconds": step.seconds,
        "summary": step.summary,
        **_moments(step),
        "checks": [asdict(check) for check in step.checks],
        "expectations": [asdict(expectation) for expectation in step.expectations],
        "told": [asdict(told) for told in step.told],
        "problems": [asdict(problem) for problem in step.problems],
        "values": step.values,
    }


def _moments(step: Step) -> dict[str, list[dict[str, Any]]]:
    """Return calls, pages and JWTs; `n` says in which order they came."""
    found: dict[str, list[dict[str, Any]]] = {"calls": [], "pages": [], "jwts": []}
    for number, moment in enumerate(step.moments):
        fields = {name: value for name, value in asdict(moment).items() if name != "screenshot"}
        kind = {Called: "calls", PageSeen: "pages", JwtSeen: "jwts"}[type(moment)]
        found[kind].append({"n": number, **fields})
    return found


def _text(value: Any, depth: int) -> str:
    pad = " " * depth
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return "\n".join(pad + line for line in text.splitlines())


def open_report(path: Path) -> JsonReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return JsonReport(path)
