"""What the commands share: reading files into plans, showing problems, options that several have."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from flowrun import environment as environments
from flowrun import plan as plans
from flowrun import scenario as scenarios
from flowrun.errors import WRONG_FILE, FlowrunError, Problem, did_you_mean, draw, gravest

if TYPE_CHECKING:
    from flowrun.environment import Environment
    from flowrun.plan import Plan
    from flowrun.scenario import Scenario
    from flowrun.session import Session

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def scenario_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments and options that say what to run: files, --env, --set, --tag, -k."""
    options: list[Decorator] = [
        click.argument("paths", metavar="FILE|FOLDER…", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option(
            "--env", "envs", multiple=True, metavar="NAME", help="The environment; repeat it to run in several."
        ),
        click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Give an input a value."),
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only scenarios with this tag."),
        click.option(
            "-k", "words", metavar="TEXT", default="", help="Only scenarios with this text in title, id or file."
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def read_plans(
    session: Session,
    paths: Sequence[Path],
    envs: Sequence[str],
    sets: Sequence[str],
    tags: Sequence[str] = (),
    words: str = "",
) -> list[Plan]:
    """Read every file and return what will run; raises `FlowrunError` with all problems of all files."""
    overrides = read_sets(sets)
    problems: list[Problem] = []
    read: list[Scenario] = []
    for path in scenarios.find(paths):
        try:
            read.append(scenarios.load(path))
        except FlowrunError as error:
            problems += error.problems
    chosen = [scenario for scenario in read if _chosen(scenario, tags, words)]
    if read and not chosen and not problems:
        raise FlowrunError(Problem("no-scenario", "no scenario has these tags or this text"))
    if not problems:
        problems += _unknown_sets(overrides, chosen)
    made: list[Plan] = []
    loaded: dict[Path, Environment] = {}
    for scenario in chosen:
        for name in envs or (scenario.environment or environments.DEFAULT,):
            try:
                environment = _environment(name, scenario, session, loaded)
                made += plans.make(scenario, environment, overrides, session.keyring)
            except FlowrunError as error:
                problems += error.problems
    if problems:
        # The same mistake of an environment file comes up with every scenario; once is enough.
        raise FlowrunError(*dict.fromkeys(problems))
    return made


def _environment(name: str, scenario: Scenario, session: Session, loaded: dict[Path, Environment]) -> Environment:
    try:
        path = environments.find(name, scenario.document.path.parent)
    except FlowrunError as error:
        if name != scenario.environment:
            raise
        at = scenario.document.at(("environment",))
        raise FlowrunError(*(replace(problem, at=at) for problem in error.problems)) from error
    if path not in loaded:
        loaded[path] = environments.load(path, session.redactor)
    return loaded[path]


def _chosen(scenario: Scenario, tags: Sequence[str], words: str) -> bool:
    text = f"{scenario.title} {scenario.id} {scenario.document.file}".lower()
    return set(tags) <= set(scenario.tags) and words.lower() in text


def read_sets(sets: Sequence[str]) -> dict[str, str]:
    """Return what `--set NAME=VALUE` gives; raises `FlowrunError` for one without `=`."""
    overrides: dict[str, str] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise FlowrunError(Problem("bad-option", f"--set {text}: write --set NAME=VALUE"))
        overrides[name] = value
    return overrides


def _unknown_sets(overrides: Iterable[str], chosen: Sequence[Scenario]) -> list[Problem]:
    known = {name for scenario in chosen for name in scenario.inputs}
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


def show_problems(problems: Sequence[Problem], session: Session | None = None) -> None:
    """Write problems to standard error, redacted, in the order given."""
    for index, problem in enumerate(problems):
        shown = session.redactor.value(problem) if session else problem
        click.echo(("\n" if index else "") + draw(shown), err=True, nl=False)


def fail(error: FlowrunError, session: Session | None = None) -> NoReturn:
    """Show what is wrong and end with the gravest of its exit codes."""
    show_problems(error.problems, session)
    count = len(error.problems)
    if count > 1:
        click.echo(f"\n{count} problems; nothing was sent", err=True)
    sys.exit(gravest(problem.exit_code for problem in error.problems) or WRONG_FILE)
