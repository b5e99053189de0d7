"""Data + schema → problems in the schema's own words: a `title` completes "expected …"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from flowrun import grammar
from flowrun.dataclass import dataclass
from flowrun.errors import Problem, did_you_mean
from flowrun.grammar import Miss, Part, Schema, Walk, Where, schema

if TYPE_CHECKING:
    from flowrun.document import Document

__all__ = ["check", "complete", "filled", "not_built", "schema"]

_LONGEST_LABEL: Final = 70
_MOST_SHOWN: Final = 40
_SAID_TWICE: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_NO_SPACE = re.compile(r"(?P<key>[A-Za-z_][\w.-]*):(?P<value>[^\s/].*)")
_NAMES: Final = {"string": "a text", "object": "a mapping", "array": "a list", "boolean": "true or false"}


@dataclass(frozen=True, slots=True)
class _Words:
    """A miss in words; `key` says that the place is the key and not the value."""

    code: str
    title: str
    label: str
    path: Where
    key: bool = False
    hint: str = ""


def check(document: Document, schema_name: str) -> list[Problem]:
    """Return all problems of a file in file order: those of reading it and those of its schema.

    `schema_name` is `scenario` or `environment`.
    """
    found, _ = _walked(document, schema_name)
    return found


def complete(document: Document, schema_name: str) -> list[Problem]:
    """Return the problems of a file; if there are none, those of what this version has not (`x-comes`)."""
    found, coming = _walked(document, schema_name)
    return found or coming


def not_built(document: Document, schema_name: str) -> list[Problem]:
    """Return a problem for everything that the language has and this version of flowrun has not (`x-comes`)."""
    _, coming = _walked(document, schema_name)
    return coming


def _walked(document: Document, schema_name: str) -> tuple[list[Problem], list[Problem]]:
    """Return the problems of a file, and apart what is not built."""
    part, walk = grammar.part(schema_name), Walk()
    misses = walk.misses(part, document.data, ())
    found = {_words(miss): None for miss in misses if not _said_of_sibling(miss)}
    problems = [_problem(document, words) for words in found]
    # What was repaired in reading has been said; its value is only a guess.
    guessed = {(problem.at.line, problem.at.column) for problem in document.problems if problem.at}
    problems = [one for one in problems if one.at is None or (one.at.line, one.at.column) not in guessed]
    return _sorted([*document.problems, *problems]), _sorted([_unbuilt(document, *one) for one in walk.coming])


def _unbuilt(document: Document, path: Where, value_meant: bool, sentence: str) -> Problem:
    word: Any = path[-1]
    if value_meant:
        word = document.data
        for one in path:
            word = word[one]
    at = document.at(path) if value_meant else document.key_at(path)
    return Problem("not-built", f"'{word}' is not built yet", at, sentence)


def filled(value: Any, schema_name: str, pointer: str = "") -> list[tuple[Where, str]]:
    """Return what is wrong with a value whose holes are filled: the path inside it, and words."""
    part = grammar.part(schema_name, pointer)
    return [(words.path, words.title) for words in map(_words, Walk(holes=False).misses(part, value, ()))]


def _sorted(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.at.line, p.at.column) if p.at else (0, 0))


def _problem(document: Document, words: _Words) -> Problem:
    path = words.path
    if words.key and path not in document.keys:
        # The file itself or a list item has no key of its own: point at the first one inside.
        path = next((key for key in document.keys if key[:-1] == path), path)
    at = document.key_at(path) if words.key else document.at(path)
    return Problem(words.code, words.title, at, words.label, hint=words.hint)


def _said_of_sibling(miss: Miss) -> bool:
    """Say whether a missing key is there with a typing mistake, which is the better thing to say."""
    if miss.keyword != "required" or miss.schema.get("additionalProperties") is not False:
        return False
    known = miss.schema["properties"]
    return any(did_you_mean(key, [miss.key]) for key in miss.value if key not in known)


def _words(miss: Miss) -> _Words:
    match miss.keyword:
        case "x-problem":
            said = miss.schema["x-problem"]
            path = (*miss.path, miss.key) if miss.key else miss.path
            return _Words(said["code"], said["title"], said["label"], path, key=True)
        case "required":
            wanted = miss.part.of(miss.schema.get("properties", {}).get(miss.key, {}))
            label = f"write {miss.key}: {_example(wanted) or '…'}"
            return _Words("missing-key", f"'{miss.key}' is missing", label, miss.path, key=True)
        case "additionalProperties":
            return _unknown(miss)
        case "oneOf":
            return _not_one(miss)
        case "propertyNames":
            title = f"expected {_title(miss.schema)}, this is '{miss.key}'"
            return _Words("wrong-key", title, _advice(miss), miss.path, key=True)
    return _wrong_value(miss)


def _unknown(miss: Miss) -> _Words:
    """Word a key that is not in the schema, and say where it may belong."""
    schema, key = miss.schema, miss.key
    known: Mapping[str, Any] = schema.get("properties", {})
    free = [name for name in known if name not in miss.value]
    code, title = "unknown-key", f"there is no key '{key}' here"
    one_of = schema.get("x-one-of")
    if one_of:
        words: list[str] = one_of["words"]
        free = [name for name in free if name not in words]
        present = [word for word in words if word in miss.value]
        if not present and (did_you_mean(key, words) or not did_you_mean(key, free)):
            code, title = f"unknown-{one_of['code']}", f"there is no {one_of['noun']} '{key}'"
            return _Words(code, title, did_you_mean(key, words), miss.path, True, _listed(one_of["noun"], key, words))
        owner = next((word for word in present if key in _fields(miss.part.of(known[word]))), None)
        if owner:
            label = f"it belongs to {owner}: indent it below {owner}:"
            return _Words(code, title, label, miss.path, key=True)
    if "x-noun" in schema:
        code, title = f"unknown-{schema['x-noun']}", f"there is no {schema['x-noun']} '{key}'"
    if miss.around is not None and key in miss.around.schema["properties"]:
        owner = str(miss.path[-2])
        return _Words(code, title, f"it stands beside {owner}, not inside it: indent it less", miss.path, key=True)
    label = _advice_for_key(schema, key, free)
    hint = "" if label and "x-noun" not in schema else _listed(schema.get("x-noun", "key"), key, free)
    return _Words(code, title, label, miss.path, True, hint)


def _advice_for_key(schema: Schema, key: str, free: Sequence[str]) -> str:
    glued = _NO_SPACE.fullmatch(key)
    if glued and glued["key"] in free:
        return f"a space is missing after the colon: {glued['key']}: {glued['value']}"
    near = did_you_mean(key, free)
    part = re.compile(rf"\b{re.escape(key)}_|_{re.escape(key)}\b")  # `token` of `token_endpoint`
    longer = next(filter(part.search, free), "")
    if not near and longer:
        return f"did you mean '{longer}'?"
    return near or str(schema.get("x-advice", ""))


def _listed(noun: str, word: str, known: Sequence[str]) -> str:
    """Return the words that may stand there, for whoever is not near any of them."""
    return "" if did_you_mean(word, known) or not known else f"{noun}s that may stand here: {', '.join(known)}"


def _fields(part: Part) -> Mapping[str, Any]:
    """Return the fields of a step kind or an action that takes a mapping of its own."""
    for one in map(part.of, part.schema.get("anyOf", ())):
        if one.schema.get("type") == "object":
            return one.schema.get("properties", {})  # type: ignore[no-any-return]
    return {}


def _not_one(miss: Miss) -> _Words:
    one_of = miss.schema["x-one-of"]
    if not miss.choices:
        unknown = next((key for key in miss.value if key not in miss.schema["properties"]), None)
        if unknown is not None:  # that key's own miss says it better
            return _unknown(Miss((*miss.path, unknown), "additionalProperties", miss.part, miss.value, key=unknown))
        title = f"this {one_of['code']} does not say what to do"
        hint = f"add one of {', '.join(one_of['words'])}"
        return _Words(f"no-{one_of['code']}", title, "", miss.path, bool(miss.value), hint)
    first, second, *_ = sorted(miss.choices, key=list(miss.value).index)
    title = f"one {one_of['code']} can't be both '{first}' and '{second}'"
    return _Words(f"two-{one_of['code']}s", title, 'begin a new one with "- "', (*miss.path, second), key=True)


def _wrong_value(miss: Miss) -> _Words:
    many = next((one for one in map(miss.part.of, miss.schema.get("anyOf", ())) if "x-one-of" in one.schema), None)
    if many is not None and isinstance(miss.value, str):
        return _wrong_word(miss, many)
    title = f"expected {_title(miss.schema)}, this is {_shown(miss)}"
    choices = [str(one) for one in miss.choices if isinstance(one, str)]
    if choices and not all(one in title for one in choices):
        near = did_you_mean(miss.value, choices) if isinstance(miss.value, str) else ""
        return _Words("wrong-value", title, near, miss.path, hint="" if near else f"one of {', '.join(choices)}")
    return _Words("wrong-value", title, _advice(miss), miss.path)


def _wrong_word(miss: Miss, many: Part) -> _Words:
    """Word a bare word in the place of a step or an action."""
    one_of, known, word = many.schema["x-one-of"], many.schema["properties"], miss.value
    glued = _NO_SPACE.fullmatch(word)
    if glued and glued["key"] in known:
        label = f"write {glued['key']}: {glued['value']}"
        return _Words("yaml-colon", "a space is missing after the colon", label, miss.path)
    if word in one_of["words"]:
        label = f"write {word}: {_example(many.of(known[word])) or '…'}"
        return _Words("missing-key", f"'{word}' alone says too little", label, miss.path)
    title = f"there is no {one_of['noun']} '{word}'"
    label, hint = did_you_mean(word, one_of["words"]), _listed(one_of["noun"], word, one_of["words"])
    return _Words(f"unknown-{one_of['code']}", title, label, miss.path, hint=hint)


def _title(schema: Schema) -> str:
    if "title" in schema:
        return str(schema["title"])
    types = schema.get("type", "")
    return _NAMES.get(types, "something else") if isinstance(types, str) else "something else"


def _shown(miss: Miss) -> str:
    value = miss.value
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if not value:
            return "an empty text"
        return f"'{value[:_MOST_SHOWN]}…'" if len(value) > _MOST_SHOWN else f"'{value}'"
    if isinstance(value, int | float):
        return f"the number {value}"
    kind = "list" if isinstance(value, list) else "mapping"
    if not value:
        return f"an empty {kind}"
    if miss.kind:
        return f"a {kind}"
    return f"a {kind} of {len(value)}"


def _advice(miss: Miss) -> str:
    """Return what to write instead, if that can be known."""
    value, schema = miss.value, miss.schema
    if isinstance(value, str) and "x-parts" in schema:
        return _near_part(value, schema["x-parts"])
    if isinstance(value, str):
        near = did_you_mean(value, (str(one) for one in miss.choices if isinstance(one, str)))
        if near:
            return near
        if value.lower() in _SAID_TWICE and any(one.get("type") == "boolean" for one in _options(miss.part)):
            return f"write {_SAID_TWICE[value.lower()]}"
        if _NO_SPACE.fullmatch(value) and miss.kind:
            return "is a space missing after a colon?"
        better = re.sub(r"[^A-Za-z0-9_-]+", "_", value)
        if "pattern" in schema and "_" in better and re.search(schema["pattern"], better):
            return f"write {better}"
    if isinstance(value, bool | int | float) and any(map(_takes_text, _options(miss.part))):
        return f'write "{str(value).lower() if isinstance(value, bool) else value}"'
    if "x-unit" in schema and isinstance(value, int | float):
        return f"write {value}{schema['x-unit']}"
    if "x-shape" in schema:
        return str(schema["x-shape"])
    example = _example(miss.part)
    if not example or len(example) > _LONGEST_LABEL or example in _title(schema):
        return ""
    return f"for example {example}"


def _near_part(value: str, parts: Sequence[str]) -> str:
    """Return the text that may be meant where one begins with one of some words and a dot."""
    if value in parts:
        return f"write {value}. and a name"
    written = value.split(".")
    for length in (2, 1):  # `asertion.claims.exp` is near to assertion.claims, `claim.exp` to claims
        first, rest = ".".join(written[:length]), ".".join(written[length:])
        near = get_close_matches(first, [one for one in parts if one.count(".") == length - 1], n=1)
        if near and rest and near[0] != first:
            return f"did you mean '{near[0]}.{rest}'?"
    return f"it begins with {', '.join(parts[:-1])} or {parts[-1]}"


def _takes_text(schema: Schema) -> bool:
    types = schema.get("type", ())
    return "string" in ([types] if isinstance(types, str) else types) and "pattern" not in schema


def _options(part: Part) -> list[Schema]:
    return [part.schema, *(part.of(one).schema for one in part.schema.get("anyOf", ()))]


def _example(part: Part) -> str:
    """Return the first example of a schema, or of what it refers to, in YAML's flow style."""
    return next(map(_flow, part.schema.get("examples", ())), "")


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and (not value or re.search(r"[{}\[\],#]|: |^\s|^[-\d.]+$", value)):
        return f'"{value}"'
    return {True: "true", False: "false", None: "null"}.get(value, str(value)) if not isinstance(value, str) else value
