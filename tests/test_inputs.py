from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import environment as environments
from flowrun import inputs
from flowrun import scenario as scenarios
from flowrun.errors import FlowrunError
from flowrun.redact import Redactor

SCENARIO = """\
scenario: t
inputs:
  {}
cases:
{}
steps: [discover]
"""
ENVIRONMENT = "environment: uat\nissuer: https://x\nclients: {{default: {{client_id: one}}}}\ninputs: {{{}}}\n"


@pytest.fixture
def value(tmp_path, monkeypatch):
    """The value of the input `x`, and where it is from: how it is declared, and what each place says of it."""
    monkeypatch.chdir(tmp_path)

    def value(declared, *, override=None, row=None, environment=None):
        Path("s.yaml").write_text(SCENARIO.format(f"x: {declared}", f"  - {{case: one{row or ''}}}"), "utf-8")
        Path("e.yaml").write_text(ENVIRONMENT.format(environment or ""), "utf-8")
        scenario = scenarios.load(Path("s.yaml"))
        there = environments.load(Path("e.yaml"), Redactor(), {})
        overrides = {} if override is None else {"x": override}
        return inputs.value(scenario.inputs["x"], scenario, there, overrides, scenario.cases[0])

    return value


def problem(value, *arguments, **more):
    with pytest.raises(FlowrunError) as error:
        value(*arguments, **more)
    (found,) = error.value.problems
    return found


@pytest.mark.parametrize(
    ("override", "row", "environment", "expected"),
    [
        ("o", ", x: r", "x: e", ("o", "--set")),
        (None, ", x: r", "x: e", ("r", "case, s.yaml:5:20")),
        (None, None, "x: e", ("e", "e.yaml:4:13")),
        (None, None, None, ("d", "s.yaml:3:6")),
        ("o", None, None, ("o", "--set")),
    ],
)
def test_the_command_line_wins_over_the_case_that_over_the_environment_that_over_the_default(
    value, override, row, environment, expected
):
    assert value("d", override=override, row=row, environment=environment) == expected


def test_a_default_that_is_written_long_is_found_in_its_place(value):
    assert value("{type: text, default: d}") == ("d", "s.yaml:3:28")


def test_without_any_value_there_is_none(value):
    found = problem(value, "{type: text}")
    assert (found.code, str(found.at), found.title, found.label, found.hint) == (
        "input-missing",
        "s.yaml:3:3",
        "the input 'x' has no value",
        "it has no default",
        "give one: --set x=…, or inputs: in the environment file",
    )


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("text", "5", "5"),
        ("text", "true", "true"),
        ("number", "5", 5),
        ("number", "-5", -5),
        ("number", "0.5", 0.5),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("list", "a,b", ["a", "b"]),
        ("list", "a", ["a"]),
        ("list", "", []),
        ("list", '["a", "b,c"]', ["a", "b,c"]),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "null", None),
    ],
)
def test_a_set_is_read_as_the_type_of_its_input(value, type_, text, expected):
    got, _ = value(f"{{type: {type_}}}", override=text)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("type_", "text"),
    [("number", "five"), ("number", ""), ("boolean", "yes"), ("boolean", "1"), ("list", '["a"'), ("json", "{a: 1}")],
)
def test_a_set_that_does_not_fit_is_told(value, type_, text):
    found = problem(value, f"{{type: {type_}}}", override=text)
    assert (found.code, str(found.at), found.title) == (
        "wrong-value",
        "s.yaml:3:3",
        f"--set x: expected a {type_}, got '{text}'",
    )


@pytest.mark.parametrize(
    ("type_", "written", "shown"),
    [
        ("text", "5", "5"),
        ("text", "[a]", '["a"]'),
        ("number", "five", "five"),
        ("number", "true", "true"),
        ("boolean", "1", "1"),
        ("list", "a", "a"),
    ],
)
@pytest.mark.parametrize("place", ["row", "environment"])
def test_a_value_of_another_type_is_told_where_it_stands(value, type_, written, shown, place):
    text = f", x: {written}" if place == "row" else f"x: {written}"
    found = problem(value, f"{{type: {type_}}}", **{place: text})
    at = "s.yaml:5:20" if place == "row" else "e.yaml:4:13"
    assert (found.code, str(found.at), found.title, found.label) == (
        "wrong-value",
        at,
        f"the input 'x' is a {type_}",
        f"this is {shown}",
    )


def test_a_default_of_another_type_is_told_too(value):
    found = problem(value, "{type: number, default: five}")
    assert (found.code, str(found.at), found.label) == ("wrong-value", "s.yaml:3:30", "this is five")


def test_nothing_fits_every_type(value):
    assert value("{type: number}", row=", x: null")[0] is None


@pytest.mark.parametrize(
    ("declared", "blank"),
    [
        ("d", "refused"),
        ('""', "allowed"),
        ("{type: text, default: d}", "refused"),
        ('{type: text, default: ""}', "allowed"),
        ("{type: text, default: d, blank: allowed}", "allowed"),
        ('{type: text, default: "", blank: refused}', "refused"),
    ],
)
def test_a_blank_value_is_taken_only_where_it_is_allowed(value, declared, blank):
    if blank == "allowed":
        assert value(declared, override="")[0] == ""
        assert value(declared, row=', x: ""')[0] == ""
    else:
        for more in ({"override": ""}, {"row": ', x: ""'}, {"environment": 'x: ""'}):
            found = problem(value, declared, **more)
            assert (found.code, found.title) == ("blank-input", "the input 'x' may not be blank")
            assert found.hint == "allow it: blank: allowed"


def test_a_blank_default_where_blank_is_refused_asks_for_a_value(value):
    declared = '{type: text, default: "", blank: refused}'
    assert problem(value, declared).code == "blank-input"
    assert value(declared, override="y")[0] == "y"


def test_a_choice_must_be_one_of_those_offered(value):
    declared = '{type: text, default: a, one_of: [a, b, ""], blank: allowed}'
    for text in ("a", "b", ""):
        assert value(declared, override=text)[0] == text
    found = problem(value, declared, override="c")
    assert (found.code, found.title) == ("wrong-value", "'x' must be one of a, b, blank")
    assert problem(value, "{type: text, default: c, one_of: [a, b]}").title == "'x' must be one of a, b"


@pytest.mark.parametrize(
    ("shown", "text"), [("", "blank"), ("a b", "a b"), (5, "5"), (True, "true"), (["ü"], '["ü"]'), (None, "null")]
)
def test_a_value_in_a_few_words(shown, text):
    assert inputs.brief(shown) == text


def test_a_column_that_is_no_input_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = SCENARIO.format("dp_id: a\n  scope: b", "  - {case: one, dp_di: c}\n  - {dp_id: d, odd: e}")
    Path("s.yaml").write_text(text, "utf-8")
    found = list(inputs.case_problems(scenarios.load(Path("s.yaml"))))
    assert [(p.code, str(p.at), p.title, p.label) for p in found] == [
        ("unknown-input", "s.yaml:6:17", "there is no input 'dp_di'", "did you mean 'dp_id'?"),
        ("unknown-input", "s.yaml:7:16", "there is no input 'odd'", "inputs: dp_id, scope"),
    ]
