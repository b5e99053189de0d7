"""flowrun describe: scenarios as sentences for people who read no YAML."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun import scenario as scenarios
from flowrun.cli.common import fail, show_problems
from flowrun.describe import lines
from flowrun.document import read
from flowrun.errors import WRONG_FILE, FlowrunError


@click.command(name="describe", short_help="Tell a scenario in numbered plain sentences.")
@click.argument("paths", metavar="FILE|FOLDER…", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(paths: tuple[Path, ...]) -> None:
    """Tell what scenarios do and expect, for somebody who has to agree with them. No environment is read.

    Exit codes: 0 all were told · 2 a file is wrong.
    """
    try:
        files = scenarios.find(paths)
    except FlowrunError as error:
        fail(error)
    wrong = False
    told = 0
    for file in files:
        try:
            require_right(file)
        except FlowrunError as error:
            show_problems(error.problems)
            wrong = True
            continue
        document = read(file)
        click.echo("\n" * 2 * (told > 0) + "\n".join([*lines(document.data), "", f"({document.file})"]))
        told += 1
    if wrong:
        raise SystemExit(WRONG_FILE)


def require_right(file: Path) -> None:
    """Raise `FlowrunError` with what is wrong in a file; what is only not built yet can be told all the same."""
    try:
        scenarios.load(file)
    except FlowrunError as error:
        if any(problem.code != "not-built" for problem in error.problems):
            raise
