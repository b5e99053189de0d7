"""The schemas: valid draft-07 for editors, every reference leads somewhere, every key explained, every example true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from flowrun import grammar

ROOT = files("flowrun.schemas")
NAMES = sorted(
    [entry.name.removesuffix(".json") for entry in ROOT.iterdir() if entry.name.endswith(".json")]
    + [f"steps/{entry.name.removesuffix('.json')}" for entry in (ROOT / "steps").iterdir()]
)
# Words of the language, not of JSON Schema: they never stand in a schema as keywords.
OURS = {"x-short", "x-comes", "x-template", "x-one-of", "x-noun", "x-advice", "x-shape", "x-unit", "x-problem"} | {
    "x-parts"
}
FOR_PEOPLE = {"$schema", "title", "description", "examples", "default", "definitions"}
KINDS = grammar.schema("step")["definitions"]["step"]["x-one-of"]["words"]


def parts(schema: Any, pointer: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every schema inside a schema, with its pointer."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for key in ("definitions", "properties"):
        for name, inner in schema.get(key, {}).items():
            yield from parts(inner, f"{pointer}/{key}/{name}")
    for key in ("items", "additionalProperties", "propertyNames", "not"):
        yield from parts(schema.get(key), f"{pointer}/{key}")
    for key in ("anyOf", "allOf", "oneOf"):
        for number, inner in enumerate(schema.get(key, ())):
            yield from parts(inner, f"{pointer}/{key}/{number}")


EVERYTHING = [(name, pointer, part) for name in NAMES for pointer, part in parts(grammar.schema(name))]


@cache
def registry() -> Registry[Any]:
    """Make every schema known under an address that relative references work from."""
    return Registry().with_resources(
        (f"file:///{name}.json", Resource.from_contents(dict(grammar.schema(name)), default_specification=DRAFT7))
        for name in NAMES
    )


def second_opinion(name: str, pointer: str = "") -> Draft7Validator:
    """Return the library's validator for a piece of a schema."""
    return Draft7Validator({"$ref": f"file:///{name}.json#{pointer}"}, registry=registry())


def test_there_is_a_schema_for_every_kind_of_step() -> None:
    assert {f"steps/{kind}" for kind in KINDS} == {name for name in NAMES if name.startswith("steps/")}
    properties = grammar.schema("step")["definitions"]["step"]["properties"]
    assert set(KINDS) < set(properties)
    assert {tuple(one["required"]) for one in grammar.schema("step")["definitions"]["step"]["oneOf"]} == {
        (kind,) for kind in KINDS
    }


@pytest.mark.parametrize("name", NAMES)
def test_is_valid_draft_07_and_every_reference_leads_somewhere(name: str) -> None:
    written = grammar.schema(name)
    assert written["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(written)
    resolver = registry().resolver(f"file:///{name}.json")
    references = [part["$ref"] for _, part in parts(written) if "$ref" in part]
    for reference in references:
        assert resolver.lookup(reference).contents, reference
        assert "://" not in reference


@pytest.mark.parametrize("name", NAMES)
def test_uses_only_what_the_grammar_understands(name: str) -> None:
    for pointer, part in parts(grammar.schema(name)):
        assert set(part) <= grammar.KEYWORDS | OURS | FOR_PEOPLE, pointer
        assert all(list(one) == ["required"] and len(one["required"]) == 1 for one in part.get("oneOf", ())), pointer
        assert isinstance(part.get("items", {}), dict), pointer
        assert "anyOf" not in part or "type" not in part, pointer


@pytest.mark.parametrize("name", NAMES)
def test_every_key_has_a_title_and_a_description(name: str) -> None:
    for pointer, part in parts(grammar.schema(name)):
        for key, written in part.get("properties", {}).items():
            here = grammar.part(name, pointer).of(written).schema
            assert here.get("title"), f"{pointer}/{key}"
            assert written.get("description", "").endswith("."), f"{pointer}/{key}"


def test_titles_complete_a_sentence() -> None:
    for name, pointer, part in EVERYTHING:
        title = part.get("title")
        if title:
            assert not title.endswith("."), (name, pointer)
            assert len(title) < 90, (name, pointer)


EXAMPLES = [
    (name, pointer, example)
    for name, pointer, part in EVERYTHING
    for example in [*part.get("examples", ()), *([part["default"]] if "default" in part else ())]
]


@pytest.mark.parametrize(("name", "pointer", "example"), EXAMPLES, ids=lambda value: str(value)[:40])
def test_every_example_and_default_is_valid(name: str, pointer: str, example: Any) -> None:
    part = grammar.part(name, pointer)
    assert grammar.Walk().misses(part, example, ()) == []
    assert list(second_opinion(name, pointer).iter_errors(example)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_has_an_example_and_a_short_form_that_exists(kind: str) -> None:
    written = grammar.schema(f"steps/{kind}")
    assert written["examples"]
    if kind != "set":
        assert written["x-short"] in written["properties"]


def test_the_files_are_what_json_dumps_would_read_back() -> None:
    for name in NAMES:
        text = (ROOT / f"{name}.json").read_text("utf-8")
        assert json.loads(text) == grammar.schema(name)
        assert text.endswith("}\n")
        assert jsonschema.validators.validator_for(grammar.schema(name)) is Draft7Validator
