"""A scenario that is like another one: what it does not say itself, it takes from there.

The two files become one document, each part with its place in the file that it came from. Nothing after this knows of
the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flowrun import validate
from flowrun.document import Document, Where
from flowrun.errors import FlowrunError, Problem, Span

_TAKEN: Final = ("environment",)  # as they stand, where the scenario has none of its own
_LAID_OVER: Final = ("inputs", "authorization")  # member by member, its own over the other's
_TAKES: Final = frozenset({"discover", "sign", "push", "browse", "exchange", "userinfo"})
_PREPARES: Final = frozenset({"set", "use", "call"})  # come along with the step that they stand before
_OPTIONAL: Final = {"push": "pushes no request", "sign": "signs no request object"}
_NEEDED_BY: Final = {"push": "par", "sign": "signed_request"}
_STEP_WORDS: Final = ("as", "save")  # of the other's step, beside the fields of its kind
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
            parts.data[key] = {**other.data[key], **(own.data.get(key) or {})}
            parts.copy(other, (key,), (key,))
            parts.copy(own, (key,), (key,))
    pairs = list(_pairs(own, other))
    for path in [path for path in parts.spans if path[:1] == ("steps",)]:
        parts.spans.pop(path, None)
        parts.keys.pop(path, None)
    parts.data["steps"] = [_step(parts, index, pair, own, other) for index, pair in enumerate(pairs)]
    if "after" in other.data and "after" not in own.data and _role("exchange") in {_role(pair.entry) for pair in pairs}:
        parts.data["after"] = other.data["after"]  # it takes back what an exchange has brought
        parts.copy(other, ("after",), ("after",))
    whole = Document(own.file, other.path, parts.data, parts.spans, parts.keys)
    return whole, _parting(own, pairs)


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
        if found is None and role[0] in _OPTIONAL:
            needed = _NEEDED_BY[role[0]] in (own.data.get("needs") or ())
            if needed or not _is_bare(entry):
                title = f"this does not apply: {other.file} {_OPTIONAL[role[0]]}"
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
    """Tell whether a step says nothing but what it is."""
    return isinstance(entry, str) or (len(entry) == 1 and set(_fields(entry)) <= {"what"})


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
    mine = {"_": None} if isinstance(pair.entry, str) else pair.entry
    theirs = {} if isinstance(pair.like, str) else {key: pair.like[key] for key in _STEP_WORDS if key in pair.like}
    fields = _over(_fields(pair.like), _fields(pair.entry))
    for key in fields:
        parts.copy(other, ("steps", pair.other or 0, kind, key), (*at, kind, key))
    for key in theirs:
        parts.copy(other, ("steps", pair.other or 0, key), (*at, key))
    parts.copy(own, ("steps", pair.own), at)
    words = {key: value for key, value in mine.items() if key not in {"_", kind}}
    return {kind: fields, **theirs, **words}


def _over(theirs: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """Lay fields over fields; a mapping that both have, member by member."""
    both = {**theirs, **mine}
    for key, value in mine.items():
        if isinstance(value, Mapping) and isinstance(theirs.get(key), Mapping):
            both[key] = {**theirs[key], **value}
    return both


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
        if changed or again or pair.other is None or not _is_bare(pair.entry):
            return index
    return max(0, len(pairs) - 1)
