"""The way to a value inside a result: `authorization_details[0].consent.consent_id`, `http.headers['x-id']`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from flowrun.errors import did_you_mean

_PART = re.compile(
    r"""(?P<dot>\.)?(?:(?P<name>[^.\[\]'"\s{}]+)|\[(?P<index>-?\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\])"""
)
SHOWN_MEMBERS = 12


class PathError(ValueError):
    """The text is no path; the message says what is wrong with it."""


class MissingValueError(LookupError):
    """The path leads nowhere; the message says how far it led and what there is instead."""


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[str | int, ...]:
    """Take a path apart: names between dots, `[0]` for list items, `['x']` for any other name.

    Raises `PathError` for anything else.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        found = _PART.match(text, position)
        # A dot leads to a name, never to a bracket, and the first part has none.
        if found is None or bool(found["dot"]) != (bool(parts) and found["name"] is not None):
            raise PathError(f"'{text}' is no path: '{text[position:]}' does not fit")
        if found["name"] is not None:
            parts.append(found["name"])
        elif found["index"] is not None:
            parts.append(int(found["index"]))
        else:
            parts.append(found["key"])
        position = found.end()
    if not parts:
        raise PathError("an empty text is no path")
    return tuple(parts)


def spell(parts: Sequence[str | int]) -> str:
    """Write a path down again."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[^.\[\]'\"\s{}]+", part):
            text += f".{part}" if text else part
        else:
            text += f"['{part}']"
    return text


def follow(value: Any, path: Sequence[str | int]) -> Any:
    """Return what stands at the path; raises `MissingValueError`."""
    for depth, part in enumerate(path):
        if type(value) is dict and part in value:  # nearly all
            value = value[part]
            continue
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        if not (isinstance(part, int) if is_list else isinstance(value, Mapping)):
            raise MissingValueError(_lost(value, path[:depth], part))
        try:
            value = value[part]
        except (KeyError, IndexError):
            raise MissingValueError(_lost(value, path[:depth], part)) from None
    return value


def _lost(value: Any, path: Sequence[str | int], part: str | int) -> str:
    """Say why a value, which stands at `path`, has no such part."""
    where = spell(path) or "the result"
    if isinstance(value, Mapping):
        return f"{where} has no member '{part}'; {_members(value, str(part))}"
    if not isinstance(value, Sequence) or isinstance(value, str):
        return f"{where} is a single value, so it has no '{part}'"
    if isinstance(part, int):
        return f"{where} has {len(value)} items, so no [{part}]"
    return f"{where} is a list of {len(value)}; write {where}[0].{part} for its first item"


def _members(value: Mapping[str, Any], wanted: str) -> str:
    names = [str(name) for name in value]
    if not names:
        return "it is empty"
    near = did_you_mean(wanted, names)
    if near:
        return near
    more = f" and {len(names) - SHOWN_MEMBERS} more" if len(names) > SHOWN_MEMBERS else ""
    return f"members here: {', '.join(names[:SHOWN_MEMBERS])}{more}"
