"""introspect: ask the server what a token is worth (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer
from flowrun.steps.named_token import needs_token, token_form

if TYPE_CHECKING:
    from flowrun.steps.base import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspect:
    """The filled input; `schemas/steps/introspect.json` says what each field is."""

    token: str = "access_token"  # noqa: S105  the word that names the flow's own token
    hint: str | None = None
    url: str | None = None
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


def run(step: Introspect, tools: Tools) -> Outcome:
    """Send the token with the client's authentication; `active` and what else is known come back."""
    form = token_form(tools, step.token, step.hint)
    answer = tools.post(
        step.url or tools.endpoint("introspection_endpoint"), form, headers=step.headers, extra=step.extra
    )
    refusal = judge_answer(answer, "to the introspection", "introspect")
    summary = "" if refusal else "active" if answer.members.get("active") else "not active"
    return Outcome(http_values(answer), answer=answer, refusal=refusal, summary=summary)


KIND = StepKind("introspect", Introspect, run, needs=lambda written: needs_token("introspection_endpoint", written))
