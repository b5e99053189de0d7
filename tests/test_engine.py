"""Events on their way from the steps to whoever reads: in order, without secrets, whatever goes wrong."""

from __future__ import annotations

import pytest

from flowrun import engine
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
