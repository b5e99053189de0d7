"""YAML with positions: plain data, and apart from it a span for every value and every key (the only home of yaml)."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from flowrun.dataclass import dataclass
from flowrun.errors import FlowrunError, Problem, Span, did_you_mean
from flowrun.places import Found, Places, Table, Where
from flowrun.source import Source

if TYPE_CHECKING:
    from flowrun.syntax import Repair, Trouble

MAX_BYTES: Final = 1 << 20
_USUAL_BYTES: Final = 1 << 14
MAX_DEPTH: Final = 100
MAX_COPIED: Final = 10_000
_SHORT: Final = 24  # characters of a text that stands in many files, as names and words do: they share it
_MAX_REPAIRS: Final = 30

# YAML 1.2 as JSON has it: no dates, no yes/no, no octals; a leading zero or an exponent without a point makes a text,
# because client ids and account numbers look like that.
_INT = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9]\d*)\.\d+(?:[eE][-+]?\d+)?")
_BEGIN_A_NUMBER: Final = "-0123456789"
_WORDS: Final[Mapping[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_PLAIN = re.compile(r"[\t\n\r -~]*")
_CURLY: Final = "“”„‟«»‘’‚"
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: `data` is plain, `spans` and `keys` say where each value and each mapping key stands.

    `problems` are mistakes that did not keep the rest from being read (a duplicate key, an unquoted `{{ x }}`);
    `validate.check` reports them together with its own.
    """

    file: str
    path: Path
    data: Any
    spans: Mapping[Where, Span]
    keys: Mapping[Where, Span]
    problems: tuple[Problem, ...] = ()

    def at(self, path: Where) -> Span:
        """Return the span of a value, or of the nearest thing around it that was written."""
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans[path]

    def key_at(self, path: Where) -> Span:
        """Return the span of a key, or of the value or the nearest thing around it if there is none."""
        return self.keys[path] if path in self.keys else self.at(path)


def read(path: Path) -> Document:
    """Read a file; raises `FlowrunError` with every problem that keeps it from being read."""
    file = shown(path)
    return parse(_text(path, file), file, path)


def shown(path: Path) -> str:
    """Return a path as a person knows it: relative to the current folder if it is below it."""
    if path.name in {"", ".."} or path.is_symlink():
        return _below(path, Path.cwd()) or str(path)
    folder = _below(path.parent, Path.cwd())
    return str(path) if folder is None else str(Path(folder, path.name))


@lru_cache(maxsize=1024)
def _below(folder: Path, here: Path) -> str | None:
    """Return a folder relative to the one where we are, None where it is not below it."""
    try:
        return str(folder.resolve().relative_to(here))
    except ValueError:
        return None


def parse(text: str, file: str, path: Path) -> Document:
    """Read a text; raises `FlowrunError` like `read`."""
    source = Source(file, text)
    problems = _characters(source)
    if problems:
        raise FlowrunError(*problems)
    repairs: list[Repair] = []
    while True:
        reading = _Reading(source, repairs)
        try:
            data = reading.document()
        except yaml.MarkedYAMLError as error:
            from flowrun.syntax import explain  # noqa: PLC0415  only what is wrong needs words

            finding = explain(source, reading.trouble(error))
            problems.append(finding.problem)
            known = finding.repair is None or any(finding.repair.start == done.start for done in repairs)
            if finding.repair is None or known or len(repairs) > _MAX_REPAIRS:
                raise FlowrunError(*_in_order([*problems, *reading.problems])) from None
            repairs.append(finding.repair)
        except _StopError as stop:
            raise FlowrunError(*_in_order([*problems, *reading.problems, stop.problem])) from None
        else:
            break
        finally:
            reading.close()
    problems = _in_order([*problems, *reading.problems])
    table = Table(reading.spans, reading.keys, source, partial(_found, repairs=repairs) if repairs else _found)
    return Document(file, path, data, Places(table, 0), Places(table, 1), tuple(problems))


def _found(source: Source, repairs: Sequence[Repair] = ()) -> tuple[Found, Found]:
    """Return once more where values and keys stand in a text that was read before."""
    reading = _Reading(source, repairs)
    try:
        reading.document()
    finally:
        reading.close()
    return reading.spans, reading.keys


def _characters(source: Source) -> list[Problem]:
    """Return the problems of characters that can't stand where they stand."""
    if _PLAIN.fullmatch(source.text):
        return []
    from flowrun.syntax import characters  # noqa: PLC0415  its patterns take longer to make than most files to read

    return characters(source)


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Sort by place; of several problems of one kind in one place keep the first."""
    places: dict[object, Problem] = {}
    for problem in problems:
        places.setdefault((problem.code, problem.at and (problem.at.line, problem.at.column)), problem)
    return sorted(places.values(), key=lambda p: (p.at.line, p.at.column) if p.at else (0, 0))


def content(path: Path) -> bytes:
    """Return the first `MAX_BYTES` and one of a file; raises OSError."""
    with path.open("rb") as stream:
        # To make room for the longest file takes longer than to read most of them.
        first = stream.read(_USUAL_BYTES)
        return first if len(first) < _USUAL_BYTES else first + stream.read(MAX_BYTES + 1 - _USUAL_BYTES)


def _text(path: Path, file: str) -> str:
    """Return what a file says; raises `FlowrunError`."""
    try:
        written = content(path)
    except IsADirectoryError:
        raise FlowrunError(Problem("file-unreadable", f"{file} is a folder, a file was expected")) from None
    except FileNotFoundError:
        raise FlowrunError(Problem("file-missing", f"there is no file {file}", None, _nearest(path))) from None
    except (OSError, ValueError) as error:
        reason = (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no such name").lower()
        raise FlowrunError(Problem("file-unreadable", f"{file} can't be read: {reason}")) from None
    if len(written) > MAX_BYTES:
        title = f"{file} is larger than {MAX_BYTES // 1024} KiB"
        raise FlowrunError(Problem("file-too-large", title, hint="split it, or put the data into files of their own"))
    if written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        at = Span(file, 1, 1, 1)
        raise FlowrunError(Problem("file-encoding", f"{file} is UTF-16", at, hint="save it again as UTF-8"))
    written = written.removeprefix(codecs.BOM_UTF8)
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        good = written[: error.start].decode()
        source = Source(file, good + written[error.start :].decode("latin-1"))
        span = source.span(len(good), len(good) + 1)
        title = "this character is not UTF-8"
        problem = Problem("file-encoding", title, span, hint="save the file again as UTF-8")
        raise FlowrunError(problem) from None


def _nearest(path: Path) -> str:
    try:
        return did_you_mean(path.name, (entry.name for entry in path.parent.iterdir()))
    except OSError:
        return f"the folder {shown(path.parent)} does not exist either"


class _StopError(Exception):
    """A mistake after which reading on makes no sense."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


@dataclass(slots=True)
class _Anchor:
    """A value with a name, and the places inside it by their path from it."""

    value: Any
    spans: dict[Where, tuple[int, int]]
    keys: dict[Where, tuple[int, int]]
    done: bool = False


class _Reading:
    """One pass over a text, event by event."""

    def __init__(self, source: Source, repairs: Sequence[Repair]) -> None:
        text = source.text
        for repair in repairs:
            text = text[: repair.start] + repair.filler + text[repair.start + len(repair.filler) :]
        self._source = source
        self._meant = {repair.value: repair.meant for repair in repairs}
        self._parser = _Parser(text)
        self._next, self._peek = self._parser.get_event, self._parser.peek_event
        self._anchors: dict[str, _Anchor] = {}
        self._copied = 0
        self._quoted: tuple[int, int] | None = None
        self.spans: dict[Where, tuple[int, int]] = {}
        self.keys: dict[Where, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def close(self) -> None:
        """Let go of the parser."""
        self._parser.dispose()

    def trouble(self, error: yaml.MarkedYAMLError) -> Trouble:
        """Return what a parser said, freed of its types."""
        from flowrun.syntax import Trouble  # noqa: PLC0415

        at, began = error.problem_mark, error.context_mark
        return Trouble(
            error.problem or "",
            at.index if at else len(self._source.text),
            error.context or "",
            began.index if began else None,
            self._quoted,
        )

    def document(self) -> Any:
        """Read the one document that the file may hold."""
        self._next()
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            raise _StopError(self._empty())
        data = self._node((), 0)
        if data is None and self._source.text[slice(*self.spans[()])].strip() == "":
            raise _StopError(self._empty())
        self._next()
        more = self._next()
        if isinstance(more, yaml.DocumentStartEvent):
            span = self._source.span(*_place(more))
            problem = Problem("yaml-documents", "a second document begins here", span, "one file holds one document")
            raise _StopError(problem)
        return data

    def _empty(self) -> Problem:
        return Problem("file-empty", "there is nothing in this file", Span(self._source.file, 1, 1, 1))

    def _too_deep(self, start: int) -> Problem:
        return Problem(
            "yaml-depth", f"this is nested more than {MAX_DEPTH} levels deep", self._source.span(start, start + 1)
        )

    def _complain(self, code: str, title: str, start: int, end: int, label: str) -> None:
        self.problems.append(Problem(code, title, self._source.span(start, end), label))

    def _node(self, path: Where, depth: int) -> Any:
        event = self._next()
        start, end = _place(event)
        if depth > MAX_DEPTH:
            raise _StopError(self._too_deep(start))
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._alias(event, path)
        if event.tag:
            self._tag(start)
        self.spans[path] = (start, end)
        if event.anchor is None:
            return self._value(event, path, depth)
        anchor = self._anchors[event.anchor] = _Anchor(None, {}, {})
        value = self._value(event, path, depth)
        self._remember(anchor, value, path)
        return value

    def _value(self, event: Any, path: Where, depth: int) -> Any:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            return self._scalar(event, path)
        if kind is yaml.SequenceStartEvent:
            return self._sequence(path, depth)
        return self._mapping(path, depth, event.start_mark.index)

    def _tag(self, start: int) -> None:
        end = start + len(re.split(r"\s", self._source.text[start:], maxsplit=1)[0])
        self._complain("yaml-tag", "tags have no meaning here", start, end, "a text that begins with ! needs quotes")

    def _scalar(self, event: Any, path: Where) -> Any:
        start, end = self.spans[path]
        text: str = self._meant.get(start, event.value)
        if event.implicit[0] or start in self._meant:
            if start == end and path in self.keys:
                self.spans[path] = self.keys[path]
            if text and text[0] in _CURLY:
                title = "these are typographic quotes, they do not quote anything"
                self._complain("yaml-quote", title, start, end, f'write "{text.strip(_CURLY)}"')
            return _plain(text)
        if len(text) <= _SHORT:
            text = sys.intern(text)
        if event.style in {"'", '"'}:
            self._quoted = (start, end)
        return text

    def _sequence(self, path: Where, depth: int) -> list[Any]:
        items: list[Any] = []
        while type(self._peek()) is not yaml.SequenceEndEvent:
            items.append(self._node((*path, len(items)), depth + 1))
        self._end(path)
        return items

    def _end(self, path: Where) -> None:
        self.spans[path] = (self.spans[path][0], self._next().end_mark.index)

    def _mapping(self, path: Where, depth: int, start: int) -> Any:
        values: dict[str, Any] = {}
        merged: list[Any] = []
        while type(first := self._peek()) is not yaml.MappingEndEvent:
            if type(first) is not yaml.ScalarEvent:
                if type(first) is yaml.MappingStartEvent and _place(first)[0] == start + 1:
                    return self._hole(path, start)
                self._strange_key()
                continue
            self._next()
            key, at = first.value, _place(first)
            key = sys.intern(self._meant.get(at[0], key))  # the same few words in thousands of files
            here = (*path, key)
            if key == "<<" and first.implicit[0]:
                merged.append(self._node(here, depth + 1))
                continue
            if key in values:
                before = self._source.span(*self.keys[here])
                title = f"the key '{key}' is written twice"
                self._complain("duplicate-key", title, *at, f"it stands in line {before.line} already")
                self._skip()
                continue
            self.keys[here] = at
            values[key] = None
            values[key] = self._node(here, depth + 1)
        self._end(path)
        for value in merged:
            self._merge(values, value, path)
        if merged:
            for places in (self.spans, self.keys):
                for inner in [p for p in places if p[: len(path) + 1] == (*path, "<<")]:
                    del places[inner]
        return values

    def _strange_key(self) -> None:
        """Read over a key that is a list, a mapping or an alias, and its value."""
        begin = self._peek().start_mark.index
        end = max(self._skip(), begin + 1)
        self._complain("yaml-key", "a key must be a text", begin, end, "put quotes around it")
        self._skip()

    def _skip(self, inside: int = 0) -> int:
        """Read over a value, or to the end of so many open ones; return where it ends."""
        while True:
            event = self._next()
            inside += isinstance(event, yaml.CollectionStartEvent)
            inside -= isinstance(event, yaml.CollectionEndEvent)
            if inside <= 0:
                return int(event.end_mark.index)

    def _hole(self, path: Where, start: int) -> str:
        """Read over `{{ x }}`, which YAML takes for a mapping with a mapping as its key."""
        from flowrun.syntax import hole_problem  # noqa: PLC0415

        end = self._skip(inside=1)
        text = self._source.text[start:end]
        self.problems.append(hole_problem(self._source.span(start, end), text))
        self.spans[path] = (start, end)
        return text

    def _remember(self, anchor: _Anchor, value: Any, path: Where) -> None:
        size = len(path)
        for kept, places in ((anchor.spans, self.spans), (anchor.keys, self.keys)):
            # What is inside was written last, so only that is looked at.
            inside = list(takewhile(lambda p: len(p) > size and p[:size] == path, reversed(places)))
            kept.update({p[size:]: places[p] for p in reversed(inside)})
        anchor.value, anchor.done = value, True

    def _alias(self, event: Any, path: Where) -> Any:
        at = _place(event)
        self.spans[path] = at
        anchor = self._anchors.get(event.anchor)
        name = event.anchor
        if anchor is None:
            label = did_you_mean(name, self._anchors) or "a text that begins with * needs quotes"
            self._complain("yaml-alias", f"nothing before this is named &{name}", *at, label)
            return None
        if not anchor.done:
            self._complain("yaml-alias", f"&{name} contains itself", *at, "write the value out")
            return None
        if any(len(path) + len(inner) > MAX_DEPTH for inner in anchor.spans):
            raise _StopError(self._too_deep(at[0]))
        self._copied += len(anchor.spans) + 1
        if self._copied > MAX_COPIED:
            span = self._source.span(*at)
            title = f"the aliases of this file stand for more than {MAX_COPIED} values"
            raise _StopError(Problem("alias-bomb", title, span, "write fewer aliases of aliases"))
        self.spans.update({(*path, *inner): span for inner, span in anchor.spans.items()})
        self.keys.update({(*path, *inner): span for inner, span in anchor.keys.items()})
        return anchor.value

    def _merge(self, values: dict[str, Any], merged: Any, path: Where) -> None:
        """Lay what `<<` names under the keys of a mapping."""
        for number, one in enumerate(merged if isinstance(merged, list) else [merged]):
            if not isinstance(one, dict):
                continue
            base: Where = (*path, "<<", number) if isinstance(merged, list) else (*path, "<<")
            for places in (self.spans, self.keys):
                for inner in [p for p in places if p[: len(base)] == base and len(p) > len(base)]:
                    places.setdefault((*path, *inner[len(base) :]), places[inner])
            for key, value in one.items():
                values.setdefault(key, value)


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


def _plain(text: str) -> Any:
    """Return what an unquoted text stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _BEGIN_A_NUMBER:
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return sys.intern(text) if len(text) <= _SHORT else text
