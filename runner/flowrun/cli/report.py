"""flowrun report: make reports of runs that are over, of several as if they were one."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun.cli.common import fail
from flowrun.errors import FlowrunError


@click.command(name="report", short_help="Make reports of kept runs, of several shards as if they were one.")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--report", "reports", multiple=True, required=True, metavar="KIND=FILE", help="html=…, junit=…, and so on."
)
def command(runs: tuple[Path, ...], reports: tuple[str, ...]) -> None:
    """Make reports of runs that are over. Each RUN is a folder in runs/ or a JSON report; several are put together.

    The shards of a suite become the report that the suite would have given in one run.

    Exit codes: 0 written · 2 there is no such run, or an option is wrong.
    """
    from flowrun.cli.reports import open_reports  # noqa: PLC0415  `--help` needs neither
    from flowrun.report.archive import Kept, events, missing  # noqa: PLC0415

    try:
        kept = [Kept(run) for run in runs]
        lacking = missing(kept)
        opened = open_reports(reports)
    except FlowrunError as error:
        fail(error)
    if lacking:
        click.echo(f"part {', '.join(map(str, lacking))} of the suite is missing", err=True)
    for event in events(kept):
        for reporter in opened:
            reporter.tell(event)
    for reporter in opened:
        reporter.close()
