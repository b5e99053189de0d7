"""Everything that can be known before anything is sent: values, names, keys, and what each step needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flowrun import certificates, inputs, lookahead, targets, template
from flowrun.auth import METHODS
from flowrun.cases import NO_CASE, Case
from flowrun.dataclass import dataclass
from flowrun.environment import written_at
from flowrun.errors import FlowrunError, Problem, Span, did_you_mean
from flowrun.needs import unmet
from flowrun.steps import kind as step_kind

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.jose import Key
    from flowrun.keyring import Keyring
    from flowrun.scenario import Scenario, WrittenStep


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a scenario: in one environment, with one case. `came_from` tells the origin of each input."""

    scenario: Scenario
    environment: Environment
    case: str
    inputs: Mapping[str, Any]
    came_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other plan of a run, and lasts from run to run: file, environment, case."""
        return (self.scenario.document.file, self.environment.name, self.case)

    @property
    def visits(self) -> tuple[bool, ...]:
        """For each browse step, those of used files too, whether a person goes through the pages."""
        return tuple(_visits(self.scenario))


def _visits(scenario: Scenario) -> Iterator[bool]:
    for step in (*scenario.steps, *scenario.after):
        if step.kind == "browse":
            yield step.input.get("by") == "hand"
    for used in scenario.used.values():
        yield from _visits(used)


def make(scenario: Scenario, environment: Environment, overrides: Mapping[str, str], keyring: Keyring) -> list[Plan]:
    """Return one plan for each case; raises `FlowrunError` with everything that would go wrong, in file order."""
    plans: list[Plan] = []
    problems: list[Problem] = []
    for case in scenario.cases or (NO_CASE,):
        try:
            plans.append(_plan(scenario, environment, overrides, case))
        except FlowrunError as error:
            problems += error.problems
    problems += inputs.case_problems(scenario)
    problems += lookahead.need_words(scenario)
    problems += lookahead.step_problems(scenario, environment)
    problems += lookahead.authorize_problems(environment)
    if not _surely_unmet(scenario, environment):  # where it is not applicable, nothing of it is lacking
        problems += targets.problems(scenario, environment)
        problems += _material_problems(scenario, environment, keyring)
    if problems:
        raise FlowrunError(*in_order(problems))
    return plans


def _surely_unmet(scenario: Scenario, environment: Environment) -> bool:
    try:
        return bool(unmet(scenario.needs, environment, {}))
    except FlowrunError:
        return False  # a client that can't be read is told for what it is


def used_by(used: Scenario, outer: Plan, given: Mapping[str, Any], at: Span) -> Plan:
    """Return the plan of a scenario whose steps another one uses; raises `FlowrunError` for inputs that don't fit."""
    names = list(used.inputs)
    problems = [
        Problem("unknown-input", f"{used.document.file} has no input '{name}'", at, did_you_mean(name, names))
        for name in given
        if name not in used.inputs
    ]
    if problems:
        raise FlowrunError(*problems)
    case = Case("", given, dict.fromkeys(given, at), {})
    # What may be refused is the matter of the scenario that is run.
    plan = _plan(replace(used, refused=outer.scenario.refused), outer.environment, {}, case)
    return replace(plan, case=outer.case)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in file order, each once."""
    unique = list(dict.fromkeys(problems))
    return sorted(unique, key=lambda p: (p.at.file, p.at.line, p.at.column) if p.at else ("", 0, 0))


def _plan(scenario: Scenario, environment: Environment, overrides: Mapping[str, str], case: Case) -> Plan:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    problems: list[Problem] = []
    for name, declared in scenario.inputs.items():
        try:
            values[name], origins[name] = inputs.value(declared, scenario, environment, overrides, case)
        except FlowrunError as error:
            problems += error.problems
    if problems:
        raise FlowrunError(*problems)
    return Plan(scenario, environment, case.title(), values, origins)


def _material_problems(scenario: Scenario, environment: Environment, keyring: Keyring) -> Iterator[Problem]:
    """Make every client and user that the steps use, load their keys: what can't be used is said now."""
    yield from environment.found("server", lambda: server_problems(environment, keyring))
    used = {step.client for step in (*scenario.steps, *scenario.after)} & set(environment.client_names())
    for name in sorted(used):
        try:
            client = environment.client(name)
        except FlowrunError as error:
            yield from error.problems
            continue
        yield from client_problems(client, scenario, environment, keyring)
    for step in scenario.steps:
        user = step.input.get("user") if step.kind == "browse" else None
        if isinstance(user, str) and user in environment.user_names():
            yield from environment.found(f"user {user}", partial(_user_problems, user, environment))


def _user_problems(name: str, environment: Environment) -> Iterator[Problem]:
    try:
        environment.user(name)
    except FlowrunError as error:
        yield from error.problems


def server_problems(environment: Environment, keyring: Keyring) -> Iterator[Problem]:
    """Yield what keeps the embedded sandbox from starting for this environment: faults, clients, users."""
    if environment.embedded:
        from flowrun.embedded import sandbox_for  # noqa: PLC0415  most environments are servers of their own

        try:
            sandbox_for(environment, keyring)
        except FlowrunError as error:
            yield from error.problems


def environment_problems(environment: Environment, keyring: Keyring) -> Iterator[Problem]:
    """Yield what is wrong with an environment whatever runs in it: clients, their keys, users, secrets."""
    yield from server_problems(environment, keyring)
    yield from lookahead.authorize_problems(environment)
    for name in environment.client_names():
        try:
            client = environment.client(name)
        except FlowrunError as error:
            yield from error.problems
            continue
        yield from _certificate_problems(client, environment)
        for key in client.keys:
            try:
                keyring.load(client, key, environment)
            except FlowrunError as error:
                yield from error.problems
    for name in environment.user_names():
        yield from _user_problems(name, environment)


def client_problems(
    client: Client, scenario: Scenario, environment: Environment, keyring: Keyring
) -> Iterator[Problem]:
    """Yield what this client lacks for what the steps of the scenario do with it."""
    needed: set[str] = set()
    for step in (*scenario.steps, *scenario.after):
        if step.client == client.name:
            needed |= step_kind(step.kind).needs(step.input)
    yield from _certificate_problems(client, environment)
    document = environment.document
    at = document.key_at(("clients", client.name))
    wants_key = "signing_key" in needed
    if "auth" in needed:
        method = METHODS[client.auth]
        wants_key |= "key" in method.needs or client.request_object.required
        if "secret" in method.needs and not client.client_secret:
            yield Problem("missing-key", f"{client.auth} needs a client_secret, and '{client.name}' has none", at)
    if client.sender_constraint == "dpop" and client.dpop.key:
        yield from _dpop_problems(client, client.dpop.key, environment, keyring)
    if "redirect_uri" in needed and not client.redirect_uri:
        yield Problem("missing-key", f"browse needs a redirect_uri, and the client '{client.name}' has none", at)
    if wants_key and "signing" not in client.keys:
        yield Problem(
            "missing-key",
            f"the client '{client.name}' has no signing key",
            at,
            "add keys: {signing: {file: …, kid: …}}",
        )
    elif wants_key:
        yield from _key_problems(client, _algorithms(client, scenario), environment, keyring)


def _certificate_problems(client: Client, environment: Environment) -> Iterator[Problem]:
    """Yield what keeps a client's certificate from being used; what will, one day, becomes a warning."""
    look = partial(certificates.problems, client, environment)
    for problem in environment.found(f"certificate {client.name}", look):
        if not problem.warning:
            yield problem
        elif problem not in environment.warnings:
            environment.warnings.append(problem)


def _algorithms(client: Client, scenario: Scenario) -> dict[str, list[str]]:
    """Return what this client signs with in the scenario: an algorithm, and what for."""
    wanted: dict[str, list[str]] = {}
    steps = [step for step in (*scenario.steps, *scenario.after) if step.client == client.name]
    if "key" in METHODS[client.auth].needs and any("auth" in step_kind(one.kind).needs(one.input) for one in steps):
        wanted.setdefault(client.assertion.alg, []).append("assertion")
    if any(_signs_request(step, client) for step in steps):
        wanted.setdefault(client.request_object.alg, []).append("request_object")
    for alg in (alg for alg in map(_signs_header, steps) if alg is not None and not template.has_hole(alg)):
        uses, use = wanted.setdefault(alg or client.assertion.alg, []), "signed_header" if alg else "assertion"
        if use not in uses:
            uses.append(use)
    return wanted


def _signs_request(step: WrittenStep, client: Client) -> bool:
    if step.kind == "sign":
        plain = not step.input.get("alg") and step.input.get("key", "signing") == "signing"
        return step.input.get("what") == "request_object" and plain
    return step.kind == "push" and client.request_object.required


def _signs_header(step: WrittenStep) -> str | None:
    """Return the algorithm that a signed header of this step is made with, empty for the client's own."""
    signed = step.input.get("signed_header") if step.kind == "call" else None
    if not isinstance(signed, Mapping) or signed.get("key", "signing") != "signing":
        return None
    return str(signed.get("alg", ""))


def _dpop_problems(client: Client, name: str, environment: Environment, keyring: Keyring) -> Iterator[Problem]:
    """Yield what keeps a client's key from signing its DPoP proofs."""
    path = written_at(environment, client.name, ("dpop", "key")) or ("clients", client.name)
    at = environment.document.at(path)
    if name not in client.keys:
        label = did_you_mean(name, client.keys) or f"keys here: {', '.join(client.keys) or 'none'}"
        yield Problem("unknown-key-name", f"the client '{client.name}' has no key '{name}'", at, label)
        return
    try:
        misfit = keyring.load(client, name, environment).misfit(client.dpop.alg)
    except FlowrunError as error:
        yield from error.problems
        return
    if misfit is not None:
        hint = f"{misfit.hint}; the algorithm is set by dpop: {{alg: …}}"
        yield Problem(misfit.code, misfit.title, at, misfit.label, misfit.facts, hint)


def _key_problems(
    client: Client, algorithms: Mapping[str, Sequence[str]], environment: Environment, keyring: Keyring
) -> Iterator[Problem]:
    try:
        key: Key = keyring.load(client, "signing", environment)
    except FlowrunError as error:
        yield from error.problems
        return
    for alg, uses in algorithms.items():
        misfit = key.misfit(alg)
        if misfit is not None:
            at = environment.document.at(("clients", client.name, "keys", "signing"))
            facts = (("signs", " and ".join(uses)), *misfit.facts)
            hint = f"{misfit.hint}; the algorithm is set by {' and '.join(f'{use}: {{alg: …}}' for use in uses)}"
            yield Problem(misfit.code, misfit.title, at, misfit.label, facts, hint)
