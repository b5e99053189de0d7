"""What can be told of the steps before any runs: names that nothing sets, and steps that nothing prepares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from flowrun import template
from flowrun.errors import FlowrunError, Problem, Span, did_you_mean
from flowrun.flow import PROTECTED, PROTECTED_LABEL, REPEATED
from flowrun.needs import NEEDS, unmet
from flowrun.paths import PathError, parse
from flowrun.scenario import inherited
from flowrun.steps import KINDS
from flowrun.steps import kind as step_kind

if TYPE_CHECKING:
    from flowrun.document import Document
    from flowrun.environment import Environment
    from flowrun.scenario import At, Scenario, WrittenStep

# What templates may always read: filled by the engine, never by the file.
GIVEN: Final = frozenset({"client", "environment", "case"})


def need_words(scenario: Scenario) -> Iterator[Problem]:
    """Yield the `needs:` that flowrun does not know."""
    for index, word in enumerate(scenario.needs):
        if word not in NEEDS:
            label = did_you_mean(word, NEEDS) or f"needs: {', '.join(NEEDS)}"
            yield Problem("unknown-need", f"there is no need '{word}'", scenario.document.at(("needs", index)), label)


def step_problems(scenario: Scenario, environment: Environment) -> Iterator[Problem]:
    """Go through the steps in order, knowing at each what the ones before it have left."""
    lacking = unmet(scenario.needs, environment, {})
    for problem in _steps(scenario, environment, {f"endpoint:{name}" for name in environment.endpoints}):
        # Without the second client that it needs a scenario is not applicable; that is no mistake of the file.
        if not ("second_client" in lacking and problem.code == "unknown-client"):
            yield problem


def _steps(scenario: Scenario, environment: Environment, there: set[str]) -> Iterator[Problem]:
    """Yield the problems of a scenario's steps; `there` is what they need and find, and grows as they leave things."""
    document = scenario.document
    known = {*GIVEN, *scenario.inputs, *template.ALWAYS_KNOWN}
    request_checked = False
    later = {name for step in (*scenario.steps, *scenario.after) for name in (step.name, *_names_left(step))}
    for step in (*scenario.steps, *scenario.after):
        if not request_checked and _makes_request(step):
            request_checked = True
            yield from _unknown(scenario.authorization, ("authorization",), document, known, later)
        yield from _unknown(step.input, step.input_at, document, known, later, step)
        yield from _unknown(step.tamper, (*step.at, "tamper"), document, known, later)
        for key, value in (("when", step.when), ("expect", step.expect)):
            yield from _expression_or_value(key, value, step, document, known, later)
        yield from _path_problems(step, document)
        yield from _need_problems(step, document, there, environment)
        yield from _client_problems(step, document, environment)
        yield from _answer_problems(step, document, environment)
        yield from _key_name_problems(step, document, environment)
        yield from _extra_problems(step, document)
        yield from _moment_problems(step, document, known)
        left = set(step_kind(step.kind).leaves(step.input))
        if step.kind == "use":
            yield from _use_problems(step, scenario, environment, there)
            left |= {"server", "callback", "tokens"}
        there |= {f"{step.flow}:{thing}" for thing in left}
        if "server" in left:
            there.add("endpoint:*")
        known |= {step.name, *_names_left(step), *left & {"server", "callback", "tokens"}}


def _use_problems(
    step: WrittenStep, scenario: Scenario, environment: Environment, there: set[str]
) -> Iterator[Problem]:
    used = inherited(scenario.used[step.name], step)
    given = step.input.get("inputs") or {}
    for name in given:
        if name not in used.inputs:
            at = scenario.document.key_at((*step.input_at, "inputs", name))
            label = did_you_mean(name, used.inputs) or f"its inputs: {', '.join(used.inputs) or 'none'}"
            yield Problem("unknown-input", f"{used.document.file} has no input '{name}'", at, label)
    for name, declared in used.inputs.items():
        if not declared.has_default and name not in given and name not in environment.inputs:
            label = f"write inputs: {{{name}: …}}"
            yield Problem(
                "input-missing",
                f"{used.document.file} needs a value for its input '{name}'",
                step.place(scenario.document),
                label,
            )
    yield from _steps(used, environment, there)


def _makes_request(step: WrittenStep) -> bool:
    return step.kind in {"push", "browse"} or (step.kind == "sign" and step.input.get("what") == "request_object")


def _names_left(step: WrittenStep) -> set[str]:
    left = set(step.save or ())
    if step.kind == "set":
        left |= set(step.input["names"])
    if step.kind == "use":
        left |= set(step.input.get("outputs") or ())
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
                    partial(template.needs_of_expression, expression),
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


def _unknown_in(
    needs: Callable[[], Sequence[template.Need]], at: At, document: Document, known: set[str], later: set[str]
) -> Iterator[Problem]:
    try:
        found = needs()
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
            leaving = _LEFT_BY.get(name, name if name in KINDS else "")
            usual = f"put `- {leaving}` before it" if leaving else "set it with inputs:, save: or a step `set`"
            label = usual if leaving else did_you_mean(name, known) or usual
            yield Problem("unknown-variable", f"nothing has set '{name}' yet", span, label)


# The names that a step leaves besides its own.
_LEFT_BY: Final[Mapping[str, str]] = {"server": "discover", "callback": "browse", "tokens": "exchange"}


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
    "tab": ("a tab that was left open, and no step before it leaves one", "put `- browse: {stop: true}` before it"),
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
        elif kind in _NEEDED and f"{step.flow}:{kind}" not in there:
            words, label = _NEEDED[kind]
            yield Problem("missing-step", f"{step.kind} needs {words}", step.place(document), label)


def _key_name_problems(step: WrittenStep, document: Document, environment: Environment) -> Iterator[Problem]:
    """Yield the key of a `sign` step, or of a signed header, that its client does not have."""
    signed = step.input.get("signed_header") if step.kind == "call" else None
    field = ("signed_header", "key") if isinstance(signed, Mapping) else ("key",)
    key = signed.get("key") if isinstance(signed, Mapping) else step.input.get("key") if step.kind == "sign" else None
    if not isinstance(key, str) or template.has_hole(key) or step.client not in environment.client_names():
        return
    try:
        known = list(environment.client(step.client).keys)
    except FlowrunError:
        return  # what is wrong with the client is told where it stands
    if key not in known:
        label = did_you_mean(key, known) or f"keys here: {', '.join(known) or 'none'}"
        at = step.place(document, field)
        yield Problem("unknown-key-name", f"the client '{step.client}' has no key '{key}'", at, label)


def _extra_problems(step: WrittenStep, document: Document) -> Iterator[Problem]:
    """Yield what a step wants to add to its request and may not: it would replace what makes the request ours."""
    extra = step.input.get("extra")
    for name in extra if isinstance(extra, Mapping) else ():
        if name in PROTECTED:
            yield _protected(name, document.key_at((*step.input_at, "extra", name)), PROTECTED_LABEL)


def authorize_problems(environment: Environment) -> Iterator[Problem]:
    """Yield the same for what an environment adds to the browser's URL; what it only repeats is looked at there."""
    for name in environment.authorize_extra:
        if name in PROTECTED - REPEATED:
            at = environment.document.key_at(("authorize", "extra", name))
            yield _protected(name, at, "write it under authorization: of the scenario, or into the client")


def _protected(name: str, at: Span, label: str) -> Problem:
    hint = "to send something wrong on purpose write tamper: beside the step"
    return Problem("protected-parameter", f"extra can't set {name}", at, label, hint=hint)


def _moment_problems(step: WrittenStep, document: Document, known: set[str]) -> Iterator[Problem]:
    """Yield what a `wait` step can't wait for: no duration, and no name that something has set."""
    wanted = step.input.get("for") if step.kind == "wait" else None
    if not isinstance(wanted, str) or template.has_hole(wanted):
        return
    try:
        template.seconds(wanted)
    except ValueError:
        try:
            root = parse(wanted)[0]
        except PathError:
            root = wanted
        if root not in known:
            title = f"'{wanted}' is no duration, and nothing has set a moment of that name"
            yield Problem("no-moment", title, step.place(document, ("for",)), "write 10s, 5m, or push.expires_at")


def _answer_problems(step: WrittenStep, document: Document, environment: Environment) -> Iterator[Problem]:
    """Yield the answers that their page does not have, and those for a page that seems to be meant by another name.

    Any other page that is not described here may not come up here: a scenario is run against several environments.
    """
    given = step.input.get("answers") if step.kind == "browse" else None
    answers = given if isinstance(given, Mapping) else {}
    asking = [name for name, page in environment.pages.items() if page.get("answers")]
    for page, answer in answers.items():
        meant = did_you_mean(page, [name for name in asking if name not in answers])
        if page not in environment.pages and meant:
            at = document.key_at((*step.input_at, "answers", page))
            title = f"the environment '{environment.name}' describes no page '{page}'"
            yield Problem("unknown-page", title, at, meant)
        known = list(environment.pages.get(page, {}).get("answers") or ())
        if known and isinstance(answer, str) and not template.has_hole(answer) and answer not in known:
            yield Problem(
                "unknown-answer",
                f"the page '{page}' of the environment '{environment.name}' has no answer '{answer}'",
                step.place(document, ("answers", page)),
                did_you_mean(answer, known) or f"its answers: {', '.join(known)}",
            )


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
