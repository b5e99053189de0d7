"""Scenarios in turns: waits overlap, nothing else does, and the order of what is told is the same each time."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from flowrun.session import Session, Turn
from flowrun.turns import in_turns


def plan(name: str, *, waits: bool = False) -> Any:
    steps = [SimpleNamespace(kind="wait" if waits else "push", input={})]
    return SimpleNamespace(name=name, scenario=SimpleNamespace(steps=steps, after=(), used={}))


PLANS = [plan("a", waits=True), plan("b"), plan("c", waits=True), plan("d")]


@pytest.fixture
def session() -> Session:
    return Session()


def test_waits_overlap_and_nothing_else_does(session):
    at_work: list[str] = []
    most: list[int] = []

    def run(one: Any, tell: Any) -> None:
        at_work.append(one.name)
        most.append(len(at_work))
        if one.scenario.steps[0].kind == "wait":
            at_work.remove(one.name)
            session.rest(0.3)
            at_work.append(one.name)
            most.append(len(at_work))
        at_work.remove(one.name)
        tell(one.name)

    told: list[Any] = []
    started = time.monotonic()
    in_turns(PLANS, session, told.append, run)

    assert time.monotonic() - started < 0.55
    assert told == ["b", "d", "a", "c"]
    assert max(most) == 1
    assert session.turn is None


def test_the_browser_belongs_to_one_while_another_waits_for_it(session):
    order: list[str] = []

    def run(one: Any, _tell: Any) -> None:
        session.take_pages()
        order.append(f"{one.name} has it")
        session.rest(0.05 if one.name in "ac" else 0.0)
        order.append(f"{one.name} gives it")
        session.give_pages()

    in_turns(PLANS, session, lambda _event: None, run)

    assert [words for number in range(0, 8, 2) for words in order[number : number + 2]] == order
    assert all(order[number].split()[0] == order[number + 1].split()[0] for number in range(0, 8, 2))


def test_what_is_first_in_line_is_told_while_it_runs(session):
    told: list[Any] = []

    def run(one: Any, tell: Any) -> None:
        tell(f"{one.name} begins")
        if one.name == "b":
            assert told == ["b begins"]

    in_turns(PLANS, session, told.append, run)
    assert told == ["b begins", "d begins", "a begins", "c begins"]


def test_what_keeps_the_browser_while_it_waits_comes_after_the_other_waits(session):
    holding = plan("h")
    holding.scenario.steps[0].input["hold"] = "1s"
    order: list[str] = []

    in_turns([holding, *PLANS], session, lambda _event: None, lambda one, _tell: order.append(one.name))
    assert order.index("h") > max(order.index("a"), order.index("c"))


def test_an_error_ends_it_and_comes_out(session):
    def run(one: Any, _tell: Any) -> None:
        if one.name == "b":
            raise RuntimeError("broken")
        session.rest(0.05)

    with pytest.raises(RuntimeError, match="broken"):
        in_turns(PLANS, session, lambda _event: None, run)
    assert [one.name for one in threading.enumerate() if one.name == "steps"] == []


def test_ctrl_c_ends_every_wait(session):
    session.interrupted.set()
    started = time.monotonic()

    in_turns(PLANS, session, lambda _event: None, lambda _one, _tell: session.rest(30) and None)

    assert time.monotonic() - started < 5


def test_a_turn_is_had_in_the_order_in_which_it_was_asked_for():
    turn, had = Turn(), []
    turn.acquire()
    threads = []
    for number in range(5):
        thread = threading.Thread(target=lambda number=number: (turn.acquire(), had.append(number), turn.release()))
        thread.start()
        threads.append(thread)
        while turn._next < number + 2:
            time.sleep(0.001)
    turn.release()
    for thread in threads:
        thread.join()

    assert had == [0, 1, 2, 3, 4]
