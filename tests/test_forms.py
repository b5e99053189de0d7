"""How a text is encoded on its way, and that every encoding is undone."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from flowrun.forms import DEEPEST, LONG, base64_forms, forms, plainer, quote_plus


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a%20b", "a b"),
        ("a+b%2Bc", "a b+c"),
        (r"a\u0062\x63\n", "abc\n"),
        (r"\"a\' \/ \\ b", "\"a' / \\ b"),
        (r"\ud83d\ude00 \U0001F600", "😀 😀"),
        (r"half \ud83d", "half \ud83d"),
        (r"none \U00ffffff", r"none \U00ffffff"),
        ("&lt;a&#39;&#x27;&quot;", "<a''\""),
    ],
)
def test_what_is_encoded_is_decoded(text, plain):
    assert plain in {text, *plainer(text)}


def test_encodings_inside_one_another_are_undone_in_any_order():
    inside = "https://a.example/?secret=a b"
    for _ in range(DEEPEST - 1):
        inside = quote(inside, safe="")
    assert "https://a.example/?secret=a b" in set(plainer(inside))
    assert "a'b" in set(plainer(json.dumps(quote("a&#39;b"))[1:-1]))


def test_a_text_without_an_encoding_has_nothing_plainer():
    assert list(plainer("just a text, with + in it")) == []


def test_a_long_text_is_decoded_once_only():
    twice = "%2520" + "x" * LONG
    assert [text[:3] for text in plainer(twice)] == ["%20"]


def test_every_form_holds_the_value():
    value = "s3cret /+&\"'<ü>"
    found = set(forms(value))
    assert {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]} <= found
    for before in ("", "1", "12"):
        text = base64.b64encode(f"{before}{value}".encode()).decode()
        assert any(form in text for form in base64_forms(value))


def test_a_short_value_has_no_form_in_base64_that_could_be_anything():
    assert all(len(form) >= 8 for form in list(base64_forms("12345678")))
