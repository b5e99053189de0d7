"""JSON that all readers understand alike (I-JSON, RFC 7493): no half characters, no numbers beyond a float."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character beyond U+FFFF, its other half beside it or not


def parse(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Parse JSON; `pairs` makes an object of its members.

    Raises `ValueError` for anything else, and for what would break whoever works with it: a number that is infinite as
    a float, half of a character, more levels than can be followed.
    """
    try:
        found = _decoder(pairs).decode(text)
        if _HALF.search(text):
            json.dumps(found, ensure_ascii=False).encode()  # raises UnicodeEncodeError, a ValueError
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found


@lru_cache(maxsize=8)
def _decoder(pairs: Callable[[list[tuple[str, Any]]], Any] | None) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant)


def _integer(text: str) -> int:
    _float(text)
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _constant(name: str) -> None:
    raise ValueError(f"{name} is JavaScript, not JSON")
