"""A JWT of ours that was refused: its dates, its audience, its key, a second use, and the clocks they depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.blame.case import Blame, date_of, elsewhere, length, ours, short, theirs, unclear

if TYPE_CHECKING:
    from flowrun.blame.case import Case
    from flowrun.flow import SignedJwt

# What servers say in their descriptions. An underscore is a letter to \b, and `bad_signature` speaks of a signature.
_AUDIENCE: Final = r"(?<![a-z])(aud|audiences?)(?![a-z])"
_KEY: Final = (
    r"(?<![a-z])(kid|jwks?|signatures?)(?![a-z])|key.?id|(public|signing|matching|suitable|applicable) key"
    r"|key .{0,30}not (found|registered|known)|no key"
)
_ONCE: Final = (
    r"(?<![a-z])jti(?![a-z])|replay|(used|seen) (before|twice|already|more than once)|already (been )?(used|seen)|reuse"
)
_DATES: Final = (
    r"expired|(?<![a-z])(exp|iat|nbf|clock|clocks|skew|future)(?![a-z])|not (yet )?valid yet|too (old|early|late)"
)
_ALGORITHM: Final = r"(?<![a-z])alg(orithm)?s?(?![a-z])"
_WHO: Final = r"(?<![a-z])(iss|sub|subject)(?![a-z])"
_REGISTRATION: Final = r"register|registration|unknown|client_id|not (found|exist)|secret"
_TOPICS: Final = (_AUDIENCE, _KEY, _ONCE, _DATES, _ALGORITHM, _WHO)

LEEWAY: Final = 5  # seconds that two clocks may differ before it is worth a word (FAPI 2.0 wants 10 to be let pass)
_LISTS: Final = {
    "client assertion": "token_endpoint_auth_signing_alg_values_supported",
    "request object": "request_object_signing_alg_values_supported",
}


def refused(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    """Look at a JWT of ours: first for what is sure, then for what the server speaks of, then for what is odd."""
    return _dates(jwt, case, what) or clock(case) or _spoken_of(jwt, case, what) or _suspicious(jwt, case, what)


def speaks_of_it(case: Case) -> bool:
    """Tell whether the server says what of a JWT it does not like."""
    return any(case.says(topic) for topic in _TOPICS)


def _spoken_of(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    if case.says(_ONCE):
        return ours(f"this {what} was used before, and may be sent once (jti)", "sign another one for each request")
    if case.says(_AUDIENCE):
        return _audience(jwt, case, what)
    if case.says(_KEY):
        return _key(jwt, case, what)
    if case.says(_ALGORITHM):
        return _algorithm(jwt, case, what)
    return _who(jwt, case, what) if case.says(_WHO) else None


def _suspicious(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    """Name what is odd about a JWT of which the server says nothing in particular."""
    if case.said:
        return None
    if what == "client assertion" and _by_profile(case) and _other_audience(jwt, case):
        return _audience(jwt, case, what)
    return _other_kid(jwt, case, what)


def _dates(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    """Return words where the dates of a JWT of ours were past or ahead by our own clock (RFC 7519 §4.1.4, §4.1.5)."""
    sent = case.call.at if case.call and case.call.at else case.now
    expires, begins = date_of(jwt.claims, "exp"), date_of(jwt.claims, "nbf")
    if expires is not None and expires <= sent:
        words = f"the {what} had expired {length(sent - expires)} before it was sent (exp)"
        return ours(words, "sign it later, or give it a longer lifetime")
    if begins is not None and begins > sent + LEEWAY:
        words = f"the {what} was sent {length(begins - sent)} before it is valid (nbf)"
        return ours(words, "leave nbf out, or give it the time of signing")
    return None


# --- clocks -----------------------------------------------------------------------------------------------------------


def clock(case: Case) -> Blame | None:
    """Compare the clocks where dates of ours, right by our clock, are wrong by the server's; or it speaks of dates."""
    skew = case.skew
    if skew is None or abs(skew) < LEEWAY or case.call is None:
        return None
    now = case.call.at + case.call.seconds / 2 - skew
    explains = any(_out_of_time(jwt, now) for jwt in case.flow.signed)
    if not case.says(_DATES) and (not explains or speaks_of_it(case) or case.says(_REGISTRATION)):
        return None
    return clocks_differ(skew)


def clocks_differ(skew: float) -> Blame:
    """Say how far this machine's clock and the server's are apart; `skew` in seconds."""
    word = "ahead of" if skew > 0 else "behind"
    words = f"the clock of this machine is {length(skew)} {word} the server's (header Date)"
    return elsewhere(words, "compare both with a clock that is right; date -u tells this machine's")


def _out_of_time(jwt: SignedJwt, now: float) -> bool:
    expires = date_of(jwt.claims, "exp")
    begins = [one for name in ("iat", "nbf") if (one := date_of(jwt.claims, name)) is not None]
    return (expires is not None and expires <= now) or any(one > now + LEEWAY for one in begins)


# --- audience, key, algorithm, names ----------------------------------------------------------------------------------


def _by_profile(case: Case) -> bool:
    """Tell whether the profile wants the issuer as the audience of client assertions."""
    return (case.environment.profile.client.get("assertion") or {}).get("aud") == "issuer"


def _other_audience(jwt: SignedJwt, case: Case) -> bool:
    return bool(case.issuer) and jwt.claims.get("aud") != case.issuer


def _audience(jwt: SignedJwt, case: Case, what: str) -> Blame:
    issuer, told, assertion = case.issuer, _told(jwt.claims.get("aud")), what == "client assertion"
    setting = case.client.assertion if assertion else case.client.request_object
    name = "assertion" if assertion else "request_object"
    do = f"write {name}: {{aud: issuer}} at the client" if setting.aud != "issuer" else "leave aud out of the scenario"
    if not issuer:
        return ours(f"the aud of the {what} is {told}, and the server wants another", "look up the issuer")
    if _other_audience(jwt, case):
        wanted = f"the profile {case.environment.profile.name} wants" if assertion and _by_profile(case) else "not"
        return ours(f"the aud of the {what} is {told}; {wanted} the issuer, {issuer}", do)
    if assertion and _by_profile(case):
        return theirs("the aud is its issuer, and that it must accept (FAPI 2.0 SP §5.3.2.1)")
    others = "assertion: {aud: token | par | endpoint} are what servers also want" if assertion else ""
    return unclear(f"the aud of the {what} is the issuer, {issuer}, and the server wants another", others)


def _key(jwt: SignedJwt, case: Case, what: str) -> Blame:
    other = _other_kid(jwt, case, what)
    if other:
        return other
    place = case.client.jwks_uri
    if place:
        do = f"is the key in {place}, and has the server read it since? flowrun check --online compares"
    else:
        do = "put the public key into the JWKS that the server has of us, or correct the kid"
    alg = short(str(jwt.header.get("alg", "none")))
    return ours(f"the server has no key that fits the {what}, signed with our key {_kid(jwt)} by {alg}", do)


def _other_kid(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    key = case.client.keys.get("signing")
    if key is None or not key.kid or jwt.header.get("kid") == key.kid:
        return None
    words = f"the {what} names the kid {_kid(jwt)}; the client's signing key is {key.kid!r}"
    return ours(words, "leave header: and key: out of the scenario's sign, or register that key")


def _algorithm(jwt: SignedJwt, case: Case, what: str) -> Blame:
    alg, listed = str(jwt.header.get("alg", "none")), case.flow.server.get(_LISTS[what])
    words = f"the {what} is signed by {short(alg)}"
    if isinstance(listed, list) and alg not in listed:
        offered = short(", ".join(map(str, listed))) or "none"
        return ours(f"{words}, which {_LISTS[what]} of the metadata does not have", f"write another alg: {offered}")
    return ours(f"{words}, and the server does not take that from this client", "is another alg, or auth, registered?")


def _who(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    named = [name for name in ("iss", "sub") if jwt.claims.get(name) not in (None, case.client.client_id)]
    if not named:
        return None
    told = " and ".join(f"{name} {_told(jwt.claims[name])}" for name in named)
    return ours(f"the {what} has {told}; the client_id is {case.client.client_id}", "leave iss and sub to flowrun")


def _kid(jwt: SignedJwt) -> str:
    kid = jwt.header.get("kid")
    return repr(short(kid)) if isinstance(kid, str) else "without a kid"


def _told(value: Any) -> str:
    if isinstance(value, list):
        return short(" and ".join(map(str, value)))
    return short(str(value)) if value is not None else "missing"


def to_compare(jwt: SignedJwt, case: Case) -> Blame:
    """Say what there is to compare where the server does not say what it does not like about a client assertion."""
    words = "the server did not believe that it is us, and does not say why"
    facts = f"client_id {case.client.client_id}, key {_kid(jwt)}, aud {_told(jwt.claims.get('aud'))}"
    return unclear(words, f"compare with what the server has of us: {facts}, auth {case.client.auth}")
