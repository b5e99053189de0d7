"""flowrun FILE…: run scenarios."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun import lean
from flowrun.cli.browsing import BrowserOptions, asks_a_person, browser_options, needs_browser, settings_of
from flowrun.cli.common import fail, read_plans, scenario_options
from flowrun.cli.last import after_last
from flowrun.cli.shard import part_of, shard_of
from flowrun.errors import INTERRUPTED, WRONG_FILE, FlowrunError, Problem

if TYPE_CHECKING:
    from flowrun.events import Event
    from flowrun.jobs import Crew
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
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    metavar="N",
    help="Run N scenarios side by side, each in a process.",
)
@click.option(
    "--shard",
    callback=shard_of,
    metavar="I/N",
    help="Run the I-th of N parts of these scenarios, as long as the others.",
)
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
    jobs: int,
    shard: tuple[int, int] | None,
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
    with ExitStack() as stack:
        session = stack.enter_context(Session())
        try:
            crew: Crew | None = None
            plans: Sequence[Any]
            if jobs > 1:
                from flowrun.cli.side_by_side import start  # noqa: PLC0415  one after the other needs no processes

                crew, plans = start(stack, jobs, session, paths, envs, sets, tags, words)
            else:
                with lean.building():
                    plans = read_plans(session, paths, envs, sets, tags, words)
            if only_failed or failed_first:
                plans = after_last(plans, Path(kept), only=only_failed, whole=shard is not None)
            plans, part = part_of(plans, shard, Path(kept)) if shard else (plans, None)
            if not plans and part is not None and not quiet:
                click.echo(f"nothing falls into part {part.number} of {part.count}")
            files = [report for report in reports if report != "all"]
            asks = asks_a_person(plans, browsing)
            if jobs > 1:
                _require_no_turns(keep_state=keep_state, asks=asks)
            console = Console(verbose=verbose, quiet=quiet, still=asks)
            told = [*open_reports(files), console]
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
            plans,
            session,
            told,
            folder,
            browsing=browsing,
            crew=crew,
            live=console.watched,
            fail_fast=fail_fast,
            strict=strict,
            recorder=recorder,
            shard=part,
        )
        if folder.written and not quiet:
            click.echo(f"report: {folder.written[0]}")
        if recorder is not None and recorder.file.is_file() and not quiet:
            click.echo(f"state, with secrets: {recorder.file}")
    sys.exit(code)


def _require_no_turns(*, keep_state: bool, asks: bool) -> None:
    """Refuse what goes one after the other: raises `FlowrunError`."""
    if keep_state or asks:
        title = f"{'--keep-state' if keep_state else 'by hand'} is for scenarios that run one after the other"
        raise FlowrunError(Problem("bad-option", title, hint="leave out --jobs", exit_code=WRONG_FILE))


def carry_out(
    plans: Sequence[Any],
    session: Session,
    told: Sequence[Reporter],
    folder: RunFolder | None = None,
    *,
    browsing: BrowserOptions,
    crew: Crew | None = None,
    live: bool = False,
    **options: Any,
) -> int:
    """Run plans, tell the reporters, close them, and return the exit code; `options` are those of the engine.

    A `crew` runs them side by side; `live`: somebody watches what is under way.
    """
    from flowrun.report.folder import RunFolder  # noqa: PLC0415

    folder = folder or RunFolder(None)
    code = INTERRUPTED
    try:
        with closing(_happenings(plans, session, browsing, options, crew, live=live)) as happenings:
            code = _run(happenings, session, folder, told)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
    finally:
        for reporter in (*told, folder):
            reporter.close()
    return code


def _happenings(
    plans: Sequence[Any],
    session: Session,
    browsing: BrowserOptions,
    chosen: Mapping[str, Any],
    crew: Crew | None,
    *,
    live: bool,
) -> Generator[Event, None, None]:
    """Yield what happens as plans run, one after the other or side by side."""
    from flowrun import engine  # noqa: PLC0415

    options = engine.Options(browser=settings_of(plans, session, browsing), **chosen)
    if crew is not None:
        yield from crew.events(plans, session, options, lambda plan: needs_browser([plan], browsing), live=live)
        return
    if options.browser is not None and needs_browser(plans, browsing):
        session.prepare_browser(options.browser)
    yield from engine.events(plans, session, options)


def _run(happenings: Iterator[Event], session: Session, folder: RunFolder, told: Sequence[Reporter]) -> int:
    from flowrun.events import RunFinished  # noqa: PLC0415

    code = INTERRUPTED
    everybody = [reporter.tell for reporter in (folder, *told)]
    for happened in happenings:
        event = folder.keep(happened)
        for tell in everybody:
            tell(event)
        if isinstance(event, RunFinished):
            code = event.exit_code
    return INTERRUPTED if session.interrupted.is_set() else code


def as_interrupt(*_: Any) -> None:
    """End on SIGTERM as on Ctrl-C: pipelines cancel this way, and the browser must go then too."""
    raise KeyboardInterrupt
