"""Dates of JWTs as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

_DATES: Final = frozenset({"iat", "exp", "nbf", "auth_time", "updated_at"})


def human(name: str, value: Any, began: float) -> str:
    """Return a date of a JWT as people write it, and how far it is from the run's start; empty for what is no date."""
    if name not in _DATES or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return "no date"
    return f"{moment:%d %b %Y, %H:%M:%S} UTC, {distance(value - began)}"


def distance(seconds: float) -> str:
    """Say how far a moment is from the run: `5 min after the start`."""
    size = abs(seconds)
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * length:
            return f"{size / length:.0f} {unit} {'after' if seconds > 0 else 'before'} the start"
    return f"{size:.0f} s {'after' if seconds >= 0 else 'before'} the start"
