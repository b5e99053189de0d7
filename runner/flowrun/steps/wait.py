"""wait: for a time, until a thing expires, or until a condition holds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import StepError
from flowrun.paths import MissingValueError, PathError, follow, parse
from flowrun.steps.base import Outcome, StepKind, own_error
from flowrun.template import HoleError, evaluate, seconds

if TYPE_CHECKING:
    from flowrun.steps.base import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The filled input; `schemas/steps/wait.json` says what each field is."""

    for_: Any = None
    plus: str | float | None = None
    at_most: str | float | None = None
    until: str | bool | None = None
    every: str | float = "2s"


LONGEST: Final = 7 * 86400.0  # seconds; whoever waits longer has mistaken milliseconds for seconds


def run(step: Wait, tools: Tools) -> Outcome:
    """Wait, and leave how long it took; Ctrl-C ends a wait at once."""
    started = time.monotonic()
    limit = None if step.at_most is None else seconds(step.at_most)
    if step.for_ is not None:
        length = max(0.0, _length(step.for_, tools)) + (seconds(step.plus) if step.plus is not None else 0.0)
        if limit is not None and length > limit:
            raise StepError(
                "wait-too-long", f"this would wait {length:.0f} s, more than the {limit:.0f} s allowed", field=("for",)
            )
        if length > LONGEST:
            raise StepError("wait-too-long", f"this would wait {length / 86400:.0f} days", field=("for",))
        tools.pause(length)
    if step.until is not None:
        _until(step, tools, started, limit)
    waited = time.monotonic() - started
    return Outcome({"waited": waited})


def _length(wanted: Any, tools: Tools) -> float:
    """Return the seconds to wait: a duration, or the time left until a named moment."""
    if isinstance(wanted, int | float):
        return float(wanted)
    if not isinstance(wanted, str):
        return _left(wanted)
    for read in (seconds, lambda text: _left(datetime.fromisoformat(text))):
        try:
            return read(wanted)
        except ValueError:
            continue
    try:
        return _left(follow(tools.names(), parse(wanted)))
    except (MissingValueError, PathError) as error:
        raise own_error("no-moment", f"'{wanted}' is no duration and no moment: {error}", field=("for",)) from error


def _left(moment: Any) -> float:
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            moment = None
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        return float(max(-(10.0**18), min(moment, 10.0**18))) - time.time()
    if isinstance(moment, datetime):
        zone = moment.tzinfo or UTC  # a date without a zone is meant as the servers write theirs
        return (moment.replace(tzinfo=zone) - datetime.now(UTC)).total_seconds()
    raise own_error("no-moment", "this is no moment in time", field=("for",), label="a date, or seconds since 1970")


def _until(step: Wait, tools: Tools, started: float, limit: float | None) -> None:
    limit = 60.0 if limit is None else limit
    while True:
        try:
            held = evaluate(step.until, tools.names()) if isinstance(step.until, str) else step.until
        except HoleError as error:
            raise own_error(error.code, error.title, field=("until",), label=error.label) from error
        if held:
            return
        if time.monotonic() - started + seconds(step.every) > limit:
            raise StepError("wait-timed-out", f"this did not come true within {limit:g} s", field=("until",))
        tools.pause(seconds(step.every))


KIND = StepKind("wait", Wait, run)
