"""Automatic checks: what every step verifies without being asked; each one function, one id, one clause."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from flowrun.checks import (
    afterwards,
    bound,
    callback,
    discover,
    id_token,
    jwks,
    metadata,
    offers,
    pages,
    push,
    sign,
    tokens,
)
from flowrun.events import Judged

if TYPE_CHECKING:
    from flowrun.checks.base import Check

CHECKS: Final[tuple[Check, ...]] = (
    *metadata.CHECKS,
    *discover.CHECKS,
    *offers.CHECKS,
    *jwks.CHECKS,
    *sign.CHECKS,
    *push.CHECKS,
    *callback.CHECKS,
    *pages.CHECKS,
    *tokens.CHECKS,
    *id_token.CHECKS,
    *bound.CHECKS,
    *afterwards.CHECKS,
)


BY_ID: Final[Mapping[str, Check]] = {check.id: check for check in CHECKS}


@lru_cache(maxsize=4096)
def judged(check: str, level: str, outcome: str, complaint: str = "") -> Judged:
    """Return the event of a check by its id, the same one each time: most hold, in every scenario."""
    one = BY_ID[check]
    return Judged(check, level, outcome, one.sentence, one.clause, complaint)


@cache
def of(kind: str) -> tuple[Check, ...]:
    """Return the checks that a step of this kind runs."""
    return tuple(check for check in CHECKS if kind in check.steps)
