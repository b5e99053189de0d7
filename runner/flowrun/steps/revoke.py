"""revoke: tell the server that a token is no longer needed (RFC 7009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.steps.base import Outcome, StepKind, http_values, judge_answer
from flowrun.steps.named_token import needs_token, token_form

if TYPE_CHECKING:
    from flowrun.flow import Refusal
    from flowrun.steps.base import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """The filled input; `schemas/steps/revoke.json` says what each field is."""

    token: str = "access_token"  # noqa: S105  the word that names the flow's own token
    hint: str | None = None
    url: str | None = None
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


def run(step: Revoke, tools: Tools) -> Outcome:
    """Send the token with the client's authentication; the answer's body has no meaning (RFC 7009, section 2.2)."""
    form = token_form(tools, step.token, step.hint)
    answer = tools.post(step.url or tools.endpoint("revocation_endpoint"), form, headers=step.headers, extra=step.extra)
    refusal: Refusal | None = None
    if not 200 <= answer.status < 300:  # noqa: PLR2004  HTTP's own numbers
        refusal = judge_answer(answer, "to the revocation", "revoke")
    return Outcome(http_values(answer), answer=answer, refusal=refusal, summary="" if refusal else "revoked")


KIND = StepKind("revoke", Revoke, run, needs=lambda written: needs_token("revocation_endpoint", written))
