"""Scenarios as sentences, compared with whole texts in described/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.golden import compare

from flowrun import wording
from flowrun.describe import _NEEDS, _PLACES, lines
from flowrun.document import read
from flowrun.needs import NEEDS
from flowrun.scenario import PLACES
from flowrun.sentences import SENTENCES, SHORT
from flowrun.validate import check, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GOLDEN = Path(__file__).parent / "described"
EVERYTHING = GOLDEN / "everything.yaml"
SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_every_scenario_is_told_as_it_was_agreed(file: Path, flowrun: Callable[..., Result]) -> None:
    result = flowrun("describe", file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)

    assert result.exit_code == 0, result.stderr
    compare(GOLDEN / f"{file.stem}.txt", result.stdout)


def test_everything_that_the_language_has_is_told() -> None:
    document = read(EVERYTHING)

    assert check(document, "scenario") == []
    compare(GOLDEN / "everything.txt", "\n".join(lines(document.data)) + "\n")


def test_the_example_with_everything_has_every_step_kind_and_every_matcher() -> None:
    text = EVERYTHING.read_text("utf-8")
    step = schema("step")["definitions"]

    kinds = set(re.findall(r"^  - (\w+)", text, re.MULTILINE))
    words = set(re.findall(r"\{(\w+):|, (\w+):", text))
    named = {word for pair in words for word in pair}

    assert set(step["step"]["x-one-of"]["words"]) <= kinds
    assert set(schema("expect")["definitions"]["matchers"]["properties"]) <= named
    assert set(step["tamper"]["properties"]) <= named


def test_no_step_kind_matcher_need_or_place_is_without_words() -> None:
    kinds = schema("step")["definitions"]["step"]["x-one-of"]["words"]

    assert set(SENTENCES) == set(kinds)
    assert {kind: schema(f"steps/{kind}").get("x-short") for kind in kinds if kind != "set"} == SHORT
    assert set(wording.MATCHERS) == set(schema("expect")["definitions"]["matchers"]["properties"])
    assert set(_NEEDS) >= set(NEEDS)
    assert set(_PLACES) == set(PLACES)


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_every_example_of_the_schemas_can_be_told(kind: str) -> None:
    for example in schema(f"steps/{kind}")["examples"]:
        told = lines({"scenario": "x", "steps": [{kind: example}]})

        assert any(re.match(r"  1\. [A-Z].*[^.]\.$", line) for line in told), told
        assert not any("{{" in line or "None" in line for line in told)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (3, "is 3"),
        (True, "is true"),
        (None, "is null"),
        ("", "is blank"),
        ("two words", 'is "two words"'),
        ([], "is an empty list"),
        (["a", "b"], "is a and b"),
        ({"a": 1}, 'is {"a": 1}'),
        ({"between": [5, 600]}, "is between 5 and 600"),
        ({"not": {"is": "absent"}}, "is there"),
        ({"not": {"not": 3}}, "is 3"),
        ({"not": {"contains": "a", "ends_with": "b"}}, "does not contain a or does not end with b"),
        ({"length": {"at_least": 1, "at_most": 3}}, "has a length that is at least 1 and is at most 3"),
        ({"one_of": "{{ allowed }}"}, "is one of the items of the value of allowed"),
    ],
)
def test_expectations_in_words(wanted: Any, words: str) -> None:
    assert wording.expectation(wanted) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{{ dp_id }}", "the value of dp_id"),
        ("{{ dp_id or omit }}", "the value of dp_id, and left out when that is blank"),
        ("{{ dp_id or 'DP1' }}", "the value of dp_id, or DP1 when that is blank"),
        ("{{ now }}", "the time now"),
        ("{{ now | minus('1d') }}", "1 day ago"),
        ("{{ omit }}", "left out"),
        ("{{ uuid() }}", "what `uuid()` comes to"),
        ("a {{ b }}", '"a ‹the value of b›"'),
        ("1h30m", "1 hour and 30 minutes"),
        ("x" * 10, "x" * 10),
    ],
)
def test_values_in_words(written: str, words: str) -> None:
    assert wording.value(written) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("http.status == 200", "http.status is 200"),
        ("dp_id == ''", "dp_id is blank"),
        ("dp_id", "dp_id is not blank"),
        ("not dp_id", "dp_id is blank"),
        ("a >= 1 and b != 'x y'", 'a is at least 1 and b is not "x y"'),
        ("a | length > 3", "`a | length > 3` is true"),
        (True, "always"),
    ],
)
def test_conditions_in_words(expression: object, words: str) -> None:
    assert wording.condition(expression) == words


def test_a_case_from_a_file_and_one_alone() -> None:
    base = {"scenario": "x", "steps": ["discover"]}

    assert "  - once for each row of the file banks.csv." in lines({**base, "cases": {"file": "banks.csv"}})
    assert "It is run once, with:" in lines({**base, "cases": [{"dp_id": ""}]})


def test_a_wrong_file_is_told_as_check_tells_it_and_the_others_all_the_same(
    flowrun: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("scenario: x\nsteps: [discovr]\n")
    (tmp_path / "b.yaml").write_text("scenario: The good one\nsteps: [discover]\n")

    result = flowrun("describe", tmp_path)

    assert result.exit_code == 2
    assert "error[unknown-step]" in result.stderr
    assert "did you mean 'discover'?" in result.stderr
    assert result.stdout.startswith("The good one\n")


def test_what_is_not_built_yet_is_told(flowrun: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("scenario: x\nsteps: [discover, {call: {url: 'https://rs.example/accounts'}}]\n")

    result = flowrun("describe", file)

    assert result.exit_code == 0
    assert "  2. Call https://rs.example/accounts (GET).\n" in result.stdout
