"""`--only-failed` and `--failed-first`: what the last run that was kept says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from flowrun.errors import WRONG_FILE, FlowrunError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

T = TypeVar("T", bound="Keyed")


class Keyed(Protocol):
    """A plan, or what is known of one that another process has made."""

    @property
    def key(self) -> tuple[str, str, str]:
        """File, environment, case."""


def after_last(plans: Sequence[T], base: Path, *, only: bool, whole: bool = False) -> list[T]:
    """Return the plans with those first that failed in the last run below `base`; `only` leaves the others out.

    `whole` passes over runs of parts: every part of a suite must see the same.
    Raises `FlowrunError` where no run is kept, and where nothing of what failed is among the plans.
    """
    from flowrun.report.archive import Kept  # noqa: PLC0415  most runs ask for no history
    from flowrun.report.compare import failed  # noqa: PLC0415
    from flowrun.report.folder import kept  # noqa: PLC0415

    last = next((run for run in map(Kept, kept(base)) if not whole or run.shard is None), None)
    if last is None:
        raise FlowrunError(
            Problem("no-run", f"no run is kept in {base}/", hint="run once without this option", exit_code=WRONG_FILE)
        )
    keys = failed(last.scenarios())
    first = [plan for plan in plans if plan.key in keys]
    if only and not first:
        title = f"nothing of these scenarios failed in the last run ({last.path.parent})"
        raise FlowrunError(Problem("nothing-failed", title, exit_code=WRONG_FILE))
    return first if only else [*first, *(plan for plan in plans if plan.key not in keys)]
