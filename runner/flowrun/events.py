"""What can happen in a run, as frozen values; engine and reporters share nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from flowrun.errors import Problem


@dataclass(frozen=True, slots=True)
class Shard:
    """The part of a suite that a run is: number `number` of `count`, cut out of `scenarios` in all.

    `places` are the places, from 0, that its scenarios have among all; `cut` is the same for all parts of one cut.
    """

    number: int
    count: int
    scenarios: int
    cut: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run of this many scenarios begins (cases and environments counted), in this many environments.

    `at` is the time in seconds since 1970, here and below. `jobs` is how many scenarios run side by side.
    """

    scenarios: int
    environments: int = 1
    at: float = 0.0
    shard: Shard | None = None
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What runs right now, where scenarios run side by side: `done` are over; `steps` are a name and seconds so far."""

    done: int
    steps: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ScenarioStarted:
    """One scenario, in one environment, with one case if it has cases."""

    title: str
    file: str
    environment: str
    case: str = ""
    why: str = ""
    steps: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    id: str = ""
    tags: tuple[str, ...] = ()
    profile: str = ""
    line: int = 1
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins; `after` for one of the steps that always run. `line` is its line in the scenario's file."""

    name: str
    kind: str
    after: bool = False
    line: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Called:
    """A request and its answer. `seconds` to the last byte."""

    method: str
    url: str
    status: int
    seconds: float
    sent_headers: Mapping[str, str]
    sent_form: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    text: str
    sent_text: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class JwtSeen:
    """A JWT of the step, decoded: one that we signed (`sent`) or one that came. Its signature is not shown.

    `what`: request_object, client_assertion, dpop, jwt, id_token, or response (JARM), userinfo, answer. `distrust`
    says why a received one can't be trusted; it is empty when its signature held.
    """

    what: str
    sent: bool
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    distrust: str = ""


@dataclass(frozen=True, slots=True)
class PageSeen:
    """A page of the browser; `name` is empty for one that the environment does not describe.

    `screenshot` is a PNG, `screenshot_file` where it was put once somebody has put it somewhere.
    """

    name: str
    url: str
    heading: str
    status: int | None
    text: str
    seconds: float
    screenshot: bytes | None = field(default=None, repr=False)
    screenshot_file: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Something a reader wants to know now: the authorization URL, what was granted, that a fallback was used."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Judged:
    """An automatic check and what came of it: held, failed, skipped. `level` must, should or info."""

    check: str
    level: str
    outcome: str
    sentence: str
    clause: str
    complaint: str = ""
    deviation: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation of the scenario and whether it held."""

    path: str
    held: bool


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is over: passed, failed, warned, refused (as expected), skipped or not reached."""

    name: str
    kind: str
    status: str
    seconds: float
    summary: str = ""
    problems: tuple[Problem, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScenarioFinished:
    """A scenario is over: passed, failed, not applicable, interrupted. `summary` says in one line what happened."""

    title: str
    status: str
    seconds: float
    summary: str
    exit_code: int
    environment: str = ""
    file: str = ""
    case: str = ""
    interaction_id: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; counts by the word of the outcome, and the exit code."""

    counts: Mapping[str, int]
    seconds: float
    exit_code: int


Event = (
    RunStarted
    | UnderWay
    | ScenarioStarted
    | StepStarted
    | Called
    | JwtSeen
    | PageSeen
    | Told
    | Judged
    | Expected
    | StepFinished
    | ScenarioFinished
    | RunFinished
)
