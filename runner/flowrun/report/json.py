"""The run as JSON, for machines: every scenario with its steps, checks, calls and problems."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

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

VERSION = 1


class JsonReport:
    """Collects a run, and writes it when the run is over: into a temporary file that then takes the place."""

    def __init__(self, path: Path) -> None:
        """Open the temporary file now: a folder that can't be written to must cost no run."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        # Half a surrogate pair, which a server may send, is written as JSON writes it.
        self._file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")
        self._temporary = Path(name)
        self._run: dict[str, Any] = {"version": VERSION, "scenarios": []}
        self._scenario: dict[str, Any] = {}
        self._step: dict[str, Any] = {}
        self._open: dict[str, dict[str, Any]] = {}

    def tell(self, event: Event) -> None:
        """Build the tree step by step."""
        match event:
            case RunStarted():
                pass
            case ScenarioStarted():
                self._scenario = {**_plain(event), "steps": []}
                self._run["scenarios"].append(self._scenario)
                self._step = self._scenario
            case StepStarted():
                self._step = {**_plain(event), "calls": [], "pages": [], "checks": [], "expectations": [], "told": []}
                self._open[event.name] = self._step
                self._scenario["steps"].append(self._step)
            case Called():
                self._step.setdefault("calls", []).append(_plain(event))
            case PageSeen():
                self._step.setdefault("pages", []).append({k: v for k, v in _plain(event).items() if k != "screenshot"})
            case Judged():
                self._step.setdefault("checks", []).append(_plain(event))
            case Expected():
                self._step.setdefault("expectations", []).append(_plain(event))
            case Told():
                self._step.setdefault("told", []).append(_plain(event))
            case StepFinished():
                # A step that was left out never started; the step of a `use` ends after those that it runs.
                step = self._open.pop(event.name, None)
                if step is None:
                    self._scenario["steps"].append(_plain(event))
                else:
                    step |= _plain(event)
                    self._step = step
            case ScenarioFinished():
                self._scenario |= {k: v for k, v in _plain(event).items() if k != "title"}
            case RunFinished():
                self._run |= _plain(event)

    def close(self) -> None:
        """Write what there is; an interrupted run leaves a report of what it did."""
        with self._file as file:
            json.dump(self._run, file, ensure_ascii=False, indent=1, default=str)
            file.write("\n")
        self._temporary.replace(self._path)


def _plain(event: Any) -> dict[str, Any]:
    assert is_dataclass(event)  # noqa: S101  every event is one
    return asdict(event)  # type: ignore[arg-type]


def open_report(path: Path) -> JsonReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return JsonReport(path)
