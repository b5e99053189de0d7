"""flowrun check: look for mistakes in files, keys and secrets; nothing is sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrun import environment as environments
from flowrun import plan as plans
from flowrun.cli.common import fail, read_plans, scenario_options, show_problems
from flowrun.document import read
from flowrun.errors import HELD, FlowrunError, Problem, gravest
from flowrun.scenario import looks_like_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrun.environment import Environment
    from flowrun.plan import Plan
    from flowrun.session import Session


@click.command(name="check", short_help="Look for mistakes; send nothing.")
@scenario_options
@click.option("--online", is_flag=True, help="Also look at the server: name, TLS, metadata, clock, our published keys.")
def command(
    paths: tuple[Path, ...],
    envs: tuple[str, ...],
    sets: tuple[str, ...],
    tags: tuple[str, ...],
    words: str,
    online: bool,
) -> None:
    """Read the files, fill what can be filled, load the keys, and say everything that is wrong.

    A file may be a scenario or an environment. With --online every environment is looked at once, too: public
    documents are read and connections are made, and no request of a scenario is sent. Exit codes: 0 nothing is wrong ·
    2 something in a file is · with --online also 1 the server has something wrong · 3 it can't be reached.
    """
    from flowrun.session import Session  # noqa: PLC0415  `--help` needs none

    with Session() as session:
        try:
            alone, rest = _environments(paths, session)
            made = read_plans(session, rest, envs, sets, tags, words) if rest else []
        except FlowrunError as error:
            fail(error, session)
        used = [*alone, *(plan.environment for plan in made)]
        warnings = list(dict.fromkeys(problem for one in used for problem in one.warnings))
        found = _look(used, made, session) if online else []
        show_problems([*warnings, *found], session)
    code = _exit_code(found)
    if code != HELD:
        sys.exit(code)
    files = len({plan.scenario.document.file for plan in made})
    what = [_number(files, "scenario")] if files else []
    if len(made) > files:
        what.append(f"{len(made)} runs")
    names = ", ".join(dict.fromkeys(environment.name for environment in used))
    click.echo(f"{', '.join(what) or 'environment'} {'in' if what else ''} {names}".replace("  ", " "), nl=False)
    click.echo(f": nothing wrong found, {'no request of a scenario' if online else 'nothing'} was sent")


def _look(used: Sequence[Environment], made: Sequence[Plan], session: Session) -> list[Problem]:
    """Look at every environment, once; show what is good, and return what is wrong."""
    from flowrun.online import look_at  # noqa: PLC0415  only who asks for it pays for it

    problems: list[Problem] = []
    for environment in {str(one.document.path): one for one in used}.values():
        try:
            look = look_at(environment, [plan for plan in made if plan.environment is environment], session)
        except FlowrunError as error:
            problems += error.problems
            continue
        click.echo(f"{environment.name}: {look.issuer}")
        width = max((len(one.topic) for one in look.seen), default=0)
        for one in look.seen:
            click.echo(f"  {'✓' if one.good else '–'} {one.topic:<{width}}  {session.redactor.text(one.words)}")
        click.echo()
        problems += look.problems
    return problems


def _exit_code(problems: Sequence[Problem]) -> int:
    wrong = [problem for problem in problems if not problem.warning]
    if len(wrong) > 1:
        click.echo(f"\n{len(wrong)} problems; no request of a scenario was sent", err=True)
    return gravest(problem.exit_code for problem in wrong)


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _environments(paths: Sequence[Path], session: Session) -> tuple[list[Environment], list[Path]]:
    """Check the environment files among the paths; return them, and the paths that are something else."""
    found: list[Environment] = []
    rest: list[Path] = []
    problems: list[Problem] = []
    for path in paths:
        if not path.is_file() or not _is_environment(path):
            rest.append(path)
            continue
        try:
            environment = environments.load(path, session.redactor)
        except FlowrunError as error:
            problems += error.problems
            continue
        problems += plans.environment_problems(environment, session.keyring)
        found.append(environment)
    if problems:
        raise FlowrunError(*dict.fromkeys(problems))
    return found, rest


def _is_environment(path: Path) -> bool:
    try:
        return looks_like_environment(read(path).data)
    except FlowrunError:
        return False  # whatever is wrong with it is told where it is read as a scenario
