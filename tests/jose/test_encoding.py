"""Strict base64url and JSON."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from flowrun.jose.encoding import DuplicateMemberError, from_base64url, from_json, to_base64url, to_json


@pytest.mark.parametrize("octets", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_there_and_back(octets):
    assert from_base64url(to_base64url(octets)) == octets


@pytest.mark.parametrize("text", ["a", "YQ==", "YR", "a b", "Y+", "Y/", "YQ\n", "ä", "YQ?"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"^not base64url$"):
        from_base64url(text)


def test_json_is_compact_and_ascii():
    assert to_json({"a": [1, {"b": MappingProxyType({"ü": None})}]}) == b'{"a":[1,{"b":{"\\u00fc":null}}]}'


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), ValueError), (object(), TypeError), (b"x", TypeError)])
def test_what_json_cannot_say(value, kind):
    with pytest.raises(kind):
        to_json({"a": value})


def test_a_member_twice():
    with pytest.raises(DuplicateMemberError, match=r"^b$"):
        from_json('{"a": {"b": 1, "c": 2, "b": 1}}')


@pytest.mark.parametrize("text", ["{", "NaN", "[Infinity]", "[" * 100_000])
def test_what_is_not_json(text):
    with pytest.raises(ValueError, match=r".+"):
        from_json(text)
