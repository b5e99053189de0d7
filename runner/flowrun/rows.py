"""The files of the refusal pack, wherever flowrun is installed: `scenarios/pack/` of the repository."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def folder() -> Path:
    """Return the folder of the pack."""
    return Path(str(files("flowrun.pack")))


def ids() -> list[str]:
    """Return the ids of the rows; the name of a file is the id of its row."""
    return sorted(file.stem for file in folder().rglob("*.yaml"))
