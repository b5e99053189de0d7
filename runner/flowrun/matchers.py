"""Expectations: one function a matcher, from what came and what was expected to a complaint, or None if it held."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from flowrun.errors import FlowrunError

Matcher = Callable[[Any, Any], str | None]
LONGEST_SHOWN: Final = 300


class _Absent:
    """What a path that leads nowhere leads to."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


def show(value: Any) -> str:
    """Return a value as a person would write it in YAML: texts in quotes, everything else as JSON."""
    if isinstance(value, _Absent):
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _equals(got: Any, wanted: Any) -> str | None:
    return None if _same(got, wanted) else show(wanted)


def _same(got: Any, wanted: Any) -> bool:
    # True == 1 in Python; in YAML and JSON a boolean is no number, also not inside a list or an object.
    match got, wanted:
        case str(), str():
            return got == wanted
        case list(), list():
            return len(got) == len(wanted) and all(map(_same, got, wanted))
        case Mapping(), Mapping():
            return got.keys() == wanted.keys() and all(_same(got[key], wanted[key]) for key in got)
    return bool(got == wanted) and isinstance(got, bool) == isinstance(wanted, bool)


def _not(got: Any, wanted: Any) -> str | None:
    return f"anything but {show(wanted)}" if expect_all(got, wanted) is None else None


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "present": lambda got: got is not ABSENT,
    "absent": lambda got: got is ABSENT,
    "empty": lambda got: got in ("", None) or (isinstance(got, list | Mapping) and not got),
    "text": lambda got: isinstance(got, str),
    "number": lambda got: isinstance(got, int | float) and not isinstance(got, bool),
    "integer": lambda got: isinstance(got, int) and not isinstance(got, bool),
    "boolean": lambda got: isinstance(got, bool),
    "list": lambda got: isinstance(got, list),
    "object": lambda got: isinstance(got, Mapping),
}


def _is(got: Any, wanted: Any) -> str | None:
    return None if _KINDS[wanted](got) else str(wanted)


def _matches(got: Any, wanted: Any) -> str | None:
    held = isinstance(got, str) and re.fullmatch(wanted, got)
    return None if held else f"a text that matches {wanted} as a whole"


def _contains(got: Any, wanted: Any) -> str | None:
    match got:
        case str():
            held = isinstance(wanted, str) and wanted in got
        case list():
            held = any(_equals(item, wanted) is None for item in got)
        case Mapping():
            held = isinstance(wanted, str) and wanted in got
        case _:
            held = False
    return None if held else f"something that contains {show(wanted)}"


def _starts_with(got: Any, wanted: Any) -> str | None:
    return None if isinstance(got, str) and got.startswith(wanted) else f"a text that starts with {show(wanted)}"


def _ends_with(got: Any, wanted: Any) -> str | None:
    return None if isinstance(got, str) and got.endswith(wanted) else f"a text that ends with {show(wanted)}"


def _one_of(got: Any, wanted: Any) -> str | None:
    return None if any(_equals(got, item) is None for item in wanted) else f"one of {show(wanted)}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at_least(got: Any, wanted: Any) -> str | None:
    return None if _number(got) and got >= wanted else f"a number of at least {show(wanted)}"


def _at_most(got: Any, wanted: Any) -> str | None:
    return None if _number(got) and got <= wanted else f"a number of at most {show(wanted)}"


def _between(got: Any, wanted: Any) -> str | None:
    low, high = wanted
    return None if _number(got) and low <= got <= high else f"a number between {show(low)} and {show(high)}"


def _length(got: Any, wanted: Any) -> str | None:
    if not isinstance(got, str | list | Mapping):
        return f"something with a length of {show(wanted)}"
    if isinstance(wanted, Mapping):
        return expect_all(len(got), wanted)
    return None if len(got) == wanted else f"a length of {show(wanted)}, this one is {len(got)}"


def _canonical(items: Any) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=str) for item in _as_list(items))


def _as_list(value: Any) -> list[Any]:
    # A scope is a list that travels as a text (RFC 6749, section 3.3).
    return value.split() if isinstance(value, str) else list(value) if isinstance(value, list) else [value]


def _same_items(got: Any, wanted: Any) -> str | None:
    if got is not ABSENT and _canonical(got) == _canonical(wanted):
        return None
    return f"the same items as {show(_as_list(wanted))}, in any order"


def _subset_of(got: Any, wanted: Any) -> str | None:
    if got is not ABSENT and set(_canonical(got)) <= set(_canonical(wanted)):
        return None
    return f"nothing beyond {show(_as_list(wanted))}"


def _schema(got: Any, wanted: Any) -> str | None:
    if got is ABSENT:
        return "something that follows the JSON Schema"
    from flowrun.grammar import conforms  # noqa: PLC0415  the library behind it takes long to import

    misses = conforms(got, wanted)
    return f"something that follows the JSON Schema: {'; '.join(misses[:3])}" if misses else None


MATCHERS: Final[Mapping[str, Matcher]] = {
    "equals": _equals,
    "not": _not,
    "is": _is,
    "matches": _matches,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "one_of": _one_of,
    "at_least": _at_least,
    "at_most": _at_most,
    "between": _between,
    "length": _length,
    "same_items": _same_items,
    "subset_of": _subset_of,
    "schema": _schema,
}


def is_matcher(wanted: Any) -> bool:
    """Tell whether the right side of an expectation is a mapping of matchers; any other value means `equals`."""
    return isinstance(wanted, Mapping) and bool(wanted) and all(key in MATCHERS for key in wanted)


def expect_all(got: Any, wanted: Any) -> str | None:
    """Return what was expected, in words, if it did not hold; None if it did."""
    if not is_matcher(wanted):
        return _equals(got, wanted)
    for name, argument in wanted.items():
        try:
            complaint = MATCHERS[name](got, argument)
        except (TypeError, ValueError, LookupError, re.error):
            # The schema has seen what was written; what a template came to is seen here.
            complaint = f"what {name} says, and {show(argument)} says nothing to it"
        except FlowrunError as error:
            complaint = f"what {name} says, but {error}"
        if complaint is not None:
            return complaint
    return None
