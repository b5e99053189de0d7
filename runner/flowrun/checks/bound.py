"""Checks of how access tokens are bound: to a certificate (RFC 8705) or to a DPoP key (RFC 9449)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable, accepted
from flowrun.checks.tokens import NO_ACCESS_TOKEN

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEPS = frozenset({"exchange", "introspect"})


def _confirmation(around: Around, member: str) -> Any:
    """Return what the token says it is bound to: in a JWT access token, or in the answer to an introspection."""
    answer = accepted(around)
    if "active" in answer.members:  # an introspection
        if answer.members["active"] is not True or dict(answer.sent.form).get("token") != _access_token(around):
            raise NotApplicable("this is no active access token of ours")
        return _of(answer.members.get("cnf"), member)
    token = answer.members.get("access_token")
    if not isinstance(token, str) or str(answer.members.get("token_type")).lower() == NO_ACCESS_TOKEN:
        raise NotApplicable("there is no access token")
    from flowrun.jose import JoseError, peek  # noqa: PLC0415  JOSE is loaded when there is a JWT

    try:
        claims = peek(token).claims
    except JoseError as error:
        raise NotApplicable("the access token is opaque; an introspection shows what it is bound to") from error
    return _of(claims.get("cnf"), member)


def _of(cnf: Any, member: str) -> Any:
    return cnf.get(member) if isinstance(cnf, dict) else None


def _access_token(around: Around) -> Any:
    return around.flow.tokens.get("access_token")


def mtls(around: Around) -> str | None:
    """Compare the thumbprint in the token with our certificate's."""
    client = around.client
    if client.sender_constraint != "mtls" or client.certificate is None:
        raise NotApplicable("the tokens of this client are not bound to a certificate")
    got = _confirmation(around, "x5t#S256")
    from flowrun.jose import x5t_s256  # noqa: PLC0415

    if got is None:
        return "the access token is not bound to our certificate: cnf has no x5t#S256"
    return (
        None if got == x5t_s256(client.certificate.file.read_bytes()) else "the token is bound to another certificate"
    )


def dpop(around: Around) -> str | None:
    """Compare the thumbprint in the token with that of the key that our proofs are signed with."""
    if around.client.sender_constraint != "dpop":
        raise NotApplicable("the tokens of this client are not bound to a key")
    if not around.jkt:
        raise NotApplicable("this client has sent no proof")
    got = _confirmation(around, "jkt")
    if got is None:
        return "the access token is not bound to our key: cnf has no jkt"
    return None if got == around.jkt else "the access token is bound to another key"


CHECKS: Final = (
    Check("cnf.mtls", _STEPS, "the access token is bound to our certificate", "RFC 8705 §3", mtls),
    Check("cnf.dpop", _STEPS, "the access token is bound to our key", "RFC 9449 §6", dpop),
)
