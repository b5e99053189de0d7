"""Events on their way from the steps to whoever reads: in order, without secrets, whatever goes wrong."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from contextlib import closing

import pytest

from flowrun import engine, presses
from flowrun.events import Expected, Told
from flowrun.redact import Redactor
from flowrun.session import Session


def test_events_come_in_order_and_without_secrets(monkeypatch):
    told = [Told("a", "the word is s3cret-Pa55word"), Expected("b", held=True), Expected("c", held=True)]
    session = Session()
    session.redactor.learn("password", "s3cret-Pa55word", lasting=True)
    monkeypatch.setattr(engine, "_run", lambda _plans, _session, _options, tell: [tell(event) for event in told])
    assert list(engine.events([], session, engine.Options())) == [Told("a", "the word is ‹password›"), *told[1:]]


@pytest.mark.parametrize("where", ["in the middle", "at the end"])
def test_a_fault_in_hiding_secrets_ends_the_run_and_is_told(monkeypatch, where):
    class Faulty(Redactor):
        def values(self, values):
            raise RecursionError(f"{where}: {len(values)}")

    happened = [Told("a", "b")] if where == "in the middle" else [Expected("b", held=True)]
    monkeypatch.setattr(engine, "_run", lambda _plans, _session, _options, tell: [tell(event) for event in happened])
    with pytest.raises(RecursionError, match=where):
        list(engine.events([], Session(Faulty()), engine.Options()))


def test_what_takes_long_to_interrupt_is_no_silence(monkeypatch):
    """The session of a Grid takes seconds to end; what the steps say after that is still waited for."""
    session, ended = Session(), threading.Event()

    def run(_plans, _session, _options, tell):
        ended.wait(5)
        time.sleep(0.2)
        tell(Told("a", "wound up"))

    def interrupt():
        time.sleep(0.6)
        ended.set()

    monkeypatch.setattr(presses, "LONGEST_SILENCE", 0.5)
    monkeypatch.setattr(engine, "_run", run)
    monkeypatch.setattr(session, "interrupt", interrupt)
    threading.Timer(0.2, _thread.interrupt_main).start()
    assert list(engine.events([], session, engine.Options())) == [Told("a", "wound up")]


def interruptible(session, monkeypatch):
    """Let a run tell something, wait for Ctrl-C, and tell that it has wound up."""

    def run(_plans, session, _options, tell):
        tell(Told("a", "begun"))
        session.interrupted.wait(5)
        tell(Told("a", "wound up"))

    monkeypatch.setattr(engine, "_run", run)
    return engine.events([], session, engine.Options())


def press(times):
    for _ in range(times):
        _thread.interrupt_main()
        time.sleep(0.01)


def test_ctrl_c_while_a_report_is_written_winds_up_too(monkeypatch):
    told = []
    for event in interruptible(Session(), monkeypatch):
        told.append(event.value)
        if event.value == "begun":
            press(1)
    assert told == ["begun", "wound up"]


def test_the_third_ctrl_c_ends_whatever_is_done(monkeypatch):
    happened = interruptible(Session(), monkeypatch)
    next(happened)
    with closing(happened), pytest.raises(KeyboardInterrupt):
        press(3)


def test_ctrl_c_at_the_very_end_is_no_success(monkeypatch):
    session = Session()
    monkeypatch.setattr(engine, "_run", lambda _plans, _session, _options, tell: tell(Told("a", "over")))
    for _ in engine.events([], session, engine.Options()):
        press(1)
    assert session.interrupted.is_set()


def test_what_a_shell_ignores_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        happened = interruptible(Session(), monkeypatch)
        next(happened)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        happened.close()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_secret_that_is_learned_later_does_not_hide_what_was_told_before(monkeypatch):
    session = Session()

    def run(_plans, session, _options, tell):
        for value in ("s3cret-Pa55word", "again s3cret-Pa55word"):
            tell(Told("a", value))
            session.redactor.learn("password", "s3cret-Pa55word")

    monkeypatch.setattr(engine, "_run", run)
    told = [event.value for event in engine.events([], session, engine.Options())]
    assert told == ["s3cret-Pa55word", "again ‹password›"]


def test_afterwards_ctrl_c_means_what_it_meant_before(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    happened = interruptible(Session(), monkeypatch)
    next(happened)
    assert signal.getsignal(signal.SIGINT) != before
    happened.close()
    assert signal.getsignal(signal.SIGINT) == before


def test_a_run_on_another_thread_leaves_signals_alone(monkeypatch):
    session, told = Session(), []
    happened = interruptible(session, monkeypatch)
    reader = threading.Thread(target=lambda: told.extend(happened))
    reader.start()
    session.interrupt()
    reader.join(5)
    assert [event.value for event in told] == ["begun", "wound up"]
