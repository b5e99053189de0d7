"""flowrun check: look for mistakes in files, keys and secrets; nothing is sent."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun.cli.common import fail, read_plans, scenario_options, show_problems
from flowrun.errors import FlowrunError


@click.command(name="check", short_help="Look for mistakes; send nothing.")
@scenario_options
def command(
    paths: tuple[Path, ...], envs: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], words: str
) -> None:
    """Read the files, fill what can be filled, load the keys, and say everything that is wrong.

    Exit codes: 0 nothing is wrong · 2 something is.
    """
    from flowrun.session import Session  # noqa: PLC0415  `--help` needs none

    with Session() as session:
        try:
            plans = read_plans(session, paths, envs, sets, tags, words)
        except FlowrunError as error:
            fail(error, session)
        warnings = dict.fromkeys(problem for plan in plans for problem in plan.environment.warnings)
        show_problems(list(warnings), session)
    files = len({plan.scenario.document.file for plan in plans})
    environments = ", ".join(sorted({plan.environment.name for plan in plans}))
    runs = f", {len(plans)} runs" if len(plans) != files else ""
    click.echo(
        f"{files} scenario{'s' if files != 1 else ''}{runs} for {environments}: nothing wrong found, nothing was sent"
    )
