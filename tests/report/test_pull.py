"""JSON piece by piece is the JSON that it is as a whole."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.report import pull
from flowrun.report.pull import Pull

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.text(), VALUES, max_size=6),
    st.lists(VALUES, max_size=6),
    st.sampled_from([None, 1]),
    st.integers(1, 9),
)
def test_objects_and_lists_come_in_pieces(members, items, indent, piece):
    def as_a_file(value):
        text = json.dumps(value, indent=indent)
        return io.StringIO(f" {text}\n")

    before, pull._PIECE = pull._PIECE, piece
    try:
        found = Pull(as_a_file(members))
        assert {name: found.value() for name in found.members()} == members
        assert list(Pull(as_a_file(items)).items()) == items
    finally:
        pull._PIECE = before


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": ', '{"a": 1', '{"a": [1, }', "[1]", '{"a" 1}', "nothing"])
def test_what_is_cut_off_or_no_json_is_an_error(text):
    found = Pull(io.StringIO(text))
    with pytest.raises(ValueError, match=r"."):
        [found.value() for _ in found.members()]
