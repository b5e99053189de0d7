"""The words of the language: one file a kind of step, and the table that names them all."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.steps.base import StepKind

# A kind's module, and so whatever library it needs, is imported when a scenario uses the kind.
KINDS: Final[Mapping[str, str]] = {
    "discover": "flowrun.steps.discover",
    "set": "flowrun.steps.set",
    "sign": "flowrun.steps.sign",
    "push": "flowrun.steps.push",
    "browse": "flowrun.steps.browse",
    "exchange": "flowrun.steps.exchange",
    "userinfo": "flowrun.steps.userinfo",
    "introspect": "flowrun.steps.introspect",
    "revoke": "flowrun.steps.revoke",
    "call": "flowrun.steps.call",
    "wait": "flowrun.steps.wait",
    "use": "flowrun.steps.use",
}


@cache
def kind(name: str) -> StepKind:
    """Return a kind of step by its name; raises KeyError for one that there is not."""
    found: StepKind = import_module(KINDS[name]).KIND
    return found
