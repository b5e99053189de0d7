"""Reporters: each is told every event and makes something of it; the engine knows none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowrun.report.base import Reporter

# What `--report` offers; a module is imported when its report is asked for.
REPORTS: Final[Mapping[str, str]] = {"json": "flowrun.report.json"}


def open_report(kind: str, path: Path) -> Reporter:
    """Return the reporter of this kind, its file opened; raises OSError when the file can't be written."""
    made: Reporter = import_module(REPORTS[kind]).open_report(path)
    return made
