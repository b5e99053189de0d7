"""Rows of the refusal pack against the sandbox, in this process, with a login by HTTP: a row takes some tens of ms."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.http_browser import HttpBrowser

from flowrun import environment, hardening, scenario, turns
from flowrun.browser import BrowserSettings
from flowrun.events import Judged, ScenarioFinished, ScenarioStarted
from flowrun.keyring import Keyring
from flowrun.redact import Redactor
from flowrun.running import Run
from flowrun.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flowrun.events import Event
    from flowrun.plan import Plan

HERE = Path(__file__).parent
REPO = HERE.parents[1]
OWN = HERE / "environments"
# Good scenarios, each with its environment; a row is played with the first that it applies to.
GOODS = (
    (REPO / "scenarios" / "par_dp.yaml", OWN / "quick.yaml"),
    (HERE / "dpop.yaml", OWN / "dpop.yaml"),
    (HERE / "mtls.yaml", OWN / "mtls.yaml"),
    (HERE / "secret.yaml", OWN / "secret.yaml"),
    (HERE / "plain.yaml", OWN / "plain.yaml"),
)
_KEYRING = Keyring()  # each key is read once


@dataclass
class Came:
    """What came of a row: `word` as of its rule (held, failed, noted, skipped), codes of its problems, their words."""

    word: str = "none"
    status: str = ""
    codes: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """One word: passed, red (by its rule), warned or noted, or what it stumbled over."""
        if self.word == "failed":
            return "warned" if self.status == "passed" else "red"
        return {"held": "passed", "noted": "noted"}.get(self.word) or ",".join(sorted(set(self.codes))) or self.status


@lru_cache(maxsize=8)
def applying(number: int) -> dict[str, Plan]:
    """Return the plans of the rows that apply to a good scenario, by their ids; those for the asking too."""
    good, file = GOODS[number]
    made, _ = derived(good, file)
    return {plan.scenario.id: plan for plan in made}


def derived(good: Path, file: Path) -> tuple[list[Plan], list[hardening.LeftOut]]:
    """Return the plans of a good scenario here, and the rows that are left out."""
    here = environment.load(file, Redactor())
    return hardening.derive(
        scenario.load(good),
        hardening.rows(),
        here,
        _KEYRING,
        second=hardening.second_client(here, ""),
        wanted=hardening.Wanted(opt_in=True),
        overrides={},
    )


@lru_cache(maxsize=1)
def rows() -> dict[str, int]:
    """Return each row of the pack with the number of the good scenario that it is played with."""
    found: dict[str, int] = {}
    for number in range(len(GOODS)):
        for name in applying(number):
            found.setdefault(name, number)
    return found


def play(plans: Iterable[Plan], *faults: str) -> dict[str, Came]:
    """Run rows against a sandbox of their own with these faults; return what came of each."""
    plans = list(plans)
    broken = replace(plans[0].environment, faults=frozenset(faults))
    came: dict[str, Came] = {}
    with Session() as session:
        session.keyring = _KEYRING
        authority = session.authority(broken)
        browser, started = HttpBrowser(), Future[Any]()
        if authority is not None:
            browser.trust(authority)
        started.set_result(browser)
        session._browser = started
        in_turns(session, [replace(plan, environment=broken) for plan in plans], came)
    return came


def in_turns(session: Session, plans: list[Plan], came: dict[str, Came]) -> None:
    """Run them as `harden` does, without the good scenario before them."""
    current = Came()

    def tell(event: Event) -> None:
        nonlocal current
        match event:
            case ScenarioStarted():
                current = came[event.id] = Came()
            case Judged():
                current.word = event.outcome
            case ScenarioFinished():
                current.status = event.status
                current.codes = [problem.code for problem in event.problems]
                current.told = [f"{problem.title} {problem.facts}" for problem in event.problems]

    def run(plan: Plan, tell_: Callable[[Event], None]) -> None:
        Run(plan, session, BrowserSettings(), strict=False, tell=tell_, keep_login=not turns.waits(plan.scenario)).run()

    turns.in_turns(plans, session, tell, run)
