"""exchange: get tokens at the token endpoint (RFC 6749, sections 4.1.3, 4.4.2 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowrun.errors import StepError
from flowrun.flow import ReceivedJwt, form_value
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer, own_error

if TYPE_CHECKING:
    from flowrun.steps.base import Tools
    from flowrun.wire import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The filled input; `schemas/steps/exchange.json` says what each field is."""

    grant: str = "authorization_code"
    code: str | None = None
    code_verifier: str | None = None
    redirect_uri: str | None = None
    refresh_token: str | None = None
    scope: str | list[str] | None = None
    url: str | None = None
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


def run(step: Exchange, tools: Tools) -> Outcome:
    """Ask for tokens; what the flow knows is not written again."""
    form = [(name, value) for name, value in _form(step, tools).items() if value]
    answer = tools.post(step.url or tools.endpoint("token_endpoint"), form, headers=step.headers, extra=step.extra)
    refusal = judge_answer(answer, "to the token request (RFC 6749 §5.1)", "exchange")
    if refusal is not None:
        return Outcome(http_values(answer), answer=answer, refusal=refusal, kind=step.grant)
    tools.flow.tokens = {**tools.flow.tokens, **answer.members}
    if tools.flow.first_refresh_token is None:
        tools.flow.first_refresh_token = answer.members.get("refresh_token")
    values = http_values(answer)
    id_token = _id_token(answer, tools)
    if id_token is not None:
        values |= {"id_token_header": dict(id_token.header), "id_token_claims": dict(id_token.claims)}
        tools.flow.id_token_claims = id_token.claims
    return Outcome(values, answer=answer, id_token=id_token, kind=step.grant, summary=_summary(answer, tools))


def _form(step: Exchange, tools: Tools) -> dict[str, str]:
    scope = form_value(step.scope) if step.scope else ""
    match step.grant:
        case "authorization_code":
            parameters = tools.flow.parameters or {}
            return {
                "grant_type": "authorization_code",
                "code": step.code or _code(tools),
                "redirect_uri": step.redirect_uri or parameters.get("redirect_uri", ""),
                "code_verifier": step.code_verifier or tools.flow.code_verifier or "",
                "scope": scope,
            }
        case "refresh_token":
            token = step.refresh_token or tools.flow.tokens.get("refresh_token")
            if not isinstance(token, str):
                raise StepError("no-token", "no step before has received a refresh_token")
            return {"grant_type": "refresh_token", "refresh_token": token, "scope": scope}
        case "client_credentials":
            return {"grant_type": "client_credentials", "scope": scope}
    raise own_error("not-built", f"the grant {step.grant} is not built yet", field=("grant",))


def _code(tools: Tools) -> str:
    code = (tools.flow.callback or {}).get("code")
    if not code:
        raise StepError("no-code", "no step before has received a code")
    return code


def _id_token(answer: Answer, tools: Tools) -> ReceivedJwt | None:
    token = answer.members.get("id_token")
    if not isinstance(token, str):
        return None
    from flowrun.jose import JoseError, peek, verify  # noqa: PLC0415  JOSE is loaded when there is a JWT

    try:
        seen = peek(token)
    except JoseError as error:
        return ReceivedJwt(token, {}, {}, f"it is no signed JWT: {error.title}")
    try:
        jwks = tools.flow.jwks or _fetch_jwks(tools)
        allowed = _allowed_algorithms(tools)
        try:
            verified = verify(token, jwks, allowed)
        except JoseError as error:
            if error.code != "kid-unknown":
                raise
            # Keys rotate: a kid that is not in a kept JWKS may be in a fresh one.
            verified = verify(token, _fetch_jwks(tools), allowed)
    except JoseError as error:
        return ReceivedJwt(token, seen.header, seen.claims, error.title)
    except StepError as error:
        return ReceivedJwt(token, seen.header, seen.claims, f"its key could not be read: {error.title}")
    return ReceivedJwt(token, verified.header, verified.claims, "", verified)


def _allowed_algorithms(tools: Tools) -> list[str]:
    """Return the algorithms the server says it signs id_tokens with; never `none`, never one with a shared secret."""
    offered = tools.flow.server.get("id_token_signing_alg_values_supported")
    known = ["PS256", "ES256", "RS256", "EdDSA", "PS384", "PS512", "ES384", "ES512", "RS384", "RS512"]
    if not isinstance(offered, list):
        return known
    return [alg for alg in offered if alg in known]


def _fetch_jwks(tools: Tools) -> Mapping[str, Any]:
    answer = tools.get(tools.endpoint("jwks_uri"))
    refusal = judge_answer(answer, "to the question for its keys", "exchange")
    if refusal is not None:
        raise StepError("no-jwks", f"the server answered {answer.status} to the question for its keys")
    tools.flow.jwks = answer.members
    return answer.members


def _summary(answer: Answer, tools: Tools) -> str:
    body = answer.members
    names = [name for name in ("access_token", "refresh_token", "id_token") if name in body]
    asked, granted = (tools.flow.parameters or {}).get("scope"), body.get("scope")
    parts = [", ".join(names) or "no tokens"]
    if isinstance(granted, str):
        parts.append(f"scope {granted}")
        wanted = asked.split() if isinstance(asked, str) else asked or []
        missing = [word for word in wanted if word not in granted.split()]
        if missing:
            parts.append(f"not granted: {' '.join(missing)}")
    return " · ".join(parts)


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    needed = {"auth"} if written.get("url") else {"auth", "endpoint:token_endpoint"}
    grant = written.get("grant", "authorization_code")
    if grant == "authorization_code" and "code" not in written:
        needed.add("callback")
    if grant == "refresh_token" and "refresh_token" not in written:
        needed.add("tokens")
    return frozenset(needed)


KIND = StepKind("exchange", Exchange, run, needs=_needs, leaves=frozenset({"tokens"}))
