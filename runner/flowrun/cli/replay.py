"""flowrun replay: go on with a run that was kept, from a step of it."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.cli.browsing import BrowserOptions, asks_a_person, browser_options
from flowrun.cli.common import fail
from flowrun.cli.run import carry_out
from flowrun.errors import FlowrunError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.plan import Plan
    from flowrun.session import Session
    from flowrun.state import Resume


@click.command(name="replay", short_help="Go on with a kept run from one of its steps.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--from", "first", required=True, metavar="STEP", help="The name of the step to begin with.")
@click.option("-k", "words", metavar="TEXT", default="", help="The scenario, where the run has several.")
@browser_options
@click.option("--verbose", "-v", is_flag=True, help="Show each call, page and check.")
def command(run: Path, first: str, words: str, browsing: BrowserOptions, verbose: bool) -> None:
    """Go on with a run that was made with --keep-state. RUN is its folder in runs/.

    What came before STEP is taken from the run: metadata, request_uri, code, tokens, saved names. What can't be used
    again, or has expired, is told before anything is sent. The browser begins without cookies.

    Exit codes: as of a run; 2 when there is nothing to go on from.
    """
    from flowrun.report.console import Console  # noqa: PLC0415  `--help` needs neither
    from flowrun.session import Session  # noqa: PLC0415

    with Session() as session:
        try:
            plan, resume = _read(session, run, first, words)
        except FlowrunError as error:
            fail(error, session)
        told = [Console(verbose=verbose, still=asks_a_person([plan], browsing))]
        code = carry_out([plan], session, told, browsing=browsing, resume=resume)
    sys.exit(code)


def _read(session: Session, run: Path, first: str, words: str) -> tuple[Plan, Resume]:
    """Return the plan of the kept scenario, and how to go on; raises `FlowrunError`."""
    from flowrun import environment as environments  # noqa: PLC0415
    from flowrun import plan as plans  # noqa: PLC0415
    from flowrun import scenario as scenarios  # noqa: PLC0415
    from flowrun import state  # noqa: PLC0415

    kept = _chosen(state.read(run), words)
    scenario = scenarios.load(_beside(kept["file"]))
    environment = environments.load(_beside(kept["environment"]), session.redactor)
    made = plans.make(scenario, environment, {}, session.keyring)
    plan = next((plan for plan in made if plan.case == kept["case"]), None)
    if plan is None:
        raise FlowrunError(Problem("stale-state", f"the scenario has no case '{kept['case']}' any more"))
    plan = replace(plan, inputs=kept["inputs"])
    return plan, state.resume(kept, plan, first, time.time())


def _chosen(kept: list[dict[str, Any]], words: str) -> Mapping[str, Any]:
    names = [f"{one['title']} {one['file']} [{one['case']}]" for one in kept]
    chosen = [one for one, name in zip(kept, names, strict=True) if words.lower() in name.lower()]
    if len(chosen) != 1:
        title = f"{len(chosen) or 'none'} of the scenarios of this run {'are' if len(chosen) > 1 else 'is'} meant"
        label = f"name one with -k: {'; '.join(one['title'] for one in kept) or 'nothing was kept'}"
        raise FlowrunError(Problem("no-state", title, None, label))
    return chosen[0]


def _beside(path: str) -> Path:
    """Return a path as people read it: relative to where they are, if it is below."""
    absolute = Path(path)
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute
