"""One process of `--jobs`, seen from the one that tells."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowrun.errors import FAILED, Problem
from flowrun.jobs.model import Fault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@dataclass(slots=True, eq=False)
class Member:
    """One process: what it has read and was not told to run yet, what it runs, and since when."""

    process: Any
    connection: Connection
    waiting: deque[int] = field(default_factory=deque)
    running: int | None = None
    step: str = ""
    since: float = 0.0


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
