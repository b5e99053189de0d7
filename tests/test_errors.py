from __future__ import annotations

import pytest

from flowrun.errors import (
    FAILED,
    HELD,
    INTERRUPTED,
    NO_BROWSER,
    UNREACHABLE,
    WRONG_FILE,
    FlowrunError,
    Problem,
    Span,
    StepError,
    did_you_mean,
    draw,
    gravest,
)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], HELD),
        ([HELD, HELD], HELD),
        ([HELD, FAILED], FAILED),
        ([FAILED, UNREACHABLE], UNREACHABLE),
        ([UNREACHABLE, NO_BROWSER, FAILED], NO_BROWSER),
        ([NO_BROWSER, WRONG_FILE, UNREACHABLE], WRONG_FILE),
        ([WRONG_FILE, INTERRUPTED, HELD], INTERRUPTED),
    ],
)
def test_a_suite_takes_the_gravest_exit_code(codes, expected):
    assert gravest(codes) == expected
    assert gravest(reversed(codes)) == expected


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("isuer", ["issuer", "client"], "did you mean 'issuer'?"),
        ("alise", ["bob", "alice"], "did you mean 'alice'?"),
        ("zzz", ["issuer", "client"], ""),
        ("x", [], ""),
    ],
)
def test_the_nearest_known_word_is_offered_and_no_far_one(word, known, expected):
    assert did_you_mean(word, known) == expected


def test_a_problem_is_drawn_with_its_line_carets_facts_and_help():
    at = Span("flow.yaml", 12, 5, 9, "  - push:")
    problem = Problem(
        "unknown-key", "there is no key 'push'", at, "write this", (("expected", "a"), ("got", "b\nc")), "do it\nnow"
    )
    assert draw(problem) == (
        "error[unknown-key]: there is no key 'push'\n"
        "  --> flow.yaml:12:5\n"
        "   |\n"
        "12 |   - push:\n"
        "   |     ^^^^ write this\n"
        "   = expected  a\n"
        "   = got       b\n"
        "               c\n"
        "   = help: do it\n"
        "           now\n"
    )


def test_a_problem_without_a_place_still_shows_its_label():
    assert draw(Problem("code", "title", label="write this", warning=True)) == ("warning[code]: title\n = write this\n")


def test_a_problem_of_a_whole_file_shows_its_place_and_no_carets():
    assert draw(Problem("empty", "the file is empty", Span("a.yaml", 1, 1, 1), "write a scenario")) == (
        "error[empty]: the file is empty\n --> a.yaml:1:1\n  = write a scenario\n"
    )


@pytest.mark.parametrize(
    ("text", "column", "end", "drawn"),
    [
        ("\tkey: x", 2, 5, "    key: x\n  |     ^^^"),
        ("ab\tcd", 2, 5, "ab  cd\n  |  ^^^^"),
        ("key", 4, 4, "key\n  |    ^"),
        ("名前: x", 1, 3, "名前: x\n  | ^^^^"),
        ("名前: x", 5, 6, "名前: x\n  |       ^"),
    ],
)
def test_carets_stand_under_the_words_also_behind_tabs(text, column, end, drawn):
    assert f"1 | {drawn}\n" in draw(Problem("c", "t", Span("f", 1, column, end, text)))


@pytest.mark.parametrize("column", [1, 300, 598])
def test_a_very_long_line_is_shown_around_its_carets(column):
    text = "".join(chr(ord("a") + n % 26) for n in range(600))
    drawn = draw(Problem("c", "t", Span("f", 1, column, column + 3, text))).splitlines()
    line, carets = drawn[3].removeprefix("1 | "), drawn[4].removeprefix("  | ")
    start = carets.index("^")
    assert len(line) <= 142
    assert "…" in line
    assert line[start : start + 3] == text[column - 1 : column + 2]
    assert carets.count("^") == 3


def test_an_empty_fact_is_drawn_as_its_name():
    assert draw(Problem("c", "t", facts=(("got", ""),))) == "error[c]: t\n = got\n"


def test_a_flowrun_error_carries_every_problem_and_reads_as_their_titles():
    error = FlowrunError(Problem("a", "first"), Problem("b", "second"))
    assert str(error) == "first; second"
    assert [problem.code for problem in error.problems] == ["a", "b"]


def test_a_step_error_is_a_failure_of_the_step_itself_unless_it_says_more():
    error = StepError("code", "title", facts=[("a", "b")])
    assert (error.field, error.exit_code, error.place, error.error) == ((), FAILED, "", "")
    assert error.facts == (("a", "b"),)
    assert str(error) == "title"


def test_nothing_drawn_is_a_command_to_a_terminal() -> None:
    at = Span("x.yaml", 1, 5, 6, "a: \x1b[2J\x9b")
    drawn = draw(Problem("c", "a \x1b[31mred\r word", at, "\x07", facts=(("got", "\x1b]0;x\u2028y"),), hint="\x08"))

    assert [character for character in drawn if not character.isprintable() and character != "\n"] == []
    assert "\ufffd[31mred\ufffd word" in drawn
    assert "\n1 | a: \ufffd[2J\ufffd\n  |     ^ \ufffd\n" in drawn
