"""One process of `--jobs`, seen from the one that tells."""

from __future__ import annotations

from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.errors import FAILED, Problem
from flowrun.jobs.model import Fault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@dataclass(slots=True, eq=False)
class Member:
    """One process: what it has read and was not told to run yet, and what it was given to run.

    It runs the first of `given`, since `since`; the others it goes on with, so that it need not wait for an answer.
    """

    process: Any
    connection: Connection
    waiting: deque[int] = field(default_factory=deque)
    given: deque[int] = field(default_factory=deque)
    step: str = ""
    since: float = 0.0
    is_quick: bool = False

    @property
    def running(self) -> int | None:
        """What it runs."""
        return self.given[0] if self.given else None


def why(message: Any, member: Member) -> Problem:
    """Return why a process has not done what it was told."""
    if isinstance(message, Fault):
        return message.problem
    code = member.process.exitcode
    ending = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
    return Problem(
        "job-ended",
        f"the process that {'read the files' if member.running is None else 'ran this scenario'} ended {ending}",
        hint="was there enough memory? run with fewer --jobs",
        exit_code=FAILED,
    )
