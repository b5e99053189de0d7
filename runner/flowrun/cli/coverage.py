"""flowrun coverage: which clauses the runs that were kept have put to the test."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun.cli.common import fail
from flowrun.errors import WRONG_FILE, FlowrunError, Problem


@click.command(name="coverage", short_help="Which clauses kept runs have put to the test.")
@click.argument("runs", metavar="[RUN|FOLDER…]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--as", "form", type=click.Choice(["text", "markdown", "csv"]), default="text", help="How to write the table."
)
def command(runs: tuple[Path, ...], form: str) -> None:
    """Show clauses and scenarios of runs that are over. RUN is a folder in runs/ or a JSON report, FOLDER one of runs.

    Without any it is the folder runs/.

    Exit codes: 0 shown · 2 there is no such run.
    """
    from flowrun.report.archive import Kept, events  # noqa: PLC0415  `--help` needs neither
    from flowrun.report.coverage import FORMS, Coverage  # noqa: PLC0415

    try:
        kept = [Kept(run) for given in runs or (Path("runs"),) for run in _runs_in(given)]
    except FlowrunError as error:
        fail(error)
    table = Coverage()
    for event in events(kept):
        table.tell(event)
    table.close()
    for line in FORMS[form](table):
        click.echo(line)


def _runs_in(path: Path) -> list[Path]:
    """Return the runs at a path: itself, or those in it; raises `FlowrunError` for a folder without a run."""
    from flowrun.report.archive import NAME  # noqa: PLC0415

    if not path.is_dir() or (path / NAME).is_file():
        return [path]
    found = sorted(folder for folder in path.iterdir() if (folder / NAME).is_file())
    if not found:
        title = f"no run was kept in {path}/"
        raise FlowrunError(Problem("no-run", title, hint="runs are kept in runs/<time>/", exit_code=WRONG_FILE))
    return found
