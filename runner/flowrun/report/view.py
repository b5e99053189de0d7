"""What the HTML page shows of a scenario, ready to be written down: texts, rows, anchors."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flowrun.errors import draw
from flowrun.events import Called, Judged, JwtSeen, PageSeen
from flowrun.report.clauses import link
from flowrun.report.dates import human
from flowrun.report.sequence import diagram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowrun.errors import Problem
    from flowrun.report.record import Scenario, Step

LONGEST_BODY: Final = 20_000  # characters of one body; nobody reads more, and the page must open
INTERACTION_ID: Final = "x-fapi-interaction-id"
_SENT_AS_EVER: Final = frozenset({"accept-encoding", "connection", "user-agent"})
SIGNS: Final[Mapping[str, str]] = {
    "passed": "✓",
    "refused": "✓",
    "held": "✓",
    "warned": "!",
    "failed": "✗",
    "skipped": "–",
    "noted": "i",
    "deviation": "≈",
    "not reached": "·",
    "not applicable": "–",
    "interrupted": "!",
    "not run": "·",
}


def scenario_view(scenario: Scenario, number: int, began: float) -> dict[str, Any]:
    """Return what the template needs for one scenario; `number` counts from 1, `began` is the run's start."""
    ident = f"s{number}"
    anchors: dict[int, str] = {}
    for place, step in enumerate(scenario.steps, 1):
        for index, moment in enumerate(step.moments, 1):
            anchors[id(moment)] = f"{ident}-{place}-{index}"
    steps = [_step(step, f"{ident}-{place}", anchors, began) for place, step in enumerate(scenario.steps, 1)]
    shown = {id(problem) for step in scenario.steps for problem in step.problems}
    total = max(sum(step.seconds for step in scenario.steps), 0.001)
    left = 0.0
    for view, step in zip(steps, scenario.steps, strict=True):
        view["left"], view["width"] = 100 * left / total, max(100 * step.seconds / total, 0.4)
        left += step.seconds
    finished = scenario.finished
    return {
        "id": ident,
        "name": scenario.name,
        "started": scenario.started,
        "status": scenario.status,
        "sign": SIGNS.get(scenario.status, "·"),
        "summary": finished.summary if finished else "the run was cut off",
        "seconds": finished.seconds if finished else 0.0,
        "steps": steps,
        "problems": [_problem(one, steps) for one in scenario.problems],
        "loose": [one for one in scenario.problems if id(one) not in shown],
        "diagram": diagram(scenario, anchors),
        "counts": dict(scenario.checks),
        "degraded": scenario.degraded,
        "checks": sorted(
            {check.check for step in scenario.steps for check in step.checks if check.outcome in {"failed", "noted"}}
        ),
    }


def _step(step: Step, ident: str, anchors: Mapping[int, str], began: float) -> dict[str, Any]:
    moments: list[dict[str, Any]] = []
    for moment in step.moments:
        anchor = anchors[id(moment)]
        match moment:
            case Called():
                moments.append(_call(moment, anchor))
            case PageSeen():
                moments.append(_page(moment, anchor))
            case JwtSeen():
                moments.append(_jwt(moment, anchor, began))
    return {
        "id": ident,
        "step": step,
        "sign": SIGNS.get(step.status, "·"),
        "moments": moments,
        "held": [check.check for check in step.checks if check.outcome == "held"],
        "skipped": _reasons(check for check in step.checks if check.outcome == "skipped"),
        "checks": [
            {"check": check, "sign": SIGNS.get(check.outcome, "·"), "link": link(check.clause)}
            for check in step.checks
            if check.outcome not in {"held", "skipped"}
        ],
        "problems": step.problems,
        "open": step.status in {"failed", "warned", "interrupted"},
    }


def _reasons(skipped: Iterable[Judged]) -> list[tuple[str, list[str]]]:
    reasons: dict[str, list[str]] = {}
    for check in skipped:
        reasons.setdefault(check.complaint, []).append(check.check)
    return list(reasons.items())


def _problem(problem: Problem, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a problem with the way to its evidence: the last call or page of its step, else the step."""
    anchor, name = "", ""
    for step in steps:
        if any(problem is one for one in step["problems"]):
            anchor, name = step["id"], step["step"].name
            seen = [moment for moment in step["moments"] if moment["what"] != "jwt"]
            if seen:
                anchor = seen[-1]["id"]
    facts = dict(problem.facts)
    return {
        "problem": problem,
        "drawn": draw(replace(problem, hint="")),
        "anchor": anchor,
        "step": name,
        "spec": facts.get("spec", ""),
        "link": link(facts.get("spec", "")),
    }


def _call(call: Called, anchor: str) -> dict[str, Any]:
    sent = {name: value for name, value in call.sent_headers.items() if name not in _SENT_AS_EVER}
    return {
        "what": "call",
        "id": anchor,
        "call": call,
        "sent_headers": sent,
        "sent_body": _body(call.sent_text),
        "body": _body(call.text),
        "interaction": call.sent_headers.get(INTERACTION_ID, ""),
        "bad": call.status >= 400,  # noqa: PLR2004  HTTP's own number
    }


def _page(page: PageSeen, anchor: str) -> dict[str, Any]:
    picture = base64.b64encode(page.screenshot).decode() if page.screenshot else ""
    return {"what": "page", "id": anchor, "page": page, "picture": picture, "url": page.url.partition("?")[0]}


def _jwt(jwt: JwtSeen, anchor: str, began: float) -> dict[str, Any]:
    return {
        "what": "jwt",
        "id": anchor,
        "jwt": jwt,
        "header": [(name, _value(value), "") for name, value in jwt.header.items()],
        "claims": [(name, _value(value), human(name, value, began)) for name, value in jwt.claims.items()],
    }


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _body(text: str) -> str:
    """Return a body as it is read best: JSON with a line for each member; cut where it is too long to be read."""
    stripped = text.strip()
    if stripped[:1] in {"{", "["}:
        try:
            text = json.dumps(json.loads(stripped), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            text = stripped
    if len(text) > LONGEST_BODY:
        return f"{text[:LONGEST_BODY]}\n… and {len(text) - LONGEST_BODY} characters more"
    return text
