"""The fields of a dataclass, looked up once for each: events are taken apart by the thousand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    return getter(names(kind))


def getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gets the values of these members of an object."""
    return attrgetter(*names) if len(names) > 1 else lambda one: tuple(getattr(one, name) for name in names)
