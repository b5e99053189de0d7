"""What is kept of a run: `runs/<time>/` with the JSON always, pictures of pages, and all reports when it failed."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flowrun.events import Event, PageSeen, RunFinished, ScenarioStarted
from flowrun.report import open_report
from flowrun.report.archive import NAME, Kept, events

if TYPE_CHECKING:
    from flowrun.report.base import Reporter

BASE: Final = Path("runs")
_TIME: Final = "%Y-%m-%d_%H-%M-%S"
_TIMED: Final = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
_LOOKED_AT: Final = frozenset({PageSeen, RunFinished, ScenarioStarted})
AFTER_A_FAILURE: Final = {"html": "report.html", "junit": "junit.xml", "markdown": "report.md"}


class RunFolder:
    """Keeps a run in a folder named by the local time of its start; one that can't be written to costs no run."""

    def __init__(self, base: Path | None = BASE, *, always: bool = False) -> None:
        """Make the folder below `base`; None keeps nothing. `always` writes every report after a success too."""
        self.folder: Path | None = None
        self._json: Reporter | None = None
        self._always = always
        self._code: int | None = None
        self._scenario = ""
        self._count = 0
        self.written: tuple[Path, ...] = ()
        if base is not None:
            with suppress(OSError):
                self.folder = _new(base)
                self._json = open_report("json", self.folder / NAME)

    def keep(self, event: Event) -> Event:
        """Put the screenshot of an event into a file and return the event that names it; others pass as they are."""
        if type(event) not in _LOOKED_AT:  # most events
            return event
        if isinstance(event, ScenarioStarted):
            self._scenario = Path(event.file).stem
        if isinstance(event, RunFinished):
            self._code = event.exit_code
        if isinstance(event, PageSeen) and event.screenshot is not None and self.folder is not None:
            self._count += 1
            words = re.sub(r"[^A-Za-z0-9]+", "-", f"{self._scenario}-{event.name or 'page'}").strip("-")
            file = self.folder / f"{self._count:02}-{words}.png"
            with suppress(OSError):
                file.write_bytes(event.screenshot)
                event = replace(event, screenshot_file=str(file))
        return event

    def tell(self, event: Event) -> None:
        """Write it into the JSON."""
        if self._json is not None:
            self._json.tell(event)

    def close(self) -> None:
        """Finish the JSON; after a failure make the reports for people and machines of it."""
        if self._json is None or self.folder is None:
            return
        self._json.close()
        if self._code == 0 and not self._always:
            return
        with suppress(OSError):
            opened = {name: open_report(kind, self.folder / name) for kind, name in AFTER_A_FAILURE.items()}
            for event in events([Kept(self.folder)]):
                for reporter in opened.values():
                    reporter.tell(event)
            for reporter in opened.values():
                reporter.close()
            self.written = tuple(self.folder / name for name in opened)


def _new(base: Path) -> Path:
    """Make a folder of its own, also when two runs begin in the same second."""
    name = datetime.now().astimezone().strftime(_TIME)
    for number in range(1, 1000):
        folder = base / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(name)


def kept(base: Path = BASE) -> list[Path]:
    """Return the folders of the runs that are kept, the last first."""
    found = [folder for folder in base.glob("*/") if (folder / NAME).is_file()] if base.is_dir() else []
    return sorted(found, key=lambda folder: (_when(folder), len(folder.name), folder.name), reverse=True)


def _when(folder: Path) -> str:
    """Return the time that a run is named by; of one that somebody gave another name, when it was written."""
    if _TIMED.match(folder.name):
        return folder.name[:19]
    written = datetime.fromtimestamp((folder / NAME).stat().st_mtime).astimezone()
    return written.strftime(_TIME)
