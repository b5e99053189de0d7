"""A scenario file as frozen values: what should happen, as written, with the way back to each line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Final

from flowrun import likeness, validate
from flowrun.cases import Case, inside, read_cases
from flowrun.dataclass import dataclass
from flowrun.document import Document, content, read
from flowrun.environment import FOLDER
from flowrun.errors import FlowrunError, Problem, Span, did_you_mean
from flowrun.steps import KINDS

At = tuple[str | int, ...]

PLACES: Final = ("push", "callback", "page", "exchange", "userinfo", "introspect", "revoke", "call", "tls")
PACK: Final = "pack"  # the folder of scenarios that prove a rule each
# The key at the beginning of a line, after a byte order mark in the first one.
_SCENARIO: Final = re.compile(rb"""(?:^|\A\xef\xbb\xbf|\r)(?:scenario|"scenario"|'scenario'):""", re.MULTILINE)
_COMMON: Final = ("name", "when", "as", "flow", "tamper", "expect", "save", "retry")


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """One step as written, holes and all. `at` leads to it in the file, `input_at` to the value of its kind.

    `file` and `line` say where it stands: each report has that, and the places of a file are not kept for it.
    """

    kind: str
    name: str
    input: Mapping[str, Any]
    at: At
    input_at: At
    short: str = ""
    when: str | None = None
    client: str = "default"
    flow: str = ""
    tamper: Mapping[str, Any] | None = None
    retry: Any = None
    expect: Mapping[str, Any] | None = None
    save: Mapping[str, str] | None = None
    file: str = ""
    line: int = 0

    def place(self, document: Document, field: Sequence[str | int] = ()) -> Span:
        """Return where a field of the input stands, or the step itself when it was not written."""
        if field and self.short and field[0] == self.short:
            return document.at(self.input_at)
        written: Any = self.input
        for part in field:
            try:
                written = written[part]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if field:
                return document.at((*self.input_at, *field))
        return document.key_at(self.input_at) if self.input_at != self.at else document.at(self.at)

    def place_of_tamper(self, document: Document, field: Sequence[str | int]) -> Span:
        """Return where something under `tamper` stands: a target that is a key, else the value."""
        at = (*self.at, "tamper", *field)
        return document.key_at(at) if field and isinstance(field[-1], str) else document.at(at)


@dataclass(frozen=True, slots=True)
class Input:
    """A value that comes from outside; `type` is text, number, boolean, list or json."""

    name: str
    type: str
    default: Any
    has_default: bool
    blank: bool
    one_of: Sequence[Any]
    at: At


@dataclass(frozen=True, slots=True)
class Proof:
    """The one rule that a scenario puts to the test; `schemas/scenario.json` says what each field is.

    `since` is the number of the first step that it is about: what goes wrong before says nothing of the rule.
    """

    level: str
    clause: str
    but: Mapping[str, str] = field(default_factory=dict)
    module: str = ""
    fault: str = ""
    since: int = 0

    def level_in(self, family: Sequence[str]) -> str:
        """Return must, should, info or off; `family` is a profile and those that it builds on, the nearest first."""
        return next((self.but[name] for name in family if name in self.but), self.level)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as written.

    `refused` maps a place, or a step's name, to the errors allowed there (empty: any); with `or_passed` it may also be
    accepted. `used` maps the name of a `use` step to the scenario whose steps it runs.
    """

    document: Document
    title: str
    why: str
    id: str
    tags: tuple[str, ...]
    needs: tuple[str, ...]
    environment: str
    inputs: Mapping[str, Input]
    authorization: Mapping[str, Any]
    steps: tuple[WrittenStep, ...]
    after: tuple[WrittenStep, ...]
    cases: tuple[Case, ...]
    refused: Mapping[str, tuple[str, ...]]
    used: Mapping[str, Scenario]
    or_passed: bool = False
    proves: Proof | None = None
    line: int = 1


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the scenario files at these paths: a file as it is, of a folder every YAML file with the key `scenario`.

    Raises `FlowrunError` for a path that is not there and for a folder without a scenario.
    """
    found: list[Path] = []
    problems: list[Problem] = []
    for path in paths:
        if path.is_dir():
            inside = [file for file in _yaml_files(path) if looks_like_scenario(file)]
            if not inside:
                problems.append(
                    Problem(
                        "no-scenario",
                        f"no scenario in {path}/",
                        hint="a scenario is a YAML file with the key `scenario`",
                    )
                )
            found += inside
        else:
            found.append(path)
    if problems:
        raise FlowrunError(*problems)
    return list(dict.fromkeys(found))


def _yaml_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        # A name that begins with _ is for files that others use; it is no scenario of its own. A pack is for `harden`.
        if entry.name.startswith((".", "_")) or entry.name in {FOLDER, PACK}:
            continue
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _yaml_files(path)
        elif path.suffix in {".yaml", ".yml"} and path.is_file():
            yield path


def looks_like_scenario(path: Path) -> bool:
    """Tell whether a file has the key `scenario` at its top level, without parsing it: a broken one must be found."""
    try:
        return _SCENARIO.search(content(path)) is not None
    except OSError:
        return False


def load(path: Path, using: tuple[Path, ...] = (), like: Document | None = None) -> Scenario:
    """Read and validate a scenario file; raises `FlowrunError` with every problem found, in file order.

    `using` are the files on the way here, when this one is used by another; `like` takes the place of what the file
    says that it is like (`Scenario.document` of a scenario that was loaded).
    """
    document, since = _whole(path, like, ())
    data: Mapping[str, Any] = document.data
    steps = tuple(_step(document, entry, ("steps", index)) for index, entry in enumerate(data["steps"]))
    after = tuple(_step(document, entry, ("after", index)) for index, entry in enumerate(data.get("after") or ()))
    used = _used(document, [step for step in (*steps, *after) if step.kind == "use"], path, using)
    scenario = Scenario(
        document=document,
        title=data["scenario"],
        why=data.get("why", ""),
        id=data.get("id", path.stem),
        tags=_texts(data.get("tags")),
        needs=_texts(data.get("needs")),
        environment=data.get("environment", ""),
        inputs={name: _input(name, value) for name, value in (data.get("inputs") or {}).items()},
        authorization=data.get("authorization") or {},
        steps=steps,
        after=after,
        cases=read_cases(document, root_of(document.path)) if "cases" in data else (),
        refused=_refused(data.get("outcome")),
        used=used,
        or_passed=isinstance(data.get("outcome"), Mapping) and "or" in data["outcome"],
        proves=Proof(**data["proves"], since=since) if "proves" in data else None,
        line=document.key_at(("scenario",)).line,
    )
    problems = [*_name_problems(scenario), *_place_problems(scenario)]
    if problems:
        raise FlowrunError(*problems)
    return scenario


def _whole(path: Path, like: Document | None, using: tuple[Path, ...]) -> tuple[Document, int]:
    """Return a valid document, with what it takes from the one that it is `like`, and the step where the two part."""
    document = read(path)
    _require_scenario(document)
    problems = validate.complete(document, "scenario")
    if problems:
        raise FlowrunError(*problems)
    if "like" not in document.data:
        return document, 0
    if like is not None:
        return likeness.merged(document, like)
    using = (*using, path.resolve())
    base = inside(document, ("like",), document.data["like"], root_of(path))
    if base.resolve() in using:
        circle = " → ".join(one.name for one in (*using[using.index(base.resolve()) :], base))
        raise FlowrunError(
            Problem("circular-like", f"these files are like each other: {circle}", document.at(("like",)))
        )
    return likeness.merged(document, _whole(base, None, using)[0])


def looks_like_environment(data: Any) -> bool:
    """Tell whether what was read is an environment file."""
    return isinstance(data, Mapping) and "environment" in data and not {"scenario", "steps"} & set(data)


def _require_scenario(document: Document) -> None:
    """Tell the one mistake for what it is when an environment was named where a scenario belongs."""
    if looks_like_environment(document.data):
        raise FlowrunError(
            Problem(
                "not-a-scenario",
                "this is an environment, not a scenario",
                document.key_at(("environment",)),
                "",
                (),
                f"run a scenario in it: flowrun SCENARIO.yaml --env {document.file}",
            )
        )


def inherited(used: Scenario, step: WrittenStep) -> Scenario:
    """Return a used scenario whose steps have the client and the flow of the `use` step where they name none."""
    steps = tuple(
        replace(
            one,
            client=step.client if one.client == "default" else one.client,
            flow=one.flow or step.flow,
        )
        for one in used.steps
    )
    return replace(used, steps=steps)


def root_of(path: Path) -> Path:
    """Return the folder that a scenario's other files may come from: the one with its environments, else its own."""
    folder = path.resolve().parent
    return next((above for above in (folder, *folder.parents) if (above / FOLDER).is_dir()), folder)


def _used(document: Document, steps: Sequence[WrittenStep], path: Path, using: tuple[Path, ...]) -> dict[str, Scenario]:
    """Load the scenarios that `use` steps name; raises `FlowrunError`, for a circle too."""
    if not steps:
        return {}
    root, using = root_of(document.path), (*using, path.resolve())
    found: dict[str, Scenario] = {}
    problems: list[Problem] = []
    for step in steps:
        at = step.input_at if step.short else (*step.input_at, "file")
        try:
            path = inside(document, at, step.input["file"], root)
            if path not in using:
                found[step.name] = load(path, using)
                continue
        except FlowrunError as error:
            problems += error.problems
            continue
        circle = " → ".join(one.name for one in (*using[using.index(path) :], path))
        problems.append(Problem("circular-use", f"these files use each other: {circle}", document.at(at)))
    if problems:
        raise FlowrunError(*problems)
    return found


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _step(document: Document, entry: Any, at: At) -> WrittenStep:
    if isinstance(entry, str):
        span = document.key_at(at)
        return WrittenStep(entry, entry, {}, at, at, file=span.file, line=span.line)
    kind = next(key for key in entry if key in KINDS)
    written = entry[kind]
    short = ""
    if kind == "set":
        given: Mapping[str, Any] = {"names": written or {}}
    elif isinstance(written, Mapping):
        given = written
    elif written is None:
        given = {}
    else:
        short = str(validate.schema(f"steps/{kind}")["x-short"])
        given = {short: written}
    span = document.key_at((*at, kind))
    return WrittenStep(
        kind=kind,
        name=entry.get("name", kind),
        input=given,
        at=at,
        input_at=(*at, kind),
        short="names" if kind == "set" else short,
        when=entry.get("when"),
        client=entry.get("as", "default"),
        flow=entry.get("flow", ""),
        tamper=entry.get("tamper"),
        retry=entry.get("retry"),
        expect=entry.get("expect"),
        save=entry.get("save"),
        file=span.file,
        line=span.line,
    )


_TYPES: Final = ((bool, "boolean"), (int | float, "number"), (list, "list"), (str, "text"))


def _input(name: str, written: Any) -> Input:
    at = ("inputs", name)
    if isinstance(written, Mapping):
        return Input(
            name,
            written.get("type") or _type_of(written.get("default")),
            written.get("default"),
            "default" in written,
            written.get("blank", "allowed" if written.get("default") == "" else "refused") == "allowed",
            written.get("one_of", ()),
            at,
        )
    return Input(name, _type_of(written), written, True, written == "", (), at)


def _type_of(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "text" if value is None else "json")


def _refused(outcome: Any) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(outcome, Mapping):
        return {}
    return {place: () if errors == "any" else _texts(errors) for place, errors in outcome["refused"].items()}


def _name_problems(scenario: Scenario) -> Iterator[Problem]:
    """Results live under the name of a step, so two of one name would hide each other."""
    seen: dict[str, WrittenStep] = {}
    for step in (*scenario.steps, *scenario.after):
        if step.name in seen:
            first = seen[step.name]
            line = first.place(scenario.document).line
            yield Problem(
                "same-name",
                f"two steps are called '{step.name}', the first in line {line}",
                step.place(scenario.document),
                f"give this one a name of its own: name: {step.name}_again",
            )
        seen[step.name] = step


def _place_problems(scenario: Scenario) -> Iterator[Problem]:
    known = [*PLACES, *(step.name for step in scenario.steps if step.name not in PLACES)]
    for place in scenario.refused:
        if place not in known:
            yield Problem(
                "unknown-place",
                f"'{place}' is no place where a refusal can happen",
                scenario.document.key_at(("outcome", "refused", place)),
                did_you_mean(place, known) or f"places: {', '.join(known)}",
            )
