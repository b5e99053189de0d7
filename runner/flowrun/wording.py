"""Values, holes, conditions and expectations of a scenario in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

_HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][\w.\[\]-]*")
_OMIT = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\s+or\s+omit")
_OR = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\s+or\s+(?P<quote>['\"])(?P<other>[^'\"]*)(?P=quote)")
_SHIFT = re.compile(r"now\s*\|\s*(?P<way>plus|minus)\(\s*['\"](?P<span>[\w.]+)['\"]\s*\)(\s*\|\s*\w+)?")
_UNITS: Final = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>==|!=|<=|>=|<|>)|(?P<word>[A-Za-z_][\w.\[\]-]*)|(?P<number>-?\d+(?:\.\d+)?))"
)
_SIGNS: Final = {"==": "is", "!=": "is not", "<=": "is at most", ">=": "is at least", "<": "is below", ">": "is above"}
_LONGEST: Final = 200


def listed(parts: Iterable[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    *most, end = list(parts) or [""]
    return f"{', '.join(most)} {last} {end}" if most else end


def is_duration(written: Any) -> bool:
    """Tell whether this is a duration such as 10s or 1h30m."""
    return isinstance(written, str) and bool(re.fullmatch(rf"({_DURATION.pattern})+", written))


def span(duration: str) -> str:
    """Return a duration in words: `180 days`, `1 hour and 30 minutes`."""
    parts = _DURATION.findall(duration)
    return listed(f"{number} {_UNITS[unit]}{'' if number == '1' else 's'}" for number, unit in parts)


def has_hole(written: Any) -> bool:
    """Tell whether a text has a hole in it."""
    return isinstance(written, str) and _HOLE.search(written) is not None


def omits(written: Any) -> bool:
    """Tell whether a value leaves its name out."""
    return isinstance(written, str) and re.fullmatch(r"\s*\{\{\s*omit\s*\}\}\s*", written) is not None


def value(written: Any) -> str:
    """Return a value in words: holes say what comes into them, durations are spelt out."""
    match written:
        case str() if not written:
            return "blank"
        case str() if is_duration(written):
            return span(written)
        case str() if _HOLE.search(written):
            return _filled(written)
        case str():
            return written if re.fullmatch(r"[\w./:@+-]+", written) else f'"{written}"'
        case list() if not written:
            return "an empty list"
        case list() if all(not isinstance(one, list | Mapping) for one in written):
            return listed(map(value, written))
        case None:
            return "null"
    text = json.dumps(written, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _filled(written: str) -> str:
    whole = re.fullmatch(r"\s*\{\{(.*?)\}\}\s*", written, re.DOTALL)
    if whole:
        return hole(whole[1].strip())
    return '"' + _HOLE.sub(lambda found: f"‹{hole(found[1].strip())}›", written) + '"'


def hole(expression: str) -> str:
    """Return what stands in a hole in words, as far as that can be done; else as it is."""
    if expression == "omit":
        return "left out"
    if expression == "now":
        return "the time now"
    if _PATH.fullmatch(expression):
        return f"the value of {expression}"
    found = _OMIT.fullmatch(expression)
    if found:
        return f"the value of {found['name']}, and left out when that is blank"
    found = _OR.fullmatch(expression)
    if found:
        return f"the value of {found['name']}, or {value(found['other'])} when that is blank"
    found = _SHIFT.fullmatch(expression)
    if found and is_duration(found["span"]):
        return f"{span(found['span'])} {'from now' if found['way'] == 'plus' else 'ago'}"
    return f"what `{expression}` comes to"


def condition(expression: Any) -> str:
    """Return a condition in words where it only compares; anything else as it is."""
    if isinstance(expression, bool):
        return "always" if expression else "never"
    text = expression.strip()
    lone = re.fullmatch(rf"(not\s+)?({_PATH.pattern})", text)
    if lone:
        return f"{lone[2]} is {'blank' if lone[1] else 'not blank'}"
    words: list[str] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            return f"`{text}` is true"
        position = found.end()
        if found["text"] is not None:
            words.append(value(found["text"][1:-1]))
        else:
            words.append(_SIGNS.get(found["sign"] or "", found[0].strip()))
    return " ".join(words)


def tree(written: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of a mapping of parameters, one below the other."""
    for name, one in written.items():
        if isinstance(one, Mapping) and one and all(inner is None for inner in one.values()):
            yield f"{indent}- {name}: {listed(one)}"  # claims: each is asked for, and nothing more is said about it
        elif isinstance(one, Mapping) and one:
            yield f"{indent}- {name}:"
            yield from tree(one, f"{indent}  ")
        elif isinstance(one, list) and any(isinstance(item, Mapping) for item in one):
            for item in one:
                yield f"{indent}- {name}:"
                yield from tree(item if isinstance(item, Mapping) else {"value": item}, f"{indent}  ")
        else:
            yield f"{indent}- {name}: {value(one)}"


# --- expectations ----------------------------------------------------------------------------------------------------

_KINDS: Final[Mapping[str, str]] = {
    "empty": "empty",
    "text": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object with members",
}


def expectation(wanted: Any) -> str:
    """Return the right side of an expectation in words that follow its path: `is between 5 and 600`."""
    return _must(wanted, no=False)


def _must(wanted: Any, *, no: bool) -> str:
    if not (isinstance(wanted, Mapping) and wanted and all(name in MATCHERS for name in wanted)):
        return f"is {'not ' if no else ''}{value(wanted)}"
    said = [MATCHERS[name](argument, no) for name, argument in wanted.items()]
    return listed(said, "or" if no else "and")


def _is(argument: Any, no: bool) -> str:
    if argument in {"present", "absent"}:
        return "is there" if (argument == "present") is not no else "is not there"
    return f"is {'not ' if no else ''}{_KINDS.get(argument, value(argument))}"


def _to_be(words: str, show: Callable[[Any], str] = value) -> Callable[[Any, bool], str]:
    return lambda argument, no: f"is {'not ' if no else ''}{words.format(show(argument))}"


def _does(verb: str, plain: str, words: str, show: Callable[[Any], str] = value) -> Callable[[Any, bool], str]:
    return lambda argument, no: f"{f'does not {plain}' if no else verb} {words.format(show(argument))}"


def _any(argument: Any) -> str:
    return listed(map(value, argument), "or") if isinstance(argument, list) else f"the items of {value(argument)}"


def _two(argument: Any) -> str:
    return listed(map(value, argument)) if isinstance(argument, list) else f"the two numbers of {value(argument)}"


def _length(argument: Any, no: bool) -> str:
    if isinstance(argument, Mapping):
        return f"has a length that {_must(argument, no=no)}"
    return f"does not have a length of {value(argument)}" if no else f"has a length of {value(argument)}"


def _schema(argument: Any) -> str:
    return str(argument) if isinstance(argument, str) else "that is written there"


MATCHERS: Final[Mapping[str, Callable[[Any, bool], str]]] = {
    "equals": _to_be("{}"),
    "not": lambda argument, no: _must(argument, no=not no),
    "is": _is,
    "matches": _does("matches", "match", "the pattern {} as a whole"),
    "contains": _does("contains", "contain", "{}"),
    "starts_with": _does("starts with", "start with", "{}"),
    "ends_with": _does("ends with", "end with", "{}"),
    "one_of": _to_be("one of {}", _any),
    "at_least": _to_be("at least {}"),
    "at_most": _to_be("at most {}"),
    "between": _to_be("between {}", _two),
    "length": _length,
    "same_items": _does("has", "have", "the same items as {}, in any order"),
    "subset_of": _does("has", "have", "only items of {}"),
    "schema": _does("follows", "follow", "the JSON Schema {}", _schema),
}
