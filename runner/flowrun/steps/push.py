"""push: send the authorization request to the server and get a request_uri for it (RFC 9126)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import FAILED, UNREACHABLE, StepError
from flowrun.flow import as_form, form_value, now
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer, shown
from flowrun.steps.request import beside_request, leaves_unsigned, sign_request_object, with_query

if TYPE_CHECKING:
    from flowrun.steps.base import Tools
    from flowrun.wire import Answer

_ENDPOINT: Final = "pushed_authorization_request_endpoint"
_LONGEST: Final = 100 * 365 * 86400  # seconds; a server may say anything, the calendar ends somewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The filled input; `schemas/steps/push.json` says what each field is."""

    par: str = "always"
    url: str | None = None
    proof: bool | None = None
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


def run(step: Push, tools: Tools) -> Outcome:
    """Push, or say why not: `par` decides what a server without the endpoint means."""
    required = bool(tools.flow.server.get("par_required"))
    if step.par == "never":
        if required:
            raise StepError(
                "par_required",
                "the server requires PAR and this step says never",
                field=("par",),
                place="push",
                error="par_required",
            )
        return Outcome(summary="not pushed: par is never")
    if not (step.url or tools.known_endpoint(_ENDPOINT)):
        if step.par == "always" or (step.par == "fallback" and required):
            raise StepError(
                "no_par_endpoint",
                f"the server's metadata has no {_ENDPOINT}",
                facts=(("metadata", "require_pushed_authorization_requests: true"),) if required else (),
                hint=""
                if required
                else "par: auto or par: fallback goes on without PAR; needs: [par] skips such servers",
                place="push",
                error="no_par_endpoint",
            )
        if step.par == "fallback":
            _degrade(tools, "the server has no PAR endpoint; the request went through the browser instead")
        return Outcome(summary="not pushed: the server has no PAR endpoint")
    if step.par != "fallback" or required:  # who requires PAR would refuse the request without it as well
        return _push(step, tools)
    return _push_or_go_on(step, tools)


def _push_or_go_on(step: Push, tools: Tools) -> Outcome:
    try:
        outcome = _push(step, tools)
    except StepError as error:
        if error.exit_code not in {FAILED, UNREACHABLE}:  # a wrong file, or Ctrl-C
            raise
        _degrade(tools, f"the push failed: {error.title}; went on without PAR")
        return Outcome(summary="failed, going on without PAR")
    if outcome.refusal is None:
        return outcome
    _degrade(tools, f"the push was refused with {outcome.refusal.error or outcome.refusal.status}; went on without PAR")
    return Outcome(outcome.values, answer=outcome.answer, summary="refused, going on without PAR")


def _degrade(tools: Tools, why: str) -> None:
    tools.flow.degraded = why
    tools.flow.request_uri = tools.flow.expires_at = None
    tools.told("degraded", why)


def _push(step: Push, tools: Tools) -> Outcome:
    if leaves_unsigned(tools):
        tools.flow.request_object = None
    elif tools.flow.request_object is None and tools.client.request_object.required:
        tools.flow.request_object = sign_request_object(tools)
    if tools.flow.request_object is not None:
        form = [("client_id", tools.client.client_id), ("request", tools.flow.request_object)]
        form += tools.flow.moved.get("form", {}).items()
        tools.flow.added = {}  # beside a request object the server looks at nothing else (RFC 9101, section 6.3)
    else:
        tools.flow.added = dict(step.extra or {})
        form = as_form(tools.parameters())
    sent_at = now()
    answer = tools.post(
        step.url or tools.endpoint(_ENDPOINT),
        form,
        headers=step.headers,
        extra=step.extra,
        proof=tools.client.dpop.bind_code == "par" if step.proof is None else step.proof,  # RFC 9449, section 10.1
    )
    refusal = judge_answer(answer, "to the pushed request (RFC 9126 §2.2)", "push")
    if refusal is not None:
        return Outcome(http_values(answer), answer=answer, refusal=refusal)
    values = _accept(answer, tools, sent_at)
    return Outcome(values, answer=answer, summary=_summary(answer))


def _accept(answer: Answer, tools: Tools, sent_at: float) -> dict[str, Any]:
    request_uri = answer.members.get("request_uri")
    if not isinstance(request_uri, str) or not request_uri:
        raise StepError("par_bad_response", "the server accepted the push and left no request_uri", facts=shown(answer))
    tools.flow.request_uri = request_uri
    values = http_values(answer)
    lifetime = answer.members.get("expires_in")
    if isinstance(lifetime, int | float) and not isinstance(lifetime, bool) and abs(lifetime) < _LONGEST:
        tools.flow.expires_at = sent_at + lifetime
        values["expires_at"] = datetime.fromtimestamp(tools.flow.expires_at, UTC)
    query = {"client_id": tools.client.client_id, "request_uri": request_uri} | {
        name: form_value(value) for name, value in beside_request(tools).items()
    }
    endpoint = tools.known_endpoint("authorization_endpoint")
    if endpoint:
        values["authorization_url"] = with_query(endpoint, query)
    return values


def _summary(answer: Answer) -> str:
    lifetime = answer.members.get("expires_in")
    return f"{answer.status}, request_uri" + (f" good for {lifetime} s" if lifetime is not None else "")


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    if written.get("url") or written.get("par", "always") != "always":
        return frozenset({"auth"})
    return frozenset({"auth", f"endpoint:{_ENDPOINT}"})


KIND = StepKind("push", Push, run, needs=_needs, leaves=lambda _: frozenset({"request_uri"}))
