"""Tables of the reference that come from the schemas: one row a field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reference_words import VALUES

from flowrun import grammar

if TYPE_CHECKING:
    from flowrun.grammar import Part, Schema

HEAD: Final = ("name", "what it is", "default", "meaning")
# A text that YAML reads as the same text without quotes, also inside { } and [ ].
_PLAIN = re.compile(r"[A-Za-z_./][\w ./+@=<>*:-]*[\w/+*]|[A-Za-z]|(?:\d+(?:ms|s|m|h|d|w))+")
_NO_TEXTS: Final = frozenset({"true", "false", "null"})
_SHARED: Final = "common.json#/definitions/"


def flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    match value:
        case str() if _PLAIN.fullmatch(value) and value not in _NO_TEXTS and ": " not in value:
            return value
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def code(text: str) -> str:
    """Return a text as code inside a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a Markdown table as lines."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return lines + [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]


@dataclass(frozen=True, slots=True)
class Style:
    """How a table of fields is made.

    `deep` adds the fields of the mappings inside, as `outer.inner`; `sections` are the anchors that a field of that
    name links to; `only` are the fields to show, empty for all.
    """

    deep: bool = False
    sections: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()


def fields(name: str, pointer: str, style: Style) -> list[str]:
    """Return the table of the fields of a mapping: what a schema has at a pointer, or the branch of it that is one."""
    return table(HEAD, _rows(_mappings(grammar.part(name, pointer))[0], "", style))


def _rows(here: Part, prefix: str, style: Style) -> Iterator[tuple[str, ...]]:
    needed = here.schema.get("required", ())
    for name, written in here.schema["properties"].items():
        if style.only and not prefix and name not in style.only:
            continue
        part = here.of(written)
        default = code(flow(part.schema["default"])) if "default" in part.schema else ""
        yield (
            f"[{code(name)}](#{name})" if name in style.sections and not prefix else code(prefix + name),
            _kind(written, part.schema),
            "**needed**" if name in needed else default,
            _meaning(name, written, part),
        )
        if style.deep:
            for inner in _mappings(part):
                yield from _rows(inner, f"{prefix}{name}.", style)


def _mappings(part: Part) -> list[Part]:
    """Return the ways in which a value may be a mapping with fields of its own."""
    branches = [part, *(part.of(one) for one in part.schema.get("anyOf", ()))]
    return [one for one in branches if one.schema.get("properties")]


def _kind(written: Schema, schema: Schema) -> str:
    title = text(schema["title"])
    shared = written.get("$ref", "").rpartition(_SHARED)[2]
    return f"[{title}](#value-{shared})" if shared in VALUES else title


def _meaning(name: str, written: Schema, part: Part) -> str:
    schema = part.schema
    parts = [text(schema["description"])]
    words = [word for word in _words(part) if word not in _said(schema)]
    if words and _SHARED not in written.get("$ref", ""):
        parts.append(f"One of {', '.join(code(flow(word)) for word in _words(part))}.")
    if "examples" in written:
        parts.append(f"Example: {' or '.join(code(f'{name}: {flow(one)}') for one in written['examples'])}.")
    parts += [f"*{sentence}.*" for sentence in comes(part)]
    return " ".join(parts)


def _words(part: Part) -> list[Any]:
    branches = [part, *(part.of(one) for one in part.schema.get("anyOf", ()))]
    return [word for one in branches for word in one.schema.get("enum", ())]


def _said(schema: Schema) -> frozenset[Any]:
    """Return the words that title and description name already; true and null say nothing that they don't."""
    return frozenset({*re.findall(r"[\w-]+", f"{schema['title']} {schema['description']}"), True, None})


def comes(part: Part) -> list[str]:
    """Return the sentences about what of a field is not built yet."""
    branches = [part, *(part.of(one) for one in part.schema.get("anyOf", ()))]
    found = [one.schema["x-comes"] for one in branches if "x-comes" in one.schema]
    return [sentence[:1].upper() + sentence[1:] for sentence in dict.fromkeys(found)]


def text(words: str) -> str:
    """Return words of a schema as Markdown inside a table."""
    return words.replace("|", "\\|").replace("<", "&lt;")


def values() -> list[str]:
    """Return the table of the shared kinds of value."""
    shared = grammar.schema("common")["definitions"]
    rows = (
        (
            f'<a id="value-{name}"></a>{text(shared[name]["title"])}',
            text(shared[name]["description"]),
            ", ".join(code(flow(one)) for one in shared[name].get("examples", ())),
        )
        for name in VALUES
    )
    return table(("what it is", "meaning", "examples"), rows)
