"""Checks of what we ourselves are about to send: a wrong setting is found here, not in the server's refusal.

A scenario that wants to be refused signs wrong things on purpose, and so does a step that tampers; there nothing of
this is judged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable
from flowrun.checks.offers import STRONG
from flowrun.flow import challenge_of

if TYPE_CHECKING:
    from flowrun.flow import Around, SignedJwt

_ANY = frozenset({"sign", "push", "browse", "exchange", "userinfo", "introspect", "revoke", "call"})
_REQUEST = frozenset({"sign", "push", "browse"})
_ASSERTION, _OBJECT = "client_assertion", "request_object"
_CALLED: Final = {_ASSERTION: "the client assertion", _OBJECT: "the request object", "dpop": "the DPoP proof"}
_REFUSED: Final = 400
_DATES: Final = ("iat", "nbf", "exp")
_TYP: Final = "oauth-authz-req+jwt"
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_S256: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def _on_purpose(around: Around) -> None:
    """Raise `NotApplicable` where what is sent may be wrong on purpose."""
    if around.wants_refusal:
        raise NotApplicable("this scenario wants to be refused; what it sends may be wrong on purpose")
    if around.tampered:
        raise NotApplicable("this step tampers with what it sends")


def _signed(around: Around, *whats: str) -> list[SignedJwt]:
    _on_purpose(around)
    found = [jwt for jwt in around.flow.signed if not whats or jwt.what in whats]
    if not found:
        raise NotApplicable("nothing of the kind was signed here")
    return found


def _first(complaints: list[str]) -> str | None:
    return "; ".join(dict.fromkeys(complaints)) or None


def assertion(around: Around) -> str | None:
    """Iss and sub are our client_id; aud, exp and a new jti are there."""
    wrong = []
    client_id = around.client.client_id
    for jwt in _signed(around, _ASSERTION):
        wrong += [
            f"the client assertion's {name} is {jwt.claims.get(name)!r}, our client_id is {client_id!r}"
            for name in ("iss", "sub")
            if jwt.claims.get(name) != client_id
        ]
        wrong += [f"the client assertion has no {name}" for name in ("aud", "exp", "jti") if not jwt.claims.get(name)]
    return _first(wrong)


def audience(around: Around) -> str | None:
    """Want the issuer as aud of a client assertion, as a text and nothing else; the blame of a refusal says so too."""
    if around.answer is not None and around.answer.status >= _REFUSED:
        raise NotApplicable("the request was refused")
    issuers = [around.issuer, around.flow.server.get("issuer")]  # where they differ, that is disc.issuer-match's matter
    wrong = [jwt.claims.get("aud") for jwt in _signed(around, _ASSERTION) if jwt.claims.get("aud") not in issuers]
    issuer = around.issuer or issuers[1]
    return _first([f"the client assertion's aud is {aud!r}, the issuer is {issuer!r}" for aud in wrong])


def request_object(around: Around) -> str | None:
    """Iss, aud, client_id and response_type stand in the request object, no sub and no second request."""
    wrong = []
    for jwt in _signed(around, _OBJECT):
        claims = jwt.claims
        wrong += [f"the request object has no {name}" for name in ("aud", "response_type") if not claims.get(name)]
        wrong += [
            f"the request object's {name} is {claims.get(name)!r}, our client_id is {around.client.client_id!r}"
            for name in ("iss", "client_id")
            if claims.get(name) != around.client.client_id
        ]
        wrong += [f"the request object holds {name}" for name in ("request", "request_uri") if name in claims]
        if claims.get("sub") == around.client.client_id:
            wrong.append("the request object's sub is our client_id, so it could pass for a client assertion")
    return _first(wrong)


def validity(around: Around) -> str | None:
    """Exp and nbf are there, and not further apart than the profile allows."""
    wrong = []
    limits = around.environment.profile.limits
    for jwt in _signed(around, _OBJECT):
        wrong += [f"the request object has no {name}" for name in ("exp", "nbf") if name not in jwt.claims]
        wrong += _too_long(jwt.claims, "the request object", "nbf", limits.get("request_object"))
    return _first(wrong)


def assertion_validity(around: Around) -> str | None:
    """Want a short life: a client assertion is for one call."""
    limit = around.environment.profile.limits.get("assertion")
    if limit is None:
        raise NotApplicable("the profile has no limit")
    wrong = []
    for jwt in _signed(around, _ASSERTION):
        wrong += _too_long(jwt.claims, "the client assertion", "iat", limit)
    return _first(wrong)


def _too_long(claims: Any, called: str, since: str, limit: float | None) -> list[str]:
    start, end = claims.get(since), claims.get("exp")
    if limit is None or not isinstance(start, int | float) or not isinstance(end, int | float):
        return []
    lives = end - start
    return [f"{called} lives {lives:g} s from {since} to exp; this profile wants {limit:g} at most"] * (lives > limit)


def typ(around: Around) -> str | None:
    """Report a request object without the recommended typ."""
    got = [jwt.header.get("typ") for jwt in _signed(around, _OBJECT)]
    return _first([f"the request object's typ is {value!r}, not {_TYP}" for value in got if value != _TYP])


def int_dates(around: Around) -> str | None:
    """Dates are whole numbers of seconds; some servers refuse fractions."""
    wrong = [
        f"{_CALLED.get(jwt.what, 'the JWT')}'s {name} is {jwt.claims[name]!r}, not a whole number"
        for jwt in _signed(around)
        for name in _DATES
        if name in jwt.claims and (isinstance(jwt.claims[name], bool) or not isinstance(jwt.claims[name], int))
    ]
    return _first(wrong)


def alg(around: Around) -> str | None:
    """PS, ES or EdDSA; never RS256, never none."""
    wrong = [
        f"{_CALLED.get(jwt.what, 'the JWT')} is signed with {jwt.header.get('alg')}"
        for jwt in _signed(around, *_CALLED)
        if jwt.header.get("alg") not in STRONG
    ]
    return _first(wrong)


def pkce(around: Around) -> str | None:
    """Want a challenge made with S256 of a verifier of 43 to 128 allowed characters."""
    _on_purpose(around)
    parameters, verifier = around.flow.asked, around.flow.code_verifier
    challenge = parameters.get("code_challenge")
    if challenge is None or parameters.get("code_challenge_method") != "S256":
        raise NotApplicable("no challenge made with S256 was sent")
    if not isinstance(challenge, str) or not _S256.fullmatch(challenge):
        return f"the code_challenge has {len(str(challenge))} characters; S256 makes 43, of the base64url alphabet"
    if verifier is None:
        return None
    if not _VERIFIER.fullmatch(verifier):
        return f"the code_verifier has {len(verifier)} characters, or some that are not allowed; 43 to 128 are"
    return None if challenge_of(verifier) == challenge else "the code_challenge does not belong to the code_verifier"


CHECKS: Final = (
    Check("sign.assertion", _ANY, "our client assertion says who we are", "RFC 7523 §3, OIDC Core §9", assertion),
    Check("sign.aud", _ANY, "our client assertion is for the issuer alone", "FAPI 2.0 SP §5.3.3.1", audience),
    Check("sign.lifetime", _ANY, "our client assertion does not live too long", "RFC 7523 §3", assertion_validity),
    Check("sign.jar", _REQUEST, "our request object is complete", "RFC 9101 §4, §10.8", request_object),
    Check(
        "sign.jar-lifetime",
        _REQUEST,
        "our request object is valid for a short time",
        "FAPI 2.0 Message Signing §5.3.1",
        validity,
    ),
    Check("sign.typ", _REQUEST, "our request object names its type", "RFC 9101 §10.8", typ),
    Check("sign.int-dates", _ANY, "our dates are whole numbers", "RFC 7519 §2", int_dates),
    Check("sign.alg", _ANY, "we sign with a strong algorithm", "FAPI 2.0 SP §5.4.1", alg),
    Check("sign.pkce", _REQUEST, "our PKCE challenge is right", "RFC 7636 §4", pkce),
)
