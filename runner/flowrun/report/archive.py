"""A kept run (`report.json`) as events again, so that every other report can be made of it, also of several at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from flowrun.errors import WRONG_FILE, FlowrunError, Problem, Span, gravest
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
)
from flowrun.report.json import VERSION

T = TypeVar("T")
NAME = "report.json"


def read(path: Path) -> dict[str, Any]:
    """Return a kept run: a JSON report, or the folder it is in.

    Raises `FlowrunError` where there is none, where it is no report, and where another version wrote it.
    """
    file = path / NAME if path.is_dir() else path
    try:
        run = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise _wrong(
            "no-run", f"there is no run at {path}: {error.strerror}", "runs are kept in runs/<time>/"
        ) from error
    except ValueError as error:
        raise _wrong("no-run", f"{file} is no report of a run: it is no JSON") from error
    if not isinstance(run, dict) or not isinstance(run.get("scenarios"), list):
        raise _wrong("no-run", f"{file} is no report of a run")
    if run.get("version") != VERSION:
        raise _wrong(
            "no-run", f"{file} was written by another version of flowrun (report version {run.get('version')})"
        )
    return run


def _wrong(code: str, title: str, hint: str = "") -> FlowrunError:
    return FlowrunError(Problem(code, title, hint=hint, exit_code=WRONG_FILE))


def events(runs: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
    """Yield the events of these runs, as of one run; scenarios in the order of the runs."""
    scenarios = [scenario for run in runs for scenario in run["scenarios"]]
    environments = {scenario.get("environment") for scenario in scenarios}
    yield RunStarted(len(scenarios), len(environments), min((run.get("began", 0.0) for run in runs), default=0.0))
    counts: Counter[str] = Counter()
    for scenario in scenarios:
        counts[scenario["status"]] += 1
        yield from _scenario(scenario)
    if all("exit_code" in run for run in runs):
        seconds = max((run["seconds"] for run in runs), default=0.0)  # shards run side by side
        yield RunFinished(dict(counts), seconds, gravest(run["exit_code"] for run in runs))


def _scenario(scenario: Mapping[str, Any]) -> Iterator[Event]:
    names, tags = tuple(step["name"] for step in scenario["steps"]), tuple(scenario.get("tags", ()))
    warnings = _problems(scenario.get("warnings", ()))
    yield _made(ScenarioStarted, scenario, steps=names, tags=tags, warnings=warnings)
    for step in scenario["steps"]:
        yield from _step(step)
    if "exit_code" in scenario:
        yield _made(ScenarioFinished, scenario, problems=_problems(scenario.get("problems", ())))


def _step(step: Mapping[str, Any]) -> Iterator[Event]:
    if step["kind"]:
        yield _made(StepStarted, step)
    found = [(one["n"], name, one) for name in ("calls", "pages", "jwts") for one in step[name]]
    for _, name, one in sorted(found, key=lambda each: each[0]):
        yield _moment(name, one)
    yield from (_made(Judged, one) for one in step["checks"])
    yield from (_made(Expected, one) for one in step["expectations"])
    yield from (_made(Told, one) for one in step["told"])
    if step["kind"] and step["status"] != "interrupted":
        yield _made(StepFinished, step, problems=_problems(step["problems"]))


def _moment(name: str, fields: Mapping[str, Any]) -> Event:
    if name == "calls":
        return _made(Called, fields, sent_form=tuple((name, value) for name, value in fields["sent_form"]))
    if name == "pages":
        return _made(PageSeen, fields, screenshot=_picture(fields.get("screenshot_file", "")))
    return _made(JwtSeen, fields)


def _made(kind: type[T], fields: Mapping[str, Any], **extra: Any) -> T:
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]  # every event is a dataclass
    return kind(**{**{name: fields[name] for name in names if name in fields}, **extra})


def _problems(found: Sequence[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            **{
                **one,
                "at": Span(**one["at"]) if one["at"] else None,
                "facts": tuple((name, value) for name, value in one["facts"]),
            }
        )
        for one in found
    )


def _picture(name: str) -> bytes | None:
    try:
        return Path(name).read_bytes() if name else None
    except OSError:
        return None
