"""Holes in texts, `{{ … }}`: what they need and how they are filled; what is more than a name is for `expressions`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from flowrun.dataclass import dataclass
from flowrun.filters import ALWAYS_KNOWN, FILTERS, FUNCTIONS, OMIT, HoleError, Path, seconds

__all__ = [
    "ALWAYS_KNOWN",
    "FILTERS",
    "FUNCTIONS",
    "OMIT",
    "HoleError",
    "Need",
    "evaluate",
    "fill",
    "has_hole",
    "needs",
    "needs_of_expression",
    "needs_of_text",
    "seconds",
]

# A name with members, which needs no Jinja: importing it takes as long as everything else that a short run does.
_PATH: Final = re.compile(r"\{\{ *([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*) *\}\}", re.ASCII)
_NOT_PLAIN: Final = re.compile(r"\{\{|\{%|\{#|\{$|\r")
_WORDS: Final = frozenset(
    {"true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "elif", "else"}
    | {"self", "super", "caller", "loop", "varargs", "kwargs"}
)
_SINGLE: Final = frozenset({str, int, float, bool})


def has_hole(text: str) -> bool:
    """Tell whether a text is a template."""
    return "{{" in text or "{%" in text


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text whose holes are names with members only. `texts` stand around and between the `paths`."""

    texts: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    alone: bool


@lru_cache(maxsize=4096)
def _plain(text: str) -> _Plain | None:
    """Take such a text apart; None for any other."""
    parts = _PATH.split(text)
    texts, paths = tuple(parts[::2]), tuple(tuple(part.split(".")) for part in parts[1::2])
    if not paths or any(map(_NOT_PLAIN.search, texts)) or any(path[0] in _WORDS for path in paths):
        return None
    return _Plain(texts, paths, len(paths) == 1 and not "".join(texts).strip())


def _looked_up(plain: _Plain, names: Mapping[str, Any]) -> Any:
    """Return what the names of a plain text stand for; `_UNSURE` where that takes more than looking them up."""
    values: list[Any] = []
    for path in plain.paths:
        value: Any = names
        for part in path:
            if not isinstance(value, dict | Mapping) or part not in value:
                return _UNSURE
            value = value[part]
        if type(value) not in _SINGLE and not (plain.alone and (value is None or type(value) is dict)):
            return _UNSURE
        values.append(value)
    if plain.alone:
        return values[0]
    return plain.texts[0] + "".join(f"{value}{text}" for value, text in zip(values, plain.texts[1:], strict=True))


_UNSURE: Final = object()


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression without braces (`when`, `that`, `until`); raises `HoleError`."""
    return _compute("{{ " + text + " }}", names)


def fill(value: Any, names: Mapping[str, Any], path: Path = ()) -> Any:
    """Fill every hole of a value: a value that is one hole keeps its type, text with a hole in it is text.

    Members and items that come out as `omit` are left out. Raises `HoleError` with the path of the text at fault.
    """
    match value:
        case str():
            if not has_hole(value):
                return value
            try:
                return _compute(value, names)
            except HoleError as error:
                error.path = path
                raise
        case dict() | Mapping():
            filled = ((key, fill(item, names, (*path, key))) for key, item in value.items())
            return {key: item for key, item in filled if item is not OMIT}
        case list():
            items = (fill(item, names, (*path, index)) for index, item in enumerate(value))
            return [item for item in items if item is not OMIT]
    return value


def _compute(text: str, names: Mapping[str, Any]) -> Any:
    plain = _plain(text)
    found = _UNSURE if plain is None else _looked_up(plain, names)
    if found is not _UNSURE:
        return found
    from flowrun import expressions  # noqa: PLC0415  many scenarios have nothing but names in their holes

    return expressions.value(text, names)


@dataclass(frozen=True, slots=True)
class Need:
    """A name that a hole uses: `chain` is `("push", "request_uri")`, `path` leads to the text inside the value."""

    chain: tuple[str | int, ...]
    path: Path
    text: str


def needs(value: Any, path: Path = ()) -> Iterator[Need]:
    """Yield every name that the holes of a value use, without filling any; raises `HoleError` for bad syntax."""
    match value:
        case str():
            if not has_hole(value):
                return
            try:
                for need in needs_of_text(value):
                    yield Need(need.chain, path, value)
            except HoleError as error:
                error.path = path
                raise
        case dict() | Mapping():
            for key, item in value.items():
                yield from needs(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from needs(item, (*path, index))


def needs_of_expression(text: str) -> tuple[Need, ...]:
    """Return the names that an expression without braces uses."""
    return needs_of_text("{{ " + text + " }}")


@lru_cache(maxsize=4096)
def needs_of_text(text: str) -> tuple[Need, ...]:
    """Return the names that one text uses; a name behind `| default(…)` or `is defined` may be missing."""
    plain = _plain(text)
    if plain is not None:
        return tuple(Need(path, (), text) for path in plain.paths)
    from flowrun import expressions  # noqa: PLC0415

    return tuple(Need(chain, (), text) for chain in expressions.chains(text))
