"""flowrun list: what scenarios there are."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun import scenario as scenarios
from flowrun.cli.common import fail, show_problems
from flowrun.errors import WRONG_FILE, FlowrunError


@click.command(name="list", short_help="Name the scenarios there are.")
@click.argument("paths", metavar="FILE|FOLDER…", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(paths: tuple[Path, ...]) -> None:
    """Print file, title and tags of each scenario."""
    wrong = False
    try:
        files = scenarios.find(paths)
    except FlowrunError as error:
        fail(error)
    for file in files:
        try:
            scenario = scenarios.load(file)
        except FlowrunError as error:
            show_problems(error.problems)
            wrong = True
            continue
        tags = f"  [{', '.join(scenario.tags)}]" if scenario.tags else ""
        click.echo(f"{scenario.document.file}: {scenario.title}{tags}")
    if wrong:
        raise SystemExit(WRONG_FILE)
