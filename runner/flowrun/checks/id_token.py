"""Checks of the id_token (OpenID Connect Core)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable
from flowrun.flow import form_value

if TYPE_CHECKING:
    from flowrun.flow import Around, ReceivedJwt

_STEP = frozenset({"exchange"})
SKEW: Final = 10  # seconds that two clocks may differ
AHEAD: Final = 60  # seconds: what is issued later than that is not tolerated (FAPI 2.0 SP §5.3.2.1)
OLDEST: Final = 600  # seconds that an id_token just received may be old: some servers date them back by minutes
PAGES: Final = 300  # seconds that a person may need for the pages after the login
_FAPI: Final = frozenset({"PS256", "ES256", "EdDSA", "Ed25519"})
FIFTY_YEARS: Final = 50 * 365 * 86400  # a date further ahead was written in milliseconds


def _received(around: Around) -> ReceivedJwt:
    if around.id_token is None:
        raise NotApplicable("there was no id_token")
    return around.id_token


def _token(around: Around) -> ReceivedJwt:
    """Return an id_token that has claims; what can't be opened or read is told once, by idt.sig."""
    token = _received(around)
    if token.distrust and not token.claims:
        raise NotApplicable("nothing of the id_token can be read")
    return token


def present(around: Around) -> str | None:
    """Want one where `openid` was granted (asked for, when the answer does not say) or the profile wants one."""
    answer = around.answer
    if around.kind != "authorization_code" or answer is None or "access_token" not in answer.members:
        raise NotApplicable("no tokens came from an authorization")
    if not _openid(around) and "id_token" not in around.environment.profile.wants:
        raise NotApplicable("none was asked for")
    return "there is no id_token in the answer" if around.id_token is None else None


def _openid(around: Around) -> bool:
    """Tell whether an id_token was asked for and not refused.

    Where a resource was asked for, the scope of the answer is that of the access token alone (RFC 8707 §2.2).
    """
    if "openid" not in form_value(around.flow.asked.get("scope", "")).split():
        return False
    granted = around.answer.members.get("scope") if around.answer else None
    if around.id_token is not None or not isinstance(granted, str) or "openid" in granted.split():
        return True
    form = dict(around.answer.sent.form) if around.answer else {}
    return "resource" in form or "resource" in around.flow.asked


def signature(around: Around) -> str | None:
    """Believe the verification: a key of the server, an algorithm that it names, never none; encrypted if agreed."""
    token = _received(around)
    if token.distrust:
        agreed = _may_be_agreed(token, around)
        return f"the id_token can't be trusted: {token.distrust}{agreed}"
    if around.client.id_token.encrypt and token.encrypted is None:
        return "the id_token is not encrypted, as the environment says that it is (id_token: {encrypt: true})"
    return None


def algorithm(around: Around) -> str | None:
    """Want one of the three algorithms that the profile allows, whatever the server and the environment say."""
    token = _token(around)
    alg = token.header.get("alg")
    if token.distrust:
        raise NotApplicable("the id_token can't be trusted, and idt.sig says why")
    return None if alg in _FAPI else f"the id_token is signed with {alg}; PS256, ES256 and EdDSA are allowed"


def _may_be_agreed(token: ReceivedJwt, around: Around) -> str:
    """Return what to write where the algorithm is one that only the registration of the client can have told."""
    alg = token.header.get("alg")
    if around.client.id_token.alg or alg not in {"HS256", "HS384", "HS512"} or "not allowed" not in token.distrust:
        return ""
    return f"; if the client is registered for it, write id_token: {{alg: {alg}}} at the client"


def iss(around: Around) -> str | None:
    """Exactly the issuer of the metadata."""
    got = _token(around).claims.get("iss")
    wanted = around.flow.server.get("issuer") or around.issuer
    return None if got == wanted else f"the id_token's iss is {_said(got)}, the issuer is {wanted!r}"


def aud(around: Around) -> str | None:
    """Our client is in aud."""
    got, client_id = _token(around).claims.get("aud"), around.client.client_id
    audience: list[Any] = got if isinstance(got, list) else [got]
    return None if client_id in audience else f"the id_token's aud is {_said(got)}, our client_id is {client_id!r}"


def azp(around: Around) -> str | None:
    """Report an azp that is not ours, and several audiences without one: newer texts leave both to extensions."""
    claims = _token(around).claims
    got, client_id = claims.get("azp"), around.client.client_id
    several = isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1
    if got is None and not several:
        raise NotApplicable("there is no azp, and one audience needs none")
    return None if got == client_id else f"the id_token's azp is {_said(got)}, our client_id is {client_id!r}"


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
    if since > around.now + AHEAD:
        return f"the id_token was issued {since - around.now:.0f} s in the future; compare the clocks"
    return None if since > around.now - OLDEST else f"the id_token was issued {around.now - since:.0f} s ago"


def nonce(around: Around) -> str | None:
    """Compare with the nonce that was sent; there is none if none was sent."""
    claims = _token(around).claims
    if around.kind != "authorization_code" and "nonce" not in claims:
        raise NotApplicable("only an id_token that comes for a code needs the nonce")
    sent = around.flow.asked.get("nonce")
    got = claims.get("nonce")
    # A nonce that is no text travels as one in a form, and as it is in a request object.
    if got == sent or (sent is not None and got == form_value(sent)):
        return None
    return "the id_token has no nonce" if got is None else "the id_token's nonce is not the one sent"


def at_hash(around: Around) -> str | None:
    """Fits the access token that came with it."""
    return _hash(
        around, "at_hash", around.answer.members.get("access_token") if around.answer else None, "access token"
    )


def c_hash(around: Around) -> str | None:
    """Fits the code that was exchanged for it."""
    form = dict(around.answer.sent.form) if around.answer else {}
    return _hash(around, "c_hash", form.get("code"), "code")


def s_hash(around: Around) -> str | None:
    """Fits the state of the authorization request."""
    sent = around.flow.asked.get("state")
    return _hash(around, "s_hash", None if sent is None else form_value(sent), "state")


def _hash(around: Around, claim: str, hashed: object, called: str) -> str | None:
    token = _token(around)
    got = token.claims.get(claim)
    if got is None or not isinstance(hashed, str):
        raise NotApplicable(f"there is no {claim}" if got is None else f"there is no {called} to compare with")
    from flowrun.jose import JoseError, half_hash  # noqa: PLC0415  hashing by algorithm is the JOSE part's matter

    try:
        fits = got == half_hash(hashed, str(token.header.get("alg")))
    except JoseError as error:
        raise NotApplicable("the algorithm of the id_token says no hash") from error
    return None if fits else f"the id_token's {claim} does not fit the {called}"


def _wish(around: Around, claim: str) -> Any:
    """Return what the claims parameter says about a claim of the id_token; None where nothing, {} for null."""
    claims = around.flow.asked.get("claims")
    asked = claims.get("id_token") if isinstance(claims, dict) else None
    if not isinstance(asked, dict) or claim not in asked:
        return None
    return asked[claim] if isinstance(asked[claim], dict) else {}


def acr(around: Around) -> str | None:
    """Comes back with one of the values that were asked for as essential; without values it may be left out."""
    token, wish = _token(around), _wish(around, "acr")
    if around.kind == "refresh_token" or not wish or wish.get("essential") is not True:
        raise NotApplicable("no acr was asked for as essential")
    got = token.claims.get("acr")
    values = wish.get("values") or ([wish["value"]] if "value" in wish else [])
    if not values:
        raise NotApplicable("no value of acr was asked for, so that it may be left out")
    if got is None:
        return "the id_token has no acr, which was asked for as essential"
    return None if got in values else f"the id_token's acr is {got!r}; asked for: {', '.join(map(str, values))}"


def auth_time(around: Around) -> str | None:
    """Want a time that can be, not older than max_age, and one where max_age or an essential auth_time was sent."""
    token, max_age = _token(around), around.flow.asked.get("max_age")
    essential = (_wish(around, "auth_time") or {}).get("essential") is True
    login = around.kind != "refresh_token" and _openid(around)
    if "auth_time" in token.claims:
        return _impossible(around, token.claims) or (_older(around, token.claims, str(max_age)) if login else None)
    if not login:
        raise NotApplicable("openid was not asked for")
    if max_age is None and not essential:
        raise NotApplicable("neither max_age nor auth_time was asked for")
    return "the id_token has no auth_time"


def _older(around: Around, claims: Any, max_age: str) -> str | None:
    age = around.now - float(_date(claims, "auth_time"))
    # The person needs time on the pages between the login and this answer.
    if max_age.isdigit() and age > int(max_age) + PAGES:
        return f"the login was {age:.0f} s ago; max_age was {max_age}"
    return None


def _impossible(around: Around, claims: Any) -> str | None:
    """Return why nobody can have signed in at auth_time: far away, or later than the id_token was made."""
    since, issued = _date(claims, "auth_time"), _date(claims, "iat")
    if isinstance(since, str):
        return since
    # Some servers date iat back, and some clocks are ahead: each alone says nothing of the login.
    latest = around.now if isinstance(issued, str) else max(issued, around.now)
    if since < around.now - FIFTY_YEARS:
        return f"the id_token's auth_time is {since:.0f}, so that the login was more than 50 years ago"
    if since > around.now + FIFTY_YEARS:
        return "the id_token's auth_time is more than 50 years ahead; it was probably written in milliseconds"
    if since > latest + SKEW:
        return f"the id_token's auth_time is {since - latest:.0f} s ahead, so that the login is still to come"
    return None


def sub_userinfo(around: Around) -> str | None:
    """Userinfo speaks of the same person."""
    sub = around.flow.id_token_claims.get("sub")
    if sub is None or around.answer is None or not 200 <= around.answer.status < 300:  # noqa: PLR2004  HTTP's own numbers
        raise NotApplicable("there are not two subjects to compare")
    if "sub" not in around.answer.members:
        return "userinfo has no sub"
    return None if around.answer.members["sub"] == sub else "userinfo has another sub than the id_token"


CHECKS: Final = (
    Check("idt.present", _STEP, "an id_token comes where openid is granted", "OIDC Core §3.1.3.3", present),
    Check("idt.sig", _STEP, "the id_token is signed by the server", "OIDC Core §3.1.3.7", signature),
    Check("idt.alg", _STEP, "the id_token is signed with a strong algorithm", "FAPI 2.0 SP §5.4.1", algorithm),
    Check("idt.iss", _STEP, "the id_token names the issuer", "OIDC Core §3.1.3.7", iss),
    Check("idt.aud", _STEP, "the id_token is for our client", "OIDC Core §3.1.3.7", aud),
    Check("idt.azp", _STEP, "azp names our client", "OIDC Core §2", azp),
    Check("idt.exp", _STEP, "the id_token has not expired", "OIDC Core §3.1.3.7", exp),
    Check("idt.iat", _STEP, "the id_token is fresh", "OIDC Core §3.1.3.7", iat),
    Check("idt.nonce", _STEP, "the id_token brings the nonce that was sent", "OIDC Core §3.1.3.7", nonce),
    Check("idt.at_hash", _STEP, "at_hash fits the access token", "OIDC Core §3.1.3.6", at_hash),
    Check("idt.c_hash", _STEP, "c_hash fits the code", "OIDC Core §3.3.2.11", c_hash),
    Check("idt.s_hash", _STEP, "s_hash fits the state", "FAPI 1.0 Part 2 §5.1.1", s_hash),
    Check("idt.acr", _STEP, "an essential acr comes back", "OIDC Core §5.5.1.1", acr),
    Check(
        "idt.auth_time",
        _STEP,
        "auth_time can be, and comes where max_age was sent",
        "OIDC Core §2, §3.1.2.1",
        auth_time,
    ),
    Check(
        "idt.sub-userinfo",
        frozenset({"userinfo"}),
        "userinfo is about the same person",
        "OIDC Core §5.3.2",
        sub_userinfo,
    ),
)
