"""The cases of a scenario: a table in the file, a CSV or YAML file beside it, or every combination of lists."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from flowrun.dataclass import dataclass
from flowrun.document import Document, read, shown
from flowrun.errors import FlowrunError, Problem, Span

MOST_CASES: Final = 10_000  # a product grows fast; more than this is a slip


@dataclass(frozen=True, slots=True)
class Case:
    """One row: its name (empty if it has none), values of inputs, where each and its name stand.

    `text` says that all values are text, to be read as the input's type (CSV).
    """

    name: str
    values: Mapping[str, Any]
    spans: Mapping[str, Span]
    key_spans: Mapping[str, Span]
    text: bool = False

    def title(self) -> str:
        """Return what reports call it: its name, else its values."""
        return self.name or ", ".join(f"{key}={brief(value)}" for key, value in self.values.items())


NO_CASE: Final = Case("", {}, {}, {})


def brief(value: Any) -> str:
    """Return a value in a few words: texts bare, a blank one named."""
    return "blank" if value == "" else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_cases(document: Document, root: Path) -> tuple[Case, ...]:
    """Return the cases that a scenario file names; `root` is the folder that its files may come from.

    Raises `FlowrunError` for a file that can't be read.
    """
    written = document.data.get("cases")
    if written is None:
        return ()
    if isinstance(written, list):
        return tuple(_rows(document, ("cases",), written))
    if "product" in written:
        return tuple(_product(document, written["product"]))
    path = inside(document, ("cases", "file"), written["file"], root)
    return tuple(_csv(path, document) if path.suffix.lower() == ".csv" else _yaml(path))


def inside(document: Document, at: tuple[str | int, ...], name: str, root: Path) -> Path:
    """Return a file named in a scenario; raises `FlowrunError` if it is not there or outside the scenarios' folder."""
    path = (document.path.parent / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise FlowrunError(
            Problem("file-outside", f"{name} is outside the scenarios' folder {shown(root)}/", document.at(at))
        )
    if not path.is_file():
        near = [file.name for file in path.parent.glob("*") if file.is_file()] if path.parent.is_dir() else []
        hint = f"files there: {', '.join(sorted(near)[:8])}" if near else ""
        raise FlowrunError(Problem("file-missing", f"there is no file {name}", document.at(at), hint=hint))
    return path


def _rows(document: Document, at: tuple[str | int, ...], rows: list[Any]) -> Iterator[Case]:
    for index, row in enumerate(rows):
        spans = {key: document.at((*at, index, key)) for key in row}
        keys = {key: document.key_at((*at, index, key)) for key in row}
        yield Case(str(row.get("case", "")), {key: row[key] for key in row if key != "case"}, spans, keys)


def _product(document: Document, lists: Mapping[str, list[Any]]) -> Iterator[Case]:
    spans = {key: document.at(("cases", "product", key)) for key in lists}
    keys = {key: document.key_at(("cases", "product", key)) for key in lists}
    number = 1
    for one in lists.values():
        number *= len(one)
    if number > MOST_CASES:
        at = document.key_at(("cases", "product"))
        raise FlowrunError(Problem("too-many-cases", f"this makes {number} cases; {MOST_CASES} are allowed", at))
    for values in itertools.product(*lists.values()):
        yield Case("", dict(zip(lists, values, strict=True)), spans, keys)


def _yaml(path: Path) -> Iterator[Case]:
    document = read(path)
    problems = list(document.problems)
    rows = document.data
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        at = document.at(())
        problems.append(Problem("wrong-value", "expected a list of cases, each a mapping of inputs", at))
    if problems:
        raise FlowrunError(*problems)
    yield from _rows(document, (), rows)


def _csv(path: Path, document: Document) -> Iterator[Case]:
    """Yield the rows of a CSV file: the first line has the names; a semicolon or tab between values is fine too."""
    name = shown(path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        at = document.at(("cases", "file"))
        raise FlowrunError(Problem("file-unreadable", f"{name} can't be read as UTF-8 text", at)) from error
    lines = text.splitlines()
    head = lines[0] if lines else ""
    between = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=between, skipinitialspace=True)
    names: list[str] = []
    keys: dict[str, Span] = {}
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            at = Span(name, reader.line_num, 1, 2, "")
            raise FlowrunError(Problem("wrong-row", "this line can't be read as CSV", at, str(error))) from error
        if cells is None:
            return
        number = reader.line_num
        line = lines[number - 1] if number <= len(lines) else ""
        at = Span(name, number, 1, len(line) + 1, line)
        if not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = [cell.strip() for cell in cells]
            keys = dict.fromkeys(names, at)
            continue
        if len(cells) != len(names):
            title = f"this line has {len(cells)} values, the first line has {len(names)} names"
            raise FlowrunError(Problem("wrong-row", title, at, "a value with a comma in it needs quotes"))
        row = dict(zip(names, cells, strict=True))
        case = row.pop("case", "")
        yield Case(case, row, dict.fromkeys(row, at), keys, text=True)
