"""`--report KIND=FILE`, read and opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.errors import WRONG_FILE, FlowrunError, Problem, did_you_mean

if TYPE_CHECKING:
    from flowrun.report.base import Reporter


def open_reports(written: Sequence[str]) -> list[Reporter]:
    """Return the reporters, their files open; raises `FlowrunError` for an option or a file that can't be."""
    from flowrun.report import REPORTS, open_report  # noqa: PLC0415

    opened: list[Reporter] = []
    for text in written:
        kind, equals, name = text.partition("=")
        if kind not in REPORTS or not equals or not name:
            title = f"--report {text}: write --report KIND=FILE"
            label = did_you_mean(kind, REPORTS) or f"kinds: {', '.join(REPORTS)}"
            raise FlowrunError(Problem("bad-option", title, None, label, exit_code=WRONG_FILE))
        try:
            opened.append(open_report(kind, Path(name)))
        except OSError as error:
            raise FlowrunError(
                Problem("unwritable", f"the report {name} can't be written: {error.strerror}", exit_code=WRONG_FILE)
            ) from error
    return opened
