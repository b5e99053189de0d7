"""What a word means: error codes of servers and of flowrun, check ids, needs, faults, terms; one entry a meaning.

What flowrun knows already is not written again: rules and clauses come from the checks, their levels from the
profiles, advice about errors from the refusals, step kinds and matchers from the schemas. The rest stands in the YAML
files beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from flowrun import profiles, rows
from flowrun.checks import CHECKS
from flowrun.dataclass import dataclass
from flowrun.document import read
from flowrun.installed import folder
from flowrun.needs import NEEDS
from flowrun.refusals import ADVICE
from flowrun.sandbox import FAULTS
from flowrun.validate import schema

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.checks.base import Check

GROUPS: Final[Mapping[str, str]] = {
    "error": "error codes of servers",
    "problem": "codes of flowrun's messages",
    "check": "automatic checks",
    "row": "rows of the refusal pack",
    "need": "needs",
    "fault": "faults of the sandbox",
    "profile": "profiles",
    "step": "step kinds",
    "matcher": "matchers",
    "term": "terms",
}
_CALLED: Final[Mapping[str, str]] = {
    "error": "an error code of servers",
    "problem": "a code of flowrun's messages",
    "check": "an automatic check",
    "row": "a row of the refusal pack",
    "need": "something that a scenario may need",
    "fault": "a fault of the sandbox",
    "profile": "a profile",
    "step": "a step kind",
    "matcher": "a matcher",
    "term": "a term",
}
_FAULT_DO: Final = "faults: [{word}] in an environment with server: embedded"
_MOST_NEAR: Final = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of a word.

    `says` is a sentence, `do` a deed, `spec` the text it comes from; all but `says` may be empty. `also` are other
    words it is asked for by. `how` is a sentence on how a check judges, or why a row is there. `levels` are the
    profiles by level, of checks only.
    """

    word: str
    group: str
    says: str
    causes: tuple[str, ...] = ()
    do: str = ""
    spec: str = ""
    also: tuple[str, ...] = ()
    how: str = ""
    levels: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Return every entry, group by group in the order of `GROUPS`."""
    step = schema("step")["definitions"]["step"]
    matchers = schema("expect")["definitions"]["matchers"]
    return (
        *_written("error", "errors", ADVICE),
        *_written("problem", "problems"),
        *map(_of_check, CHECKS),
        *map(_of_row, rows.files()),
        *(one for one in _written("need", "needs") if one.word in NEEDS),
        *(Entry(word, "fault", says, do=_FAULT_DO.format(word=word)) for word, says in FAULTS.items()),
        *map(_of_profile, profiles.names()),
        *_of_schema("step", step["properties"], step["x-one-of"]["words"]),
        *_of_schema("matcher", matchers["properties"], matchers["properties"]),
        *_written("term", "terms"),
    )


def find(word: str) -> list[Entry]:
    """Return what a word means; capitals, `-`, `_` and blanks make no difference."""
    wanted = _plain(word)
    return [one for one in entries() if wanted in map(_plain, (one.word, *one.also))]


def near(word: str) -> list[str]:
    """Return words that are like this one or contain it, the nearest first."""
    wanted = _plain(word)
    known: dict[str, str] = {}
    for one in entries():
        for name in (one.word, *one.also):
            known.setdefault(_plain(name), name)
    alike = get_close_matches(wanted, known, n=_MOST_NEAR, cutoff=0.6)
    pieces = [piece for piece in wanted.split() if len(piece) > 2]  # noqa: PLR2004  `is` and `no` are everywhere
    holding = [name for name in known if any(piece in name.split() for piece in pieces)]
    return [known[name] for name in dict.fromkeys([*alike, *holding])][:_MOST_NEAR]


def lines(entry: Entry) -> list[str]:
    """Return an entry as text for people."""
    out = [f"{entry.word}: {_CALLED[entry.group]}", f"  {entry.says}"]
    if entry.how:
        out += ["  Why" if entry.group == "row" else "  How it is judged", f"    {entry.how}"]
    if entry.levels:
        out += ["  Level by profile", *(f"    {level:<6}  {names}" for level, names in entry.levels)]
    if entry.causes:
        out += ["  Usual causes", *(f"    - {cause}" for cause in entry.causes)]
    if entry.do:
        out += ["  In flowrun" if entry.group in {"term", "profile", "fault"} else "  What to do", f"    {entry.do}"]
    if entry.spec:
        out += ["  Specification", f"    {entry.spec}"]
    if entry.also:
        out += ["  Also asked for as", f"    {', '.join(entry.also)}"]
    return out


def _plain(word: str) -> str:
    return re.sub(r"[\s_.-]+", " ", word).strip().lower()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _of_check(check: Check) -> Entry:
    return Entry(
        check.id,
        "check",
        _sentence(check.sentence),
        do="tell the server's team; where it is known and accepted, write into the environment file "
        f"deviations: [{{check: {check.id}, reason: …}}]",
        spec=check.clause,
        how=" ".join((check.judge.__doc__ or "").split()),
        levels=_levels(check.id),
    )


def _of_row(file: Path) -> Entry:
    written: Mapping[str, Any] = read(file).data
    proves, name = written["proves"], written["id"]
    module = f"; the official module {proves['module']}" if "module" in proves else ""
    return Entry(
        name,
        "row",
        _sentence(written["scenario"]),
        do=f"flowrun harden FILE -k {name} tries it; the sandbox's fault {proves['fault']} breaks it",
        spec=f"{proves['clause']}{module}",
        how=_sentence(written["why"]),
    )


def _levels(check: str) -> tuple[tuple[str, str], ...]:
    by: dict[str, list[str]] = {level: [] for level in profiles.LEVELS}
    for name in profiles.names():
        by[profiles.load(name).level(check)].append(name)
    return tuple((level, ", ".join(names)) for level, names in by.items() if names)


def _written(group: str, name: str, advice: Mapping[str, str] | None = None) -> Iterator[Entry]:
    data: Mapping[str, Mapping[str, Any]] = read(folder(__name__) / f"{name}.yaml").data
    for word, written in data.items():
        yield Entry(
            word,
            group,
            written["says"],
            tuple(written.get("causes", ())),
            advice[word] if advice is not None else written.get("do", ""),
            written.get("spec", ""),
            tuple(written.get("also", ())),
        )


def _of_profile(name: str) -> Entry:
    return Entry(name, "profile", _sentence(profiles.load(name).title), do=f"profile: {name} in the environment file")


def _of_schema(group: str, written: Mapping[str, Any], words: Iterable[str]) -> Iterator[Entry]:
    for word in words:
        later = f" ({written[word]['x-comes']})" if "x-comes" in written[word] else ""
        says = f"{written[word]['description']}{later}"
        yield Entry(word, group, says, do="docs/reference.md has its fields and examples")
