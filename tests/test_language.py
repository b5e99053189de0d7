"""Schemas and code speak the same language: every word of the one is a word of the other, with the same default.

What the grammar has and this version has not is marked `x-comes` in the schemas; nothing else may be one-sided.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

from flowrun import client, environment, matchers, plan, profiles, scenario, template, validate, verdict
from flowrun.auth import METHODS
from flowrun.browser.actions import ACTIONS
from flowrun.browser.conditions import judge
from flowrun.checks import CHECKS
from flowrun.environment import Deviation, Timeouts
from flowrun.needs import NEEDS
from flowrun.refusals import PLACE
from flowrun.sandbox.settings import AUTH_METHODS
from flowrun.scenario import PLACES, Input
from flowrun.steps import KINDS, kind

if TYPE_CHECKING:
    from collections.abc import Mapping

STEP = validate.schema("step")["definitions"]["step"]
MATCHERS = validate.schema("expect")["definitions"]["matchers"]["properties"]
ACTION = validate.schema("pages")["definitions"]["action_mapping"]
SHOWS = validate.schema("pages")["definitions"]["shows"]["properties"]
ENVIRONMENT = validate.schema("environment")
CLIENT = ENVIRONMENT["definitions"]["client"]["properties"]
SCENARIO = validate.schema("scenario")


def built(properties: Mapping[str, Any]) -> set[str]:
    """The words that this version has."""
    return {word for word, written in properties.items() if "x-comes" not in written}


def choices(written: Mapping[str, Any], *, later: bool = False) -> set[str]:
    """The words of an enum, or of every enum among the branches; `later` for those that come later."""
    branches = [written, *written.get("anyOf", ())]
    return {word for one in branches if ("x-comes" in one) == later for word in one.get("enum", ())}


def object_branch(written: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of the only branch that has some."""
    (found,) = [one["properties"] for one in written["anyOf"] if "properties" in one]
    properties: Mapping[str, Any] = found
    return properties


def fields(model: type) -> dict[str, Any]:
    """The fields of a dataclass by the words of the language, with what they are when nothing is written."""
    return {field.name.rstrip("_"): default(field) for field in dataclasses.fields(model)}


def default(field: dataclasses.Field[Any]) -> Any:
    """What a field is when nothing is written; MISSING when something must be."""
    if field.default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


# --- steps ----------------------------------------------------------------------------------------------------------


def test_the_kinds_are_the_words_of_a_step():
    words = STEP["x-one-of"]["words"]

    assert set(KINDS) == {word for word in words if "x-comes" not in STEP["properties"][word]}
    assert [one["required"] for one in STEP["oneOf"]] == [[word] for word in words]
    assert all(kind(name).name == name for name in KINDS)


def test_every_other_word_of_a_step_is_one_that_any_step_may_have():
    assert set(STEP["properties"]) - set(STEP["x-one-of"]["words"]) == set(scenario._COMMON)


def test_what_any_step_may_have_is_read_where_steps_are_made():
    source = inspect.getsource(scenario)
    read = {word for word in built(STEP["properties"]) & set(scenario._COMMON) if f'entry.get("{word}"' in source}

    assert read == built(STEP["properties"]) & set(scenario._COMMON)


def test_a_bare_word_is_a_kind_that_needs_no_fields():
    bare = next(one["enum"] for one in validate.schema("step")["anyOf"] if "enum" in one)
    may_be_empty = {
        word
        for word in STEP["x-one-of"]["words"]
        if {"type": "null"} in STEP["properties"][word].get("anyOf", ()) and word in KINDS
    }

    assert set(bare) == may_be_empty
    assert all(not validate.schema(f"steps/{word}").get("required") for word in bare)


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"set"}))
def test_the_fields_of_a_kind_are_those_of_its_schema(name):
    schema, known = validate.schema(f"steps/{name}"), fields(kind(name).model)

    assert set(known) == set(schema["properties"])
    assert {word for word, value in known.items() if value is dataclasses.MISSING} == set(schema.get("required", ()))
    assert {word: value for word, value in known.items() if value not in (None, dataclasses.MISSING)} == {
        word: written["default"] for word, written in schema["properties"].items() if "default" in written
    }


def test_set_takes_any_names():
    assert set(fields(kind("set").model)) == {"names"}
    assert validate.schema("steps/set")["properties"] == {}


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"set"}))
def test_the_short_form_of_a_kind_is_one_of_its_fields(name):
    short = validate.schema(f"steps/{name}")["x-short"]

    assert {"$ref": f"steps/{name}.json#/properties/{short}"} in STEP["properties"][name]["anyOf"]


# --- expectations ---------------------------------------------------------------------------------------------------


def test_the_matchers_are_those_of_the_schema():
    assert set(matchers.MATCHERS) == built(MATCHERS)


def test_the_words_after_is_are_those_of_the_schema():
    assert set(matchers._KINDS) == choices(MATCHERS["is"])


def test_that_is_the_only_word_beside_paths():
    assert set(validate.schema("expect")["properties"]) == {"that"}
    assert 'path == "that"' in inspect.getsource(verdict)


# --- scenarios ------------------------------------------------------------------------------------------------------


def test_the_keys_of_a_scenario_are_read():
    source = inspect.getsource(scenario)

    for key in built(SCENARIO["properties"]):
        assert re.search(rf'(data(\.get\(|\[)"{key}"|\("{key}",\)|document, "{key}")', source) or key == "cases", key


def test_the_keys_of_an_input_are_read():
    described = object_branch(SCENARIO["definitions"]["input"])
    not_shown_yet = {"why"}

    assert {field.name for field in dataclasses.fields(Input)} - {"name", "at", "has_default"} == (
        set(described) - not_shown_yet
    )
    values = {"text": "a", "number": 1, "boolean": True, "list": [], "json": {}}
    assert set(described["type"]["enum"]) == set(values)
    assert {name: scenario._type_of(value) for name, value in values.items()} == {name: name for name in values}
    assert set(described["blank"]["enum"]) == {"allowed", "refused"}


def test_the_places_of_a_refusal_are_named_in_the_schema():
    text = object_branch(SCENARIO["properties"]["outcome"])["refused"]["description"]
    named = re.search(r"A place is (.*) or the name of a step", text)

    assert named is not None
    assert tuple(named[1].split(", ")) == PLACES


def test_the_places_that_a_step_can_be_refused_at_have_words():
    assert set(PLACE) == set(PLACES)


def test_the_needs_of_the_examples_are_known():
    for example in SCENARIO["properties"]["needs"]["examples"]:
        assert set(example) <= set(NEEDS)


# --- environments ---------------------------------------------------------------------------------------------------


def test_the_ways_of_client_authentication_are_those_of_the_schema():
    assert choices(CLIENT["auth"]) == set(METHODS)
    assert set(AUTH_METHODS) <= set(METHODS)


def test_the_profiles_are_those_of_the_schema():
    assert set(ENVIRONMENT["properties"]["profile"]["enum"]) == set(profiles.names())


@pytest.mark.parametrize("name", profiles.names())
def test_a_profile_knows_every_check_and_no_other(name):
    assert set(profiles.load(name).checks) == {check.id for check in CHECKS}
    assert set(profiles.load(name).checks.values()) <= set(profiles.LEVELS)


@pytest.mark.parametrize("name", profiles.names())
def test_a_profile_sets_what_a_client_has(name):
    for key, value in profiles.load(name).client.items():
        assert key in built(CLIENT) or value == "mtls"
        if isinstance(value, dict):
            assert set(value) <= set(CLIENT[key]["properties"])


def test_the_keys_of_a_client_are_those_of_the_schema():
    made = {"name"}  # by the key it stands under
    read_before = {"like"}

    assert set(fields(client.Client)) - made == built(CLIENT) - read_before
    assert fields(client.Client)["sender_constraint"] == CLIENT["sender_constraint"]["default"]


@pytest.mark.parametrize(
    ("model", "written"),
    [
        (client.Assertion, CLIENT["assertion"]),
        (client.RequestObject, CLIENT["request_object"]),
        (client.IdToken, CLIENT["id_token"]),
        (client.KeyFile, ENVIRONMENT["definitions"]["key"]),
        (client.Certificate, CLIENT["certificate"]),
        (client.Dpop, CLIENT["dpop"]),
        (Timeouts, ENVIRONMENT["properties"]["timeouts"]),
        (Deviation, ENVIRONMENT["properties"]["deviations"]["items"]),
    ],
)
def test_the_members_of_a_part_are_those_of_the_schema(model, written):
    known = fields(model)

    assert set(known) == set(written["properties"])
    for name, member in written["properties"].items():
        if "default" in member:
            assert known[name] == same(member["default"], known[name]), name
        else:
            assert known[name] in (None, "", dataclasses.MISSING), name


def same(told: Any, known: Any) -> Any:
    """The default of a schema as the code has it: durations in seconds, no typ is None."""
    if isinstance(known, float):
        return template.seconds(told)
    return None if told is False and known is None else told


def test_every_key_of_an_environment_is_read():
    source = inspect.getsource(environment) + inspect.getsource(plan)

    for key in built(ENVIRONMENT["properties"]):
        assert re.search(rf"""(filled\("{key}"|data(\.get\(|\[)"{key}"|\("{key}",)""", source), key
    for key in built(ENVIRONMENT["properties"]["browser"]["properties"]):
        assert f'browser.get("{key}"' in source, key
    for key in built(ENVIRONMENT["properties"]["tls"]["properties"]):
        assert f'tls.get("{key}"' in source, key


# --- pages ----------------------------------------------------------------------------------------------------------


def test_the_actions_are_those_of_the_schema():
    words = ACTION["x-one-of"]["words"]

    assert set(ACTIONS) == built(ACTION["properties"])
    assert set(words) == set(ACTION["properties"])
    assert [one["required"] for one in ACTION["oneOf"]] == [[word] for word in words]


def test_the_conditions_are_those_of_the_schema():
    source = inspect.getsource(inspect.getmodule(judge))

    assert all(f'"{word}"' in source for word in SHOWS)


def test_the_keys_of_a_page_are_read():
    from flowrun.browser import router  # noqa: PLC0415  the browser's part, read here only for its words

    source = inspect.getsource(router)

    for key in built(validate.schema("pages")["properties"]):
        assert f'"{key}"' in source, key
