"""flowrun FILE…: run scenarios."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.cli.browsing import BrowserOptions, asks_a_person, browser_options, needs_browser, settings_of
from flowrun.cli.common import fail, read_plans, scenario_options
from flowrun.cli.last import after_last
from flowrun.errors import INTERRUPTED, FlowrunError

if TYPE_CHECKING:
    from flowrun.plan import Plan
    from flowrun.report.base import Reporter
    from flowrun.report.folder import RunFolder
    from flowrun.session import Session


@click.command(name="run", short_help="Run scenarios; the word `run` may be left out.")
@scenario_options
@browser_options
@click.option("--fail-fast", is_flag=True, help="Stop at the first scenario that fails.")
@click.option("--strict", is_flag=True, help="Let warnings fail the run.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="KIND=FILE",
    help="Also write a report: html, json, junit, markdown, github, gitlab, har, prometheus; or `all`, kept in runs/.",
)
@click.option("--runs", "kept", metavar="FOLDER", default="runs", help="Where runs are kept; `none` keeps nothing.")
@click.option("--keep-state", is_flag=True, help="Keep what `flowrun replay` needs, secrets too, beside the run.")
@click.option("--only-failed", is_flag=True, help="Only what failed in the last run that was kept.")
@click.option("--failed-first", is_flag=True, help="Begin with what failed in the last run that was kept.")
@click.option("--verbose", "-v", is_flag=True, help="Show each call, page and check.")
@click.option("--quiet", "-q", is_flag=True, help="Show only problems and the last line of each scenario.")
def command(
    paths: tuple[Path, ...],
    envs: tuple[str, ...],
    sets: tuple[str, ...],
    tags: tuple[str, ...],
    words: str,
    browsing: BrowserOptions,
    fail_fast: bool,
    strict: bool,
    reports: tuple[str, ...],
    kept: str,
    keep_state: bool,
    only_failed: bool,
    failed_first: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Run the scenarios in these files and folders, in the order given.

    Exit codes: 0 all held · 1 something did not hold · 2 a file or an option is wrong, nothing was sent ·
    3 the environment could not be reached · 4 no browser · 130 interrupted.
    """
    from flowrun.cli.reports import open_reports  # noqa: PLC0415  `--help` needs none of these
    from flowrun.report.console import Console  # noqa: PLC0415
    from flowrun.report.folder import RunFolder  # noqa: PLC0415
    from flowrun.session import Session  # noqa: PLC0415

    signal.signal(signal.SIGTERM, as_interrupt)
    told: list[Reporter] = []
    with Session() as session:
        try:
            plans = read_plans(session, paths, envs, sets, tags, words)
            if only_failed or failed_first:
                plans = after_last(plans, Path(kept), only=only_failed)
            files = [report for report in reports if report != "all"]
            told = [*open_reports(files), Console(verbose=verbose, quiet=quiet, still=asks_a_person(plans, browsing))]
        except FlowrunError as error:
            fail(error, session)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        folder = RunFolder(None if kept == "none" else Path(kept), always="all" in reports)
        recorder = None
        if keep_state and folder.folder is not None:
            from flowrun.state import Recorder  # noqa: PLC0415  few runs are gone on with

            recorder = Recorder(folder.folder)
        code = carry_out(
            plans, session, told, folder, browsing=browsing, fail_fast=fail_fast, strict=strict, recorder=recorder
        )
        if folder.written and not quiet:
            click.echo(f"report: {folder.written[0]}")
        if recorder is not None and recorder.file.is_file() and not quiet:
            click.echo(f"state, with secrets: {recorder.file}")
    sys.exit(code)


def carry_out(
    plans: Sequence[Plan],
    session: Session,
    told: Sequence[Reporter],
    folder: RunFolder | None = None,
    *,
    browsing: BrowserOptions,
    **options: Any,
) -> int:
    """Run plans, tell the reporters, close them, and return the exit code; `options` are those of the engine."""
    from flowrun.report.folder import RunFolder  # noqa: PLC0415

    folder = folder or RunFolder(None)
    code = INTERRUPTED
    try:
        code = _run(plans, session, folder, told, browsing, options)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
    finally:
        for reporter in (*told, folder):
            reporter.close()
    return code


def _run(
    plans: Sequence[Plan],
    session: Session,
    folder: RunFolder,
    told: Sequence[Reporter],
    browsing: BrowserOptions,
    chosen: Mapping[str, Any],
) -> int:
    from flowrun import engine  # noqa: PLC0415
    from flowrun.events import RunFinished  # noqa: PLC0415

    settings = settings_of(plans, session, browsing)
    if needs_browser(plans, browsing):
        session.prepare_browser(settings)
    code = INTERRUPTED
    options = engine.Options(browser=settings, **chosen)
    for happened in engine.events(plans, session, options):
        event = folder.keep(happened)
        for reporter in (folder, *told):
            reporter.tell(event)
        if isinstance(event, RunFinished):
            code = event.exit_code
    return INTERRUPTED if session.interrupted.is_set() else code


def as_interrupt(*_: Any) -> None:
    """End on SIGTERM as on Ctrl-C: pipelines cancel this way, and the browser must go then too."""
    raise KeyboardInterrupt
