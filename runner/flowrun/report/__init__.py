"""Reporters: each is told every event and makes something of it; the engine knows none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowrun.report.base import Reporter

# What `--report` offers; a module is imported when its report is asked for.
REPORTS: Final[Mapping[str, str]] = {
    "html": "flowrun.report.html:open_report",
    "json": "flowrun.report.json:open_report",
    "junit": "flowrun.report.junit:open_report",
    "markdown": "flowrun.report.markdown:open_report",
    "github": "flowrun.report.annotations:open_github",
    "gitlab": "flowrun.report.annotations:open_gitlab",
    "har": "flowrun.report.har:open_report",
    "prometheus": "flowrun.report.prometheus:open_report",
}


def open_report(kind: str, path: Path) -> Reporter:
    """Return the reporter of this kind, its file opened; raises OSError when the file can't be written."""
    module, _, name = REPORTS[kind].partition(":")
    made: Reporter = getattr(import_module(module), name)(path)
    return made
