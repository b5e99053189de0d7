"""`--only-failed` and `--failed-first`: what the last run that was kept says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.errors import WRONG_FILE, FlowrunError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowrun.plan import Plan


def after_last(plans: Sequence[Plan], base: Path, *, only: bool) -> list[Plan]:
    """Return the plans with those first that failed in the last run below `base`; `only` leaves the others out.

    Raises `FlowrunError` where no run is kept, and where nothing of what failed is among the plans.
    """
    from flowrun.report.archive import read  # noqa: PLC0415  most runs ask for no history
    from flowrun.report.compare import failed  # noqa: PLC0415
    from flowrun.report.folder import latest  # noqa: PLC0415

    last = latest(base)
    if last is None:
        raise FlowrunError(
            Problem("no-run", f"no run is kept in {base}/", hint="run once without this option", exit_code=WRONG_FILE)
        )
    keys = failed(read(last))
    first = [plan for plan in plans if _key(plan) in keys]
    if only and not first:
        title = f"nothing of these scenarios failed in the last run ({last})"
        raise FlowrunError(Problem("nothing-failed", title, exit_code=WRONG_FILE))
    return first if only else [*first, *(plan for plan in plans if _key(plan) not in keys)]


def _key(plan: Plan) -> tuple[str, str, str]:
    return (plan.scenario.document.file, plan.environment.name, plan.case)
