"""set: give names to values for later steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.steps.base import Outcome, StepKind

if TYPE_CHECKING:
    from flowrun.steps.base import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """The names and their values; the only kind whose members are free, see `schemas/steps/set.json`."""

    names: Mapping[str, Any]


def run(step: Set, tools: Tools) -> Outcome:  # noqa: ARG001  every kind is run the same way
    """Leave the names."""
    return Outcome(step.names, leaves=step.names, summary=", ".join(step.names))


KIND = StepKind("set", Set, run)
