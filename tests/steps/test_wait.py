from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from flowrun.errors import FAILED, WRONG_FILE, StepError
from flowrun.steps import wait
from flowrun.steps.wait import Wait


@pytest.fixture
def paused(tools):
    """Run a wait without waiting; gives the seconds it would have waited, each time."""

    def paused(names=None, **step):
        told = []
        ours = tools(pause=told.append, names=lambda: dict(names or {}))
        outcome = wait.run(Wait(**step), ours)
        assert set(outcome.values) == {"waited"}
        return told

    return paused


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        ({"for_": "2s"}, 2),
        ({"for_": 3}, 3),
        ({"for_": "1m", "plus": "500ms"}, 60.5),
        ({"for_": "2s", "at_most": "2s"}, 2),
    ],
)
def test_it_waits_for_a_time(paused, step, seconds):
    assert paused(**step) == [seconds]


@pytest.mark.parametrize("form", [None, "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ"])
def test_it_waits_until_a_moment(paused, form):
    moment = datetime.now(UTC) + timedelta(seconds=100)
    written = moment.strftime(form) if form else moment
    assert paused(for_=written) == [pytest.approx(100, abs=5)]
    assert paused({"push": {"expires_at": written}}, for_="push.expires_at", plus=1) == [pytest.approx(101, abs=5)]


def test_a_named_number_is_seconds_since_1970(paused):
    assert paused({"exp": time.time() + 50}, for_="exp") == [pytest.approx(50, abs=5)]


def test_a_moment_that_is_over_is_not_waited_for(paused):
    assert paused(for_=datetime.now(UTC) - timedelta(hours=1)) == [0]
    assert paused(for_=datetime.now(UTC) - timedelta(hours=1), plus="2s") == [2]


@pytest.mark.parametrize("for_", ["soon", "a..b", "push.expires_at", "flag", "name"])
def test_what_is_no_moment_is_a_mistake_in_a_file(paused, for_):
    with pytest.raises(StepError) as error:
        paused({"flag": True, "name": "x"}, for_=for_)
    assert (error.value.code, error.value.field, error.value.exit_code) == ("no-moment", ("for",), WRONG_FILE)


def test_a_wait_that_is_longer_than_allowed_is_not_begun(paused):
    with pytest.raises(StepError) as error:
        paused(for_="10m", at_most="1m")
    assert (error.value.code, error.value.title, error.value.exit_code) == (
        "wait-too-long",
        "this would wait 600 s, more than the 60 s allowed",
        FAILED,
    )


def test_it_asks_again_until_a_condition_holds(tools):
    counted = []
    ours = tools(pause=counted.append, names=lambda: {"n": len(counted)})
    wait.run(Wait(until="n >= 3", every="5ms"), ours)
    assert counted == [0.005] * 3


def test_a_condition_that_holds_is_not_waited_for(paused):
    assert paused({"n": 1}, until="n == 1") == []
    assert paused(until=True) == []


def test_a_condition_that_never_holds_ends(paused):
    with pytest.raises(StepError) as error:
        paused({"n": 1}, until="n == 2", every="20ms", at_most="10ms")
    assert (error.value.code, error.value.title) == ("wait-timed-out", "this did not come true within 0.01 s")


def test_a_condition_with_an_unknown_name_is_a_mistake_in_a_file(paused):
    with pytest.raises(StepError) as error:
        paused({"number": 1}, until="numbr == 2")
    assert (error.value.code, error.value.label, error.value.exit_code) == (
        "unknown-variable",
        "did you mean 'number'?",
        WRONG_FILE,
    )
