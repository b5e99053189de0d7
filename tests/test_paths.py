from __future__ import annotations

import pytest

from flowrun.paths import MissingValueError, PathError, follow, parse, spell

RESULT = {
    "authorization_details": [{"consent": {"consent_id": "c1"}}, {"consent": {}}],
    "http": {"headers": {"x-id": "7", "cache-control": "no-store"}},
    "items": "a member, not a method",
    "a.b": 1,
    "it's": 2,
    "nothing": None,
    "empty": {},
    "many": {f"m{n}": n for n in range(20)},
}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("request_uri", ("request_uri",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0].b", ("a", 0, "b")),
        ("a[-1]", ("a", -1)),
        ("a[0][1]", ("a", 0, 1)),
        ("http.headers['x-id']", ("http", "headers", "x-id")),
        ('http.headers["x-id"]', ("http", "headers", "x-id")),
        ("['a.b'].c", ("a.b", "c")),
        ("x-fapi-interaction-id", ("x-fapi-interaction-id",)),
        ("urn:a:b", ("urn:a:b",)),
        ("a.0", ("a", "0")),
        ("consent.größe", ("consent", "größe")),
        ("['it's']", ("it's",)),
    ],
)
def test_a_path_is_taken_apart_and_written_down_again(text, parts):
    assert parse(text) == parts
    assert parse(spell(parts)) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty text is no path"),
        (".a", "'.a' is no path: '.a' does not fit"),
        ("a.", "'a.' is no path: '.' does not fit"),
        ("a..b", "'a..b' is no path: '..b' does not fit"),
        ("a.[0]", "'a.[0]' is no path: '.[0]' does not fit"),
        ("a[0]b", "'a[0]b' is no path: 'b' does not fit"),
        ("a[x]", "'a[x]' is no path: '[x]' does not fit"),
        ("a['x", "'a['x' is no path: '['x' does not fit"),
        ("a b", "'a b' is no path: ' b' does not fit"),
        ("{{ x }}", "'{{ x }}' is no path: '{{ x }}' does not fit"),
    ],
)
def test_what_is_no_path_is_said_with_the_place_where_it_stops_to_be_one(text, message):
    with pytest.raises(PathError) as error:
        parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("authorization_details[0].consent.consent_id", "c1"),
        ("authorization_details[-1].consent", {}),
        ("http.headers['x-id']", "7"),
        ("items", "a member, not a method"),
        ("['a.b']", 1),
        ("nothing", None),
    ],
)
def test_a_path_leads_to_its_value(text, value):
    assert follow(RESULT, parse(text)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item", "the result has no member 'item'; did you mean 'items'?"),
        ("empty.x", "empty has no member 'x'; it is empty"),
        (
            "many.zzz",
            "many has no member 'zzz'; members here: m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11 and 8 more",
        ),
        (
            "authorization_details.consent",
            "authorization_details is a list of 2; write authorization_details[0].consent for its first item",
        ),
        ("authorization_details[2]", "authorization_details has 2 items, so no [2]"),
        ("authorization_details[-3]", "authorization_details has 2 items, so no [-3]"),
        ("http.headers['x-id'].y", "http.headers.x-id is a single value, so it has no 'y'"),
        ("nothing.y", "nothing is a single value, so it has no 'y'"),
        ("http[0]", "http has no member '0'; members here: headers"),
        ("items[0]", "items is a single value, so it has no '0'"),
    ],
)
def test_a_path_that_leads_nowhere_says_how_far_it_led(text, message):
    with pytest.raises(MissingValueError) as error:
        follow(RESULT, parse(text))
    assert str(error.value) == message
