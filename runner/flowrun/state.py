"""What a run knew after each step, secrets and all, in a file for its owner alone: a run can be gone on with."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import WRONG_FILE, FlowrunError, Problem
from flowrun.flow import Flow
from flowrun.steps import kind as step_kind

if TYPE_CHECKING:
    from flowrun.known import Known
    from flowrun.plan import Plan
    from flowrun.scenario import WrittenStep

NAME: Final = "state.json"
VERSION: Final = 1
# What of a flow outlives its run; the rest belongs to one step, or is made afresh.
_KEPT: Final = (
    "server",
    "jwks",
    "parameters",
    "code_verifier",
    "request_object",
    "request_uri",
    "expires_at",
    "callback",
    "callback_pairs",
    "callback_place",
    "callback_url",
    "tokens",
    "id_token_claims",
    "first_refresh_token",
    "device",
    "degraded",
)


class Recorder:
    """Notes what is known after each step, and writes it into `folder` when a scenario is over."""

    def __init__(self, folder: Path) -> None:
        """Write nothing yet."""
        self.file = folder / NAME
        self._scenarios: list[dict[str, Any]] = []
        self._received: dict[str, float] = {}

    def begin(self, plan: Plan) -> None:
        """Note which scenario begins."""
        self._received = {}
        self._scenarios.append(
            {
                "file": str(plan.scenario.document.path.resolve()),
                "title": plan.scenario.title,
                "environment": str(plan.environment.document.path.resolve()),
                "case": plan.case,
                "inputs": dict(plan.inputs),
                "steps": [],
                "after": [],
            }
        )

    def step(self, known: Known, step: WrittenStep) -> None:
        """Note what is known after a step."""
        now = time.time()
        flows = {}
        for name, flow in known.flows.items():
            flows[name] = {member: getattr(flow, member) for member in _KEPT}
            token = str(flow.tokens.get("access_token", ""))
            flows[name]["tokens_at"] = self._received.setdefault(token, now) if token else None
        kept = {"step": step.name, "at": now, "flows": flows, "results": known.results, "saved": known.saved}
        self._scenarios[-1]["steps"].append(json.loads(json.dumps(kept, default=_plain)))  # as it is now

    def undone(self, step: WrittenStep) -> None:
        """Note that a step of `after` has run."""
        self._scenarios[-1]["after"].append(step.kind)

    def write(self) -> None:
        """Write everything noted so far; only the owner may read it, and git leaves it out. Raises OSError."""
        (self.file.parent / ".gitignore").write_text(f"{NAME}\n", "utf-8")
        temporary = self.file.with_suffix(".new")
        with suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump({"version": VERSION, "scenarios": self._scenarios}, out, default=_plain)
        temporary.replace(self.file)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


@dataclass(frozen=True, slots=True)
class Resume:
    """Where to go on: from the step `first`, with what was known after the step before it."""

    first: str
    flows: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    saved: Mapping[str, Any] = field(default_factory=dict)

    def restore(self, known: Known) -> None:
        """Put everything back where the next steps look for it; its secrets are made known first."""
        redactor = known.session.redactor
        redactor.learn_members([self.flows, self.results, self.saved])
        for name, kept in self.flows.items():
            members = {member: kept[member] for member in _KEPT}
            members["callback_pairs"] = tuple((one, value) for one, value in members["callback_pairs"])
            redactor.learn("request", members["request_object"])
            redactor.learn("refresh_token", members["first_refresh_token"])
            known.flows[name] = Flow(**members)
        known.results |= self.results
        known.saved |= self.saved


def read(run: Path) -> list[dict[str, Any]]:
    """Return the scenarios of a kept run with their states; raises `FlowrunError` where none was kept."""
    file = run / NAME if run.is_dir() else run
    try:
        kept = json.loads(file.read_text("utf-8"))
    except OSError as error:
        title, hint = f"no state is kept at {run}", "run with --keep-state; without it, no secret is kept"
        raise FlowrunError(Problem("no-state", title, hint=hint)) from error
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or kept.get("version") != VERSION:
        raise FlowrunError(Problem("no-state", f"{file} is no state of a run, or another version of flowrun wrote it"))
    scenarios: list[dict[str, Any]] = kept["scenarios"]
    return scenarios


def resume(kept: Mapping[str, Any], plan: Plan, first: str, now: float) -> Resume:
    """Return how to go on with a kept scenario from a step; raises `FlowrunError` that says what is no longer there."""
    names = [step.name for step in plan.scenario.steps]
    if first not in names:
        raise FlowrunError(_stale(f"the scenario has no step '{first}'", f"its steps: {', '.join(names)}"))
    if plan.environment.embedded:
        why = "the embedded sandbox ends with its run, and what it gave away ends with it"
        raise FlowrunError(_stale(why, "flowrun sandbox starts one that stays; name its issuer in an environment"))
    before = names[: names.index(first)]
    done = {state["step"]: state for state in kept["steps"]}
    missing = [name for name in before if name not in done]
    if missing:
        raise FlowrunError(_stale(f"the kept run did not come to the end of the step '{missing[0]}'"))
    state = done[before[-1]] if before else {"flows": {}, "results": {}, "saved": {}}
    problems = list(_gone(kept, plan, names.index(first), state["flows"], now))
    if problems:
        raise FlowrunError(*problems)
    return Resume(first, state["flows"], state["results"], state["saved"])


def _gone(kept: Mapping[str, Any], plan: Plan, first: int, flows: Mapping[str, Any], now: float) -> Iterator[Problem]:
    """Yield what the steps from `first` on would need and is no longer valid; what they make anew is no matter."""
    later = kept["steps"][first:]
    fresh: set[tuple[str, str]] = set()
    for step in plan.scenario.steps[first:]:
        flow, kind = flows.get(step.flow) or {}, step_kind(step.kind)
        needs = kind.needs(step.input) | (
            {"request_uri"} if step.kind == "browse" and "url" not in step.input else set()
        )
        for what in ("request_uri", "callback", "tokens"):
            if what in needs and (step.flow, what) not in fresh:
                used = any(_came(state, step.flow, _USED_FOR[what]) for state in later)
                why = _REASONS[what](flow, used, kept["after"], now)
                if why:
                    hint = f"begin with an earlier step: --from {_maker(plan, what)}"
                    yield _stale(f"the step '{step.name}' can't be done again: {why}", hint)
                    return
        if client_key := _lost_key(plan, step):
            yield _stale(f"the step '{step.name}' can't be done again: {client_key}")
            return
        fresh |= {(step.flow, what) for what in kind.leaves(step.input)}


def _lost_key(plan: Plan, step: WrittenStep) -> str:
    """Return why a DPoP key is gone: tokens are bound to one that was made for that run alone."""
    if step.client not in plan.environment.client_names():
        return ""
    client = plan.environment.client(step.client)
    if client.sender_constraint != "dpop" or client.dpop.key:
        return ""
    return f"the DPoP key of the client '{client.name}' was made for that run; name one that stays: dpop: {{key: …}}"


def _request_uri(flow: Mapping[str, Any], used: bool, _: list[str], now: float) -> str:
    if not flow.get("request_uri"):
        return ""  # the request may go in the URL
    if used:
        return "its request_uri was used already"
    over = now - (flow.get("expires_at") or now)
    return f"its request_uri expired {over:.0f} s ago" if over > 0 else ""


def _code(flow: Mapping[str, Any], used: bool, _: list[str], __: float) -> str:
    if not flow.get("callback"):
        return "no callback was kept"
    return "the code was used already" if used else ""


def _tokens(flow: Mapping[str, Any], _: bool, after: list[str], now: float) -> str:
    tokens = flow.get("tokens") or {}
    if not tokens:
        return "no token was kept"
    if "revoke" in after:
        return "the steps under after: have revoked a token"
    lifetime = tokens.get("expires_in")
    if isinstance(lifetime, int | float) and flow.get("tokens_at") is not None:
        over = now - flow["tokens_at"] - lifetime
        if over > 0:
            return f"the access token expired {over:.0f} s ago"
    return ""


_REASONS: Final = {"request_uri": _request_uri, "callback": _code, "tokens": _tokens}
# A request_uri and a code can be used once: they were, when this came of them.
_USED_FOR: Final = {"request_uri": "callback", "callback": "tokens", "tokens": ""}
_MADE_BY: Final = {"request_uri": "push", "callback": "browse", "tokens": "exchange"}


def _came(state: Mapping[str, Any], flow: str, what: str) -> bool:
    return bool(what) and bool((state["flows"].get(flow) or {}).get(what))


def _maker(plan: Plan, what: str) -> str:
    kind = _MADE_BY[what] if what != "callback" else "push"  # a new code needs a new request
    return next((step.name for step in plan.scenario.steps if step.kind == kind), plan.scenario.steps[0].name)


def _stale(title: str, hint: str = "") -> Problem:
    return Problem("stale-state", title, hint=hint, exit_code=WRONG_FILE)
