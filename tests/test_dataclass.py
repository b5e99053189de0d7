"""Our dataclasses do what those of Python do, as far as anybody of ours asks them to."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from dataclasses import field
from pathlib import Path

import pytest

from flowrun import events
from flowrun.dataclass import dataclass


def made(decorator):
    @decorator(frozen=True, slots=True)
    class Value:
        """Something."""

        name: str
        number: int = 1
        hidden: str = field(default="", repr=False)
        aside: list[int] = field(default_factory=list, compare=False)

    return Value


OURS, THEIRS = made(dataclass), made(dataclasses.dataclass)


def test_they_are_equal_and_hashed_by_what_is_compared():
    assert OURS("a") == OURS("a", 1, "", [3])
    assert hash(OURS("a")) == hash(OURS("a", aside=[3])) == hash(THEIRS("a"))
    assert OURS("a") != OURS("b")
    assert OURS("a") != THEIRS("a")


def test_they_show_and_take_apart_what_pythons_do():
    assert repr(OURS("a", hidden="x")).replace("test_dataclass.", "") == repr(THEIRS("a", hidden="x"))
    assert dataclasses.asdict(OURS("a")) == dataclasses.asdict(THEIRS("a"))
    assert dataclasses.replace(OURS("a"), number=2) == OURS("a", 2)
    assert OURS.__match_args__ == THEIRS.__match_args__


def test_one_that_may_change_has_no_hash_and_one_without_eq_is_itself():
    @dataclass(slots=True)
    class Changing:
        x: int

    @dataclass(eq=False)
    class Itself:
        x: int

    with pytest.raises(TypeError, match="unhashable"):
        hash(Changing(1))
    assert Changing(1) == Changing(1)
    one = Itself(1)
    assert one == one and one != Itself(1) and len({one, Itself(1)}) == 2  # noqa: PLR0124, PT018


def test_what_a_class_says_itself_stays():
    @dataclass(frozen=True)
    class Own:
        x: int

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 7

        def __repr__(self):
            return "own"

    assert Own(1) == Own(2)
    assert hash(Own(1)) == 7
    assert repr(Own(1)) == "own"


def test_one_that_is_equal_in_its_own_way_can_still_be_hashed():
    @dataclass(frozen=True)
    class Own:  # noqa: PLW1641
        x: float

        def __eq__(self, other):
            return True

    assert hash(Own(1.0)) == hash(Own(1.0))


def test_what_is_not_equal_to_itself_is_so_only_alone():
    @dataclass(frozen=True)
    class Number:
        x: float

    nan = float("nan")
    assert Number(nan) == Number(nan)
    assert nan != nan  # noqa: PLR0124


def test_what_contains_itself_is_shown_once():
    @dataclass
    class Ring:
        next: object = None

    ring = Ring()
    ring.next = ring
    assert repr(ring).endswith("Ring(next=...)")


@pytest.mark.slow
def test_mypy_keeps_a_frozen_one_from_being_changed(tmp_path):
    (tmp_path / "changes.py").write_text('from flowrun.events import Told\n\nTold("a", "b").label = "c"\n')
    command = [sys.executable, "-m", "mypy", "--strict", "changes.py"]
    known = {**os.environ, "MYPYPATH": str(Path(events.__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)
    assert 'changes.py:3: error: Property "label" defined in "Told" is read-only' in done.stdout
