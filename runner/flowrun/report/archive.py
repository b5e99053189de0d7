"""A kept run (`report.json`) as events again, so that every other report can be made of it, also of several at once."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from flowrun.errors import FAILED, WRONG_FILE, FlowrunError, Problem, Span, gravest
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
    Shard,
    StepFinished,
    StepStarted,
    Told,
)
from flowrun.report.json import VERSION
from flowrun.report.pull import Pull

T = TypeVar("T")
NAME = "report.json"


class Kept:
    """A kept run: a JSON report, or the folder it is in. Its scenarios are read one at a time, each time anew."""

    def __init__(self, path: Path) -> None:
        """Look through it once. `ending` are the members that say how it ended, none if it was cut off.

        Raises `FlowrunError` where there is none, where it is no report, and where another version wrote it.
        """
        self.path = path / NAME if path.is_dir() else path
        self.began, self.count = 0.0, 0
        self.shard: Shard | None = None
        self.environments: set[str] = set()
        self.ending: dict[str, Any] = {}
        version = None
        try:
            for name, value in self._members():
                if name == "version":
                    version = value
                elif name == "began":
                    self.began = float(value)
                elif name == "shard":
                    self.shard = Shard(**{**value, "places": tuple(value["places"])})
                elif name == "scenarios":
                    self.count += 1
                    self.environments.add(value["environment"])
                else:
                    self.ending[name] = value
        except OSError as error:
            raise _wrong(
                "no-run", f"there is no run at {path}: {error.strerror}", "runs are kept in runs/<time>/"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise _wrong("no-run", f"{self.path} is no report of a run") from error
        if version != VERSION:
            raise _wrong("no-run", f"{self.path} was written by another version of flowrun (report version {version})")

    def scenarios(self) -> Iterator[dict[str, Any]]:
        """Yield the scenarios, as `schemas/report.json` describes them."""
        return (value for name, value in self._members() if name == "scenarios")

    def placed(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the scenarios with their places in the suite, of which the run may be a part."""
        return zip(self.shard.places if self.shard else itertools.count(), self.scenarios(), strict=False)

    def _members(self) -> Iterator[tuple[str, Any]]:
        with self.path.open(encoding="utf-8") as file:
            pull = Pull(file)
            for name in pull.members():
                if name == "scenarios":
                    yield from ((name, scenario) for scenario in pull.items())
                else:
                    yield name, pull.value()


def read(path: Path) -> dict[str, Any]:
    """Return a kept run as a whole; raises `FlowrunError` like `Kept`."""
    run = Kept(path)
    return {"version": VERSION, "began": run.began, "scenarios": list(run.scenarios()), **run.ending}


def _wrong(code: str, title: str, hint: str = "") -> FlowrunError:
    return FlowrunError(Problem(code, title, hint=hint, exit_code=WRONG_FILE))


def missing(runs: Sequence[Kept]) -> list[int]:
    """Return the numbers of the shards that these runs lack; raises `FlowrunError` where they don't fit together."""
    shards = [run.shard for run in runs if run.shard is not None]
    if not shards:
        return []
    if len(shards) < len(runs):
        raise _wrong("shards-differ", "some of these runs are parts of a suite, others are whole")
    if len({(shard.cut, shard.count) for shard in shards}) > 1:
        raise _wrong(
            "shards-differ",
            "these parts were cut in different ways: a scenario may be in two of them, or in none",
            "every part needs the same files, options and kept runs (docs/big-suites.md)",
        )
    numbers = [shard.number for shard in shards]
    twice = next((number for number in numbers if numbers.count(number) > 1), 0)
    if twice:
        raise _wrong("shards-differ", f"part {twice} of {shards[0].count} is there twice")
    return [number for number in range(1, shards[0].count + 1) if number not in numbers]


def events(runs: Sequence[Kept]) -> Iterator[Event]:
    """Yield the events of these runs, as of one run: in the order of the runs, of shards in that of the suite."""
    count = sum(run.count for run in runs)
    environments = {name for run in runs for name in run.environments}
    part = runs[0].shard if len(runs) == 1 else None  # it stays one
    yield RunStarted(count, len(environments), min((run.began for run in runs), default=0.0), part)
    counts: Counter[str] = Counter()
    for scenario in _in_order(runs):
        counts[scenario["status"]] += 1
        yield from _scenario(scenario)
    if all("exit_code" in run.ending for run in runs):
        seconds = max((run.ending["seconds"] for run in runs), default=0.0)  # shards run side by side
        codes = [run.ending["exit_code"] for run in runs]
        if counts["not applicable"] == count and not missing(runs):
            codes.append(FAILED)  # one part that checked nothing may be right, all of them may not
        yield RunFinished(dict(counts), seconds, gravest(codes))


def _in_order(runs: Sequence[Kept]) -> Iterator[dict[str, Any]]:
    cuts = {run.shard.cut if run.shard else "" for run in runs}
    if len(cuts) == 1 and cuts != {""}:
        return (scenario for _, scenario in heapq.merge(*(run.placed() for run in runs), key=lambda pair: pair[0]))
    return (scenario for run in runs for scenario in run.scenarios())


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
