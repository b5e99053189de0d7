"""The fields of a dataclass, looked up once for each: events are taken apart by the thousand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any


@cache
def names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass, in order."""
    return tuple(one.name for one in fields(kind))


@cache
def values(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gets the values of all fields of such an object, in the same order."""
    every = names(kind)
    if len(every) > 1:
        return attrgetter(*every)
    return lambda one: tuple(getattr(one, name) for name in every)
