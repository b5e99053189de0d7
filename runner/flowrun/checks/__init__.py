"""Automatic checks: what every step verifies without being asked; each one function, one id, one clause."""

from __future__ import annotations

from functools import cache
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


@cache
def of(kind: str) -> tuple[Check, ...]:
    """Return the checks that a step of this kind runs."""
    return tuple(check for check in CHECKS if kind in check.steps)
