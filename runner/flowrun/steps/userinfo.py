"""userinfo: ask the server about the person (OpenID Connect Core, section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowrun.errors import StepError
from flowrun.steps.base import Outcome, StepKind, as_headers, http_values, judge_answer
from flowrun.steps.named_token import token_named

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
    """Call with the access token as a bearer (RFC 6750, section 2.1)."""
    headers = {"authorization": f"Bearer {token_named(tools, step.token)}", **as_headers(step.headers)}
    url = step.url or tools.endpoint("userinfo_endpoint")
    answer = tools.get(url, certificate=True, headers=headers, method=step.method)
    if answer.content_type == "application/jwt":
        raise StepError(
            "not-built", "the server answered with a JWT; reading a signed userinfo comes in a later version"
        )
    refusal = judge_answer(answer, "to the question about the person", "userinfo")
    summary = "" if refusal else ", ".join(name for name in answer.members if name not in {"iss", "aud"})
    return Outcome(http_values(answer), answer=answer, refusal=refusal, summary=summary)


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    needed = set() if written.get("url") else {"endpoint:userinfo_endpoint"}
    return frozenset(needed | ({"tokens"} if written.get("token", "access_token") == "access_token" else set()))


KIND = StepKind("userinfo", Userinfo, run, needs=_needs)
