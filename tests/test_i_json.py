"""JSON that all readers understand alike: what is refused, and what is read though it looks odd."""

from __future__ import annotations

import json

import pytest

from flowrun import i_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5, true, null, "x"]}', {"a": [1, -2.5, True, None, "x"]}),
        ("1e308", 1e308),
        ("9" * 300, int("9" * 300)),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\\\ud800"', "\\ud800"),
    ],
)
def test_what_every_reader_understands_is_read(text, value):
    assert i_json.parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[-Infinity]",
        "1e400",
        "-1e400",
        "9" * 400,
        "9" * 10_000,
        '"\\ud800"',
        '{"\\uDFFF": 1}',
        '["\\ude00\\ud83d"]',
        "[" * 100_000,
    ],
)
def test_what_would_break_its_reader_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        i_json.parse(text)


def test_objects_are_made_of_their_members():
    assert i_json.parse('{"a": 1, "a": 2}', list) == [("a", 1), ("a", 2)]
    assert i_json.parse(json.dumps({"a": 1})) == {"a": 1}
