"""discover: read the server's metadata (RFC 8414, OpenID Connect Discovery 1.0) and its keys (RFC 7517)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from flowrun.dataclass import dataclass
from flowrun.errors import StepError
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer, own_error, require_url, shown

if TYPE_CHECKING:
    from flowrun.environment import Environment
    from flowrun.steps.base import Tools
    from flowrun.wire import Answer

_OK: Final = 200
_NOT_FOUND: Final = 404
_ENOUGH: Final = frozenset({"authorization_endpoint", "token_endpoint"})  # what a code flow can't be without


@dataclass(frozen=True, slots=True, kw_only=True)
class Discover:
    """The filled input; `schemas/steps/discover.json` says what each field is."""

    issuer: str | None = None
    location: str = "auto"
    url: str | None = None
    jwks: bool = True


def run(step: Discover, tools: Tools) -> Outcome:
    """Read OIDC's document, or RFC 8414's where the first is not there; leave every member as `server.…`."""
    issuer = step.issuer or tools.issuer
    if issuer and not step.url:
        require_url(issuer)
    urls = [step.url] if step.url else locations(issuer, step.location)
    if not urls:
        raise own_error("no-issuer", "discover needs an issuer", hint="write issuer: in the environment file")
    answer = tools.get(urls[0])
    for url in urls[1:]:
        if answer.status != _NOT_FOUND:
            break
        answer = tools.get(url)
    if not (step.url or step.issuer) and does_without(answer, tools.environment):
        return _without_metadata(step, tools)
    _require_metadata(answer, len(urls))
    tools.flow.server = {**answer.members}
    tools.flow.server["par_available"] = "pushed_authorization_request_endpoint" in answer.members
    tools.flow.server["par_required"] = answer.members.get("require_pushed_authorization_requests") is True
    if step.jwks:
        _read_keys(tools)
    return Outcome(
        {**tools.flow.server, **http_values(answer)}, answer=answer, summary=str(answer.members.get("issuer", ""))
    )


def does_without(answer: Answer, environment: Environment) -> bool:
    """Tell whether a server without metadata is described well enough by its environment."""
    return answer.status == _NOT_FOUND and environment.endpoints.keys() >= _ENOUGH


def _without_metadata(step: Discover, tools: Tools) -> Outcome:
    """Go on with what the environment lists: a server need not have metadata, and scenarios run on any server."""
    endpoints = tools.environment.endpoints
    available = "pushed_authorization_request_endpoint" in endpoints
    tools.flow.server = {**endpoints, "issuer": tools.issuer, "par_available": available, "par_required": False}
    if step.jwks:
        _read_keys(tools)
    return Outcome({**tools.flow.server}, summary="no metadata (404): the endpoints of the environment file are used")


def _read_keys(tools: Tools) -> None:
    """Read the JWKS, so that later steps need not; a server whose keys can't be read is a matter of the checks.

    Nothing is kept that is no JWKS: a step that needs the keys asks again, and tells what is wrong.
    """
    flow = tools.flow
    flow.jwks, flow.jwks_answer, flow.jwks_trouble = None, None, ""
    if "jwks_uri" not in tools.environment.endpoints and "jwks_uri" not in flow.server:
        return
    try:
        answer = tools.get(tools.endpoint("jwks_uri"))
    except StepError as error:
        flow.jwks_trouble = error.title
        tools.told("note", f"the server's keys can't be read: {error.title}")
        return
    flow.jwks_answer = answer
    if answer.status == _OK and isinstance(answer.members.get("keys"), list):
        flow.jwks = answer.members


def locations(issuer: str, location: str) -> list[str]:
    """Return where the metadata of an issuer may be: appended (OIDC) and inserted before the path (RFC 8414 §3.1)."""
    if not issuer:
        return []
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    oidc = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    oauth = urlunsplit(parts._replace(path=f"/.well-known/oauth-authorization-server{path}"))
    return {"oidc": [oidc], "oauth": [oauth]}.get(location, [oidc, oauth])


def _require_metadata(answer: Answer, tried: int) -> None:
    what = "to the question for its metadata"
    refusal = judge_answer(answer, what, "discover")
    if refusal is not None:
        more = " at both places where it may be" if tried > 1 and answer.status == _NOT_FOUND else ""
        raise StepError(
            "no-metadata",
            f"the server answered {answer.status} {what}{more}",
            facts=shown(answer),
            hint="is the issuer right? for a server without metadata list authorization_endpoint, token_endpoint and "
            "the others under endpoints: in the environment file",
        )


KIND = StepKind("discover", Discover, run, leaves=lambda _: frozenset({"server"}))
