"""What a run comes to: how many scenarios ended how, and what to look at first."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from flowrun.dataclass import dataclass
from flowrun.events import Event, Judged, ScenarioFinished, ScenarioStarted, Told

if TYPE_CHECKING:
    from flowrun.errors import Problem

KNOWN_FAILURE = "known failure"  # the fact that makes a warning of a failure (a deviation that names the scenario)


def is_deviation(event: Event) -> bool:
    """Tell whether an event is a check that failed as it is known to."""
    return isinstance(event, Judged) and event.outcome == "deviation"


@dataclass(slots=True)
class Group:
    """Problems of the same kind and words; `problem` is the first, `scenarios` how many have one."""

    problem: Problem
    scenarios: int = 0


@dataclass(slots=True)
class Tally:
    """Is told every event; counts scenarios by what a reader should know of them besides their outcome."""

    warned: int = 0
    degraded: int = 0
    deviating: int = 0
    idle: int = 0
    _groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def tell(self, event: Event) -> None:
        """Count it."""
        match event:
            case ScenarioStarted():
                self._seen = set()
            case Told(label="degraded"):
                self._seen.add("degraded")
            case Told(label="note", value=value) if "no longer needed" in value:
                self._seen.add("idle")
            case Judged(outcome="deviation"):
                self._seen.add("deviating")
            case ScenarioFinished():
                self._end(event)

    def _end(self, event: ScenarioFinished) -> None:
        known = [one for one in event.problems if one.warning and KNOWN_FAILURE in dict(one.facts)]
        self.warned += any(one.warning and one not in known for one in event.problems)
        self.degraded += "degraded" in self._seen
        self.deviating += bool(known) or "deviating" in self._seen
        self.idle += "idle" in self._seen
        self._seen = set()
        for key in dict.fromkeys((one.code, one.title) for one in event.problems if not one.warning):
            first = next(one for one in event.problems if (one.code, one.title) == key and not one.warning)
            self._groups.setdefault(key, Group(first)).scenarios += 1

    def besides(self) -> str:
        """Return in words what the outcomes do not say; empty where there is nothing."""
        found = (
            (self.warned, "with warnings"),
            (self.degraded, "degraded"),
            (self.deviating, "with known deviations"),
            (self.idle, "with a deviation that is no longer needed"),
        )
        return ", ".join(f"{number} {words}" for number, words in found if number)

    def groups(self) -> list[Group]:
        """Return the distinct problems, those of most scenarios first."""
        return sorted(self._groups.values(), key=lambda group: -group.scenarios)
