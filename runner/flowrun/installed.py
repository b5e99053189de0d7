"""The files that come with flowrun, wherever it is installed; `importlib.resources` takes longer than reading them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def folder(package: str) -> Path:
    """Return the folder of a package of ours: `flowrun.schemas`."""
    return Path(import_module(package).__path__[0])
