from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime

import pytest

from flowrun import template
from flowrun.template import OMIT, HoleError, evaluate, fill, has_hole, needs, seconds

NAMES = {
    "n": 5,
    "flag": False,
    "nothing": None,
    "text": "a b",
    "many": ["read_accounts", "read_balances"],
    "push": {"request_uri": "urn:x", "items": "ITEMS", "values": [1], "get": "GET", "keys": {"pop": 3}},
    "plain": {"a": 1},
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{{ n }}", 5),
        ("  {{ n }}\n", 5),
        ("{{n}}", 5),
        ("{{- n -}}", 5),
        ("{{ -n }}", -5),
        ("{{ flag }}", False),
        ("{{ nothing }}", None),
        ("{{ many }}", ["read_accounts", "read_balances"]),
        ("{{ plain }}", {"a": 1}),
        ("{{ n > 4 }}", True),
        ("{{ text }}", "a b"),
    ],
)
def test_a_value_that_is_one_hole_keeps_its_type(written, value):
    assert fill(written, NAMES) == value
    assert type(fill(written, NAMES)) is type(value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("x{{ n }}", "x5"),
        ("{{ n }}{{ n }}", "55"),
        ("{{ n }} {{ n }}\n", "5 5\n"),
        ("{# why #}{{ n }}", "5"),
        ("{{ n }}{# why #}", "5"),
        ("{% if flag %}a{% else %}b{% endif %}", "b"),
        ("{% for p in many %}{{ p }},{% endfor %}", "read_accounts,read_balances,"),
        ("no hole", "no hole"),
        ("a } b { c", "a } b { c"),
        ("{# only a comment #}", "{# only a comment #}"),
    ],
)
def test_text_with_a_hole_in_it_is_text(written, value):
    assert fill(written, NAMES) == value


def test_values_are_filled_at_any_depth_and_keys_are_left_alone():
    written = {"a": ["{{ n }}", {"b": "x{{ n }}", "{{ n }}": 1}], "c": 7, "d": None}
    assert fill(written, NAMES) == {"a": [5, {"b": "x5", "{{ n }}": 1}], "c": 7, "d": None}


def test_omit_leaves_members_and_items_out():
    assert fill({"a": "{{ omit }}", "b": ["{{ omit }}", 1], "c": {"d": "{{ '' or omit }}"}}, {}) == {"b": [1], "c": {}}
    assert fill("{{ omit }}", {}) is OMIT


@pytest.mark.parametrize("written", ["x{{ omit }}", "{{ omit }}{{ omit }}", "{{ omit ~ 'x' }}"])
def test_omit_can_not_be_part_of_a_text(written):
    with pytest.raises(HoleError, match="omit stands alone") as error:
        fill({"a": [written]}, {})
    assert error.value.code == "misplaced-omit"
    assert error.value.path == ("a", 0)


@pytest.mark.parametrize("name", ["items", "values", "get", "keys"])
def test_a_member_called_like_a_method_is_data(name):
    for written in (f"{{{{ push.{name} }}}}", f"{{{{ push['{name}'] }}}}"):
        assert fill(written, NAMES) == NAMES["push"][name]


@pytest.mark.parametrize("name", ["items", "values", "get", "keys", "pop", "copy", "update"])
@pytest.mark.parametrize("written", ["{{{{ plain.{} }}}}", "{{{{ plain['{}'] }}}}", "x{{{{ plain.{} }}}}"])
def test_a_member_that_is_not_there_is_never_a_method(written, name):
    with pytest.raises(HoleError) as error:
        fill(written.format(name), NAMES)
    assert error.value.code == "unknown-variable"
    assert error.value.title == f"'plain' has no '{name}'"


def test_a_method_does_not_come_out_of_map_either():
    with pytest.raises(HoleError):
        fill("{{ [plain] | map(attribute='items') | list }}", NAMES)


@pytest.mark.parametrize(
    ("written", "title", "label"),
    [
        ("{{ pusch.request_uri }}", "nothing has set 'pusch' yet", "did you mean 'push'?"),
        ("x{{ pusch }}", "nothing has set 'pusch' yet", "did you mean 'push'?"),
        ("{{ push.request_ur }}", "'push' has no 'request_ur'", "did you mean 'request_uri'?"),
        ("{{ push.keys.x.y }}", "'push.keys' has no 'x'", ""),
        ("{{ many[7] }}", "'many' has no '7'", ""),
        ("{{ nothing.x }}", "'nothing' has no 'x'", ""),
        ("{{ text.x }}", "'text' has no 'x'", ""),
        ("{{ [1][3] }}", "list object has no element 3", ""),
    ],
)
def test_an_unknown_name_is_told_with_what_was_probably_meant(written, title, label):
    with pytest.raises(HoleError) as error:
        fill({"a": {"b": written}}, NAMES)
    found = error.value
    assert (found.code, found.title, found.label, found.path) == ("unknown-variable", title, label, ("a", "b"))


@pytest.mark.parametrize(
    ("written", "code", "title"),
    [
        ("{{ n", "template-syntax", "this template can't be read: "),
        ("{{ push['a' }}", "template-syntax", "this template can't be read: "),
        ("{% if n %}", "template-syntax", "this template can't be read: "),
        ("{{ n | isoo }}", "unknown-filter", "there is no filter 'isoo'"),
        ("x{{ n | isoo }}", "unknown-filter", "there is no filter 'isoo'"),
        ("{{ n is definde }}", "unknown-test", "there is no test 'definde'"),
        ("{{ n // 0 }}", "template-error", "this template failed: "),
        ("{{ n | jwt_claims }}", "template-error", "this template failed: "),
        ("{{ 'no' | jwt_claims }}", "template-error", "this template failed: "),
        ("{{ 'a.b.c' | jwt_claims }}", "template-error", "this template failed: "),
        ("{{ text | from_json }}", "template-error", "this template failed: "),
        ("{{ now | plus('soon') }}", "template-error", "this template failed: 'soon' is no duration"),
        ("{{ n() }}", "template-error", "this template failed: "),
        ("{{ uuid }}", "template-error", "this template came to a function; call it with ()"),
        ("x{{ uuid }}", "template-error", "this template came to a function; call it with ()"),
        ("{{ [uuid] }}", "template-error", "this template came to a function; call it with ()"),
        ("{{ text.upper }}", "template-error", "this template came to a function; call it with ()"),
    ],
)
def test_a_template_that_fails_is_a_problem_and_no_crash(written, code, title):
    with pytest.raises(HoleError) as error:
        fill(written, NAMES)
    assert error.value.code == code
    assert error.value.title.startswith(title)


def test_a_misspelt_filter_is_found_before_anything_is_filled_with_a_suggestion():
    with pytest.raises(HoleError) as error:
        list(needs({"a": ["{{ now | isoo }}"]}))
    assert (error.value.code, error.value.label, error.value.path) == (
        "unknown-filter",
        "did you mean 'iso'?",
        ("a", 0),
    )


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ uuid.__globals__ }}",
    "{{ uuid.__code__ }}",
    "{{ uuid.__globals__['uuid'].os.environ }}",
    "{{ now.__class__ }}",
    "{{ now.__reduce__() }}",
    "{{ '{0.__class__}'.format(n) }}",
    "{{ '{0.__class__}'.format_map({'0': 1}) }}",
    "{{ ('{0.__class__}' | string).format(1) }}",
    "{{ many.append(1) }}",
    "{{ many.clear() }}",
    "{{ plain.__class__ }}",
    "{{ plain.update({'a': 2}) }}",
    "{{ plain | attr('update') }}",
    "{{ [plain] | map(attribute='__class__') | list }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__ }}",
    "{{ lipsum() }}",
    "{{ range(3) }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% extends 'x' %}",
]


@pytest.mark.parametrize("written", ESCAPES)
def test_the_sandbox_lets_nothing_out(written):
    names = json.loads(json.dumps(NAMES))
    with pytest.raises(HoleError):
        fill(written, names)
    with pytest.raises(HoleError):
        fill(f"before {written} after", names)
    assert names == NAMES


def test_an_object_of_ours_shows_nothing_private():
    class Closed:
        def __init__(self):
            self._secret = "secret"

    for written in ("{{ x._secret }}", "{{ x['_secret'] }}", "{{ x | attr('_secret') }}"):
        with pytest.raises(HoleError):
            fill(written, {"x": Closed()})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("n == 5 and not flag", True),
        ("'read_accounts' in many", True),
        ("push.request_uri", "urn:x"),
        ("many", NAMES["many"]),
    ],
)
def test_an_expression_needs_no_braces(expression, value):
    assert evaluate(expression, NAMES) == value


def test_an_expression_with_an_unknown_name_is_told():
    with pytest.raises(HoleError, match="nothing has set 'm' yet"):
        evaluate("m > 5", NAMES)


# --- filters and functions ------------------------------------------------------------------------------------------

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 500000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{{ t | iso }}", "2026-01-31T12:00:00Z"),
        ("{{ t | plus('1d') | iso }}", "2026-02-01T12:00:00Z"),
        ("{{ t | minus('1h30m') | iso }}", "2026-01-31T10:30:00Z"),
        ("{{ t | plus(60) | epoch }}", 1769860860),
        ("{{ 0 | iso }}", "1970-01-01T00:00:00Z"),
        ("{{ 100 | plus('10s') }}", 110.0),
        ("{{ 100 | minus('500ms') }}", 99.5),
        ("{{ 'a?b>' | base64 }}", "YT9iPg=="),
        ("{{ 'a?b>' | base64url }}", "YT9iPg"),
        ("{{ 'abc' | sha256 | base64url }}", "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"),
        ("{{ '{\"a\": [1]}' | from_json }}", {"a": [1]}),
        ("{{ {'a': '<&ü'} | tojson }}", '{"a": "<&ü"}'),
        ("{{ ({'a': 1} | tojson) ~ '&' }}", '{"a": 1}&'),
        ("{{ many | join(' ') }}", "read_accounts read_balances"),
        ("{{ missing | default('x') }}", "x"),
        ("{{ plain.missing | default('x') }}", "x"),
        ("{{ '' | default('x', true) }}", "x"),
        ("{{ missing is defined }}", False),
    ],
)
def test_filters_do_what_they_say(written, value):
    assert fill(written, {**NAMES, "t": MOMENT}) == value


def test_jwt_claims_reads_a_payload_without_judging_it():
    payload = base64.urlsafe_b64encode(b'{"sub":"a"}').rstrip(b"=").decode()
    assert fill("{{ jwt | jwt_claims }}", {"jwt": f"h.{payload}.s"}) == {"sub": "a"}


def test_sha256_gives_the_octets():
    assert template.FILTERS["sha256"]("abc") == hashlib.sha256(b"abc").digest()


@pytest.mark.parametrize(("at", "code"), [(59, "287082"), (1111111109, "081804"), (2000000000, "279037")])
def test_totp_gives_the_codes_of_rfc_6238(monkeypatch, at, code):
    monkeypatch.setattr("time.time", lambda: at)
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert fill("{{ s | totp }}", {"s": secret}) == code
    assert fill("{{ s | totp }}", {"s": " ".join(re.findall("....", secret.lower()))}) == code


def test_uuid_is_fresh_each_time_and_now_is_now():
    one, two = fill("{{ uuid() }}", {}), fill("{{ uuid() }}", {})
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one)
    assert one != two
    assert abs((fill("{{ now }}", {}) - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10s", 10),
        ("500ms", 0.5),
        ("5m", 300),
        ("2h", 7200),
        ("180d", 15552000),
        ("1w", 604800),
        ("1h30m", 5400),
        (" 1.5s ", 1.5),
        (7, 7),
        (0.5, 0.5),
    ],
)
def test_durations_in_seconds(text, value):
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "soon", "10", "10 s", "s", "-5s", "5mm", "1h 30m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=f"'{text}' is no duration"):
        seconds(text)


# --- what holes need ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "chains"),
    [
        ("{{ push.request_uri }}", [("push", "request_uri")]),
        ("{{ a['b'][0].c }}", [("a", "b", 0, "c")]),
        ("{{ a[b] }}", [("a",), ("b",)]),
        ("{{ a + b | iso }}", [("a",), ("b",)]),
        ("{{ a.get(b) }}", [("a", "get"), ("b",)]),
        ("{{ missing | default(other) }}", [("other",)]),
        ("{{ missing.member | d('x') }}", []),
        ("{{ missing is defined }}", []),
        ("{% for x in many %}{{ x.y }}{{ z }}{% endfor %}", [("many",), ("z",)]),
        ("{% set a = b %}{{ c }}", [("b",), ("c",)]),
        ("no hole", []),
    ],
)
def test_the_names_that_a_text_uses(written, chains):
    assert sorted(need.chain for need in needs(written)) == sorted(chains)


def test_needs_know_where_in_a_value_they_stand():
    found = list(needs({"a": ["x", "{{ n }}"], "b": {"c": "{{ m.k }}"}}, ("steps", 0)))
    assert [(need.chain, need.path, need.text) for need in found] == [
        (("n",), ("steps", 0, "a", 1), "{{ n }}"),
        (("m", "k"), ("steps", 0, "b", "c"), "{{ m.k }}"),
    ]


def test_needs_of_a_broken_template_know_where_it_is():
    with pytest.raises(HoleError) as error:
        list(needs({"a": ["{{ n"]}))
    assert error.value.path == ("a", 0)


@pytest.mark.parametrize(("text", "expected"), [("{{ a }}", True), ("{% if %}", True), ("a { b", False), ("", False)])
def test_a_hole_is_seen(text, expected):
    assert has_hole(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
        "{{ x" + " + x" * 300 + " }}",
        "{{ x" + ".y" * 3000 + " }}",
        "{{ " + "[" * 500 + "]" * 500 + " }}",
    ],
    ids=["brackets", "terms", "members", "lists"],
)
def test_what_is_nested_too_deep_is_refused_in_words(text: str) -> None:
    with pytest.raises(template.HoleError, match="nested too deep"):
        template.fill(text, {"x": {}})


@pytest.mark.parametrize(
    "text",
    [
        "{{ 9 ** (9 ** 9) }}",
        "{{ 'x' * 99999999 }}",
        "{{ [0] * 99999999 }}",
        "{{ (9 ** 999) * (9 ** 999) }}",
        "{{ 2 ** -(9 ** 6) }}",
    ],
)
def test_nothing_grows_without_end(text: str) -> None:
    with pytest.raises(template.HoleError, match="makes"):
        template.fill(text, {})


def test_products_and_powers_of_a_sane_size_are_made() -> None:
    assert template.fill("{{ 'ab' * 3 }} {{ 2 ** 10 }} {{ 2.5 * 2 }}", {}) == "ababab 1024 5.0"
    assert template.fill("{{ [1] * 2 }}", {}) == [1, 1]
