"""What the commands share: reading files into plans, showing problems, options that several have."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from flowrun import scenario as scenarios
from flowrun.errors import WRONG_FILE, FlowrunError, Problem, draw, gravest
from flowrun.reading import Reading, together

if TYPE_CHECKING:
    from flowrun.plan import Plan
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
    reading = Reading(session, envs, overrides, tags, words)
    return together([reading.file(path) for path in scenarios.find(paths)], overrides)


def read_sets(sets: Sequence[str]) -> dict[str, str]:
    """Return what `--set NAME=VALUE` gives; raises `FlowrunError` for one without `=`."""
    overrides: dict[str, str] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise FlowrunError(Problem("bad-option", f"--set {text}: write --set NAME=VALUE"))
        overrides[name] = value
    return overrides


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
