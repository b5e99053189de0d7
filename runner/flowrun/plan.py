"""Everything that can be known before anything is sent: values, names, keys, and what each step needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from flowrun import template
from flowrun.auth import METHODS
from flowrun.errors import FlowrunError, Problem, Span, did_you_mean
from flowrun.paths import PathError, parse
from flowrun.steps import kind as step_kind

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.document import Document
    from flowrun.environment import Environment
    from flowrun.jose import Key
    from flowrun.keyring import Keyring
    from flowrun.scenario import At, Input, Scenario, WrittenStep

# What templates may always read: filled by the engine, never by the file.
GIVEN: Final = frozenset({"client", "environment", "case"})


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a scenario: in one environment, with one case. `came_from` tells the origin of each input."""

    scenario: Scenario
    environment: Environment
    case: str
    inputs: Mapping[str, Any]
    came_from: Mapping[str, str] = field(default_factory=dict)


def make(scenario: Scenario, environment: Environment, overrides: Mapping[str, str], keyring: Keyring) -> list[Plan]:
    """Return one plan for each case; raises `FlowrunError` with everything that would go wrong, in file order."""
    rows: Sequence[Mapping[str, Any]] = scenario.cases or ({},)
    plans: list[Plan] = []
    problems: list[Problem] = []
    for index, row in enumerate(rows):
        try:
            plans.append(_plan(scenario, environment, overrides, row, index))
        except FlowrunError as error:
            problems += error.problems
    problems += _case_problems(scenario)
    problems += _step_problems(scenario, environment)
    problems += _material_problems(scenario, environment, keyring)
    if problems:
        raise FlowrunError(*in_order(problems))
    return plans


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in file order, each once."""
    unique = list(dict.fromkeys(problems))
    return sorted(unique, key=lambda p: (p.at.file, p.at.line, p.at.column) if p.at else ("", 0, 0))


# --- inputs ---------------------------------------------------------------------------------------------------------


def _plan(
    scenario: Scenario, environment: Environment, overrides: Mapping[str, str], row: Mapping[str, Any], index: int
) -> Plan:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    problems: list[Problem] = []
    for name, declared in scenario.inputs.items():
        try:
            values[name], origins[name] = _value(declared, scenario, environment, overrides, row, index)
        except FlowrunError as error:
            problems += error.problems
    if problems:
        raise FlowrunError(*problems)
    case = str(row.get("case") or (", ".join(f"{key}={_brief(value)}" for key, value in row.items())))
    extra = {key: value for key, value in row.items() if key not in values and key != "case"}
    return Plan(scenario, environment, case, {**values, **extra}, origins)


def _brief(value: Any) -> str:
    return "blank" if value == "" else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(
    declared: Input,
    scenario: Scenario,
    environment: Environment,
    overrides: Mapping[str, str],
    row: Mapping[str, Any],
    index: int,
) -> tuple[Any, str]:
    document = scenario.document
    if declared.name in overrides:
        value = _from_text(declared, overrides[declared.name], document.key_at(declared.at))
        return _fitting(declared, value, document.key_at(declared.at)), "--set"
    if declared.name in row:
        at = document.at(("cases", index, declared.name))
        return _fitting(declared, row[declared.name], at), f"case, {at}"
    if declared.name in environment.inputs:
        at = environment.document.at(("inputs", declared.name))
        return _fitting(declared, environment.inputs[declared.name], at), str(at)
    if declared.has_default:
        at = document.at((*declared.at, "default")) if declared.at else document.at(declared.at)
        return declared.default, str(at)
    raise FlowrunError(
        Problem(
            "input-missing",
            f"the input '{declared.name}' has no value",
            document.key_at(declared.at),
            "it has no default",
            hint=f"give one: --set {declared.name}=…, or inputs: in the environment file",
        )
    )


def _from_text(declared: Input, text: str, at: Span) -> Any:
    """Read a `--set`: text, unless the input has a type."""
    try:
        match declared.type:
            case "number":
                return float(text) if "." in text else int(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "list":
                return json.loads(text) if text.lstrip().startswith("[") else [x for x in text.split(",") if x]
            case "json":
                return json.loads(text)
    except (ValueError, KeyError):
        raise FlowrunError(
            Problem("wrong-value", f"--set {declared.name}: expected a {declared.type}, got '{text}'", at)
        ) from None
    return text


_FITS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "text": str,
    "number": (int, float),
    "boolean": bool,
    "list": list,
}


def _fitting(declared: Input, value: Any, at: Span) -> Any:
    wanted = _FITS.get(declared.type)
    if (
        wanted
        and value is not None
        and (not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)))
    ):
        raise FlowrunError(
            Problem("wrong-value", f"the input '{declared.name}' is a {declared.type}", at, f"this is {_brief(value)}")
        )
    if declared.one_of and value not in declared.one_of:
        choices = ", ".join(_brief(item) for item in declared.one_of)
        raise FlowrunError(Problem("wrong-value", f"'{declared.name}' must be one of {choices}", at))
    if value == "" and not declared.blank:
        raise FlowrunError(
            Problem("blank-input", f"the input '{declared.name}' may not be blank", at, hint="allow it: blank: allowed")
        )
    return value


def _case_problems(scenario: Scenario) -> Iterator[Problem]:
    names = list(scenario.inputs)
    for index, row in enumerate(scenario.cases):
        for key in row:
            if key != "case" and key not in scenario.inputs:
                yield Problem(
                    "unknown-input",
                    f"there is no input '{key}'",
                    scenario.document.key_at(("cases", index, key)),
                    did_you_mean(key, names) or f"inputs: {', '.join(names) or 'none'}",
                )


# --- names and needs ------------------------------------------------------------------------------------------------


def _step_problems(scenario: Scenario, environment: Environment) -> Iterator[Problem]:
    """Go through the steps in order, knowing at each what the ones before it have left."""
    document = scenario.document
    known = {*GIVEN, *scenario.inputs, *template.ALWAYS_KNOWN}
    there = {f"endpoint:{name}" for name in environment.endpoints}
    request_checked = False
    later = {name for step in (*scenario.steps, *scenario.after) for name in _names_left(step)}
    for step in (*scenario.steps, *scenario.after):
        if not request_checked and _makes_request(step):
            request_checked = True
            yield from _unknown(scenario.authorization, ("authorization",), document, known, later)
        yield from _unknown(step.input, step.input_at, document, known, later, step)
        for key, value in (("when", step.when), ("expect", step.expect)):
            yield from _expression_or_value(key, value, step, document, known, later)
        yield from _path_problems(step, document)
        yield from _need_problems(step, document, there, environment)
        yield from _client_problems(step, document, environment)
        left = step_kind(step.kind).leaves
        there |= left
        if "server" in left:
            there.add("endpoint:*")
        known |= {step.name, *_names_left(step), *left & {"server", "callback", "tokens"}}


def _makes_request(step: WrittenStep) -> bool:
    return step.kind in {"push", "browse"} or (
        step.kind == "sign" and step.input.get("what") == "request_object"
    )


def _names_left(step: WrittenStep) -> set[str]:
    left = set(step.save or ())
    if step.kind == "set":
        left |= set(step.input["names"])
    return left


def _expression_or_value(
    key: str, value: Any, step: WrittenStep, document: Document, known: set[str], later: set[str]
) -> Iterator[Problem]:
    if value is None:
        return
    at = (*step.at, key)
    # The result of the step itself may be used in what is expected of it.
    known = known if key == "when" else {*known, step.name, "server", "callback", "tokens"}
    if key == "when":
        yield from _unknown_in(lambda: template.needs_of_expression(value), at, document, known, later)
        return
    for path, wanted in value.items():
        if path == "that":
            for expression in [wanted] if isinstance(wanted, str) else wanted:
                yield from _unknown_in(
                    lambda text=expression: template.needs_of_expression(text),
                    (*at, path),
                    document,
                    {*known, *_bare(step)},
                    later,
                )
        else:
            yield from _unknown(wanted, (*at, path), document, known, later)


def _bare(step: WrittenStep) -> set[str]:
    """Return the names that `that:` may use bare: nothing is known of an answer before it came, so all of them."""
    expressions = (step.expect or {}).get("that") or []
    texts = [expressions] if isinstance(expressions, str) else expressions
    roots: set[str] = set()
    for text in texts:
        try:
            roots |= {str(need.chain[0]) for need in template.needs_of_expression(text)}
        except template.HoleError:
            continue
    return roots


def _unknown(
    value: Any, at: At, document: Document, known: set[str], later: set[str], step: WrittenStep | None = None
) -> Iterator[Problem]:
    if step is not None and step.short and step.input_at == at:
        # A short form, or the names of a set: the value stands where the mapping would.
        value = step.input.get(step.short, step.input)
    yield from _unknown_in(lambda: tuple(template.needs(value)), at, document, known, later)


def _unknown_in(needs: Any, at: At, document: Document, known: set[str], later: set[str]) -> Iterator[Problem]:
    try:
        found: Sequence[template.Need] = needs()
    except template.HoleError as error:
        yield Problem(error.code, error.title, document.at((*at, *error.path)), error.label)
        return
    for need in found:
        name = str(need.chain[0])
        if name in known:
            continue
        span = narrowed(document.at((*at, *need.path)), name)
        if name in later:
            yield Problem("unknown-variable", f"nothing has set '{name}' yet", span, "a later step sets it")
        elif name == "secrets":
            yield Problem(
                "unknown-variable", "a scenario has no secrets", span, "secrets belong into the environment file"
            )
        else:
            label = did_you_mean(name, known) or "set it with inputs:, save: or a step `set`"
            yield Problem("unknown-variable", f"nothing has set '{name}' yet", span, label)


def narrowed(span: Span, word: str) -> Span:
    """Return the part of a span that is this word, or the span when the word is not on its line."""
    found = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", span.text[span.column - 1 : span.end_column - 1])
    if found is None:
        return span
    start = span.column + found.start()
    return replace(span, column=start, end_column=start + len(word))


def _path_problems(step: WrittenStep, document: Document) -> Iterator[Problem]:
    for key, written in (("expect", step.expect), ("save", step.save)):
        for name, value in (written or {}).items():
            path = name if key == "expect" else value
            if (key == "expect" and name == "that") or not isinstance(path, str):
                continue
            try:
                parse(path)
            except PathError as error:
                at = document.key_at((*step.at, key, name)) if key == "expect" else document.at((*step.at, key, name))
                yield Problem("bad-path", str(error), at)


_NEEDED: Final[Mapping[str, tuple[str, str]]] = {
    "callback": ("a code from the browser, and no step before it leaves one", "put `- browse` before it"),
    "tokens": ("a token, and no step before it leaves one", "put `- exchange` before it"),
}


def _need_problems(
    step: WrittenStep, document: Document, there: set[str], environment: Environment
) -> Iterator[Problem]:
    for need in sorted(step_kind(step.kind).needs(step.input)):
        kind, _, endpoint = need.partition(":")
        if kind == "endpoint":
            if need in there or "endpoint:*" in there:
                continue
            yield Problem(
                "missing-step",
                f"{step.kind} needs the server's {endpoint}, and no step before it reads the metadata",
                step.place(document),
                "put `- discover` before it",
                hint=f"or name the endpoint in {environment.document.file}: endpoints: {{{endpoint}: …}}",
            )
        elif kind in _NEEDED and kind not in there:
            words, label = _NEEDED[kind]
            yield Problem("missing-step", f"{step.kind} needs {words}", step.place(document), label)


def _client_problems(step: WrittenStep, document: Document, environment: Environment) -> Iterator[Problem]:
    names = environment.client_names()
    if step.client not in names and (step.client != "default" or step_kind(step.kind).needs(step.input) & {"auth"}):
        at = document.at((*step.at, "as")) if step.client != "default" else step.place(document)
        label = did_you_mean(step.client, names) or f"clients here: {', '.join(names) or 'none'}"
        yield Problem(
            "unknown-client", f"the environment '{environment.name}' has no client '{step.client}'", at, label
        )
    user = step.input.get("user") if step.kind == "browse" else None
    if isinstance(user, str) and not template.has_hole(user) and user not in environment.user_names():
        users = environment.user_names()
        label = did_you_mean(user, users) or f"users here: {', '.join(users) or 'none'}"
        yield Problem(
            "unknown-user",
            f"the environment '{environment.name}' has no user '{user}'",
            step.place(document, ("user",)),
            label,
        )


# --- clients, users, keys -------------------------------------------------------------------------------------------


def _material_problems(scenario: Scenario, environment: Environment, keyring: Keyring) -> Iterator[Problem]:
    """Make every client and user that the steps use, load their keys: what can't be used is said now."""
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
            try:
                environment.user(user)
            except FlowrunError as error:
                yield from error.problems


def client_problems(
    client: Client, scenario: Scenario, environment: Environment, keyring: Keyring
) -> Iterator[Problem]:
    """Yield what this client lacks for what the steps of the scenario do with it."""
    needed: set[str] = set()
    for step in (*scenario.steps, *scenario.after):
        if step.client == client.name:
            needed |= step_kind(step.kind).needs(step.input)
    document = environment.document
    at = document.key_at(("clients", client.name))
    wants_key = "signing_key" in needed
    if "auth" in needed:
        method = METHODS[client.auth]
        wants_key |= "key" in method.needs or client.request_object.required
        if "secret" in method.needs and not client.client_secret:
            yield Problem("missing-key", f"{client.auth} needs a client_secret, and '{client.name}' has none", at)
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
        yield from _key_problems(client, environment, keyring)


def _key_problems(client: Client, environment: Environment, keyring: Keyring) -> Iterator[Problem]:
    try:
        key: Key = keyring.load(client, "signing", environment)
    except FlowrunError as error:
        yield from error.problems
        return
    algorithms = {"assertion": client.assertion.alg} if client.auth == "private_key_jwt" else {}
    algorithms["request_object"] = client.request_object.alg
    for what, alg in algorithms.items():
        if not key.fits(alg):
            yield Problem(
                "key-algorithm",
                f"{alg} for the {what} does not go with the {key.kty} key of the client '{client.name}'",
                environment.document.at(("clients", client.name, "keys", "signing")),
                f"write {what}: {{alg: …}} for this key, or name another key",
            )
