"""The schemas as a grammar: where data does not follow them, and what of it is not built yet.

It reads the part of JSON Schema (draft-07, the one that editors support) that `schemas/` uses; the tests compare it
with the library `jsonschema`, which takes seven times as long and can't say which branch a person meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import FlowrunError, Problem
from flowrun.installed import folder

Where = tuple[str | int, ...]
Schema = Mapping[str, Any]

_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}
# The classes of what YAML and JSON give, by type; an integer may also be a float without a fraction.
_CLASSES: Final[Mapping[str, frozenset[type]]] = {
    **{name: frozenset({kind}) for name, kind in _TYPES.items() if isinstance(kind, type)},
    **dict.fromkeys(("number", "integer"), frozenset({int, float})),
}
_ALL_CLASSES: Final = frozenset[type]().union(*_CLASSES.values())
# What a validator must understand; anything else in a schema is for people.
KEYWORDS: Final = frozenset(
    {"$ref", "type", "enum", "pattern", "minLength", "minimum", "items", "minItems", "maxItems", "anyOf", "oneOf"}
    | {"allOf", "not", "required", "properties", "additionalProperties", "propertyNames", "dependencies"}
    | {"minProperties", "maxProperties"}
)


@dataclass(slots=True, eq=False)
class Part:
    """A piece of a schema, and the file that its references start from.

    What the walk asks of it time and again is found once: `types` are the names of the JSON types that it allows (none:
    all), `sure` the classes whose values are surely of one of them, `never` those whose values surely are not. `good`
    are texts that follow it, without and with holes allowed: the files of a suite have most of theirs in common.
    """

    schema: Schema
    base: str
    types: tuple[str, ...] = field(init=False)
    sure: frozenset[type] = field(init=False)
    never: frozenset[type] = field(init=False)
    good: tuple[set[str], set[str]] = field(init=False, repr=False)
    _under: dict[str, tuple[Part, ...]] = field(init=False, repr=False)
    _members: dict[str, Part] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look at the types."""
        types = self.schema.get("type", ())
        self.types = (types,) if isinstance(types, str) else tuple(types)
        possible = {one for name in self.types for one in _CLASSES[name]}
        self.sure = frozenset(possible - {float} if "number" not in self.types else possible) if types else _ALL_CLASSES
        self.never = _ALL_CLASSES - possible if types else frozenset()
        self.good = (set(), set())
        self._under, self._members = {}, {}

    def of(self, written: Schema) -> Part:
        """Return a piece written inside this one, its reference followed."""
        return _resolved(written, self.base)

    def under(self, keyword: str) -> tuple[Part, ...]:
        """Return what stands under a keyword that takes a schema, or several; none where it is not there, or a bool."""
        found = self._under.get(keyword)
        if found is None:
            written = self.schema.get(keyword, ())
            several = written if isinstance(written, list) else [written] if isinstance(written, Mapping) else []
            found = self._under[keyword] = tuple(map(self.of, several))
        return found

    def member(self, key: str) -> Part | None:
        """Return what a member of this name has to follow, None if nothing is said of it under `properties`."""
        found = self._members.get(key)
        if found is None and key in self.schema.get("properties", {}):
            found = self._members[key] = self.of(self.schema["properties"][key])
        return found


@dataclass(frozen=True, slots=True)
class Miss:
    """Something that does not follow a schema.

    `keyword` is the schema's (`type`, `enum`, `required`, …). `kind` says that the value is of the wrong kind
    altogether, so that another branch may be meant; `key` is the key of a mapping that it is about; `choices` are
    the words that could stand there; `around` is the mapping of one kind of many (a step) that it stands in.
    """

    path: Where
    keyword: str
    part: Part
    value: Any
    kind: bool = False
    key: str = ""
    choices: tuple[Any, ...] = ()
    around: Part | None = None

    @property
    def schema(self) -> Schema:
        """The schema that the value does not follow."""
        return self.part.schema


@lru_cache(maxsize=64)
def schema(name: str) -> Schema:
    """Return a schema as it stands in its file, for example `steps/push`."""
    text = (folder("flowrun.schemas") / f"{name}.json").read_text("utf-8")
    data: Schema = json.loads(text)
    return data


def part(name: str, pointer: str = "") -> Part:
    """Return a piece of a schema by its JSON pointer, which may be empty."""
    return _target(name, pointer)


@lru_cache(maxsize=1024)
def _target(name: str, pointer: str) -> Part:
    found: Any = schema(name)
    for token in pointer.split("/")[1:]:
        found = found[int(token) if isinstance(found, list) else token.replace("~1", "/").replace("~0", "~")]
    return _resolved(found, name)


# By the identity of what was written, which is kept with what it leads to; every value of a file asks several times.
_followed: Final[dict[tuple[int, str], tuple[Schema, Part]]] = {}


def _resolved(written: Schema, base: str) -> Part:
    """Follow `$ref`; what stands beside it (a description, a default) wins over what stands there."""
    known = _followed.get((id(written), base))
    if known is None:
        known = _followed[id(written), base] = (written, _follow(written, base))
    return known[1]


def _follow(written: Schema, base: str) -> Part:
    reference = written.get("$ref")
    if reference is None:
        return Part(written, base)
    file, _, pointer = reference.partition("#")
    name = _beside(base, file) if file else base
    target = _target(name, pointer)
    if len(written) == 1:
        return target
    beside = {key: value for key, value in written.items() if key != "$ref"}
    return Part({**target.schema, **beside}, target.base)


def _beside(base: str, file: str) -> str:
    """Return the name of the schema that a relative reference leads to."""
    folder = base.split("/")[:-1]
    for piece in file.removesuffix(".json").split("/"):
        folder = folder[:-1] if piece == ".." else [*folder, piece]
    return "/".join(folder)


def is_type(value: Any, name: str) -> bool:
    """Say whether a value is of a JSON type; true and false are no numbers."""
    if isinstance(value, bool) and name in {"number", "integer"}:
        return False
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


_MOST_GOOD: Final = 500


@dataclass(frozen=True, slots=True)
class Walk:
    """Compares data with schemas. `holes` says whether a template may stand for a value.

    `coming` fills with what is in the grammar and not in this version: its path, whether the value is meant (else the
    key), a sentence.
    """

    holes: bool = True
    coming: list[tuple[Where, bool, str]] = field(default_factory=list)

    def misses(self, here: Part, value: Any, path: Where, around: Part | None = None) -> list[Miss]:
        """Return everything at and below `path` that does not follow a piece of a schema."""
        good = here.good[self.holes]
        is_text = type(value) is str
        if is_text and value in good:
            return []
        before = len(self.coming)
        found = self._all(here, value, path, around)
        if found:
            del self.coming[before:]  # this is not the branch that was meant
            if "x-problem" in here.schema:
                return [Miss(path, "x-problem", here, value, key=here.schema["x-problem"].get("key", ""))]
        elif "x-comes" in here.schema:
            self.coming[before:] = [(path, "enum" in here.schema, here.schema["x-comes"])]
        elif is_text and len(self.coming) == before and len(good) < _MOST_GOOD:
            good.add(value)
        return found

    def _all(self, here: Part, value: Any, path: Where, around: Part | None) -> list[Miss]:
        schema = here.schema
        if type(value) not in here.sure and here.types and not any(is_type(value, one) for one in here.types):
            return [Miss(path, "type", here, value, kind=True)]
        if not self.holes and schema.get("x-template"):
            return [Miss(path, "type", here, value, kind=True)]
        if "enum" in schema and not any(value == one and type(value) is type(one) for one in schema["enum"]):
            kind = not any(type(value) is type(one) for one in schema["enum"])
            return [Miss(path, "enum", here, value, kind=kind, choices=tuple(schema["enum"]))]
        found: list[Miss] = []
        if isinstance(value, str):
            found += self._text(here, value, path)
        elif isinstance(value, dict):
            found += self._mapping(here, value, path, around)
        elif isinstance(value, list):
            found += self._list(here, value, path)
        elif "minimum" in schema and isinstance(value, int | float) and value < schema["minimum"]:
            found.append(Miss(path, "minimum", here, value))
        if "anyOf" in schema:
            found += self._any_of(here, value, path, around)
        if "allOf" in schema:
            for one in here.under("allOf"):
                found += self.misses(one, value, path, around)
        if "not" in schema and not all(self.misses(one, value, path) for one in here.under("not")):
            found.append(Miss(path, "not", here, value))
        return found

    def _text(self, here: Part, value: str, path: Where) -> Iterator[Miss]:
        schema = here.schema
        if len(value) < schema.get("minLength", 0):
            yield Miss(path, "minLength", here, value)
        if "pattern" in schema and not _pattern(schema["pattern"]).search(value):
            yield Miss(path, "pattern", here, value)

    def _list(self, here: Part, value: list[Any], path: Where) -> Iterator[Miss]:
        schema = here.schema
        if len(value) < schema.get("minItems", 0):
            yield Miss(path, "minItems", here, value)
        if len(value) > schema.get("maxItems", len(value)):
            yield Miss(path, "maxItems", here, value)
        for one in here.under("items"):
            for number, item in enumerate(value):
                yield from self.misses(one, item, (*path, number))

    def _mapping(self, here: Part, value: dict[str, Any], path: Where, around: Part | None) -> Iterator[Miss]:
        schema = here.schema
        for key in schema.get("required", ()):
            if key not in value:
                yield Miss(path, "required", here, value, key=key)
        for key, needed in schema.get("dependencies", {}).items():
            if key in value and not all(one in value for one in needed):
                yield Miss(path, "dependencies", here, value, key=key)
        if len(value) < schema.get("minProperties", 0):
            yield Miss(path, "minProperties", here, value)
        if len(value) > schema.get("maxProperties", len(value)):
            yield Miss(path, "maxProperties", here, value)
        closed = schema.get("additionalProperties", True) is False
        mine = here if "x-one-of" in schema else None
        names = here.under("propertyNames")
        for key, item in value.items():
            for one in names:
                for miss in self.misses(one, key, (*path, key)):
                    yield Miss(miss.path, "propertyNames", miss.part, key, key=key)
            member = here.member(key)
            if member is not None:
                yield from self.misses(member, item, (*path, key), mine)
            elif closed:
                yield Miss((*path, key), "additionalProperties", here, value, key=key, around=around)
            else:
                for one in here.under("additionalProperties"):
                    yield from self.misses(one, item, (*path, key))
        if "oneOf" in schema:
            fitting = [one["required"][0] for one in schema["oneOf"] if one["required"][0] in value]
            if len(fitting) != 1:
                yield Miss(path, "oneOf", here, value, choices=tuple(fitting))

    def _any_of(self, here: Part, value: Any, path: Where, around: Part | None) -> list[Miss]:
        tried: list[tuple[Part, list[Miss] | None]] = []
        for one in here.under("anyOf"):
            found = None if type(value) in one.never else self.misses(one, value, path, around)
            if found is not None and not found:
                return []
            tried.append((one, found))
        # What could not fit is asked only now, for the words.
        asked = [(one, self.misses(one, value, path, around) if found is None else found) for one, found in tried]
        return _closest(here, value, path, asked)


def _closest(here: Part, value: Any, path: Where, tried: Sequence[tuple[Part, list[Miss]]]) -> list[Miss]:
    """Return what is wrong with the branch that was most likely meant; never what all branches say."""
    meant = [(part, found) for part, found in tried if not part.schema.get("x-template")]
    fits = [(part, found) for part, found in meant if not any(miss.kind and miss.path == path for miss in found)]
    choices = tuple(
        word for _, found in meant for miss in found if miss.path == path and not miss.key for word in miss.choices
    )
    if not fits:
        return [Miss(path, "type", here, value, kind=True, choices=choices)]
    part, found = min(fits, key=lambda one: len(one[1]))
    if isinstance(value, dict | list):
        return found
    return [Miss(path, found[0].keyword, part if "title" in part.schema else here, value, choices=choices)]


def conforms(value: Any, wanted: Schema) -> list[str]:
    """Return what does not follow a JSON Schema that somebody else wrote, in words; raises `FlowrunError`."""
    import jsonschema  # noqa: PLC0415  slow to import, and only a matcher needs it
    from referencing.exceptions import Unresolvable  # noqa: PLC0415
    from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415

    validator = jsonschema.validators.validator_for(wanted, jsonschema.Draft202012Validator)
    try:
        validator.check_schema(dict(wanted))
    except jsonschema.SchemaError as error:
        raise FlowrunError(Problem("wrong-schema", f"this is no JSON Schema: {error.message}")) from None
    try:
        # With a registry of our own nothing is fetched: by itself the library would call what a $ref names.
        misses = list(validator(wanted, registry=EMPTY_REGISTRY).iter_errors(value))
    except Unresolvable as error:
        title = f"this JSON Schema refers to {error.ref}, which is not inside it"
        raise FlowrunError(Problem("wrong-schema", title)) from None
    return [f"{error.json_path}: {error.message}" for error in misses]
