"""userinfo: ask the server about the person (OpenID Connect Core, section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer
from flowrun.steps.named_token import token_named
from flowrun.steps.received import read_jwt, readable, server_algorithms

if TYPE_CHECKING:
    from flowrun.steps.base import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Userinfo:
    """The filled input; `schemas/steps/userinfo.json` says what each field is."""

    token: str = "access_token"  # noqa: S105  the word that names the flow's own token
    method: str = "GET"
    url: str | None = None
    headers: Mapping[str, str] | None = None


def run(step: Userinfo, tools: Tools) -> Outcome:
    """Call with the access token, as a bearer (RFC 6750, section 2.1) or with a DPoP proof (RFC 9449, section 7.1)."""
    url, token = step.url or tools.endpoint("userinfo_endpoint"), token_named(tools, step.token)
    answer = tools.get(url, certificate=True, headers=step.headers, method=step.method, token=token)
    received = None
    if answer.content_type == "application/jwt" and 200 <= answer.status < 300:  # noqa: PLR2004  HTTP's own numbers
        allowed = server_algorithms(tools, "userinfo_signing_alg_values_supported")
        # A JWE without a signed JWT in it is one of the two ways (OIDC Core §5.3.2).
        received = readable(read_jwt(tools, answer.text.strip(), allowed=allowed, signed=False), "the userinfo JWT")
        tools.redactor.learn_members(received.claims)
        answer = replace(answer, body=dict(received.claims))
    refusal = judge_answer(answer, "to the question about the person", "userinfo")
    summary = "" if refusal else ", ".join(name for name in answer.members if name not in {"iss", "aud"})
    return Outcome(http_values(answer), answer=answer, refusal=refusal, jwt=received, summary=summary)


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    needed = set() if written.get("url") else {"endpoint:userinfo_endpoint"}
    return frozenset(needed | ({"tokens"} if written.get("token", "access_token") == "access_token" else set()))


KIND = StepKind("userinfo", Userinfo, run, needs=_needs)
