"""Values that nobody changes: mypy sees to it, in every module of ours.

At run time a frozen dataclass sets each of its fields through a call. To make one takes three times as long for it, and
a suite makes hundreds of thousands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(*kind: type, frozen: bool = False, **options: bool) -> type:
        """Do what `dataclasses.dataclass` does; a frozen one can be hashed, and nothing is in the way of a change."""
        return dataclasses.dataclass(*kind, unsafe_hash=frozen and options.get("eq", True), **options)


__all__ = ["dataclass"]
