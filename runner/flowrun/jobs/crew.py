"""The processes of `--jobs`: they are started, asked what they have read, told what to run, and ended."""

from __future__ import annotations

import multiprocessing
import selectors
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, Self

from flowrun.engine import Standing
from flowrun.errors import FlowrunError, Problem
from flowrun.events import Event, RunStarted
from flowrun.jobs.course import Course
from flowrun.jobs.member import Member, why
from flowrun.jobs.model import Begin, HasRead, Listed, Sketch
from flowrun.jobs.worker import work
from flowrun.reading import Read, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from flowrun.engine import Options
    from flowrun.reading import Reading
    from flowrun.session import Session

END_SECONDS: Final = 20.0  # for a process to end its browser


class Crew:
    """Starts the processes; `read` the files first, then take the `events`. `close` ends whatever runs."""

    def __init__(
        self,
        count: int,
        files: Sequence[Path],
        reading: Callable[[Session], Reading],
        told: Callable[[BaseException], Problem],
    ) -> None:
        """Begin to read: `reading` is called in each process, `told` makes a problem of a fault of flowrun's own.

        Nothing of this process may run on a thread yet: the others are made by fork.
        """
        self.files = files
        self.members: list[Member] = []
        self._selector = selectors.DefaultSelector()
        self._warnings: dict[Path, tuple[Problem, ...]] = {}
        fork, ours = multiprocessing.get_context("fork"), []
        for number in range(count):
            here, there = fork.Pipe()
            ours.append(here)
            share = {index: files[index] for index in range(number, len(files), count)}
            process = fork.Process(target=work, args=(there, tuple(ours), share, reading, told), daemon=True)
            process.start()
            there.close()
            member = Member(process, here)
            self.members.append(member)
            self._selector.register(here, selectors.EVENT_READ, member)

    @property
    def count(self) -> int:
        """How many processes there are."""
        return len(self.members)

    def read(self, reading: Reading, overrides: Iterable[str]) -> list[Listed]:
        """Return what there is to run, in the order of the files; raises `FlowrunError` with all that is wrong.

        `reading` reads the environments again, for this process.
        """
        files: dict[int, Read[Sketch]] = {}
        warnings: list[tuple[int, Path, tuple[Problem, ...]]] = []
        silent = set(self.members)
        while silent:
            for member, message in self.messages(None):
                if not isinstance(message, HasRead):
                    raise FlowrunError(why(message, member))
                files |= message.files
                warnings += message.warnings
                silent.discard(member)
        for _, path, found in sorted(warnings, key=lambda one: one[0]):
            self._warnings[path] = tuple(dict.fromkeys((*self._warnings.get(path, ()), *found)))
        listed = [
            Read(
                [
                    Listed(sketch, reading.environment(sketch.environment_file), number, index)
                    for index, sketch in enumerate(files[number].plans)
                ],
                files[number].inputs,
                files[number].problems,
                files[number].readable,
                files[number].chosen,
            )
            for number in range(len(self.files))
        ]
        return together(listed, overrides)

    def events(
        self,
        plans: Sequence[Listed],
        session: Session,
        options: Options,
        browse: Callable[[Listed], bool],
        *,
        live: bool = False,
    ) -> Iterator[Event]:
        """Yield what happens, scenario by scenario in the order of `plans`; `browse` says which of them need a browser.

        The embedded servers run in this process, so that all scenarios meet the same. Ctrl-C is as in `engine.events`.
        """
        standing, started = Standing(options), time.monotonic()
        yield RunStarted(
            len(plans), len({plan.environment.name for plan in plans}), time.time(), options.shard, self.count
        )
        servers = session.lend({id(plan.environment): plan.environment for plan in plans}.values())
        begin = Begin(options.strict, options.browser, servers, self._warnings, live)
        for member in self.members:
            with suppress(OSError):  # it has ended: that is told when its end is read
                member.connection.send(begin)
        with closing(Course(self, plans, session, standing, browse)) as course:
            try:
                yield from course.events(live=live)
            except BaseException:  # also when nobody listens any more: what hangs must hold nobody up
                self.kill()
                raise
        yield standing.over(len(plans), time.monotonic() - started, interrupted=session.interrupted.is_set())

    def close(self) -> None:
        """End every process; one that does not end by itself is killed, and its browser ends with it."""
        for member in self.members:
            with suppress(OSError):
                member.connection.send(None)
        until = time.monotonic() + END_SECONDS
        for member in self.members:
            member.process.join(max(0.0, until - time.monotonic()))
            if member.process.exitcode is None:
                member.process.kill()
                member.process.join()
            member.connection.close()
        self._selector.close()

    def kill(self) -> None:
        """End every process at once."""
        for member in self.members:
            member.process.kill()

    def __enter__(self) -> Self:
        """They run already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them; at once where something went wrong here."""
        if kind is not None:
            self.kill()
        self.close()

    def messages(self, seconds: float | None) -> Iterator[tuple[Member, Any]]:
        """Yield who has said what; None from a process that has ended."""
        for key, _ in self._selector.select(seconds):
            member: Member = key.data
            try:
                yield member, member.connection.recv()
            except (EOFError, OSError):
                self._selector.unregister(member.connection)
                member.connection.close()
                self.members.remove(member)
                member.process.join(1.0)
                yield member, None
