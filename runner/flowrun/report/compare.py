"""Two runs of the same scenarios, compared: what broke, what was mended, what is slower, what the server changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any, Final

from flowrun.dataclass import dataclass

Key = tuple[str, str, str]

BAD: Final = frozenset({"failed", "interrupted"})
SLOWER: Final = 1.5  # times as long as before,
SLOWER_BY: Final = 0.5  # and by so many seconds: less is noise


@dataclass(slots=True)
class Difference:
    """The names of scenarios under each heading, and lines for what changed inside them."""

    broken: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    still: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    slower: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)


def key(scenario: Mapping[str, Any]) -> Key:
    """Return what is the same for a scenario in every run: file, environment, case."""
    return (scenario["file"], scenario["environment"], scenario["case"])


def failed(scenarios: Iterable[Mapping[str, Any]]) -> set[Key]:
    """Return those scenarios of a kept run that did not pass."""
    return {key(scenario) for scenario in scenarios if scenario["status"] in BAD}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Return what is different; both as `archive.read` gives them."""
    found = Difference()
    old = {key(one): one for one in before["scenarios"]}
    now = {key(one): one for one in after["scenarios"]}
    found.gone = [_name(one) for which, one in old.items() if which not in now]
    documents: dict[str, None] = {}
    for which, one in now.items():
        other = old.get(which)
        if other is None:
            found.new.append(f"{_name(one)}: {one['status']}")
            continue
        was, is_now = other["status"] in BAD, one["status"] in BAD
        if is_now:
            (found.still if was else found.broken).append(f"{_name(one)}: {one.get('summary', one['status'])}")
        elif was:
            found.mended.append(_name(one))
        found.warnings += _warnings(other, one)
        found.slower += _slower(other, one)
        documents |= dict.fromkeys(_drift(other, one))
    found.drift = list(documents)
    return found


def _name(scenario: Mapping[str, Any]) -> str:
    case = f" [{scenario['case']}]" if scenario["case"] else ""
    return f"{scenario['title']}{case} ({scenario['environment']})"


def _warnings(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    known = {problem["code"] for problem in old.get("problems", ())}
    for problem in now.get("problems", ()):
        if problem["warning"] and problem["code"] not in known:
            yield f"{_name(now)}: {problem['code']}, {problem['title']}"


def _slower(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    times = {step["name"]: step["seconds"] for step in old["steps"] if step["status"] == "passed"}
    for step in now["steps"]:
        was = times.get(step["name"])
        if was is None or step["status"] != "passed":
            continue
        if step["seconds"] > SLOWER * was and step["seconds"] - was > SLOWER_BY:
            yield f"{_name(now)}, step {step['name']}: {was:.1f} s before, {step['seconds']:.1f} s now"


def _drift(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what changed in the metadata and the JWKS that both runs have read."""
    were, are = _documents(old), _documents(now)
    place = now["environment"]
    for name in sorted(were.keys() & are.keys()):
        was, is_now = were[name], are[name]
        for member in sorted(was.keys() | is_now.keys()):
            if was.get(member) == is_now.get(member):
                continue
            if member not in is_now:
                yield f"{place}, {name}: {member} is gone, it was {_short(was[member])}"
            elif member not in was:
                yield f"{place}, {name}: {member} is new, {_short(is_now[member])}"
            else:
                yield f"{place}, {name}: {member} was {_short(was[member])}, it is {_short(is_now[member])}"


def _documents(scenario: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the metadata by member, and the JWKS by kid."""
    found: dict[str, dict[str, Any]] = {}
    for step in scenario["steps"]:
        for call in step["calls"]:
            body = _json(call["text"])
            if not isinstance(body, dict):
                continue
            if "/.well-known/" in call["url"] and "issuer" in body:
                found["metadata"] = body
            elif isinstance(body.get("keys"), list):
                keys = [one for one in body["keys"] if isinstance(one, dict)]
                found["JWKS"] = {f"key {one.get('kid', number)}": one for number, one in enumerate(keys)}
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _short(value: Any, longest: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
