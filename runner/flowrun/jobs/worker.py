"""One of the processes of `--jobs`: reads its share of the files, then runs the plans that it is told to run."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.engine import Hushed, not_run
from flowrun.errors import FAILED, HELD, INTERRUPTED, FlowrunError
from flowrun.events import Event, ScenarioFinished, ScenarioStarted, StepStarted
from flowrun.jobs.model import Begin, Done, Fault, Go, HasRead, Now, Sketch, Stop
from flowrun.jobs.parcel import pack
from flowrun.reading import Read
from flowrun.running import Run
from flowrun.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrun.errors import Problem
    from flowrun.plan import Plan
    from flowrun.reading import Reading


def work(
    connection: Connection,
    others: Sequence[Connection],
    share: Mapping[int, Path],
    reading: Callable[[Session], Reading],
    told: Callable[[BaseException], Problem],
) -> None:
    """Live as one of the processes until the other end hangs up; `others` are ends that belong to the parent alone.

    `share` are the files to read, by their numbers; `told` makes a problem of a fault of flowrun's own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells everybody; who listens to it is the parent
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    with Session() as session:
        try:
            _Worker(connection, session, reading(session)).live(share)
        except BaseException as error:  # noqa: BLE001  it surfaces where it is read
            _say(connection, Fault(session.redactor.value(told(error))))


def _say(connection: Connection, message: object) -> None:
    """Tell the one that tells; where nobody is there any more, nothing of this process may be left either."""
    try:
        connection.send(message)
    except OSError:
        os._exit(FAILED)


class _Worker:
    def __init__(self, connection: Connection, session: Session, reading: Reading) -> None:
        self._connection, self._session, self._reading = connection, session, reading
        self._orders: queue.SimpleQueue[Begin | Go | None] = queue.SimpleQueue()
        self._plans: dict[tuple[int, int], Plan] = {}

    def live(self, share: Mapping[int, Path]) -> None:
        self._read(share)
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        begin = self._orders.get()
        if not isinstance(begin, Begin):
            return
        self._session.borrow(begin.servers)
        self._warn(begin)
        while isinstance(order := self._orders.get(), Go):
            self._run(order, begin)

    def _listen(self) -> None:
        """Take orders; whoever ends without a word was killed, and then nothing of us may be left."""
        while True:
            try:
                order = self._connection.recv()
            except (EOFError, OSError):
                os._exit(FAILED)
            if isinstance(order, Stop):
                self._session.interrupt()
            else:
                self._orders.put(order)

    def _read(self, share: Mapping[int, Path]) -> None:
        """Read the share, and tell what is in it."""
        hide = self._session.redactor.value
        files: dict[int, Read[Sketch]] = {}
        warnings: list[tuple[int, Path, tuple[Problem, ...]]] = []
        known: dict[Path, int] = {}
        for number, path in share.items():
            one = self._plan(number, path)
            sketches = [
                Sketch(plan.scenario.title, plan.key, plan.environment.document.path, plan.visits) for plan in one.plans
            ]
            problems = tuple(map(hide, one.problems))
            files[number] = Read(hide(sketches), one.inputs, problems, one.readable, one.chosen)
            for where, environment in self._reading.loaded.items():
                new = environment.warnings[known.get(where, 0) :]
                if new:
                    known[where] = len(environment.warnings)
                    warnings.append((number, where, tuple(map(hide, new))))
        _say(self._connection, HasRead(files, tuple(warnings)))

    def _plan(self, number: int, path: Path) -> Read[Plan]:
        one = self._reading.file(path)
        self._plans |= {(number, index): plan for index, plan in enumerate(one.plans)}
        return one

    def _warn(self, begin: Begin) -> None:
        """Let the environments have the warnings of all processes: a report shows them with each scenario."""
        for path, environment in self._reading.loaded.items():
            environment.warnings[:] = begin.warnings.get(path, ())

    def _run(self, order: Go, begin: Begin) -> None:
        which = (order.file, order.number)
        if which not in self._plans:  # another process has read it, and has no time for it
            read = self._plan(order.file, Path(order.path))
            self._warn(begin)
            if which not in self._plans:
                raise FlowrunError(*read.problems)
        plan, session = self._plans.pop(which), self._session
        if session.interrupted.is_set():  # it was given ahead, and has not begun
            parcel = pack([not_run(plan, "interrupted")])
            _say(self._connection, Done(order.place, parcel, HELD, "interrupted", sent=False))
            return
        if order.browse and begin.browser is not None:
            session.prepare_browser(begin.browser)
        hushed = Hushed(session.redactor)

        def tell(event: Event) -> None:
            hushed.tell(event)
            if isinstance(event, StepStarted) and (begin.live or session.interrupted.is_set()):
                _say(self._connection, Now(session.redactor.text(event.name)))

        run = Run(plan, session, begin.browser, begin.strict, tell)
        finished = session.redactor.value(run.run())
        hushed.pass_on()
        _say(self._connection, Done(order.place, pack(hushed.told), finished.exit_code, finished.summary, run.sent))


def ended(sketch: Sketch, problem: Problem) -> list[Event]:
    """Return the events of a plan whose process has ended in the middle of it."""
    return _without_steps(sketch, "failed", problem.title, FAILED, (problem,))


def cut_off(sketch: Sketch) -> list[Event]:
    """Return the events of a plan that was under way when nobody could wait for it any more."""
    return _without_steps(sketch, "interrupted", "stopped before the end", INTERRUPTED)


def _without_steps(
    sketch: Sketch, status: str, summary: str, exit_code: int, problems: tuple[Problem, ...] = ()
) -> list[Event]:
    file, environment, case = sketch.key
    return [
        ScenarioStarted(sketch.title, file, environment, case),
        ScenarioFinished(sketch.title, status, 0.0, summary, exit_code, environment, file, case, problems=problems),
    ]
