"""The document: JSON types only, a span for every value and key, and words for every slip of YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from flowrun import document, validate
from flowrun.document import Document, parse, read
from flowrun.errors import FlowrunError, Problem, Span

BROKEN = Path(__file__).parent / "broken"
LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__, autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with libyaml and without."""
    monkeypatch.setattr(document, "_Parser", request.param)


def parsed(text: str) -> Document:
    return parse(text, "x.yaml", Path("x.yaml"))


def problems(text: str) -> list[Problem]:
    try:
        return list(parsed(text).problems)
    except FlowrunError as error:
        return list(error.problems)


def codes(text: str) -> list[tuple[str, int, int]]:
    return [(p.code, p.at.line, p.at.column) for p in problems(text) if p.at]


def under(span: Span) -> str:
    return span.text[span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("NULL", None), ("", None),
        ("yes", "yes"), ("No", "No"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("0", 0), ("-5", -5), ("3600", 3600), ("007", "007"), ("0o17", "0o17"), ("0x1F", "0x1F"), ("1:30", "1:30"),
        ("+70", "+70"), ("1_000", "1_000"), ("12345678901234567890", "12345678901234567890"),
        ("1.5", 1.5), ("-0.25", -0.25), ("1.5e3", 1500.0), ("5e12", "5e12"), (".5", ".5"), (".inf", ".inf"),
        ("2027-01-31", "2027-01-31"), ("2027-01-31T10:00:00Z", "2027-01-31T10:00:00Z"),
        ('"5"', "5"), ("'true'", "true"), ("=", "="), ("10s", "10s"),
    ],
)  # fmt: skip
def test_plain_values_are_those_of_json(text: str, value: object) -> None:
    got = parsed(f"a: {text}\n").data["a"]
    assert got == value
    assert type(got) is type(value)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parsed("on: 1\nyes: 2\n5: 3\ntrue: 4\nnull: 5\n").data == {"on": 1, "yes": 2, "5": 3, "true": 4, "null": 5}


def test_every_value_and_key_has_its_place() -> None:
    text = 'steps:\n  - push: {par: "always"}  # why\n    expect:\n      a.b: [1, é, "x y"]\nlast: |\n  two\n  lines\n'
    found = parsed(text)
    assert {path: under(span) for path, span in found.spans.items()} == {
        (): "steps:",
        ("steps",): '- push: {par: "always"}  # why',
        ("steps", 0): 'push: {par: "always"}  # why',
        ("steps", 0, "push"): '{par: "always"}',
        ("steps", 0, "push", "par"): '"always"',
        ("steps", 0, "expect"): 'a.b: [1, é, "x y"]',
        ("steps", 0, "expect", "a.b"): '[1, é, "x y"]',
        ("steps", 0, "expect", "a.b", 0): "1",
        ("steps", 0, "expect", "a.b", 1): "é",
        ("steps", 0, "expect", "a.b", 2): '"x y"',
        ("last",): "|",
    }
    assert {under(span) for span in found.keys.values()} == {"steps", "push", "par", "expect", "a.b", "last"}
    assert found.at(("steps", 0, "expect", "a.b", 1)) == Span("x.yaml", 4, 16, 17, '      a.b: [1, é, "x y"]')


def test_what_was_not_written_is_where_its_surroundings_are() -> None:
    found = parsed("a:\n  b: 1\n")
    assert found.at(("a", "c", 3)) == found.at(("a",))
    assert found.key_at(("a", "b")).column == 3
    assert found.key_at(("a", "nothing")) == found.at(("a",))


def test_an_empty_value_is_where_its_key_is() -> None:
    assert under(parsed("a: 1\nb:\n").at(("b",))) == "b"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_like(end: str) -> None:
    found = parsed(end.join(["a: 1", "", "grün: {ß: x}", ""]))
    assert found.at(("grün", "ß")) == Span("x.yaml", 3, 11, 12, "grün: {ß: x}")


def test_a_byte_order_mark_moves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: {b: 1}\r\n")
    assert read(file).at(("a", "b")).column == 8


def test_a_very_long_line_keeps_its_columns() -> None:
    assert parsed(f"a: {'x' * 100_000}\nb: [{'y, ' * 1000}z]\n").at(("b", 1000)).column == 3005


def test_aliases_are_read_and_point_at_what_they_name() -> None:
    found = parsed("a: &x {b: [1, 2]}\nc: *x\n")
    assert found.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert under(found.at(("c",))) == "*x"
    assert found.at(("c", "b", 1)) == found.at(("a", "b", 1))


def test_a_merge_key_lays_its_mapping_underneath() -> None:
    found = parsed("a: &x {b: 1, c: {d: 2}}\ne:\n  <<: *x\n  b: 3\nf: {<<: [*x, {g: 4}]}\n")
    assert found.data["e"] == {"b": 3, "c": {"d": 2}}
    assert found.data["f"] == {"b": 1, "c": {"d": 2}, "g": 4}
    assert found.at(("e", "c", "d")) == found.at(("a", "c", "d"))
    for path in found.spans:
        value = found.data
        for part in path:
            value = value[part]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: {{ x }}\n", [("unquoted-template", 1, 4)]),
        ("- {{ x }}\n- b: {{ y }}/z # c\n", [("unquoted-template", 1, 3), ("unquoted-template", 2, 6)]),
        ("a: [1, {{ x }}, {b: {{ y.z }}}]\n", [("unquoted-template", 1, 8), ("unquoted-template", 1, 21)]),
        ("a: {{ x | default('y') }}\nb: {{ x['y'] }}\n", [("unquoted-template", 1, 4), ("unquoted-template", 2, 4)]),
        ("a: 1\nb: 2\na: 3\nb: {c: 1, c: 2}\n", [("duplicate-key", 3, 1), ("duplicate-key", 4, 1)]),
        ("a:\n\tb: 1\n", [("yaml-tab", 2, 1)]),
        ("a:\n  - b\n \t- c\n", [("yaml-tab", 3, 2)]),
        ("a:b\nc: 1\n", [("yaml-colon", 1, 1)]),
        ("a: 1\nb:c\nd: {{ e }}\n", [("yaml-colon", 2, 1), ("unquoted-template", 3, 4)]),
        ("a: 'b\nc: 1\n", [("yaml-quote", 1, 4)]),
        ('a: "b\nc: "d"\n', [("yaml-quote", 1, 4)]),
        ('a: "b" c\nd: {{ e }}\n', [("yaml-quote", 1, 4), ("unquoted-template", 2, 4)]),
        ("a: b: c\n", [("yaml-quote", 1, 4)]),
        ("a: @b\nc: `d`\n", [("yaml-quote", 1, 4), ("yaml-quote", 2, 4)]),
        ("a: [1, 2\nb: 3\n", [("yaml-bracket", 1, 4)]),
        ("a: {b: 1\nc: 3\n", [("yaml-bracket", 1, 4)]),
        ("a:\n  b: 1\n c: 2\n", [("yaml-indentation", 3, 2)]),
        ("a: 1\n  b: 2\n", [("yaml-indentation", 2, 3)]),
        ("a: &b 1\nc: *d\n", [("yaml-alias", 2, 4)]),
        ("a: &a [*a]\n", [("yaml-alias", 1, 8)]),
        ("a: !b c\n", [("yaml-tag", 1, 4)]),
        ("? [a]\n: 1\n", [("yaml-key", 1, 3)]),
        ("a: 1\n---\nb: 1\n", [("yaml-documents", 2, 1)]),
        ("", [("file-empty", 1, 1)]),
        ("# nothing\n\n", [("file-empty", 1, 1)]),
        ("a: b\x00c\n", [("yaml-character", 1, 5)]),
        ("a:\n\u00a0 b: 1\n", [("yaml-character", 2, 1)]),
        ("a: “b”\n", [("yaml-quote", 1, 4)]),
        (f"a: {'[' * 150}{']' * 150}\n", [("yaml-depth", 1, 104)]),
    ],
)
def test_every_slip_has_its_own_problem(text: str, found: list[tuple[str, int, int]]) -> None:
    assert codes(text) == found


def test_a_template_in_quotes_or_in_a_text_is_none() -> None:
    text = "a: \"{{ x }}\"\nb: '{{ y }}'\nc: text {{ z }}\nd: |\n  e: {{ f }}\n"
    assert codes(text) == []
    assert parsed(text).data["d"] == "e: {{ f }}\n"


def test_what_was_repaired_is_read_as_it_was_meant() -> None:
    assert parsed("a: {{ x }}/y\nb:5\nc: 1\n").data == {"a": "{{ x }}/y", "b": 5, "c": 1}
    assert parsed("a: {{ x }}/y\nbc:de\nc: 1\n").data == {"a": "{{ x }}/y", "bc": "de", "c": 1}


def test_both_places_of_a_duplicate_key_are_named() -> None:
    (problem,) = problems("a: 1\nb: 2\na: 3\n")
    assert (problem.at.line, problem.label) == (3, "it stands in line 1 already")


def test_a_control_character_is_never_drawn() -> None:
    (problem,) = problems("a: \x1b]0;x\n")
    assert "\x1b" not in problem.at.text


def test_aliases_of_aliases_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert [code for code, *_ in codes("\n".join(lines))] == ["alias-bomb"]
    deep = ["a0: &a0 " + "[" * 60 + "]" * 60, "a1: " + "[" * 60 + "*a0" + "]" * 60]
    assert [code for code, *_ in codes("\n".join(deep))] == ["yaml-depth"]


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scenario.yaml").write_text("a: 1\n")
    Path("large.yaml").write_text("a: " + "x" * document.MAX_BYTES)
    Path("wide.yaml").write_bytes("a: 1\n".encode("utf-16"))
    Path("latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    found = {}
    for name in ("scenari.yaml", "none/at-all.yaml", "nul\0.yaml", ".", "large.yaml", "wide.yaml", "latin.yaml"):
        with pytest.raises(FlowrunError) as error:
            read(Path(name))
        (found[name],) = error.value.problems
    assert [problem.code for problem in found.values()] == [
        "file-missing", "file-missing", "file-unreadable", "file-unreadable", "file-too-large", "file-encoding",
        "file-encoding",
    ]  # fmt: skip
    assert found["scenari.yaml"].label == "did you mean 'scenario.yaml'?"
    assert str(found["latin.yaml"].at) == "latin.yaml:2:7"


def test_a_file_is_shown_relative_to_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.yaml").write_text("a: 1\n")
    monkeypatch.chdir(tmp_path)
    assert read(tmp_path / "here" / "a.yaml").file == "here/a.yaml"
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "b.yaml").write_text("a: 1\n")
    assert read(tmp_path / "b.yaml").file == str(tmp_path / "b.yaml")


@pytest.mark.parametrize("file", sorted(BROKEN.glob("yaml-*.yaml")), ids=lambda file: file.stem)
def test_the_broken_files_are_broken_with_either_loader(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)
    try:
        found = validate.check(read(Path(file.name)), "scenario")
    except FlowrunError as error:
        found = list(error.problems)
    expected = file.with_suffix(".err").read_text("utf-8")
    assert found
    for problem in found:
        assert f"[{problem.code}]: {problem.title}" in expected
        assert problem.at is None or f".yaml:{problem.at.line}:{problem.at.column}\n" in expected
