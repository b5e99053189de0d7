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
_SIGNATURE: Final = r"signature"
_NO_KEY: Final = r"(?<![a-z])(kid|jwks?)(?![a-z])|key.?id|no .{0,20}key|key .{0,30}not (found|registered|known)"
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
        return _used(case, what)
    if case.says(_AUDIENCE):
        return _audience(jwt, case, what)
    if case.says(_KEY):
        return _key(jwt, case, what)
    if case.says(_ALGORITHM):
        return _algorithm(jwt, case, what)
    return _who(jwt, case, what) if case.says(_WHO) else None


def _used(case: Case, what: str) -> Blame:
    words = f"this {what} was used before, and may be sent once (jti)"
    earlier, signer = case.earlier("client_assertion"), case.signer(what.replace(" ", "_"))
    if earlier is not None:
        return ours(
            f"{words}: {earlier} has sent it", "write another sign step before this one, and send what it makes"
        )
    if signer is not None:
        return ours(words, f"leave jti out of {signer}: flowrun makes a new one each time")
    return ours(words, "sign another one for each request; where flowrun does so by itself, tell the server's team")


def _suspicious(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    """Name what is odd about a JWT of which the server says nothing in particular."""
    if case.said:
        return None
    if what == "client assertion" and _by_profile(case) and _other_audience(jwt, case):
        found: Blame | None = _audience(jwt, case, what)
    else:
        found = _other_kid(jwt, case, what)
    return found and found._replace(words=f"{found.words}; the server does not say why it refuses, most likely this")


def _dates(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    """Return words where the dates of a JWT of ours were past or ahead by our own clock (RFC 7519 §4.1.4, §4.1.5)."""
    sent = case.call.at if case.call and case.call.at else case.now
    signer, setting = case.signer(what.replace(" ", "_")), what.replace("client ", "").replace(" ", "_")
    expires, begins = date_of(jwt.claims, "exp"), date_of(jwt.claims, "nbf")
    if expires is not None and expires <= sent:
        words = f"the {what} had expired {length(sent - expires)} before it was sent (exp)"
        if signer is not None:
            return ours(words, f"leave iat, nbf and exp out of {signer}, or move it to just before this step")
        return ours(words, f"write a longer lifetime at {case.setting(setting, 'lifetime')}")
    if begins is not None and begins > sent + LEEWAY:
        words = f"the {what} was sent {length(begins - sent)} before it is valid (nbf)"
        agree = case.skew is not None and abs(case.skew) < LEEWAY
        words += "; the clocks of this machine and of the server agree" if agree else ""
        if signer is not None:
            return ours(words, f"leave nbf out of {signer}: flowrun gives it a time just before the signing")
        return ours(words, f"write nbf: false at {case.setting(setting, 'nbf')}")
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
    return clocks_differ(case, skew)


def clocks_differ(case: Case, skew: float) -> Blame:
    """Say how far this machine's clock and the server's are apart, and what they show; `skew` in seconds."""
    from datetime import UTC, datetime  # noqa: PLC0415  only for a failure

    word = "ahead of" if skew > 0 else "behind"
    at = case.call.at if case.call is not None else case.now
    here, there = (f"{datetime.fromtimestamp(one, UTC):%H:%M:%S}" for one in (at, at - skew))
    words = f"the clock of this machine is {length(skew)} {word} the server's"
    return elsewhere(
        f"{words}: {here} UTC here, {there} UTC there (header Date)",
        "look at a clock that is right: if this machine is wrong (date -u shows its time), set its clock;\n"
        "if it is right, the server's clock is wrong: give this report to its team",
    )


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
    signer = case.signer(what.replace(" ", "_"))
    if setting.aud != "issuer":
        do = f"write aud: issuer at {case.setting(name, 'aud')}"
    else:
        do = f"leave aud out of {signer or 'the scenario'}: flowrun writes the issuer"
    if not issuer:
        words = f"the aud of the {what} is {told}, and the server wants another"
        return ours(words, f"write the server's issuer at {case.in_environment('issuer')}")
    if _other_audience(jwt, case):
        wanted = f"the profile {case.environment.profile.name} wants" if assertion and _by_profile(case) else "not"
        return ours(f"the aud of the {what} is {told}; {wanted} the issuer, {issuer}", do)
    if assertion and _by_profile(case):
        return theirs("the aud is its issuer, and that it must accept (FAPI 2.0 SP §5.3.2.1)")
    place = case.setting(name, "aud")
    others = (
        f"try the other values that servers want, aud: token, then par, then endpoint, at {place}" if assertion else ""
    )
    return unclear(f"the aud of the {what} is the issuer, {issuer}, and the server wants another", others)


def _key(jwt: SignedJwt, case: Case, what: str) -> Blame:
    other = _other_kid(jwt, case, what)
    if other:
        return other
    alg, key = short(str(jwt.header.get("alg", "none"))), case.client.keys.get("signing")
    file = key.file.name if key is not None and key.file is not None else "our key"
    kid, who = _kid(jwt), case.client.client_id
    if case.says(_SIGNATURE) and not case.says(_NO_KEY):
        words = f"the signature of the {what} does not fit the key {kid} that the server has of us"
        return ours(
            f"{words}: that is not the public half of {file} ({alg})",
            f"register the public half of {file} for {who} again, under this kid;\n"
            f"or name the private key whose public half is registered at {case.setting('keys', 'signing', 'file')}",
        )
    words = f"the server has no key {kid} of ours, with which the {what} is signed ({file}, {alg})"
    if case.client.jwks_uri:
        return ours(
            words,
            "run flowrun check --online: it tells whether this key is in the file that the server reads,\n"
            f"{case.client.jwks_uri}\n"
            "if not, publish the public half there; if so, the server has an old copy: ask its team to read it",
        )
    return ours(
        words,
        f"if the server's team, or portal, shows a key of {who} with another kid: write that kid, and its key, in\n"
        f"{case.setting('keys', 'signing', 'kid')}; if it shows none: register the public half of {file} with the kid "
        f"{kid}",
    )


def _other_kid(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    key = case.client.keys.get("signing")
    if key is None or not key.kid or jwt.header.get("kid") == key.kid:
        return None
    words = f"the {what} names the kid {_kid(jwt)}; the client's signing key is {key.kid!r}"
    where = f"{case.signer(what.replace(' ', '_')) or 'the sign step'}"
    return ours(words, f"leave what names another key (header: {{kid}}, or key) out of {where}, or register that key")


def _algorithm(jwt: SignedJwt, case: Case, what: str) -> Blame:
    alg, listed = str(jwt.header.get("alg", "none")), case.flow.server.get(_LISTS[what])
    name = "assertion" if what == "client assertion" else "request_object"
    words, place = f"the {what} is signed by {short(alg)}", case.setting(name, "alg")
    offered = short(", ".join(map(str, listed)) or "none") if isinstance(listed, list) else ""
    if isinstance(listed, list) and alg not in listed:
        do = f"write one of {offered} at {place}"
        return ours(
            f"{words}, which {_LISTS[what]} of the metadata does not have", f"{do}; the key must be of that kind"
        )
    do = f"write the alg that is registered for {case.client.client_id} at {place}"
    do += f"\nthe server's metadata lists {offered} ({_LISTS[what]})" if offered else ""
    if name == "assertion":
        do += f"\nif it is registered for another method than {case.client.auth}: write that method at "
        do += case.setting("auth")
    return ours(f"{words}, and the server does not take that from this client", do)


def _who(jwt: SignedJwt, case: Case, what: str) -> Blame | None:
    named = [name for name in ("iss", "sub") if jwt.claims.get(name) not in (None, case.client.client_id)]
    if not named:
        return None
    signer = case.signer(what.replace(" ", "_")) or "the scenario"
    told = " and ".join(f"{name} {_told(jwt.claims[name])}" for name in named)
    return ours(
        f"the {what} has {told}; the client_id is {case.client.client_id}",
        f"leave {' and '.join(named)} out of {signer}: flowrun writes the client_id",
    )


def _kid(jwt: SignedJwt) -> str:
    kid = jwt.header.get("kid")
    return repr(short(kid)) if isinstance(kid, str) else "without a kid"


def _told(value: Any) -> str:
    if isinstance(value, list):
        return short(" and ".join(map(str, value)))
    return short(str(value)) if value is not None else "missing"


def to_compare(jwt: SignedJwt, case: Case) -> Blame:
    """Say what was sent, what of it is right, and who knows more, where the server does not say what it does not like.

    What is left when everything that can be compared here is right is what the server has registered.
    """
    own_code = case.says(r"^\S*\d\S*$")
    words = "the server did not believe that it is us, and does not say why"
    who = f"give its team this report with the {'interaction id' if case.has_id else 'time'}"
    if own_code:
        words = "the server did not believe that it is us, and says why only in a code of its own"
        who = f"look the code in the description up in the server's manual, or {who}"
    claims = jwt.claims
    key, expires = case.client.keys.get("signing"), date_of(claims, "exp")
    right = {
        "aud": bool(case.issuer) and not _other_audience(jwt, case),
        "iss and sub": claims.get("iss") == claims.get("sub") == case.client.client_id,
        "kid": key is not None and key.kid == jwt.header.get("kid"),
        "clock": case.skew is not None and abs(case.skew) < LEEWAY,
    }
    sent = case.call.at if case.call and case.call.at else case.now
    facts = [
        f"auth {case.client.auth}, client_id {case.client.client_id}",
        f"kid {_kid(jwt)}, alg {short(str(jwt.header.get('alg', 'none')))}",
        f"iss {_told(claims.get('iss'))}, sub {_told(claims.get('sub'))}, aud {_told(claims.get('aud'))}",
        f"exp {length(expires - sent)} after it was sent" if expires is not None else "no exp",
    ]
    good = ", ".join(name for name, holds in right.items() if holds)
    odd = " and ".join(name for name, holds in right.items() if not holds)
    left = f"not sure: {odd}" if odd else "left: client_id, key or auth are registered otherwise at the server"
    lines = [who, "sent: " + "; ".join(facts), f"right: {good}; {left}" if good else left]
    if case.client.auth in {"private_key_jwt", "client_secret_jwt"}:
        # Servers differ in these two, and none of them says so (RFC 7523 §3, RFC 9126 §2).
        other = "nbf: false" if case.client.assertion.nbf else "nbf: true"
        lines.append(f"try aud: token, then par and endpoint, and {other}, at {case.setting('assertion')}")
    return unclear(words, "\n".join(lines))
