"""Whose fault a failure is, said in plain words with the facts that speak for it; "unclear" rather than a guess.

Each rule looks at one kind of failure and returns a `Blame`, or None where it has nothing to say. The first that
speaks is believed, so the rules stand in the order of how sure they are. Nothing is sent, no private key is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from flowrun.blame import certificate, credentials, encrypted, judged, pages, refused, silence
from flowrun.blame.case import ENVIRONMENT, OURS, PAGE, THEIRS, UNCLEAR, Blame, Case, unclear
from flowrun.blame.silence import FILLED

__all__ = ["ENVIRONMENT", "FILLED", "OURS", "PAGE", "THEIRS", "UNCLEAR", "Blame", "Case", "of"]

_RULES: Final[tuple[Callable[[Case], Blame | None], ...]] = (
    encrypted.unopened,
    judged.check,
    judged.expectation,
    silence.unreachable,
    silence.too_many,
    silence.no_protocol,
    silence.wrong_place,
    pages.request_uri,
    certificate.missing,
    credentials.encoded,
    credentials.client,
    credentials.request_object,
    refused.redirect_uri,
    refused.grant,
    refused.token,
    refused.proof,
    refused.prompt_none,
    refused.by_error,
    pages.page,
    silence.own_file,
)


def of(case: Case) -> Blame:
    """Return whose fault it is and why: `your configuration: the redirect_uri is not registered`; empty for none."""
    problem = case.problem
    if problem.warning:
        return Blame("")
    refusal = problem.code in {"par_error", "request_uri_expired"} or problem.code.startswith("refused-")
    if not refusal:
        case = replace(case, refusal=None)  # what else went wrong in the step is not what the server refused
    for rule in _RULES:
        found = rule(case)
        if found is not None:
            return found
    if not refusal:
        return Blame(UNCLEAR)
    return unclear("only the description says why" if case.said else "the answer does not say why")
