"""exchange: get tokens at the token endpoint (RFC 6749, sections 4.1.3, 4.4.2 and 6; RFC 8628; RFC 8693)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.errors import StepError
from flowrun.flow import form_value
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer, oauth_error, own_error
from flowrun.steps.named_token import token_named
from flowrun.steps.received import id_token_algorithms, read_jwt
from flowrun.template import seconds

if TYPE_CHECKING:
    from flowrun.flow import ReceivedJwt
    from flowrun.steps.base import Tools
    from flowrun.wire import Answer

_DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  a name, no secret
_SLOWER: Final = 5.0  # seconds that every slow_down adds (RFC 8628, section 3.5)
_SHORTEST: Final = 1.0  # seconds between two polls at least, whatever a server says
_LONGEST: Final = 86400.0  # seconds; nobody waits longer, whatever a server says


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The filled input; `schemas/steps/exchange.json` says what each field is."""

    grant: str = "authorization_code"
    code: str | None = None
    code_verifier: str | None = None
    redirect_uri: str | None = None
    refresh_token: str | None = None
    scope: str | list[str] | None = None
    device_code: str | None = None
    interval: str | float | None = None
    at_most: str | float | None = None
    subject_token: str | None = None
    subject_token_type: str | None = None
    actor_token: str | None = None
    actor_token_type: str | None = None
    requested_token_type: str | None = None
    audience: str | list[str] | None = None
    resource: str | list[str] | None = None
    url: str | None = None
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    at_once: int | None = None


def run(step: Exchange, tools: Tools) -> Outcome:
    """Ask for tokens; what the flow knows is not written again."""
    form = [(name, one) for name, value in _form(step, tools).items() for one in _each(value)]
    waits = step.grant == "device_code"
    answers = [_asked_until_approved(step, tools, form)] if waits else _asked(step, tools, form)
    answer, race = _winner(answers)
    refusal = judge_answer(answer, "to the token request (RFC 6749 §5.1)", "exchange")
    if refusal is not None:
        # A step that says which status it wants goes on with it, and leaves the tokens as they were.
        refused = None if tools.any_status else refusal
        values = http_values(answer) | race
        return Outcome(values, answer=answer, refusal=refused, kind=step.grant, summary=_refused(answer))
    tools.flow.tokens = {**tools.flow.tokens, **answer.members}
    if tools.flow.first_refresh_token is None:
        tools.flow.first_refresh_token = answer.members.get("refresh_token")
    values = http_values(answer) | race
    id_token = _id_token(answer, tools)
    if id_token is not None:
        values |= {"id_token_header": dict(id_token.header), "id_token_claims": dict(id_token.claims)}
        if id_token.encrypted is not None:
            values["id_token_encrypted"] = dict(id_token.encrypted)
        tools.flow.id_token_claims = id_token.claims
    return Outcome(values, answer=answer, id_token=id_token, kind=step.grant, summary=_summary(answer, tools))


def _asked(step: Exchange, tools: Tools, form: list[tuple[str, str]]) -> list[Answer]:
    """Ask, as often at the same moment as the step says."""
    url = step.url or tools.endpoint("token_endpoint")
    return tools.post_at_once(step.at_once or 1, url, form, headers=step.headers, extra=step.extra, proof=True)


def _winner(answers: list[Answer]) -> tuple[Answer, dict[str, Any]]:
    """Return the answer that counts, the first accepted one, and what a race leaves; with one answer there is none."""
    accepted = [answer for answer in answers if 200 <= answer.status < 300]  # noqa: PLR2004  HTTP's own numbers
    if len(answers) == 1:
        return answers[0], {}
    statuses = [answer.status for answer in answers]
    race = {"accepted": len(accepted), "refused": len(answers) - len(accepted), "statuses": statuses}
    return (accepted or answers)[0], {"race": race}


def _asked_until_approved(step: Exchange, tools: Tools, form: list[tuple[str, str]]) -> Answer:
    """Ask with a device code until the person has decided, the code is dead, or the time is up (RFC 8628 §3.5)."""
    device = tools.flow.device
    interval = _seconds(step.interval, device.get("interval"), 5.0, _SHORTEST)
    left = _seconds(step.at_most, device.get("expires_in"), 300.0)
    told = False
    while True:
        (answer,) = _asked(replace(step, at_once=None), tools, form)
        error = oauth_error(answer)[0]
        if error == "slow_down":
            interval += _SLOWER
        if error not in {"authorization_pending", "slow_down"} or left < interval:
            return answer
        if not told:
            tools.told("waiting", f"nobody has approved yet; the server is asked again every {interval:g} s")
            told = True
        tools.pause(interval)
        left -= interval + answer.seconds


def _seconds(written: str | float | None, server: object, otherwise: float, least: float = 0.0) -> float:
    """Return a time in seconds: the step's, else the server's (`least` at least) if it is one, else what the RFC says.

    What the step says is taken as it is: whoever writes it tests how the server takes it.
    """
    if written is not None:
        return seconds(written)
    if isinstance(server, int | float) and not isinstance(server, bool) and 0 <= server < _LONGEST:
        return max(least, float(server))
    return otherwise


def _each(value: str | list[str]) -> list[str]:
    """Return the values of a parameter that may be sent several times; none where there is nothing to say."""
    return [one for one in ([value] if isinstance(value, str) else value) if one]


def _form(step: Exchange, tools: Tools) -> dict[str, str | list[str]]:
    scope = form_value(step.scope) if step.scope else ""
    match step.grant:
        case "authorization_code":
            parameters = tools.flow.asked
            return {
                "grant_type": "authorization_code",
                "code": step.code or _code(tools),
                "redirect_uri": step.redirect_uri or parameters.get("redirect_uri", ""),
                "code_verifier": step.code_verifier or tools.flow.code_verifier or "",
                "scope": scope,
            }
        case "refresh_token":
            token = step.refresh_token or token_named(tools, "refresh_token")
            return {"grant_type": "refresh_token", "refresh_token": token, "scope": scope}
        case "client_credentials":
            return {"grant_type": "client_credentials", "scope": scope}
        case "device_code":
            return {"grant_type": _DEVICE, "device_code": step.device_code or _device_code(tools)}
        case "token_exchange":
            return _token_exchange(step, tools, scope)
    raise own_error("wrong-value", f"there is no grant '{step.grant}'", field=("grant",))


def _device_code(tools: Tools) -> str:
    code = tools.flow.device.get("device_code")
    if not isinstance(code, str):
        raise StepError(
            "no-code",
            "no step before has received a device_code",
            hint='put before it: call: {url: "{{ server.device_authorization_endpoint }}", method: POST, '
            "authenticate: true, form: {scope: …}}",
        )
    return code


def _token_exchange(step: Exchange, tools: Tools, scope: str) -> dict[str, str | list[str]]:
    """Return the parameters of RFC 8693, section 2.1."""
    subject, actor = step.subject_token or "access_token", step.actor_token
    form: dict[str, str | list[str]] = {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token": token_named(tools, subject),
        "subject_token_type": step.subject_token_type or _type_of(subject),
    }
    if actor:
        form |= {"actor_token": token_named(tools, actor), "actor_token_type": step.actor_token_type or _type_of(actor)}
    return {
        **form,
        "requested_token_type": step.requested_token_type or "",
        "audience": step.audience or "",
        "resource": step.resource or "",
        "scope": scope,
    }


def _type_of(token: str) -> str:
    """Return the type of a token that is named, an access token for one that is written out (RFC 8693, section 3)."""
    named = {"access_token", "refresh_token", "id_token"}
    return f"urn:ietf:params:oauth:token-type:{token if token in named else 'access_token'}"


def _code(tools: Tools) -> str:
    code = (tools.flow.callback or {}).get("code")
    if not code:
        if form_value(tools.flow.asked.get("response_type", "")) == "none":
            raise StepError(
                "no-code",
                "there is no code to exchange: the authorization request asked for none",
                label="response_type is none",
                hint="leave the exchange out, or ask for response_type: code",
            )
        raise StepError("no-code", "no step before has received a code")
    return code


def _id_token(answer: Answer, tools: Tools) -> ReceivedJwt | None:
    token = answer.members.get("id_token")
    return read_jwt(tools, token, allowed=id_token_algorithms(tools)) if isinstance(token, str) else None


def _summary(answer: Answer, tools: Tools) -> str:
    body = answer.members
    names = [name for name in ("access_token", "refresh_token", "id_token") if name in body]
    asked, granted = tools.flow.asked.get("scope"), body.get("scope")
    parts = [", ".join(names) or "no tokens"]
    if isinstance(granted, str):
        parts.append(f"scope {granted}")
        wanted = asked.split() if isinstance(asked, str) else asked or []
        # Two scopes show in what came; an answer about a resource may not name them (RFC 8707, section 2.2).
        came = {word for word, name in (("openid", "id_token"), ("offline_access", "refresh_token")) if name in body}
        missing = [word for word in wanted if word not in {*granted.split(), *came}]
        if missing:
            parts.append(f"not granted: {' '.join(missing)}")
    return " · ".join(parts)


def _refused(answer: Answer) -> str:
    return f"{answer.status} {oauth_error(answer)[0]}".strip()


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    needed = {"auth"} if written.get("url") else {"auth", "endpoint:token_endpoint"}
    grant = written.get("grant", "authorization_code")
    if grant == "authorization_code" and "code" not in written:
        needed.add("callback")
    named = {"refresh_token": "refresh_token" not in written}
    named["token_exchange"] = written.get("subject_token", "access_token") in {
        "access_token",
        "refresh_token",
        "id_token",
    }
    if named.get(grant):
        needed.add("tokens")
    return frozenset(needed)


KIND = StepKind("exchange", Exchange, run, needs=_needs, leaves=lambda _: frozenset({"tokens"}))
