"""use: run the steps of another file, with inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.steps.base import Outcome, StepKind

if TYPE_CHECKING:
    from flowrun.steps.base import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The filled input; `schemas/steps/use.json` says what each field is."""

    file: str
    inputs: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] | None = None


def run(step: Use, tools: Tools) -> Outcome:
    """Hand over to whoever runs steps: the other file's are run like our own, in the same transaction."""
    return tools.use(step.inputs or {}, step.outputs or {})


KIND = StepKind("use", Use, run)
