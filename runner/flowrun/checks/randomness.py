"""Can a value be guessed? Judged by what its alphabet and length allow, and by the values that came before it.

One sample has no measurable entropy (Shannon's formula calls most good values bad), so nothing is measured here.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_BITS: Final = 96  # what the conformance suite tolerates where 128 are asked for
_ALPHABETS: Final = (
    (10, re.compile(r"[0-9]+")),
    (16, re.compile(r"[0-9a-f]+|[0-9A-F]+")),
    (36, re.compile(r"[0-9a-z]+|[0-9A-Z]+")),
    (62, re.compile(r"[0-9A-Za-z]+")),
    (64, re.compile(r"[0-9A-Za-z_+/=-]+")),
)
_ANY_ALPHABET: Final = 94  # the printable ASCII characters
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_COUNTER: Final = 6  # characters; two random values differ in more than that


def most_bits(value: str) -> float:
    """Return how many bits a value of this alphabet and length can hold at most."""
    bare = value.replace("-", "") if _UUID.fullmatch(value) else value
    size = next((size for size, pattern in _ALPHABETS if pattern.fullmatch(bare)), _ANY_ALPHABET)
    return len(bare) * math.log2(size)


def guessable(what: str, value: str, earlier: Sequence[str]) -> str | None:
    """Return why a value can be guessed; None when nothing speaks for it."""
    if value in earlier:
        return f"{what} is the same as one that came before"
    bits = most_bits(value)
    if bits < LEAST_BITS:
        return f"{what} has {len(value)} characters, which can hold {bits:.0f} bits at most; 128 are asked for"
    if any(_differing(value, other) <= _COUNTER for other in earlier):
        return f"{what} differs from one that came before in a few characters only, as if it were counted up"
    return None


def _differing(value: str, other: str) -> int:
    """Return the length of the part in which two values differ; values of different length tell nothing."""
    if len(value) != len(other):
        return len(value)
    differs = [index for index, (one, two) in enumerate(zip(value, other, strict=True)) if one != two]
    return differs[-1] - differs[0] + 1 if differs else 0
