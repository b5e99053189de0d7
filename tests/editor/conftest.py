"""One language server for the tests of a worker, and marks in texts that say where the cursor is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .lsp import Diagnostic, LanguageServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def server(peer_node: str, repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    script = repo / "tests/editor/node_modules/yaml-language-server/bin/yaml-language-server"
    with LanguageServer(peer_node, script, tmp_path_factory.mktemp("editor") / "server.log") as running:
        yield running


class Editor(NamedTuple):
    """Asks the server about a text, in a file of its own that need not exist.

    `‸` in the text is the cursor. A first line that names the schema is put before the text, and not counted.
    """

    server: LanguageServer
    new: Callable[[str], Path]
    repo: Path

    def complete(self, text: str, schema: str = "scenario") -> set[str]:
        plain, line, column = _cursor(text)
        return set(self.server.complete(self._open(plain, schema), line + 1, column))

    def hover(self, text: str, schema: str = "scenario") -> str:
        plain, line, column = _cursor(text)
        return self.server.hover(self._open(plain, schema), line + 1, column)

    def diagnostics(self, text: str, schema: str = "scenario") -> list[Diagnostic]:
        found = self.server.diagnostics(self._open(text, schema))
        return [one._replace(line=one.line - 1, end_line=one.end_line - 1) for one in found]

    def _open(self, text: str, schema: str) -> str:
        head = f"# yaml-language-server: $schema={self.repo / 'schemas' / schema}.json\n"
        return self.server.open(self.new(schema), head + text)


@pytest.fixture
def editor(server: LanguageServer, repo: Path, tmp_path: Path) -> Editor:
    count = itertools.count()
    return Editor(server, lambda name: tmp_path / str(next(count)) / f"{name}.yaml", repo)


def _cursor(text: str) -> tuple[str, int, int]:
    """Return a text without its cursor, and the line and column where that was, from 1."""
    before, found, after = text.partition("‸")
    assert found, "there is no cursor in this text"
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")
