"""`retry:` of a step: how often, how long, and what makes an attempt a success."""

from __future__ import annotations

import math
import sys
from typing import Any

from flowrun import template
from flowrun.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is done at most, the first time included, and what makes an attempt a success (seconds)."""

    times: int = 1
    every: float = 1.0
    at_most: float = math.inf
    until: str | None = None

    @staticmethod
    def read(written: Any) -> Retry:
        """Return what `retry:` says: nothing, a number of times, or a mapping."""
        if written is None:
            return Retry()
        if isinstance(written, int):
            return Retry(times=written)
        endless = "at_most" in written and "times" not in written
        return Retry(
            times=sys.maxsize if endless else int(written.get("times", 3)),
            every=template.seconds(written.get("every", "1s")),
            at_most=template.seconds(written["at_most"]) if "at_most" in written else math.inf,
            until=written.get("until"),
        )
