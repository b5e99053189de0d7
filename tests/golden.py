"""Texts that a person reads, kept as files and compared letter by letter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def compare(golden: Path, text: str) -> None:
    """Compare with a golden file; FLOWRUN_GOLDEN=write writes it instead, and fails so that nobody forgets to look."""
    __tracebackhide__ = True
    if os.environ.get("FLOWRUN_GOLDEN") == "write":
        golden.write_text(text, "utf-8")
        pytest.fail(f"written: {golden}")
    assert text == golden.read_text("utf-8")
