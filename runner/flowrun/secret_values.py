"""Secrets by name, read where they are used: the process environment, then `.env` files beside the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flowrun.errors import FlowrunError, Problem

PLACEHOLDER: Final = "change-me"  # what `flowrun new` writes for every secret

if TYPE_CHECKING:
    from flowrun.redact import Redactor


class Secrets(Mapping[str, str]):
    """Secrets by name: the process environment, then `.env.<environment>`, then `.env` beside the file.

    Each one that is read is made known to the redactor before anybody else sees it.
    """

    def __init__(self, environment: str, folder: Path, process: Mapping[str, str], redactor: Redactor) -> None:
        """Read nothing yet."""
        self._sources: list[Mapping[str, str]] = [process]
        self._files = [folder / f".env.{environment}", folder / ".env"]
        self._redactor = redactor

    def __getitem__(self, name: str) -> str:
        """Return a secret; raises KeyError."""
        for source in self._all():
            if name in source:
                self._redactor.learn(name, source[name], lasting=True)
                return source[name]
        raise KeyError(name)

    def is_open(self, name: str) -> bool:
        """Tell whether a secret is still to be filled in; nobody gets to see it, so the redactor need not know it."""
        return next((source[name] for source in self._all() if name in source), "") == PLACEHOLDER

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the files only: the whole process environment is no suggestion for anybody."""
        return iter({name for source in self._all()[1:] for name in source})

    def __len__(self) -> int:
        """Count what `iter` yields."""
        return len(set(self))

    def _all(self) -> list[Mapping[str, str]]:
        while self._files:
            path = self._files.pop(0)
            self._sources.append(read_env_file(path) if path.is_file() else {})
        return self._sources


def read_env_file(path: Path) -> dict[str, str]:
    """Return the names and values of a `.env` file: `NAME=value`, quotes around the value allowed, `#` comments.

    Raises `FlowrunError` for a file that can't be read.
    """
    found: dict[str, str] = {}
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FlowrunError(Problem("file-unreadable", f"{path.name} can't be read as UTF-8 text")) from error
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = value.partition(" #")[0].rstrip()
        found[name.strip()] = value
    return found
