"""push: send the authorization request to the server and get a request_uri for it (RFC 9126)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from flowrun.errors import StepError
from flowrun.flow import as_form, form_value, now
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer, shown
from flowrun.steps.request import sign_request_object, with_query

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
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


def run(step: Push, tools: Tools) -> Outcome:
    """Push, or say why not: `par` decides what a server without the endpoint means."""
    available = bool(step.url or _ENDPOINT in tools.environment.endpoints or _ENDPOINT in tools.flow.server)
    if step.par == "never":
        if tools.flow.server.get("par_required"):
            raise StepError("par_required", "the server requires PAR and this step says never", field=("par",))
        return Outcome(summary="not pushed: par is never")
    if not available:
        if step.par == "always":
            raise StepError(
                "no_par_endpoint",
                f"the server's metadata has no {_ENDPOINT}",
                hint="par: auto or par: fallback goes on without PAR; needs: [par] skips such servers",
            )
        if step.par == "fallback":
            tools.flow.degraded = "the server has no PAR endpoint; the request went through the browser instead"
            tools.told("degraded", tools.flow.degraded)
        return Outcome(summary="not pushed: the server has no PAR endpoint")
    return _push(step, tools)


def _push(step: Push, tools: Tools) -> Outcome:
    if tools.flow.request_object is None and tools.client.request_object.required:
        tools.flow.request_object = sign_request_object(tools)
    if tools.flow.request_object is not None:
        form = [("client_id", tools.client.client_id), ("request", tools.flow.request_object)]
    else:
        form = as_form(tools.parameters())
    sent_at = now()
    answer = tools.post(step.url or tools.endpoint(_ENDPOINT), form, headers=step.headers, extra=step.extra)
    refusal = judge_answer(answer, "to the pushed request (RFC 9126 §2.2)", "push")
    if refusal is not None:
        if step.par == "fallback":
            tools.flow.degraded = f"the push was refused with {refusal.error or refusal.status}; went on without PAR"
            tools.told("degraded", tools.flow.degraded)
            return Outcome(http_values(answer), answer=answer, summary="refused, going on without PAR")
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
        name: form_value(value) for name, value in tools.environment.authorize_extra.items()
    }
    if "authorization_endpoint" in tools.environment.endpoints or "authorization_endpoint" in tools.flow.server:
        values["authorization_url"] = with_query(tools.endpoint("authorization_endpoint"), query)
    return values


def _summary(answer: Answer) -> str:
    lifetime = answer.members.get("expires_in")
    return f"{answer.status}, request_uri" + (f" good for {lifetime} s" if lifetime is not None else "")


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    if written.get("url") or written.get("par", "always") != "always":
        return frozenset({"auth"})
    return frozenset({"auth", f"endpoint:{_ENDPOINT}"})


KIND = StepKind("push", Push, run, needs=_needs, leaves=frozenset({"request_uri"}))
