"""What is kept of a run that failed: the pages as the person would have seen them, in a folder of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from flowrun.events import Event, PageSeen, ScenarioStarted


class Evidence:
    """Puts screenshots into `runs/<time>/`; the folder is made with the first of them."""

    def __init__(self, base: Path = Path("runs")) -> None:
        """Name the folder by the local time of the start."""
        self.folder = base / datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
        self._scenario = ""
        self._count = 0

    def keep(self, event: Event) -> Event:
        """Put the screenshot of an event into a file and return the event that names it; others pass as they are."""
        if isinstance(event, ScenarioStarted):
            self._scenario = Path(event.file).stem
        if not isinstance(event, PageSeen) or event.screenshot is None:
            return event
        self._count += 1
        words = re.sub(r"[^A-Za-z0-9]+", "-", f"{self._scenario}-{event.name or 'page'}").strip("-")
        file = self.folder / f"{self._count:02}-{words}.png"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(event.screenshot)
        except OSError:
            return event  # a read-only folder must not cost the run its result
        return replace(event, screenshot_file=str(file))
