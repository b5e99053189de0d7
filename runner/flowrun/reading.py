"""Scenario files read into plans: one file after the other, environments once, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from flowrun import environment as environments
from flowrun import plan as plans
from flowrun import scenario as scenarios
from flowrun.dataclass import dataclass
from flowrun.errors import FlowrunError, Problem, did_you_mean

if TYPE_CHECKING:
    from flowrun.environment import Environment
    from flowrun.plan import Plan
    from flowrun.scenario import Scenario
    from flowrun.session import Session

T = TypeVar("T")


@dataclass(slots=True)
class Read(Generic[T]):
    """What came of one file: its plans, the names of its inputs, and what is wrong with it and its environments.

    `readable` says that the file itself is right, `chosen` that it has the tags and the text that were asked for.
    """

    plans: list[T] = field(default_factory=list)
    inputs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    readable: bool = True
    chosen: bool = True


class Reading:
    """Reads files as the command line asks for them. `loaded` are the environments so far, by their files."""

    def __init__(
        self,
        session: Session,
        envs: Sequence[str] = (),
        overrides: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        words: str = "",
    ) -> None:
        """Read nothing yet; `envs` take the place of the environments that files name, `overrides` of their inputs."""
        self._session, self._envs, self._overrides = session, envs, overrides or {}
        self._tags, self._words = tags, words
        self.loaded: dict[Path, Environment] = {}
        self._found: dict[tuple[str, Path], Path] = {}  # where an environment is, seen from a folder

    def file(self, path: Path) -> Read[Plan]:
        """Read a file and plan what it asks for: a plan for each environment and case."""
        try:
            scenario = scenarios.load(path)
        except FlowrunError as error:
            return Read(problems=error.problems, readable=False)
        if not self._chosen(scenario):
            return Read(chosen=False)
        # What the file says is in the steps now; thousands of files are not to be kept twice.
        scenario = replace(scenario, document=replace(scenario.document, data={}))
        made: list[Plan] = []
        problems: list[Problem] = []
        for name in self._envs or (scenario.environment or environments.DEFAULT,):
            try:
                made += plans.make(scenario, self._environment(name, scenario), self._overrides, self._session.keyring)
            except FlowrunError as error:
                problems += error.problems
        return Read(made, tuple(scenario.inputs), tuple(problems))

    def environment(self, path: Path) -> Environment:
        """Return the environment of a file; raises `FlowrunError`."""
        if path not in self.loaded:
            self.loaded[path] = environments.load(path, self._session.redactor)
        return self.loaded[path]

    def _environment(self, name: str, scenario: Scenario) -> Environment:
        try:
            where = (name, scenario.document.path.parent)
            if where not in self._found:
                self._found[where] = environments.find(*where)
            path = self._found[where]
        except FlowrunError as error:
            if name != scenario.environment:
                raise
            at = scenario.document.at(("environment",))
            raise FlowrunError(*(replace(problem, at=at) for problem in error.problems)) from error
        return self.environment(path)

    def _chosen(self, scenario: Scenario) -> bool:
        text = f"{scenario.title} {scenario.id} {scenario.document.file}".lower()
        return set(self._tags) <= set(scenario.tags) and self._words.lower() in text


def together(files: Sequence[Read[T]], overrides: Iterable[str] = ()) -> list[T]:
    """Return the plans of these files, in their order; raises `FlowrunError` with all problems of all files."""
    problems = [problem for one in files if not one.readable for problem in one.problems]
    chosen = [one for one in files if one.readable and one.chosen]
    if not chosen and files and not problems:
        raise FlowrunError(Problem("no-scenario", "no scenario has these tags or this text"))
    if not problems:
        problems += unknown_sets(overrides, {name for one in chosen for name in one.inputs})
    problems += (problem for one in chosen for problem in one.problems)
    if problems:
        # The same mistake of an environment file comes up with every scenario; once is enough.
        raise FlowrunError(*dict.fromkeys(problems))
    return [plan for one in chosen for plan in one.plans]


def unknown_sets(overrides: Iterable[str], known: set[str]) -> list[Problem]:
    """Return a problem for each name given a value that no scenario has as an input; `known` are those of all."""
    return [
        Problem(
            "unknown-input",
            f"--set {name}: no scenario here has an input '{name}'",
            None,
            did_you_mean(name, known) or f"inputs: {', '.join(sorted(known)) or 'none'}",
        )
        for name in overrides
        if name not in known
    ]
