"""flowrun diff: what is different between two runs."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun.cli.common import fail
from flowrun.errors import FAILED, FlowrunError


@click.command(name="diff", short_help="Compare two runs: new failures, fixed, slower, changed metadata.")
@click.argument("before", metavar="BEFORE", type=click.Path(path_type=Path))
@click.argument("after", metavar="AFTER", type=click.Path(path_type=Path))
def command(before: Path, after: Path) -> None:
    """Compare two runs. Each is a folder in runs/ or a JSON report.

    Exit codes: 0 nothing broke · 1 something failed that did not fail before · 2 there is no such run.
    """
    from flowrun.report.archive import read  # noqa: PLC0415  `--help` needs neither
    from flowrun.report.compare import compare  # noqa: PLC0415

    try:
        found = compare(read(before), read(after))
    except FlowrunError as error:
        fail(error)
    sections = (
        ("New failures", found.broken),
        ("Fixed", found.mended),
        ("Still failing", found.still),
        ("New scenarios", found.new),
        ("No longer run", found.gone),
        ("New warnings", found.warnings),
        ("Slower", found.slower),
        ("The server changed", found.drift),
    )
    for title, lines in sections:
        if lines:
            click.echo(f"{title}:")
            for line in lines:
                click.echo(f"  {line}")
    if not any(lines for _, lines in sections):
        click.echo("No difference.")
    raise SystemExit(FAILED if found.broken else 0)
