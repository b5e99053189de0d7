"""The course of a run with `--jobs`: who runs what next, and what is told when."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from flowrun.errors import HELD, FlowrunError
from flowrun.events import Event, ScenarioFinished, UnderWay
from flowrun.jobs.member import Member, why
from flowrun.jobs.model import Done, Go, Listed, Now, Stop
from flowrun.jobs.parcel import pack, unpack
from flowrun.jobs.shelf import Shelf
from flowrun.jobs.worker import cut_off, ended
from flowrun.presses import pressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from flowrun.engine import Standing
    from flowrun.jobs.crew import Crew
    from flowrun.session import Session

_AHEAD: Final = 3  # scenarios that a process has at a time where they are quick: it need not wait for an answer
_QUICK_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 0.2  # how often to look whether Ctrl-C was pressed, and to tell what is under way


class Course:
    """One run of a crew: who runs what, and what waits to be told."""

    def __init__(
        self,
        crew: Crew,
        plans: Sequence[Listed],
        session: Session,
        standing: Standing,
        browse: Callable[[Listed], bool],
    ) -> None:
        self._crew, self._plans, self._session, self._standing, self._browse = crew, plans, session, standing, browse
        self._shelf = Shelf()
        self._told = 0
        members = crew.members
        self._unread: deque[int] = deque()  # of processes that have ended
        self._may_be_ahead = not standing.stops_early and not any(map(browse, plans))
        for place, plan in enumerate(plans):
            members[plan.file % len(members)].waiting.append(place)

    def close(self) -> None:
        """Throw away what waits when nobody takes it any more."""
        self._shelf.close()

    def events(self, *, live: bool) -> Iterator[Event]:
        """Yield what happens, until everything is told; with `live` also what is under way when nothing else happens.

        The first Ctrl-C winds up, as in `engine.events`; the second, or what takes too long, raises KeyboardInterrupt.
        """
        with pressed() as presses:
            self._hand_out()
            while True:
                yield from self._ready()
                if self._told == len(self._plans):
                    if presses.first():  # it came with the end
                        self._session.interrupt()
                    return
                quiet = True
                for member, message in self._crew.messages(LOOK_SECONDS):
                    quiet = False
                    presses.heard()
                    self._take(member, message)
                    self._hand_out()
                if presses.first():
                    self._interrupt()
                    presses.heard()
                if presses.enough:
                    yield from self._rest()
                    raise KeyboardInterrupt
                if quiet and live:
                    yield self._under_way()

    def _interrupt(self) -> None:
        self._session.interrupt()
        for member in self._crew.members:
            with suppress(OSError):
                member.connection.send(Stop())
        self._hand_out()

    def _ready(self) -> Iterator[Event]:
        """Yield what is next in the order of the plans, as far as it is over."""
        while self._told in self._shelf:
            place, self._told = self._told, self._told + 1
            happened = unpack(self._shelf.take(place))
            yield from happened
            if isinstance(happened[-1], ScenarioFinished):
                self._standing.count(happened[-1].status)

    def _rest(self) -> Iterator[Event]:
        """Yield what is known when nothing is waited for any more: what is over, what was cut off, what never began."""
        for member in self._crew.members:
            if member.running is not None:
                self._shelf.put(member.running, pack(cut_off(self._plans[member.running].sketch)))
        for place in range(self._told, len(self._plans)):
            if place not in self._shelf:
                self._leave_out(place, "interrupted")
        yield from self._ready()

    def _under_way(self) -> UnderWay:
        now = time.monotonic()
        busy = [member for member in self._crew.members if member.running is not None]
        steps = ((f"{self._plans[one.running or 0].sketch.title}: {one.step}", now - one.since) for one in busy)
        return UnderWay(self._told + len(self._shelf), tuple(steps))

    def _take(self, member: Member, message: Any) -> None:
        match message:
            case Now(step):
                member.step = step
            case Done():
                now = time.monotonic()
                member.given.remove(message.place)
                member.is_quick, member.step, member.since = now - member.since < _QUICK_SECONDS, "", now
                self._over(message)
            case None:
                if member.given:
                    place, problem = member.given.popleft(), why(None, member)
                    parcel = pack(ended(self._plans[place].sketch, problem))
                    self._over(Done(place, parcel, problem.exit_code, problem.title, sent=True))
                self._unread += (*member.given, *member.waiting)
            case _:
                raise FlowrunError(why(message, member))

    def _over(self, done: Done) -> None:
        self._shelf.put(done.place, done.parcel)
        environment = self._plans[done.place].environment
        self._standing.take(environment, done.exit_code, done.summary, sent=done.sent)

    def _hand_out(self) -> None:
        """Give work to whoever has none; what is not to be run at all is over now."""
        interrupted = self._session.interrupted.is_set()
        for member in self._crew.members:
            while len(member.given) < self._most(member) and (place := self._next(member)) is not None:
                plan = self._plans[place]
                reason = self._standing.why_not(plan.environment, interrupted=interrupted)
                if reason:
                    self._leave_out(place, reason)
                    continue
                if not member.given:
                    member.step, member.since = "", time.monotonic()
                member.given.append(place)
                path = str(self._crew.files[plan.file])
                with suppress(OSError):  # it has ended: that is told when its end is read
                    member.connection.send(Go(place, plan.file, plan.number, path, self._browse(plan)))
        if not self._crew.members:
            while self._unread:
                self._leave_out(self._unread.popleft(), "the processes that run scenarios have all ended")

    def _most(self, member: Member) -> int:
        """Return how many scenarios a process may have: what waits behind a slow one could run elsewhere meanwhile."""
        ahead = self._may_be_ahead and member.is_quick and len(member.waiting) > _AHEAD
        return _AHEAD if ahead else 1

    def _leave_out(self, place: int, reason: str) -> None:
        sketch = self._plans[place].sketch
        file, environment, case = sketch.key
        event = ScenarioFinished(sketch.title, "not run", 0.0, reason, HELD, environment, file, case)
        self._shelf.put(place, pack([event]))

    def _next(self, member: Member) -> int | None:
        """Return what a process runs next: of what it has read, else of what another one has not come to."""
        if member.waiting:
            return member.waiting.popleft()
        queue = max((self._unread, *(other.waiting for other in self._crew.members)), key=len)
        return queue.popleft() if queue else None
