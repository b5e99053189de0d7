"""What a step of each kind sends that can be tampered with, and what is asked for that it does not send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from flowrun import template
from flowrun.auth import METHODS
from flowrun.errors import FlowrunError, Problem, did_you_mean
from flowrun.paths import PathError
from flowrun.scenario import inherited
from flowrun.tamper import ASSERTION, FRESH, NOBODY, OWN, PROOF, Change, changes_in, split

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.scenario import Scenario, WrittenStep

_REQUEST: Final = ("headers", "url", "method", "certificate")
_FORM: Final = (*_REQUEST, "form", "content_type", "client")
# By the kind of step: JWTs, parts of the request, and the words that change a request as a whole.
SENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sign": (OWN,),
    "push": (OWN, ASSERTION, PROOF, *_FORM, "unsigned"),
    "browse": (OWN, "url", "unsigned"),
    "exchange": (ASSERTION, PROOF, *_FORM),
    "userinfo": (PROOF, *_REQUEST),
    "introspect": (ASSERTION, *_FORM),
    "revoke": (ASSERTION, *_FORM),
    "call": (OWN, ASSERTION, PROOF, *_FORM),
}
_JWTS: Final = (OWN, ASSERTION, PROOF)
# Where a target may go, by the part that it leaves.
_WAYS: Final = {"claims": ("form", "url"), "form": ("headers", "url"), "headers": ("form", "url")}
_MOVING: Final = "what can move: claims of the request object, parameters of the form, headers"
_ASSERTING: Final = frozenset({"private_key_jwt", "client_secret_jwt"})
_HAVE: Final = {
    OWN: "JWT of its own",
    ASSERTION: "client assertion",
    PROOF: "DPoP proof",
    "form": "form",
    "headers": "headers",
    "url": "parameters in a URL",
}


def problems(scenario: Scenario, environment: Environment) -> Iterator[Problem]:
    """Yield what the steps of a scenario, and of those that it uses, can't change in what they send."""
    for step in (*scenario.steps, *scenario.after):
        if step.tamper:
            for at, title, label in _step_problems(step, step.tamper, environment):
                yield Problem("wrong-target", title, step.place_of_tamper(scenario.document, at), label)
        if step.name in scenario.used:
            yield from problems(inherited(scenario.used[step.name], step), environment)


Found = tuple[tuple[str | int, ...], str, str]


def _step_problems(step: WrittenStep, tamper: Mapping[str, Any], environment: Environment) -> Iterator[Found]:
    sends = SENDS.get(step.kind, ())
    if not sends:
        yield (), f"the step {step.kind} sends nothing that can be tampered with", f"these do: {', '.join(SENDS)}"
        return
    try:
        changes = changes_in(tamper)
    except PathError as error:
        yield (), str(error), ""
        return
    client = _client(step, environment)
    for change in changes:
        yield from _change_problems(step, change, sends, client)
    sign = tamper.get("sign") or {}
    if sign:
        yield from _sent(step, sends, sign.get("jwt", OWN), ("sign", "jwt") if "jwt" in sign else ("sign",), client)
        if sign.get("flip_bit") and sign.get("alg") == NOBODY:
            yield ("sign", "flip_bit"), "a JWT with alg none has no signature to damage", "leave one of the two out"
    for word in ("method", "content_type", "client", "certificate", "unsigned"):
        if word in tamper and word not in sends:
            can = [kind for kind, those in SENDS.items() if word in those]
            how = word if word == "unsigned" else f"with another {word}"
            yield (word,), f"the step {step.kind} can't be sent {how}", f"these can: {', '.join(can)}"
    yield from _name_problems(tamper, sign, environment, client)


def _client(step: WrittenStep, environment: Environment) -> Client | None:
    if step.client not in environment.client_names():
        return None
    try:
        return environment.client(step.client)
    except FlowrunError:
        return None  # what is wrong with the client is told where it stands


def _change_problems(
    step: WrittenStep, change: Change, sends: tuple[str, ...], client: Client | None
) -> Iterator[Found]:
    jwt, dot, _ = change.part.partition(".")
    what = OWN if change.part in {"claims", "header"} else jwt if dot else change.part
    if change.target == PROOF:
        what = PROOF
    complaints = list(_sent(step, sends, what, change.at, client, change))
    yield from complaints
    if complaints:
        return
    if change.does == "duplicate" and (what in _JWTS and change.target != PROOF):
        yield change.at, "a member of a JWT can't be sent twice", "form, headers, url and proof can"
    if change.does != "move":
        return
    ways = _WAYS.get(change.part, ())
    if step.kind == "sign" and step.input.get("what") != "request_object":
        ways = ()
    place = split(str(change.value))[0]
    if place not in ways or (change.part == "form" and place not in sends):
        label = f"it can move to {' or '.join(ways)}" if ways else _MOVING
        yield change.at, f"{change.target} can't move to {place}", label


def _sent(
    step: WrittenStep,
    sends: tuple[str, ...],
    what: str,
    at: tuple[str | int, ...],
    client: Client | None,
    change: Change | None = None,
) -> Iterator[Found]:
    """Yield why a step does not send what is to be changed: not by its kind, or not for its client."""
    target = change.target if change else ""
    if what not in sends:
        near = f"assertion.{target}" if what == OWN and ASSERTION in sends and target else ""
        if what == OWN and step.kind == "userinfo" and target:
            near = f"proof.{target}"
        label = f"did you mean '{near}'?" if near else f"it has {_listed(sends)}"
        if what == OWN and not target and ASSERTION in sends:
            label = "write jwt: assertion for the client assertion"
        yield at, f"the step {step.kind} has no {_HAVE[what]}", label
    elif what == OWN and step.kind == "call" and not step.input.get("signed_header"):
        yield at, "this call has no JWT of its own", "it would have one with signed_header: {…}"
    elif what == ASSERTION and client is not None and client.auth not in _ASSERTING:
        yield at, f"the client '{client.name}' sends no client assertion", f"its auth is {client.auth}"
    elif what == PROOF and client is not None and client.sender_constraint != "dpop":
        word = client.sender_constraint
        yield at, f"the client '{client.name}' sends no DPoP proof", f"its sender_constraint is {word}"


def _lacking(
    tamper: Mapping[str, Any], sign: Mapping[str, Any], environment: Environment, client: Client | None
) -> Iterator[Found]:
    """Yield what another client is named for and does not have."""
    key = sign.get("key")
    for at, name, what in (
        (("client",), tamper.get("client"), "client"),
        (("certificate",), tamper.get("certificate"), "certificate"),
        (("sign", "key"), None if client is not None and key in client.keys else key, "key"),
    ):
        if name not in environment.client_names():
            continue
        try:
            other = environment.client(str(name))
        except FlowrunError as error:
            yield at, error.problems[0].title, error.problems[0].label
            continue
        needs_key = what == "key" or (what == "client" and "key" in METHODS[other.auth].needs)
        if needs_key and "signing" not in other.keys:
            yield at, f"the client '{name}' has no signing key", "add keys: {signing: {file: …}} to it"
        if what == "certificate" and other.certificate is None:
            yield at, f"the client '{name}' has no certificate", "add certificate: {file: …, key: …} to it"


def _listed(sends: tuple[str, ...]) -> str:
    names = {OWN: "claims, header", ASSERTION: "assertion.…", PROOF: "proof.…"}
    return ", ".join(names.get(one, one) for one in sends if one in _HAVE)


def _name_problems(
    tamper: Mapping[str, Any], sign: Mapping[str, Any], environment: Environment, client: Client | None
) -> Iterator[Found]:
    """Yield the clients and keys that are not there."""
    clients = environment.client_names()
    keys = [*(client.keys if client else ()), FRESH, *clients]
    for at, name, known, word in (
        (("client",), tamper.get("client"), [NOBODY, *clients], "client"),
        (("certificate",), tamper.get("certificate"), [NOBODY, *clients], "client"),
        (("sign", "key"), sign.get("key"), keys, "key"),
    ):
        if isinstance(name, str) and not template.has_hole(name) and name not in known:
            label = did_you_mean(name, known) or f"{word}s that may stand here: {', '.join(known)}"
            yield at, f"there is no {word} '{name}'", label
    yield from _lacking(tamper, sign, environment, client)
    alg = sign.get("alg")
    if isinstance(alg, str) and alg != NOBODY and not template.has_hole(alg):
        from flowrun.jose import JoseError  # noqa: PLC0415  light: the name alone loads no JOSE library
        from flowrun.jose.known import algorithm  # noqa: PLC0415

        try:
            algorithm(alg)
        except JoseError as error:
            yield ("sign", "alg"), error.title, error.label
