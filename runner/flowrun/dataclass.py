"""`dataclasses.dataclass`, lighter: what it writes as code for each class anew is written here once for all.

A small run makes eighty classes, and that took a third of its time. A frozen one sets each field through a call, which
makes an object take three times as long; here mypy alone sees to it that nobody changes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from functools import cache, partial
    from reprlib import recursive_repr

    from flowrun.members import getter

    def dataclass(kind=None, /, *, frozen=False, eq=True, repr=True, **options):  # noqa: A002, ANN001, ANN003, ANN201
        """Do what `dataclasses.dataclass` does; there is no `order`, and no field with a hash of its own."""
        if kind is None:
            return partial(dataclass, frozen=frozen, eq=eq, repr=repr, **options)
        own = vars(kind)
        made = dataclasses.dataclass(kind, eq=False, repr=False, **options)
        if eq and "__eq__" not in own:
            made.__eq__ = _equal
        if eq and own.get("__hash__") is None:
            made.__hash__ = _hash if frozen else None
        if repr and "__repr__" not in own:
            made.__repr__ = _shown
        return made

    def _equal(self, other):  # noqa: ANN001, ANN202
        if other.__class__ is not self.__class__:
            return NotImplemented
        values = _compared(self.__class__)
        return values(self) == values(other)

    def _hash(self):  # noqa: ANN001, ANN202
        return hash(_compared(self.__class__)(self))

    @cache
    def _compared(kind):  # noqa: ANN001, ANN202
        """Return what gets the values that tell two objects apart, as a tuple."""
        return getter([one.name for one in dataclasses.fields(kind) if one.compare])

    @recursive_repr("...")
    def _shown(self):  # noqa: ANN001, ANN202
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"


__all__ = ["dataclass"]
