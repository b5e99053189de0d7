"""call: send any HTTP request, with a token, a certificate or a signature, and read what comes, signed or encrypted."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import StepError
from flowrun.flow import as_form
from flowrun.steps.base import (
    Outcome,
    Request,
    StepKind,
    as_headers,
    http_values,
    judge_answer,
    looks_like_html,
    own_error,
    shown,
)
from flowrun.steps.named_token import token_named
from flowrun.steps.received import ASYMMETRIC, read_jwt, readable
from flowrun.steps.request import sign_claims

if TYPE_CHECKING:
    from flowrun.flow import ReceivedJwt
    from flowrun.steps.base import Tools
    from flowrun.wire import Answer

_REDIRECT: Final = 300
_NAMED: Final = frozenset({"access_token", "refresh_token", "id_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The filled input; `schemas/steps/call.json` says what each field is."""

    url: str
    method: str = "GET"
    headers: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    json: Any = None
    token: str | None = None
    authenticate: bool = False
    signed_header: Mapping[str, Any] | None = None
    answer: str | None = None
    jwks: str | None = None
    tls: Mapping[str, Any] | None = None


def run(step: Call, tools: Tools) -> Outcome:
    """Call; a 4xx is a refusal unless the step says itself which status it wants."""
    content, headers = _content(step.json), {}
    if step.signed_header is not None:
        value, signed_content = _signature(step, tools, step.signed_header)
        content = signed_content if signed_content is not None else content
        headers[str(step.signed_header["name"]).lower()] = value
    if step.json is not None:
        tools.redactor.learn_members(step.json)
    answer = tools.send(
        Request(
            step.method,
            step.url,
            form=tuple(as_form(step.form or {})),
            content=content,
            headers={**headers, **as_headers(step.headers)},
            authenticate=step.authenticate,
            certificate=True,
            token=token_named(tools, step.token) if step.token else "",
            tls_at_most=str((step.tls or {}).get("at_most", "")),
        )
    )
    if answer.status >= _REDIRECT:
        refusal = None if tools.any_status else judge_answer(answer, f"to {step.method} {step.url}", "call")
        return Outcome(http_values(answer), answer=answer, refusal=refusal, summary=str(answer.status))
    return _accepted(step, tools, answer)


def _content(written: Any) -> bytes | None:
    """Return the JSON of the body, None where there is none."""
    if written is None:
        return None
    try:
        return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()
    except TypeError as error:
        hint = "a moment is written with a filter: {{ now | iso }} or {{ now | epoch }}"
        raise own_error("claims-not-json", f"the body can't be written as JSON: {error}", hint=hint) from error


def _signature(step: Call, tools: Tools, wanted: Mapping[str, Any]) -> tuple[str, bytes | None]:
    """Return the JWS of a header, and the body as it was signed where that is what it signs."""
    payload = wanted.get("claims", step.json)
    if payload is None:
        raise own_error(
            "nothing-to-sign",
            "there is nothing for the signed header to sign",
            field=("signed_header",),
            label="write claims: {…} into it, or json: beside it",
        )
    if not isinstance(payload, Mapping):
        raise own_error("nothing-to-sign", "only a JSON object can be signed in a header", field=("json",))
    choices = {"alg": tools.client.assertion.alg, **wanted}
    try:
        token = sign_claims(tools, payload, choices)
    except StepError as error:
        error.field = ("signed_header", *error.field)
        raise
    header, body, signature = token.split(".")
    content = None if "claims" in wanted else base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    detached = wanted.get("detached", "claims" not in wanted)
    return (f"{header}..{signature}" if detached else token), content


def _accepted(step: Call, tools: Tools, answer: Answer) -> Outcome:
    """Read an answer as what the step says that it is."""
    if isinstance(answer.members.get("device_code"), str):
        tools.flow.device = answer.members  # where a device flow begins (RFC 8628, section 3.2)
    match step.answer:
        case "signed" | "encrypted":
            received = _trusted(step, tools, answer)
            values = {**received.claims, **_reserved(answer), "body": dict(received.claims)}
            values["jwt_header"] = dict(received.header)
            return Outcome(values, answer=answer, jwt=received, summary=f"{answer.status}, {_how(received)}")
        case "json" if answer.body is None and answer.text.strip() != "null":
            raise _no_json(step, answer)
        case None if looks_like_html(answer) and answer.text.strip():
            raise _no_json(step, answer)
    return Outcome(http_values(answer), answer=answer, summary=f"{answer.status} {answer.content_type}".strip())


def _no_json(step: Call, answer: Answer) -> StepError:
    came = "HTML" if looks_like_html(answer) else answer.content_type or "a text" if answer.text.strip() else "nothing"
    hint = "answer: text takes any text" if step.answer is None or came != "HTML" else ""
    title = f"the server answered with {came} to {step.method} {step.url}, and not with JSON"
    return StepError("not-json", title, facts=shown(answer), hint=hint)


def _reserved(answer: Answer) -> dict[str, Any]:
    return {"http": http_values(answer)["http"]}


def _trusted(step: Call, tools: Tools, answer: Answer) -> ReceivedJwt:
    """Open and verify a signed or encrypted answer; raises `StepError` for one that can't be trusted."""
    encrypted = step.answer == "encrypted"
    token = answer.text.strip().strip('"')  # some servers send it as a JSON text
    received = read_jwt(tools, token, allowed=ASYMMETRIC, jwks_url=step.jwks, signed=not encrypted)
    readable(received, f"the answer to {step.method} {step.url}")
    why = received.distrust or ("it is not encrypted" if encrypted and received.encrypted is None else "")
    if why:
        raise StepError(
            "answer-not-trusted",
            f"the answer to {step.method} {step.url} can't be trusted: {why}",
            facts=(("header", json.dumps(dict(received.header))), ("answer", f"{answer.status} {answer.content_type}")),
        )
    tools.redactor.learn_members(received.claims)
    return received


def _how(received: ReceivedJwt) -> str:
    signed = f"signed with {received.header.get('alg')}" if received.header else "not signed"
    return f"encrypted, {signed}" if received.encrypted is not None else signed


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    needed = {"auth"} if written.get("authenticate") is True else set()
    if written.get("token") in _NAMED:
        needed.add("tokens")
    signed = written.get("signed_header")
    if isinstance(signed, Mapping) and signed.get("key", "signing") == "signing":
        needed.add("signing_key")
    return frozenset(needed)


KIND = StepKind("call", Call, run, needs=_needs)
