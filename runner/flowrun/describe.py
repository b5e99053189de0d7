"""A scenario as numbered plain sentences that a product owner can sign; the same in every environment.

It reads the file as written, so that it can also say what this version of flowrun can't do yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flowrun import wording
from flowrun.sentences import SENTENCES, SHORT, Step
from flowrun.wording import listed, value

_NEEDS: Final[Mapping[str, str]] = {
    "par": "pushed authorization requests",
    "signed_request": "signed authorization requests",
    "rar": "rich authorization requests",
    "rar_types": "rich authorization requests whose types it lists",
    "refresh_token": "refresh tokens",
    "revocation": "revocation",
    "introspection": "introspection",
    "userinfo": "userinfo",
    "mtls": "a client certificate",
    "mtls_bound": "tokens bound to the client certificate",
    "dpop": "tokens bound by DPoP",
    "client_credential": "a client that says who it is in each request",
    "client_secret": "a client with a secret",
    "claims_parameter": "the parameter claims",
    "https": "https",
    "old_tls": "a machine here that can still speak TLS 1.0 and 1.1",
    "openid": "OpenID Connect",
    "second_client": "a second client",
    "private_key_jwt": "client assertions",
    "signed_request_required": "that requests must be signed",
}
_PLACES: Final[Mapping[str, str]] = {
    "push": "when the request is pushed",
    "callback": "by sending the browser back",
    "page": "on a page",
    "exchange": "when tokens are asked for",
    "userinfo": "when it is asked about the person",
    "introspect": "when it is asked about a token",
    "revoke": "when a token is revoked",
    "call": "when it is called",
    "tls": "in the TLS handshake",
}


def lines(data: Mapping[str, Any]) -> list[str]:
    """Return a scenario file's data, which its schema has accepted, as lines of text."""
    steps, after = list(data["steps"]), list(data.get("after") or ())
    numbers = {_name(step): number for number, step in enumerate((*steps, *after), 1)}
    out = [data["scenario"]]
    if data.get("why"):
        out += ["", f"Why: {data['why']}"]
    if data.get("tags"):
        out.append(f"Tags: {', '.join(data['tags'])}.")
    if data.get("needs"):
        out.append(f"It needs a deployment with {listed(_NEEDS.get(need, need) for need in data['needs'])}.")
    out += _block("Inputs, which may be changed:", _inputs(data.get("inputs") or {}))
    out += _block(*_cases(data.get("cases")))
    out += _block("The authorization request:", _request(data.get("authorization") or {}))
    out += _block("Steps:", _steps(steps, 1))
    out += _block("At the end, also after a failure:", _steps(after, len(steps) + 1))
    return [*out, "", *_outcome(data.get("outcome"), numbers)]


def _block(title: str, body: Iterable[str]) -> list[str]:
    rows = list(body)
    return ["", title, *(f"  {row}" for row in rows)] if rows else []


# --- what goes in ----------------------------------------------------------------------------------------------------


def _inputs(inputs: Mapping[str, Any]) -> Iterator[str]:
    for name, written in inputs.items():
        given: Mapping[str, Any] = written if isinstance(written, Mapping) else {"default": written}
        text = f"{name} is {value(given['default'])}" if "default" in given else f"{name} must be given"
        if given.get("type") and "default" not in given:
            text += f", a {given['type']}"
        if given.get("one_of"):
            text += f"; it can be {listed(map(value, given['one_of']), 'or')}"
        if given.get("blank") == "allowed" and given.get("default") != "":
            text += "; it may be blank"
        why = f" ({given['why']})" if given.get("why") else ""
        yield f"- {text}{why}."


def _cases(cases: Any) -> tuple[str, list[str]]:
    if not cases:
        return "", []
    if isinstance(cases, Mapping):
        if "file" in cases:
            return "It is run several times:", [f"- once for each row of the file {cases['file']}."]
        each = [f"{name} ({listed(map(value, values), 'or')})" for name, values in cases["product"].items()]
        return "It is run several times:", [f"- once for every combination of {listed(each)}."]
    rows = []
    for row in cases:
        values = [f"{name} is {value(one)}" for name, one in row.items() if name != "case"]
        head = f"{row['case']}: " if "case" in row else ""
        rows.append(f"- {head}{listed(values) or 'nothing is changed'}.")
    return f"It is run {len(cases)} times:" if len(cases) > 1 else "It is run once, with:", rows


def _request(authorization: Mapping[str, Any]) -> Iterator[str]:
    if authorization:
        yield from wording.tree(authorization)
        own = [name for name in ("state", "nonce", "code_challenge") if name in authorization]
        rest = [name for name in ("state", "nonce") if name not in own]
        automatic = listed([*rest, *([] if "code_challenge" in own else ["PKCE"])])
        if automatic:
            yield f"({automatic} {'is' if ' and ' not in automatic else 'are'} added, and checked on the way back.)"


# --- steps -----------------------------------------------------------------------------------------------------------


def _kind(step: Any) -> str:
    return step if isinstance(step, str) else next(key for key in step if key in SENTENCES)


def _name(step: Any) -> str:
    return str(step.get("name", _kind(step))) if isinstance(step, Mapping) else step


def _input(step: Any) -> Step:
    """Return the fields of a step's kind; the short form as the field it stands for."""
    kind = _kind(step)
    written = None if isinstance(step, str) else step[kind]
    if written is None:
        return {}
    return written if isinstance(written, Mapping) else {SHORT[kind]: written}


def _steps(steps: Sequence[Any], first: int) -> Iterator[str]:
    for number, step in enumerate(steps, first):
        common: Step = {} if isinstance(step, str) else step
        head = f"{number}. "
        yield f"{head}{_condition(common)}{_who(common)}{_said(step, common)}."
        more = (*_answers(_input(step).get("answers")), *_around(common))
        yield from (f"{' ' * len(head)}{line}" for line in more)


def _said(step: Any, common: Step) -> str:
    text = SENTENCES[_kind(step)](_input(step))
    if common.get("when") is not None or common.get("as", "default") != "default" or common.get("flow"):
        text = f"{text[:1].lower()}{text[1:]}"
    return text


def _answers(answers: Any) -> Iterator[str]:
    if isinstance(answers, Mapping):
        yield from (f"On the page {page}: {value(word)}." for page, word in answers.items())
    elif answers:
        yield f"On the pages: {value(answers)}."


def _condition(common: Step) -> str:
    return "" if common.get("when") is None else f"Only if {wording.condition(common['when'])}: "


def _who(common: Step) -> str:
    parts = []
    if common.get("as", "default") != "default":
        parts.append(f"as the client {common['as']}")
    if common.get("flow"):
        parts.append(f"in the transaction {common['flow']}")
    if not parts:
        return ""
    text = ", ".join(parts)
    return f"{text if common.get('when') is not None else text[:1].upper() + text[1:]}, "


def _around(common: Step) -> Iterator[str]:
    if common.get("name"):
        yield f"This step is called {common['name']}."
    if common.get("tamper"):
        yield "What is sent is tampered with:"
        yield from (f"- {line}" for line in _tampered(common["tamper"]))
    if common.get("retry") is not None:
        yield f"{_retried(common['retry'])}."
    if common.get("expect"):
        yield "Expected:"
        yield from (f"- {line}" for line in _expected(common["expect"]))
    if common.get("save"):
        yield f"Kept for later: {listed(f'{path} as {name}' for name, path in common['save'].items())}."


def _expected(expect: Mapping[str, Any]) -> Iterator[str]:
    for path, wanted in expect.items():
        if path == "that":
            for expression in [wanted] if isinstance(wanted, str) else wanted:
                yield wording.condition(expression)
        else:
            yield f"{path} {wording.expectation(wanted)}"


def _retried(retry: Any) -> str:
    if not isinstance(retry, Mapping):
        return f"It is done up to {value(retry)} times, until it succeeds"
    times = f"up to {value(retry['times'])} times" if "times" in retry else "again and again"
    every = f", every {value(retry['every'])}" if "every" in retry else ""
    most = f", for at most {value(retry['at_most'])}" if "at_most" in retry else ""
    until = wording.condition(retry["until"]) if "until" in retry else "it succeeds"
    return f"It is done {times}{every}{most}, until {until}"


def _tampered(tamper: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{target} is set to {value(new)}." for target, new in tamper.get("set", {}).items())
    yield from (f"{target} is left out." for target in tamper.get("remove", ()))
    yield from (f"{target} is sent twice." for target in tamper.get("duplicate", ()))
    yield from (f"{target} is moved to {place}." for target, place in tamper.get("move", {}).items())
    yield from _signed_wrongly(tamper.get("sign", {}))
    if tamper.get("unsigned"):
        yield "plain parameters are sent in place of a request object."
    if "client" in tamper:
        nobody = tamper["client"] == "none"
        yield "it does not say who the client is." if nobody else f"the client {value(tamper['client'])} authenticates."
    if "certificate" in tamper:
        none = tamper["certificate"] == "none"
        yield "no certificate is shown." if none else f"the certificate of {value(tamper['certificate'])} is shown."
    if "method" in tamper:
        yield f"it is sent with {value(tamper['method'])}."
    if "content_type" in tamper:
        yield f"it is sent as {value(tamper['content_type'])}."
    if "clock" in tamper:
        way = {"+": "ahead", "-": "behind"}.get(tamper["clock"][0])
        away = f"{wording.span(tamper['clock'])} {way}" if way else f"{value(tamper['clock'])} away"
        yield f"its times are made as if the clock were {away}."


def _signed_wrongly(sign: Mapping[str, Any]) -> Iterator[str]:
    what = {"assertion": "the client assertion", "proof": "the DPoP proof"}.get(sign.get("jwt", ""), "it")
    if "alg" in sign:
        yield f"{what} is signed with alg {value(sign['alg'])}."
    if "key" in sign:
        yield f"{what} is signed with the key {value(sign['key'])}."
    if sign.get("flip_bit"):
        yield "one bit of the signature is changed." if what == "it" else f"one bit of {what}'s signature is changed."


# --- the end ---------------------------------------------------------------------------------------------------------


def _outcome(outcome: Any, numbers: Mapping[str, int]) -> list[str]:
    if not isinstance(outcome, Mapping):
        return ["It passes if every step succeeds and everything expected holds."]
    ways = []
    for place, errors in outcome["refused"].items():
        names = [errors] if isinstance(errors, str) else list(errors)
        what = "any error" if names == ["any"] else listed(names, "or")
        where = _PLACES.get(place) or f"in step {numbers[place]} ({place})"
        ways.append(f"with {what}, {where}")
    if len(ways) == 1:
        return [f"It passes only if the server refuses {ways[0]}. Steps after that are not reached."]
    ways[-1] = f"or {ways[-1]}"
    return [
        "It passes only if the server refuses",
        *(f"  - {way}" for way in ways),
        "Steps after that are not reached.",
    ]
