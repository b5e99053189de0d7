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

    Exit codes: 0 written · 2 there is no such run, or an option is wrong.
    """
    from flowrun.cli.reports import open_reports  # noqa: PLC0415  `--help` needs neither
    from flowrun.report.archive import events, read  # noqa: PLC0415

    try:
        kept = [read(run) for run in runs]
        opened = open_reports(reports)
    except FlowrunError as error:
        fail(error)
    for event in events(kept):
        for reporter in opened:
            reporter.tell(event)
    for reporter in opened:
        reporter.close()
