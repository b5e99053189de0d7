"""flowrun FILE…: run scenarios."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.cli.common import fail, read_plans, scenario_options
from flowrun.errors import INTERRUPTED, WRONG_FILE, FlowrunError, Problem

if TYPE_CHECKING:
    from flowrun.plan import Plan
    from flowrun.report.base import Reporter
    from flowrun.session import Session


@click.command(name="run", short_help="Run scenarios; the word `run` may be left out.")
@scenario_options
@click.option("--headed", is_flag=True, help="Show the browser.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first scenario that fails.")
@click.option("--strict", is_flag=True, help="Let warnings fail the run.")
@click.option("--report", "reports", multiple=True, metavar="json=FILE", help="Also write a report.")
@click.option("--verbose", "-v", is_flag=True, help="Show each call, page and check.")
@click.option("--quiet", "-q", is_flag=True, help="Show only problems and the last line of each scenario.")
def command(
    paths: tuple[Path, ...],
    envs: tuple[str, ...],
    sets: tuple[str, ...],
    tags: tuple[str, ...],
    words: str,
    headed: bool,
    fail_fast: bool,
    strict: bool,
    reports: tuple[str, ...],
    verbose: bool,
    quiet: bool,
) -> None:
    """Run the scenarios in these files and folders, in the order given.

    Exit codes: 0 all held · 1 something did not hold · 2 a file or an option is wrong, nothing was sent ·
    3 the environment could not be reached · 4 no browser · 130 interrupted.
    """
    from flowrun.report.console import Console  # noqa: PLC0415  `--help` needs none of these
    from flowrun.session import Session  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _as_interrupt)
    told: list[Reporter] = []
    with Session() as session:
        try:
            plans = read_plans(session, paths, envs, sets, tags, words)
            told = [*_open(reports), Console(verbose=verbose, quiet=quiet)]
        except FlowrunError as error:
            fail(error, session)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        code = INTERRUPTED
        try:
            code = _run(plans, session, told, headed=headed, fail_fast=fail_fast, strict=strict)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
        finally:
            for reporter in told:
                reporter.close()
    sys.exit(code)


def _run(
    plans: Sequence[Plan], session: Session, told: Sequence[Reporter], *, headed: bool, fail_fast: bool, strict: bool
) -> int:
    from flowrun import engine  # noqa: PLC0415
    from flowrun.browser import BrowserSettings  # noqa: PLC0415
    from flowrun.events import RunFinished  # noqa: PLC0415
    from flowrun.report.evidence import Evidence  # noqa: PLC0415
    from flowrun.trust import browser_arguments  # noqa: PLC0415

    browsing = [plan.environment for plan in plans if any(step.kind == "browse" for step in plan.scenario.steps)]
    arguments = dict.fromkeys(argument for environment in browsing for argument in environment.browser_arguments)
    settings = BrowserSettings(
        headless=not (headed or any(one.headed for one in browsing)),
        arguments=(*arguments, *browser_arguments({id(one): one for one in browsing}.values())),
        insecure=any(not environment.tls.verify for environment in browsing),
    )
    if browsing:
        session.prepare_browser(settings)
    code = INTERRUPTED
    options = engine.Options(fail_fast=fail_fast, strict=strict, browser=settings)
    evidence = Evidence()
    for happened in engine.events(plans, session, options):
        event = evidence.keep(happened)
        for reporter in told:
            reporter.tell(event)
        if isinstance(event, RunFinished):
            code = event.exit_code
    return INTERRUPTED if session.interrupted.is_set() else code


def _open(reports: Sequence[str]) -> list[Reporter]:
    from flowrun.report import REPORTS, open_report  # noqa: PLC0415

    opened: list[Reporter] = []
    for text in reports:
        kind, equals, name = text.partition("=")
        if kind not in REPORTS or not equals or not name:
            raise FlowrunError(
                Problem("bad-option", f"--report {text}: write --report json=FILE", exit_code=WRONG_FILE)
            )
        try:
            opened.append(open_report(kind, Path(name)))
        except OSError as error:
            raise FlowrunError(
                Problem("unwritable", f"the report {name} can't be written: {error.strerror}", exit_code=WRONG_FILE)
            ) from error
    return opened


def _as_interrupt(*_: Any) -> None:
    """End on SIGTERM as on Ctrl-C: pipelines cancel this way, and the browser must go then too."""
    raise KeyboardInterrupt
