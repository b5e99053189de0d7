"""The run as JSON, for machines: every scenario with its steps, checks, calls and problems (`schemas/report.json`)."""

from __future__ import annotations

import json
import os
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Final

from flowrun import members
from flowrun.events import Called, Judged, JwtSeen, PageSeen
from flowrun.report.record import FileReporter, Scenario, Step

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 2
_known: Final[dict[int, tuple[Judged, str]]] = {}  # by identity: to hash one takes as long as half of its text
_MOST_KNOWN: Final = 4096
# Where the checks of a step belong, in JSON and before; nobody else can know the word.
_CHECKS_HERE: Final = os.urandom(16).hex()
_CHECKS: Final = f'"{_CHECKS_HERE}"'
_KINDS: Final = {Called: "calls", PageSeen: "pages", JwtSeen: "jwts"}


class JsonReport(FileReporter):
    """Writes each scenario when it is over, so that a long suite stays small."""

    _written = 0
    _begun = False

    def scenario(self, scenario: Scenario) -> None:
        """Write one scenario."""
        self._head()
        self.file.write(("," if self._written else "") + "\n  " + _scenario(scenario))
        self._written += 1

    def finish(self) -> None:
        """Write how it ended."""
        self._head()
        self.file.write("\n ]")
        if self.over is not None:
            for name, value in _members(self.over).items():
                self.file.write(f",\n {_text(name)}: {_text(value)}")
        self.file.write("\n}\n")

    def _head(self) -> None:
        if not self._begun:
            self._begun = True
            shard = f' "shard": {_text(self.began.shard)},\n' if self.began.shard else ""
            self.file.write(f'{{\n "version": {VERSION},\n "began": {self.began.at!r},\n{shard} "scenarios": [')


def _scenario(scenario: Scenario) -> str:
    ended = _members(scenario.finished) if scenario.finished else {"status": "interrupted"}
    started = {**_members(scenario.started), "steps": list(map(_step, scenario.steps))}
    whole = _text({**started, **{name: value for name, value in ended.items() if name != "title"}})
    first, *pieces = whole.split(_CHECKS)
    checks = (f"[{', '.join(map(_check, step.checks))}]" for step in scenario.steps)
    return first + "".join(made + piece for made, piece in zip(checks, pieces, strict=True))


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
        "checks": _CHECKS_HERE,
        "expectations": step.expectations,
        "told": step.told,
        "problems": step.problems,
        "values": step.values,
    }


def _check(check: Judged) -> str:
    """Return a check as JSON: each scenario has dozens, most of them the very ones that were in the one before."""
    known = _known.get(id(check))
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(check)] = (check, _text(check))
    return known[1]


def _moments(step: Step) -> dict[str, list[dict[str, Any]]]:
    """Return calls, pages and JWTs; `n` says in which order they came."""
    found: dict[str, list[dict[str, Any]]] = {"calls": [], "pages": [], "jwts": []}
    for number, moment in enumerate(step.moments):
        told = {name: value for name, value in _members(moment).items() if name != "screenshot"}
        found[_KINDS[type(moment)]].append({"n": number, **told})
    return found


def _members(value: Any) -> dict[str, Any]:
    """Return the fields of an event or a problem; those inside it are taken apart when they are written."""
    kind: Any = type(value)
    return dict(zip(members.names(kind), members.values(kind)(value), strict=True))


def _plain(value: Any) -> Any:
    """Return what JSON has no form for in one that it has."""
    return _members(value) if is_dataclass(value) else str(value)


# A scenario is one line: with an indent Python's encoder is not the one in C, and takes twenty times as long.
_text: Final = json.JSONEncoder(ensure_ascii=False, default=_plain).encode


def open_report(path: Path) -> JsonReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return JsonReport(path)
