"""sign: make a signed JWT: the request object (RFC 9101), a client assertion (RFC 7523), or one of given claims.

Any of them can be encrypted for the server as well (RFC 7516).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from flowrun.auth.base import assertion_claims
from flowrun.dataclass import dataclass
from flowrun.flow import now
from flowrun.steps.base import Outcome, StepKind
from flowrun.steps.request import encrypt_for_server, sign_claims, sign_request_object
from flowrun.template import seconds

if TYPE_CHECKING:
    from flowrun.steps.base import Tools

_ENCRYPTED_DOTS: Final = 4  # a JWE has five parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The filled input; `schemas/steps/sign.json` says what each field is."""

    what: str
    claims: Mapping[str, Any] | None = None
    header: Mapping[str, Any] | None = None
    alg: str | None = None
    key: str = "signing"
    aud: str | list[str] | None = None
    lifetime: str | float | None = None
    typ: str | bool | None = None
    encrypt: Mapping[str, Any] | bool | None = None


def run(step: Sign, tools: Tools) -> Outcome:
    """Sign, remember what later calls send, and leave the JWT with its decoded form."""
    choices = {name: value for name, value in asdict(step).items() if value is not None}
    if "lifetime" in choices:
        choices["lifetime"] = seconds(choices["lifetime"])
    match step.what:
        case "request_object":
            token = sign_request_object(tools, **choices)
            tools.flow.request_object = token
        case "client_assertion" | "private_key_jwt":
            token = encrypt_for_server(tools, _sign_assertion(tools, choices), choices.get("encrypt", False))
            tools.flow.assertion = token
        case _:
            token = sign_claims(tools, choices.get("claims", {}), {"alg": tools.client.assertion.alg, **choices})
            token = encrypt_for_server(tools, token, choices.get("encrypt", False))
    made = tools.flow.signed[-1]
    tools.redactor.learn("jwt", token)
    values: dict[str, Any] = {"jwt": token, "header": dict(made.header), "claims": dict(made.claims)}
    summary = f"{step.what}, {made.header['alg']}, kid {made.header.get('kid', 'none')}"
    if token.count(".") == _ENCRYPTED_DOTS:
        from flowrun.jose import peek_jwe  # noqa: PLC0415  JOSE has been loaded to sign

        values["encrypted"] = dict(peek_jwe(token))
        summary += f", encrypted with {values['encrypted']['alg']}"
    return Outcome(values, summary=summary)


def _sign_assertion(tools: Tools, choices: Mapping[str, Any]) -> str:
    settings = tools.client.assertion
    claims = assertion_claims(
        tools.client,
        tools.audience(choices.get("aud") or settings.aud, ""),
        now(),
        choices.get("claims"),
        lifetime=choices.get("lifetime"),
    )
    return sign_claims(tools, claims, {"alg": settings.alg, "typ": settings.typ, **choices})


def _needs(written: Mapping[str, Any]) -> frozenset[str]:
    if written.get("what") == "jwt":
        return frozenset({"signing_key"})
    return frozenset({"issuer", "signing_key"})


KIND = StepKind("sign", Sign, run, needs=_needs)
