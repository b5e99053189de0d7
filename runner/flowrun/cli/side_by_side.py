"""`--jobs`: the processes that read and run, started for a command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowrun import scenario as scenarios
from flowrun.cli.common import read_sets
from flowrun.cli.fault import problem_of
from flowrun.errors import FlowrunError, Problem
from flowrun.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from flowrun.jobs import Crew, Listed
    from flowrun.session import Session


def start(
    stack: ExitStack,
    jobs: int,
    session: Session,
    paths: Sequence[Path],
    envs: Sequence[str],
    sets: Sequence[str],
    tags: Sequence[str],
    words: str,
) -> tuple[Crew, list[Listed]]:
    """Start `jobs` processes, which `stack` ends, and return them with what there is to run.

    Raises `FlowrunError` with all that is wrong with the files, and where a system has no fork.
    """
    from flowrun.jobs import Crew  # noqa: PLC0415  it loads what makes processes

    if not hasattr(os, "fork"):
        hint = "--shard and pytest -n run on every system (docs/big-suites.md)"
        raise FlowrunError(Problem("bad-option", "--jobs needs fork, which this system lacks", hint=hint))
    overrides = read_sets(sets)
    files = scenarios.find(paths)

    def reading(one: Session) -> Reading:
        return Reading(one, envs, overrides, tags, words)

    crew = stack.enter_context(Crew(jobs, files, reading, problem_of))
    return crew, crew.read(reading(session), overrides)
