"""A scenario that is like another one: what it does not say itself, it takes from there.

The two files become one document, each part with its place in the file that it came from. Nothing after this knows of
the difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from flowrun import validate
from flowrun.dataclass import dataclass
from flowrun.document import Document
from flowrun.errors import FlowrunError, Problem, Span

if TYPE_CHECKING:
    from flowrun.places import Where

_TAKEN: Final = ("environment",)  # as they stand, where the scenario has none of its own
_LAID_OVER: Final = ("inputs", "authorization")  # member by member, its own over the other's
_TAKES: Final = frozenset({"discover", "sign", "push", "browse", "exchange", "userinfo"})
_PREPARES: Final = frozenset({"set", "use", "call"})  # come along with the step that they stand before
_PUSH: Final = ("push", "")
_SIGN: Final = ("sign", "request_object")
_OPTIONAL: Final = {_PUSH: "pushes no request", _SIGN: "signs no request object"}
_NEEDED_BY: Final = {_PUSH: "par", _SIGN: "signed_request"}
_STEP_WORDS: Final = ("as", "save")  # of the other's step, beside the fields of its kind
_WHOSE: Final = frozenset({"as", "flow", "name"})
_RECALLED: Final = re.compile(r"\blike\.(\w+)")
_REQUESTS: Final = frozenset({"push", "browse", "sign"})


@dataclass(slots=True)
class _Parts:
    """A document in the making: data, and the place of each part."""

    data: dict[str, Any] = field(default_factory=dict)
    spans: dict[Where, Span] = field(default_factory=dict)
    keys: dict[Where, Span] = field(default_factory=dict)

    def copy(self, document: Document, at: Where, to: Where) -> None:
        """Take over the places of a part of a document."""
        for path in document.spans:
            if path[: len(at)] == at:
                self.spans[(*to, *path[len(at) :])] = document.spans[path]
        for path in document.keys:
            if path[: len(at)] == at:
                self.keys[(*to, *path[len(at) :])] = document.keys[path]


def merged(own: Document, other: Document) -> tuple[Document, int]:
    """Return a scenario as it is with what it takes from the one that it is like, and where the two part.

    That is the number of the first step that is not the other's. Both documents are valid. Files that either names are
    looked for beside the other one. Raises `FlowrunError` where the one can't be like the other.
    """
    parts = _Parts()
    parts.copy(own, (), ())
    parts.data = {key: value for key, value in own.data.items() if key not in {"like", "steps"}}
    for key in _TAKEN:
        if key in other.data and key not in own.data:
            parts.data[key] = other.data[key]
            parts.copy(other, (key,), (key,))
    for key in _LAID_OVER:
        if key in other.data:
            members = own.data.get(key) or {}
            parts.data[key] = {
                **other.data[key],
                **{name: _recalled(members[name], (key, name), own, other) for name in members},
            }
            parts.copy(other, (key,), (key,))
            parts.copy(own, (key,), (key,))
    pairs = list(_pairs(own, other))
    for path in [path for path in parts.spans if path[:1] == ("steps",)]:
        parts.spans.pop(path, None)
        parts.keys.pop(path, None)
    parts.data["steps"] = [_step(parts, index, pair, own, other) for index, pair in enumerate(pairs)]
    if "after" not in own.data and _role("exchange") in {_role(pair.entry) for pair in pairs}:
        _tidy_up(parts, pairs, other)
    whole = Document(own.file, other.path, parts.data, parts.spans, parts.keys)
    return whole, _parting(own, pairs)


def _recalled(value: Any, at: Where, own: Document, other: Document) -> Any:
    """Return a value with `like.scope` in its holes filled in: what the other one asks for there."""
    if not isinstance(value, str) or "{{" not in value:
        return value
    theirs: Mapping[str, Any] = other.data[at[0]]

    def there(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in theirs:
            raise FlowrunError(Problem("not-like", f"this does not apply: {other.file} has no {name}", own.at(at)))
        return f"({_expression(theirs[name])})"

    return _RECALLED.sub(there, value)


def _expression(value: Any) -> str:
    """Return a value, which may be a text with holes, as an expression that may stand in a hole."""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = " ".join(value)  # a list of words is sent as a text
    if not isinstance(value, str):
        return json.dumps(value)
    texts = re.split(r"\{\{(.*?)\}\}", value)
    pieces = [text.strip() if index % 2 else json.dumps(text) for index, text in enumerate(texts) if text]
    return " ~ ".join(pieces) or '""'


def _tidy_up(parts: _Parts, pairs: Sequence[_Pair], other: Document) -> None:
    """Take over what takes back what an exchange has brought, unless a step of the same name has done so.

    It is done by the client that has made the exchange.
    """
    done = {_name(pair.entry) for pair in pairs}
    left = [number for number, entry in enumerate(other.data.get("after", ())) if _name(entry) not in done]
    whose = [_words(pair.entry).get("as") for pair in pairs if _role(pair.entry) == _role("exchange")]
    client = {"as": whose[-1]} if whose[-1] else {}
    if left:
        parts.data["after"] = [
            {_kind(entry): _fields(entry), **client, **_words(entry)} if client else entry
            for entry in (other.data["after"][number] for number in left)
        ]
    for index, number in enumerate(left):
        parts.copy(other, ("after", number), ("after", index))


def _name(entry: Any) -> str:
    return str(_words(entry).get("name", _kind(entry)))


def _words(entry: Any) -> dict[str, Any]:
    """Return what stands beside the kind of a step."""
    return {} if isinstance(entry, str) else {key: value for key, value in entry.items() if key != _kind(entry)}


@dataclass(frozen=True, slots=True)
class _Pair:
    """A step of the result: the number of its own entry and of the other's; one of the two may be missing."""

    entry: Any
    own: int | None
    other: int | None = None
    like: Any = None


def _pairs(own: Document, other: Document) -> Iterator[_Pair]:
    """Yield the steps in order, each with the one that it is like; those that prepare come along."""
    theirs: Sequence[Any] = other.data["steps"]
    done = 0
    for number, entry in enumerate(own.data["steps"]):
        role = _role(entry)
        found = _next(theirs, role, done)
        if found is None and role in _OPTIONAL:
            needed = _NEEDED_BY[role] in (own.data.get("needs") or ())
            if needed or not _is_bare(entry):
                title = f"this does not apply: {other.file} {_OPTIONAL[role]}"
                raise FlowrunError(Problem("not-like", title, own.at(("steps", number))))
            continue  # the good one does without, so does this
        if found is not None and found >= done:
            for before in range(done, found):
                if _prepares(theirs[before]):
                    yield _Pair(theirs[before], None, before)
            done = found + 1
        yield _Pair(entry, number, found, None if found is None else theirs[found])


def _next(theirs: Sequence[Any], role: tuple[str, str], done: int) -> int | None:
    """Return the other's step of this role: the next one, else the last of those before."""
    if role[0] not in _TAKES:
        return None
    there = [index for index, entry in enumerate(theirs) if _role(entry) == role]
    return next((index for index in there if index >= done), there[-1] if there else None)


def _kind(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    kinds = validate.schema("step")["definitions"]["step"]["x-one-of"]["words"]
    return next(str(key) for key in entry if key in kinds)


def _fields(entry: Any) -> dict[str, Any]:
    """Return the fields of a step's kind; a short form is the field that it stands for."""
    kind = _kind(entry)
    written = None if isinstance(entry, str) else entry[kind]
    if written is None:
        return {}
    if isinstance(written, Mapping):
        return dict(written)
    return {str(validate.schema(f"steps/{kind}")["x-short"]): written}


def _role(entry: Any) -> tuple[str, str]:
    """Return what a step is for: its kind, of a token request the grant too, of a signature what is signed."""
    kind = _kind(entry)
    told = {"exchange": ("grant", "authorization_code"), "sign": ("what", "request_object")}.get(kind)
    return kind, str(_fields(entry).get(*told)) if told else ""


def _is_bare(entry: Any) -> bool:
    """Tell whether a step says nothing but what it is, who does it and to which flow it belongs."""
    return isinstance(entry, str) or ({*entry} - {_kind(entry)} <= _WHOSE and set(_fields(entry)) <= {"what"})


def _changes(entry: Any) -> bool:
    """Tell whether a step is another than the one that it is like."""
    return not isinstance(entry, str) and (len(entry) > 1 or not set(_fields(entry)) <= {"what"})


def _prepares(entry: Any) -> bool:
    return _kind(entry) in _PREPARES or _role(entry) == ("exchange", "client_credentials")


def _step(parts: _Parts, index: int, pair: _Pair, own: Document, other: Document) -> Any:
    at = ("steps", index)
    if pair.own is None:
        assert pair.other is not None  # noqa: S101  a step comes from one of the two
        parts.copy(other, ("steps", pair.other), at)
        return pair.entry
    if pair.like is None:
        parts.copy(own, ("steps", pair.own), at)
        return pair.entry
    kind = _kind(pair.entry)
    theirs = {key: value for key, value in _words(pair.like).items() if key in _STEP_WORDS}
    fields = _over(_fields(pair.like), _fields(pair.entry))
    for key in fields:
        parts.copy(other, ("steps", pair.other or 0, kind, key), (*at, kind, key))
    for key in theirs:
        parts.copy(other, ("steps", pair.other or 0, key), (*at, key))
    parts.copy(own, ("steps", pair.own), at)
    return {kind: fields, **theirs, **_words(pair.entry)}


def _over(theirs: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """Lay fields over fields; a mapping that both have, member by member."""
    both = {**theirs, **mine}
    for key, value in mine.items():
        if isinstance(value, Mapping) and isinstance(theirs.get(key), Mapping):
            both[key] = {**theirs[key], **value}
    return both


def _is_tried_first(pairs: Sequence[_Pair]) -> bool:
    """Tell whether the same comes again: then this only shows that it works, and is not what the row is about."""
    return any(_role(later.entry) == _role(pairs[0].entry) for later in pairs[1:])


def _parting(own: Document, pairs: Sequence[_Pair]) -> int:
    """Return the number of the first step that is not the other's."""
    seen: set[tuple[str, str]] = set()
    for index, pair in enumerate(pairs):
        kind = _kind(pair.entry)
        if pair.own is None:
            continue
        changed = bool(own.data.get("authorization")) and kind in _REQUESTS
        again = _role(pair.entry) in seen
        seen.add(_role(pair.entry))
        if changed or again or _changes(pair.entry) or (pair.other is None and not _is_tried_first(pairs[index:])):
            return index
    return max(0, len(pairs) - 1)
