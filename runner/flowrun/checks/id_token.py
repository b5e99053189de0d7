"""Checks of the id_token (OpenID Connect Core)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable
from flowrun.flow import form_value

if TYPE_CHECKING:
    from flowrun.flow import Around, ReceivedJwt

_STEP = frozenset({"exchange"})
SKEW: Final = 10  # seconds that two clocks may differ
OLDEST: Final = 300  # seconds that an id_token just received may be old
FIFTY_YEARS: Final = 50 * 365 * 86400  # a date further ahead was written in milliseconds


def _token(around: Around) -> ReceivedJwt:
    if around.id_token is None:
        raise NotApplicable("there was no id_token")
    return around.id_token


def signature(around: Around) -> str | None:
    """Believe the verification; a missing id_token is a complaint where `openid` was asked or the profile wants one."""
    if around.id_token is None:
        answer = around.answer
        if around.kind != "authorization_code" or answer is None or "access_token" not in answer.members:
            raise NotApplicable("there was no id_token")
        asked = form_value((around.flow.parameters or {}).get("scope", "")).split()
        if "openid" in asked or "id_token" in around.environment.profile.wants:
            return "there is no id_token in the answer"
        raise NotApplicable("none was asked for")
    distrust = around.id_token.distrust
    return f"the id_token can't be trusted: {distrust}" if distrust else None


def iss(around: Around) -> str | None:
    """Exactly the issuer of the metadata."""
    got = _token(around).claims.get("iss")
    wanted = around.flow.server.get("issuer") or around.issuer
    return None if got == wanted else f"the id_token's iss is {_said(got)}, the issuer is {wanted!r}"


def aud(around: Around) -> str | None:
    """Our client is in aud; with several, azp names us."""
    claims = _token(around).claims
    got, client_id = claims.get("aud"), around.client.client_id
    audience: list[Any] = got if isinstance(got, list) else [got]
    if client_id not in audience:
        return f"the id_token's aud is {_said(got)}, our client_id is {client_id!r}"
    if len(audience) > 1 and claims.get("azp") != client_id:
        return f"the id_token's aud has {len(audience)} entries and its azp is {_said(claims.get('azp'))}"
    return None


def _said(value: Any) -> str:
    return "missing" if value is None else repr(value)


def _date(claims: Any, name: str) -> float | str:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (
            f"the id_token's {name} is {value!r}, not a number of seconds"
            if name in claims
            else f"the id_token has no {name}"
        )
    return float(max(-(10.0**18), min(value, 10.0**18)))  # a whole number may have hundreds of digits


def exp(around: Around) -> str | None:
    """In the future, and in seconds."""
    until = _date(_token(around).claims, "exp")
    if isinstance(until, str):
        return until
    if until > around.now + FIFTY_YEARS:
        return "the id_token's exp is more than 50 years ahead; it was probably written in milliseconds"
    return None if until > around.now - SKEW else f"the id_token expired {around.now - until:.0f} s ago"


def iat(around: Around) -> str | None:
    """Issued just now."""
    since = _date(_token(around).claims, "iat")
    if isinstance(since, str):
        return since
    if since > around.now + SKEW:
        return f"the id_token was issued {since - around.now:.0f} s in the future; compare the clocks"
    return None if since > around.now - OLDEST else f"the id_token was issued {around.now - since:.0f} s ago"


def nonce(around: Around) -> str | None:
    """Compare with the nonce that was sent; there is none if none was sent."""
    claims = _token(around).claims
    if around.kind == "refresh_token" and "nonce" not in claims:
        raise NotApplicable("a refreshed id_token needs no nonce")
    sent = (around.flow.parameters or {}).get("nonce")
    got = claims.get("nonce")
    # A nonce that is no text travels as one in a form, and as it is in a request object.
    if got == sent or (sent is not None and got == form_value(sent)):
        return None
    return "the id_token has no nonce" if got is None else "the id_token's nonce is not the one sent"


def at_hash(around: Around) -> str | None:
    """Fits the access token that came with it."""
    token = _token(around)
    got = token.claims.get("at_hash")
    access_token = around.answer.members.get("access_token") if around.answer else None
    if got is None or not isinstance(access_token, str):
        raise NotApplicable("there is no at_hash")
    from flowrun.jose import JoseError, half_hash  # noqa: PLC0415  hashing by algorithm is the JOSE part's matter

    try:
        fits = got == half_hash(access_token, str(token.header.get("alg")))
    except JoseError as error:
        raise NotApplicable("the algorithm of the id_token says no hash") from error
    return None if fits else "the id_token's at_hash does not fit the access token"


def sub_userinfo(around: Around) -> str | None:
    """Userinfo speaks of the same person."""
    sub = around.flow.id_token_claims.get("sub")
    if sub is None or around.answer is None or not 200 <= around.answer.status < 300:  # noqa: PLR2004  HTTP's own numbers
        raise NotApplicable("there are not two subjects to compare")
    if "sub" not in around.answer.members:
        return "userinfo has no sub"
    return None if around.answer.members["sub"] == sub else "userinfo has another sub than the id_token"


CHECKS: Final = (
    Check("idt.sig", _STEP, "the id_token is signed by the server", "OIDC Core §3.1.3.7", signature),
    Check("idt.iss", _STEP, "the id_token names the issuer", "OIDC Core §3.1.3.7", iss),
    Check("idt.aud", _STEP, "the id_token is for our client", "OIDC Core §3.1.3.7", aud),
    Check("idt.exp", _STEP, "the id_token has not expired", "OIDC Core §3.1.3.7", exp),
    Check("idt.iat", _STEP, "the id_token is fresh", "OIDC Core §3.1.3.7", iat),
    Check("idt.nonce", _STEP, "the id_token brings the nonce that was sent", "OIDC Core §3.1.3.7", nonce),
    Check("idt.at_hash", _STEP, "at_hash fits the access token", "OIDC Core §3.1.3.6", at_hash),
    Check(
        "idt.sub-userinfo",
        frozenset({"userinfo"}),
        "userinfo is about the same person",
        "OIDC Core §5.3.2",
        sub_userinfo,
    ),
)
