"""Automatic checks and the scenario's own expectations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from flowrun.blame.case import THEIRS, Blame, date_of, ours, unclear
from flowrun.blame.certificate import not_shown
from flowrun.blame.signed import clocks_differ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.blame.case import Case

SKEW: Final = 10  # seconds: what the checks let pass

# Checks that compare what the scenario or the environment asks for with what the server offers.
_ASKED: Final = frozenset(
    {"disc.algs", "disc.mtls", "disc.rar", "disc.claims-param", "disc.response-mode", "disc.jarm"}
)
# How tokens can be bound, and where the metadata promises it.
_BOUND: Final[Mapping[str, str]] = {
    "mtls": "tls_client_certificate_bound_access_tokens",
    "dpop": "dpop_signing_alg_values_supported",
}


def check(case: Case) -> Blame | None:
    """Say whose fault it is that a rule is not kept: the server's, unless the rule is about what we send or ask for."""
    clause, code = case.fact("spec"), case.problem.code
    if not (case.fact("rule") and clause):
        return None
    if code.startswith("sign.") or code == "cb.only-request-uri":
        return ours(f"what is sent breaks {clause}")
    if code == "disc.issuer-match" and case.environment.issuer:
        return _issuer(case, clause)
    if code in _ASKED:
        return unclear(f"the server does not offer what the environment or the scenario asks for ({clause})")
    return _dates(case) or _not_bound(case) or Blame(f"{THEIRS} ({clause})")


def _issuer(case: Case, clause: str) -> Blame:
    known, told = case.environment.issuer, str(case.flow.server.get("issuer") or "")
    if not told:
        return Blame(f"{THEIRS} ({clause})")
    if known.rstrip("/").lower() == told.rstrip("/").lower():
        words = "the issuer is not written as the server does, letter by letter"
        return ours(words, f"write issuer: {told} at {case.in_environment('issuer')}")
    words = f"the environment says that {known} is the issuer, and this server that it is {told} ({clause})"
    return unclear(words, f"write the one that the server's team gives at {case.in_environment('issuer')}")


def _dates(case: Case) -> Blame | None:
    """Compare the clocks where the server's clock would make the dates of an id_token right."""
    if case.problem.code not in {"idt.iat", "idt.exp"}:
        return None
    skew, claims = case.skew, case.flow.id_token_claims
    issued, expires = date_of(claims, "iat"), date_of(claims, "exp")
    if skew is None or abs(skew) < SKEW or issued is None or expires is None:
        return None
    now = case.now - skew
    return clocks_differ(case, skew) if issued <= now + SKEW and now - SKEW < expires else None


def _not_bound(case: Case) -> Blame | None:
    """Doubt the registration where tokens are not bound and the server never said that it does this."""
    constraint = case.client.sender_constraint
    plain = case.problem.code in {"cnf.mtls", "cnf.dpop"} and "is not bound" in case.problem.title
    if case.problem.code == "cnf.mtls" and not_shown(case):
        return not_shown(case)
    if not plain and case.problem.code != "tok.type-dpop":
        return None
    if case.flow.server.get(_BOUND.get(constraint, "")):
        return None
    return unclear(f"the client has sender_constraint: {constraint}, and the metadata does not promise bound tokens")


def expectation(case: Case) -> Blame | None:
    """Say that scenario and server differ; a page that did not come may have been remembered."""
    if case.problem.code in {"retry-until", "nothing-to-save", "no-token"}:
        return unclear("what the scenario counts on did not come")
    if case.problem.code != "expectation":
        return None
    left_out = " and ".join(f"'{page}'" for page in _pages_left_out(case))
    if left_out:
        came = " and sent the browser back with a code" if (case.flow.callback or {}).get("code") else ""
        words = f"the server did not show {left_out}{came}; it may remember an earlier login or consent of this person"
        scope = case.in_scenario("authorization")
        return unclear(
            words,
            f"to see the pages again, write prompt: login consent under authorization:{scope};\n"
            "if the server does not know that prompt, write session: new in this browse: step, to forget the login;\n"
            "if the server is right to remember, take the pages out of expect: (the line above)",
        )
    return unclear("the scenario expects one thing and the server does another; either can be wrong")


def _pages_left_out(case: Case) -> list[str]:
    """Return the pages that were expected and did not come, where all others came as expected."""
    if case.kind != "browse" or not case.problem.title.startswith("pages "):
        return []
    try:
        wanted, got = json.loads(case.fact("expected")), json.loads(case.fact("got"))
    except ValueError:
        return []
    if not isinstance(wanted, list) or not isinstance(got, list):
        return []
    for page in got:
        if page not in wanted:
            return []
        wanted.remove(page)
    return [str(page) for page in wanted]
