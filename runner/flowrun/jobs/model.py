"""What crosses between the process that tells and those that run."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.browser import BrowserSettings
    from flowrun.environment import Environment
    from flowrun.errors import Problem
    from flowrun.reading import Read
    from flowrun.session import Elsewhere


@dataclass(frozen=True, slots=True)
class Sketch:
    """A plan that another process has made, in words; `environment_file` is where its environment stands."""

    title: str
    key: tuple[str, str, str]
    environment_file: Path
    visits: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A plan as whoever hands it out knows it: the `number`-th of file `file`, counted from 0."""

    sketch: Sketch
    environment: Environment
    file: int
    number: int

    @property
    def key(self) -> tuple[str, str, str]:
        """File, environment, case."""
        return self.sketch.key

    @property
    def visits(self) -> tuple[bool, ...]:
        """For each browse step, whether a person goes through the pages."""
        return self.sketch.visits


@dataclass(frozen=True, slots=True)
class HasRead:
    """The files of one process, by their numbers; `warnings` by number of the file and path of the environment."""

    files: Mapping[int, Read[Sketch]]
    warnings: tuple[tuple[int, Path, tuple[Problem, ...]], ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """How to run: what is known once every file is read. `live`: each step is told, for somebody who watches."""

    strict: bool
    browser: BrowserSettings | None
    servers: Mapping[str, Elsewhere] = field(default_factory=dict)
    warnings: Mapping[Path, tuple[Problem, ...]] = field(default_factory=dict)
    live: bool = False


@dataclass(frozen=True, slots=True)
class Go:
    """Run this plan; `browse` says that it needs a browser, `path` is its file, for a process that has not read it."""

    place: int
    file: int
    number: int
    path: str
    browse: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Wind up what is under way: the person has pressed Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Now:
    """A step begins."""

    step: str


@dataclass(frozen=True, slots=True)
class Done:
    """A plan has run; `parcel` are its events, `sent` says whether anything went out."""

    place: int
    parcel: bytes
    exit_code: int
    summary: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Flowrun itself has failed there."""

    problem: Problem
