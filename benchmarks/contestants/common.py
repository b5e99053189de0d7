"""What every tool's files are written from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CLIENT, SECRET = "benchmark", "a-secret-of-the-benchmark"
PERMISSIONS = ["ReadAccounts", "ReadBalances"]


@dataclass(frozen=True)
class Work:
    """What is to be done: in this folder, at this server (`ca` is for https), so many chains; none: one request."""

    folder: Path
    base: str
    ca: Path | None = None
    files: int = 0

    @property
    def numbers(self) -> list[str]:
        """The numbers of the chains, as they stand in names."""
        return [f"{number:04}" for number in range(self.files)]

    def write(self, name: str, text: str) -> Path:
        """Write a file of the tool and return where it is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path
