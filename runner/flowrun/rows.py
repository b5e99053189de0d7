"""The files of the refusal pack, wherever flowrun is installed: `scenarios/pack/` of the repository."""

from __future__ import annotations

from pathlib import Path

from flowrun import installed


def folder() -> Path:
    """Return the folder of the pack."""
    return installed.folder("flowrun.pack")


def files() -> list[Path]:
    """Return the files of the rows."""
    return sorted(folder().rglob("*.yaml"))


def ids() -> list[str]:
    """Return the ids of the rows; the name of a file is the id of its row."""
    return sorted(file.stem for file in files())
