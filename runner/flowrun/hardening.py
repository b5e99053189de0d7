"""Many scenarios out of one: each row of the pack, as a change of a good scenario that a person has written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flowrun import plan as plans
from flowrun import rows as own_rows
from flowrun import scenario as scenarios
from flowrun.dataclass import dataclass
from flowrun.errors import FlowrunError, Problem, did_you_mean
from flowrun.needs import unmet

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.environment import Environment
    from flowrun.keyring import Keyring
    from flowrun.plan import Plan
    from flowrun.scenario import Scenario, WrittenStep

SECOND: Final = "second"  # what the rows call the other client
OPT_IN: Final = "opt-in"  # the tag of rows that a server's owner should be asked about first


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that can't be tried here, and why."""

    row: Scenario
    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a person wants: with all of these tags, with this text in id or title; nothing said, all.

    `opt_in`: also those that a server's owner should be asked about first.
    """

    tags: Sequence[str] = ()
    words: str = ""
    opt_in: bool = False

    def holds(self, row: Scenario) -> bool:
        """Tell whether a row is wanted."""
        return set(self.tags) <= set(row.tags) and self.words.lower() in f"{row.id} {row.title}".lower()


def rows(folder: Path | None = None) -> list[Path]:
    """Return the files of the pack that comes with flowrun, or of a folder; raises `FlowrunError` for an empty one."""
    return scenarios.find([folder or own_rows.folder()])


def derive(
    good: Scenario,
    row_files: Iterable[Path],
    environment: Environment,
    keyring: Keyring,
    *,
    second: str,
    wanted: Wanted,
    overrides: Mapping[str, str],
) -> tuple[list[Plan], list[LeftOut]]:
    """Return a plan for each row that applies to the good scenario here, and those that do not.

    `second` is the client that takes the part of the other one; empty where there is none. Raises `FlowrunError` for a
    row that is wrong in itself.
    """
    made: list[Plan] = []
    left_out: list[LeftOut] = []
    for file in row_files:
        try:
            row = _with(scenarios.load(file, like=good.document), second)
        except FlowrunError as error:
            written = scenarios.load(file)
            if error.problems[0].code != "not-like":
                raise
            if wanted.holds(written):
                left_out.append(LeftOut(written, error.problems[0].title))
            continue
        if not wanted.holds(row):
            continue
        row, reason = _answering(row, environment)
        reason = _why_not(row, environment, wanted) or reason
        if not reason:
            try:
                made += plans.make(row, environment, overrides, keyring)[:1]
            except FlowrunError as error:
                reason = error.problems[0].title
        if reason:
            left_out.append(LeftOut(row, reason))
    return made, left_out


def _why_not(row: Scenario, environment: Environment, wanted: Wanted) -> str:
    proves = row.proves
    if proves is None:
        raise FlowrunError(
            Problem("no-rule", "this proves nothing: it has no `proves`", row.document.key_at(("scenario",)))
        )
    if proves.level_in(environment.profile.family) == "off":
        return f"the profile {environment.profile.name} does not ask for it"
    if OPT_IN in row.tags and not wanted.opt_in:
        return f"only when asked for: --tag {OPT_IN}"
    lacking = unmet(row.needs, environment, {})
    return f"needs {', '.join(lacking)}, which is not there" if lacking else ""


def _answering(row: Scenario, environment: Environment) -> tuple[Scenario, str]:
    """Return a row that gives its answers on the pages that have them here, and what it lacks where none has.

    A row says `consent: deny`; what the page is called is the environment's affair.
    """
    steps = []
    for step in row.steps:
        answers = step.input.get("answers") if step.kind == "browse" else None
        found: dict[str, Any] = {}
        for page, word in answers.items() if isinstance(answers, Mapping) else ():
            having = [name for name, one in environment.pages.items() if word in (one.get("answers") or ())]
            if "{{" in str(word) or page in having:
                found[page] = word
            elif having:
                found |= dict.fromkeys(having, word)
            else:
                return row, f"no page of the environment has the answer '{word}'"
        steps.append(replace(step, input={**step.input, "answers": found}) if found else step)
    return replace(row, steps=tuple(steps)), ""


def second_client(environment: Environment, name: str) -> str:
    """Return which client takes the part of the second: the one named, `second`, or the only other one; empty for none.

    Raises `FlowrunError` where the one that is named does not exist.
    """
    there = environment.client_names()
    if name and name not in there:
        label = did_you_mean(name, there) or f"clients: {', '.join(there)}"
        raise FlowrunError(Problem("unknown-client", f"--second {name}: no client has this name", None, label))
    others = [one for one in there if one != "default"]
    return name or (SECOND if SECOND in there else others[0] if len(others) == 1 else "")


def _with(row: Scenario, second: str) -> Scenario:
    """Return a row with the name of the second client in the place of `second`."""
    if second in {"", SECOND}:
        return row
    needs = tuple(need for need in row.needs if need != "second_client")  # it is there, under its own name
    return replace(row, needs=needs, steps=tuple(_step(step, second) for step in row.steps))


def _step(step: WrittenStep, second: str) -> WrittenStep:
    client = second if step.client == SECOND else step.client
    return replace(step, client=client, tamper=None if step.tamper is None else _tamper(step.tamper, second))


def _tamper(tamper: Mapping[str, Any], second: str) -> dict[str, Any]:
    changed = dict(tamper)
    for word in ("client", "certificate"):
        if changed.get(word) == SECOND:
            changed[word] = second
    if (changed.get("sign") or {}).get("key") == SECOND:
        changed["sign"] = {**changed["sign"], "key": second}
    return changed


def by_reason(left_out: Sequence[LeftOut]) -> Iterator[tuple[str, list[Scenario]]]:
    """Yield the reasons with their rows, those of most rows first."""
    grouped: dict[str, list[Scenario]] = {}
    for one in left_out:
        grouped.setdefault(one.reason, []).append(one.row)
    yield from sorted(grouped.items(), key=lambda pair: (-len(pair[1]), pair[0]))
