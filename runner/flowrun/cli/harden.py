"""flowrun harden: from one good scenario, the proof that a server refuses what it must refuse."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrun.cli.browsing import BrowserOptions, asks_a_person, browser_options
from flowrun.cli.common import fail, read_sets
from flowrun.cli.run import as_interrupt, carry_out
from flowrun.errors import INTERRUPTED, FlowrunError, Problem

if TYPE_CHECKING:
    from flowrun.hardening import LeftOut
    from flowrun.plan import Plan
    from flowrun.session import Session

_NAMES = 6  # of rows in a line


@click.command(name="harden", short_help="Prove, from one good scenario, what a server refuses.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--env", "env", metavar="NAME", default="", help="The environment; the scenario's own when left out.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Give an input of the scenario a value.")
@click.option("--second", metavar="CLIENT", default="", help="The client that takes the part of the other one.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only rows with this tag; `opt-in` for heavy ones.")
@click.option("-k", "words", metavar="TEXT", default="", help="Only rows with this text in id or title.")
@click.option("--pack", metavar="FOLDER", type=click.Path(path_type=Path), help="Rows of your own instead of ours.")
@click.option("--list", "listing", is_flag=True, help="Show which rows apply and which do not; send nothing.")
@browser_options
@click.option("--strict", is_flag=True, help="Let warnings fail the run.")
@click.option("--report", "reports", multiple=True, metavar="KIND=FILE", help="Also write a report, as of a run.")
@click.option("--runs", "kept", metavar="FOLDER", default="runs", help="Where runs are kept; `none` keeps nothing.")
@click.option("--verbose", "-v", is_flag=True, help="Show the steps of each row, calls, pages and checks.")
def command(
    file: Path,
    env: str,
    sets: tuple[str, ...],
    second: str,
    tags: tuple[str, ...],
    words: str,
    pack: Path | None,
    listing: bool,
    browsing: BrowserOptions,
    strict: bool,
    reports: tuple[str, ...],
    kept: str,
    verbose: bool,
) -> None:
    """Run FILE, then every row of the refusal pack that applies, each a change of FILE.

    Rows that wait for something to expire wait at the same time. The browser stays signed in from row to row where the
    server allows. What can't be tried here is told at the end, with the reason.

    Exit codes: as of a run.
    """
    from flowrun.cli.reports import open_reports  # noqa: PLC0415  `--help` needs none of these
    from flowrun.report.console import Console  # noqa: PLC0415
    from flowrun.report.coverage import Coverage, text  # noqa: PLC0415
    from flowrun.report.folder import RunFolder  # noqa: PLC0415
    from flowrun.session import Session  # noqa: PLC0415

    signal.signal(signal.SIGTERM, as_interrupt)
    with Session() as session:
        try:
            plans, left_out = _derived(session, file, env, sets, second, tags, words, pack)
            if listing:
                _list(plans[1:], left_out)
                return
            table = Coverage()
            console = Console(verbose=verbose, quiet=not verbose, still=asks_a_person(plans, browsing))
            told = [*open_reports([one for one in reports if one != "all"]), console, table]
        except FlowrunError as error:
            fail(error, session)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        folder = RunFolder(None if kept == "none" else Path(kept), always="all" in reports)
        code = carry_out(plans, session, told, folder, browsing=browsing, strict=strict, harden=True)
        click.echo("")
        for line in text(table):
            click.echo(line)
        _show_left_out(left_out)
        if folder.written:
            click.echo(f"report: {folder.written[0]}")
    sys.exit(code)


def _derived(
    session: Session,
    file: Path,
    env: str,
    sets: Sequence[str],
    second: str,
    tags: Sequence[str],
    words: str,
    pack: Path | None,
) -> tuple[list[Plan], list[LeftOut]]:
    """Return the good scenario's plan, those of the rows after it, and the rows left out; raises `FlowrunError`."""
    from flowrun import environment as environments  # noqa: PLC0415
    from flowrun import hardening  # noqa: PLC0415
    from flowrun import plan as plans  # noqa: PLC0415
    from flowrun import scenario as scenarios  # noqa: PLC0415

    overrides = read_sets(sets)
    good = scenarios.load(file)
    if good.refused:
        at = good.document.key_at(("outcome", "refused"))
        raise FlowrunError(Problem("not-good", "a scenario that is refused is no good one to begin with", at))
    name = env or good.environment or environments.DEFAULT
    environment = environments.load(environments.find(name, file.parent), session.redactor)
    first = plans.make(good, environment, overrides, session.keyring)[:1]  # of its cases, one is enough
    made, left_out = hardening.derive(
        good,
        hardening.rows(pack),
        environment,
        session.keyring,
        second=hardening.second_client(environment, second),
        wanted=hardening.Wanted(tags, words, opt_in=hardening.OPT_IN in tags),
        overrides=overrides,
    )
    if not made and not left_out:
        raise FlowrunError(Problem("no-scenario", "no row of the pack has these tags or this text"))
    return [*first, *made], left_out


def _list(rows: Sequence[Plan], left_out: Sequence[LeftOut]) -> None:
    for plan in rows:
        proves = plan.scenario.proves
        assert proves is not None  # noqa: S101  only rows come here
        level = proves.level_in(plan.environment.profile.family)
        click.echo(f"{plan.scenario.id:<32} {level:<6} {plan.scenario.title} ({proves.clause})")
    click.echo(f"\n{len(rows)} {'row' if len(rows) == 1 else 'rows'} apply")
    _show_left_out(left_out)


def _show_left_out(left_out: Sequence[LeftOut]) -> None:
    from flowrun.hardening import by_reason  # noqa: PLC0415

    if left_out:
        click.echo(f"\nnot testable here: {len(left_out)} of the pack")
    for reason, rows in by_reason(left_out):
        names = ", ".join(row.id for row in rows[:_NAMES]) + (
            f" and {len(rows) - _NAMES} more" if len(rows) > _NAMES else ""
        )
        click.echo(f"  {reason}: {names}")
