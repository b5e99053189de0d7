from __future__ import annotations

import pytest

from flowrun.errors import Problem, Span, draw
from flowrun.report.layout import problem_lines, width_of, wrapped


@pytest.mark.parametrize(
    ("text", "hang", "lines"),
    [
        ("short", 4, ["short"]),
        ("one two three four five six", 2, ["one two three four", "  five six"]),
        ("  = name  one two three four", 10, ["  = name  one two", "    three four"]),  # too far right to be read
        ("a" * 45, 2, ["a" * 20, "  " + "a" * 18, "  " + "a" * 7]),
        ("see https://op.example/a/long/address now", 2, ["see", "  https://op.example/a/long/address", "  now"]),
        ("名前名前名前名前名前名前", 0, ["名前名前名前名前名前", "名前"]),
        ("\x1b[31mone two three four\x1b[0m five", 0, ["\x1b[31mone two three four\x1b[0m", "five"]),
        ("", 0, [""]),
    ],
)  # fmt: skip
def test_a_line_is_wrapped_at_20_columns(text, hang, lines):
    assert wrapped(text, 20, hang) == lines


def test_no_word_is_lost():
    text = "  ✓ push   " + " ".join(f"word{number}" for number in range(60))
    for width in range(20, 100, 7):
        lines = wrapped(text, width, 8)
        assert " ".join(" ".join(lines).split()) == " ".join(text.split())
        assert all(width_of(line) <= width for line in lines)


PROBLEM = Problem(
    "push.no-store",
    "the answer may be stored by anybody on the way",
    Span("par.yaml", 12, 5, 9, "  - push: {extra: {one: two, three: four, five: six}}"),
    "this is the step, and here is a long label",
    (("rule", "an answer with a secret in it may not be stored"), ("got", "nothing")),
    "ask the server's people to send Cache-Control: no-store",
)

DRAWN = """\
error[push.no-store]: the answer may be
  stored by anybody on the way
  --> par.yaml:12:5
   |
12 |   - push: {extra: {one:…
   |     ^^^^ this is the step, and here
              is a long label
   = rule  an answer with a secret in it
           may not be stored
   = got   nothing
   = help: ask the server's people to
           send Cache-Control: no-store
"""


def test_a_problem_keeps_its_picture_on_a_narrow_terminal():
    assert "\n".join(problem_lines(draw(PROBLEM, 23), 40)) + "\n" == DRAWN


def test_a_label_far_to_the_right_goes_below_its_carets():
    problem = Problem("c", "t", Span("a", 1, 25, 28, " " * 24 + "abc"), "a label that does not fit there")
    lines = list(problem_lines(draw(problem), 40))
    assert lines[-2:] == ["  |                         ^^^", "  | a label that does not fit there"]


def test_a_problem_that_fits_stays_as_it_is():
    assert "\n".join(problem_lines(draw(PROBLEM), 200)) + "\n" == draw(PROBLEM)
