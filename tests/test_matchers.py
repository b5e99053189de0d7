from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowrun.matchers import ABSENT, MATCHERS, expect_all, is_matcher, show

# matcher, what came, the argument: these hold.
HOLDS = [
    ("equals", "a", "a"),
    ("equals", 1, 1.0),
    ("equals", [1, {"a": None}], [1, {"a": None}]),
    ("equals", None, None),
    ("not", "a", "b"),
    ("not", True, 1),
    ("not", ABSENT, "x"),
    ("is", "", "present"),
    ("is", None, "present"),
    ("is", ABSENT, "absent"),
    ("is", "", "empty"),
    ("is", [], "empty"),
    ("is", {}, "empty"),
    ("is", None, "empty"),
    ("is", "a", "text"),
    ("is", 1.5, "number"),
    ("is", 1, "integer"),
    ("is", False, "boolean"),
    ("is", [], "list"),
    ("is", {}, "object"),
    ("matches", "urn:x", "urn:.+"),
    ("contains", "accounts profile", "profile"),
    ("contains", ["a", "b"], "b"),
    ("contains", [{"a": 1}], {"a": 1}),
    ("contains", {"a": 1}, "a"),
    ("starts_with", "urn:x", "urn:"),
    ("ends_with", "a/callback", "/callback"),
    ("one_of", 2, [1, 2]),
    ("one_of", None, [None]),
    ("at_least", 5, 5),
    ("at_most", 5, 5),
    ("between", 5, [5, 600]),
    ("between", 600, [5, 600]),
    ("length", "abc", 3),
    ("length", [1], 1),
    ("length", {"a": 1}, {"at_least": 1, "at_most": 1}),
    ("same_items", ["a", "b"], ["b", "a"]),
    ("same_items", "accounts profile", "profile accounts"),
    ("same_items", "accounts profile", ["profile", "accounts"]),
    ("same_items", [{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
    ("subset_of", "accounts", "accounts profile"),
    ("subset_of", [], ["a"]),
    ("schema", {"a": 1}, {"type": "object", "required": ["a"]}),
    ("schema", {"a": 1}, {"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}),
]
# matcher, what came, the argument, the complaint.
FAILS = [
    ("equals", "a", "b", '"b"'),
    ("equals", True, 1, "1"),
    ("equals", 1, True, "true"),
    ("equals", [True], [1], "[1]"),
    ("equals", {"a": [0]}, {"a": [False]}, '{"a": [false]}'),
    ("equals", "1", 1, "1"),
    ("equals", ABSENT, None, "null"),
    ("equals", [1, 2], [1], "[1]"),
    ("equals", {"a": 1}, {"a": 1, "b": 2}, '{"a": 1, "b": 2}'),
    ("not", "a", "a", 'anything but "a"'),
    ("is", ABSENT, "present", "present"),
    ("is", None, "absent", "absent"),
    ("is", 0, "empty", "empty"),
    ("is", False, "empty", "empty"),
    ("is", ABSENT, "empty", "empty"),
    ("is", 1, "text", "text"),
    ("is", True, "number", "number"),
    ("is", "1", "number", "number"),
    ("is", 1.0, "integer", "integer"),
    ("is", True, "integer", "integer"),
    ("is", 0, "boolean", "boolean"),
    ("is", "a", "list", "list"),
    ("is", [], "object", "object"),
    ("matches", "my urn:x", "urn:.+", "a text that matches urn:.+ as a whole"),
    ("matches", "urn:x\n", "urn:.", "a text that matches urn:. as a whole"),
    ("matches", 5, "5", "a text that matches 5 as a whole"),
    ("contains", "accounts", "profile", 'something that contains "profile"'),
    ("contains", "5", 5, "something that contains 5"),
    ("contains", [1], True, "something that contains true"),
    ("contains", {"a": 1}, {"a": 1}, 'something that contains {"a": 1}'),
    ("contains", ABSENT, "a", 'something that contains "a"'),
    ("starts_with", 5, "5", 'a text that starts with "5"'),
    ("starts_with", "x", "urn:", 'a text that starts with "urn:"'),
    ("ends_with", "x", "y", 'a text that ends with "y"'),
    ("ends_with", None, "y", 'a text that ends with "y"'),
    ("one_of", True, [1, 2], "one of [1, 2]"),
    ("one_of", ABSENT, ["a"], 'one of ["a"]'),
    ("at_least", 4, 5, "a number of at least 5"),
    ("at_least", "9", 5, "a number of at least 5"),
    ("at_least", True, 0, "a number of at least 0"),
    ("at_most", 6, 5, "a number of at most 5"),
    ("at_most", ABSENT, 5, "a number of at most 5"),
    ("between", 4, [5, 600], "a number between 5 and 600"),
    ("between", 601, [5, 600], "a number between 5 and 600"),
    ("between", None, [5, 600], "a number between 5 and 600"),
    ("length", "abc", 2, "a length of 2, this one is 3"),
    ("length", 5, 1, "something with a length of 1"),
    ("length", "abc", {"at_most": 2}, "a number of at most 2"),
    ("same_items", ["a", "a"], ["a"], 'the same items as ["a"], in any order'),
    ("same_items", ABSENT, [], "the same items as [], in any order"),
    ("same_items", [1], [True], "the same items as [true], in any order"),
    ("subset_of", "a b", "a", 'nothing beyond ["a"]'),
    ("subset_of", ABSENT, ["a"], 'nothing beyond ["a"]'),
    ("schema", {"a": 1}, {"required": ["b"]}, "something that follows the JSON Schema: $: 'b' is a required property"),
    (
        "schema",
        [1, 2, 3, 4],
        {"items": {"const": 0}},
        "something that follows the JSON Schema: $[0]: 0 was expected; $[1]: 0 was expected; $[2]: 0 was expected",
    ),
    ("schema", ABSENT, {}, "something that follows the JSON Schema"),
    (
        "schema",
        1,
        {"type": "nope"},
        "what schema says, but this is no JSON Schema: 'nope' is not valid under any of the given schemas",
    ),
    (
        "schema",
        1,
        {"$ref": "http://127.0.0.1:9/schema.json"},
        "what schema says, but this JSON Schema refers to http://127.0.0.1:9/schema.json, which is not inside it",
    ),
    (
        "schema",
        1,
        {"$ref": "#/$defs/no"},
        "what schema says, but this JSON Schema refers to /$defs/no, which is not inside it",
    ),
    ("schema", 1, 5, "what schema says, and 5 says nothing to it"),
    # What a template came to may be of a wrong kind; that is a complaint, never a crash.
    ("starts_with", "a", 5, "what starts_with says, and 5 says nothing to it"),
    ("matches", "a", "(", 'what matches says, and "(" says nothing to it'),
    ("at_least", 5, "x", 'what at_least says, and "x" says nothing to it'),
    ("between", 5, [1], "what between says, and [1] says nothing to it"),
    ("is", 5, "odd", 'what is says, and "odd" says nothing to it'),
    ("one_of", 5, 5, "what one_of says, and 5 says nothing to it"),
]


@pytest.mark.parametrize(("name", "got", "wanted"), HOLDS)
def test_it_holds(name, got, wanted):
    assert expect_all(got, {name: wanted}) is None


@pytest.mark.parametrize(("name", "got", "wanted", "complaint"), FAILS)
def test_it_fails_and_says_what_was_expected(name, got, wanted, complaint):
    assert expect_all(got, {name: wanted}) == complaint


@pytest.mark.parametrize("name", MATCHERS)
def test_every_matcher_is_seen_to_hold_and_to_fail(name):
    assert name in {row[0] for row in HOLDS}
    assert name in {row[0] for row in FAILS}


def test_no_schema_makes_flowrun_call_anybody(monkeypatch):
    calls = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **_: calls.append(arguments))
    assert expect_all(1, {"schema": {"$ref": "http://127.0.0.1:9/schema.json"}})
    assert calls == []


def test_several_matchers_must_all_hold_and_the_first_that_fails_speaks():
    assert expect_all("urn:x", {"starts_with": "urn:", "ends_with": "x"}) is None
    assert expect_all("urn:x", {"starts_with": "urn:", "ends_with": "y"}) == 'a text that ends with "y"'


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [({"is": "text"}, True), ({"is": "text", "color": 1}, False), ({}, False), ("text", False), ([], False)],
)
def test_only_a_mapping_of_matchers_is_one(wanted, expected):
    assert is_matcher(wanted) is expected


def test_a_value_that_is_no_matcher_must_be_equal():
    assert expect_all({"colour": 1}, {"colour": 1}) is None
    assert expect_all({"colour": 1}, {"colour": 2}) == '{"colour": 2}'
    assert expect_all({}, {}) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", '"a"'),
        ("größe", '"größe"'),
        (None, "null"),
        (True, "true"),
        (ABSENT, "nothing"),
        ({"a": [1]}, '{"a": [1]}'),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"),
    ],
)
def test_values_are_shown_as_a_person_would_write_them(value, shown):
    assert show(value) == shown


def test_a_long_value_is_cut_and_says_so():
    assert show("x" * 400) == '"' + "x" * 298 + "…"
    assert show("x" * 298) == '"' + "x" * 298 + '"'
