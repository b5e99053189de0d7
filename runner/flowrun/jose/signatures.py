"""Verify what a server signed, against the keys it publishes (RFC 7515, section 5.2). Claims are judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jose.exceptions import JOSEError

from flowrun.dataclass import dataclass
from flowrun.jose.algorithms import prepared
from flowrun.jose.compact import Peeked, peek, refuse_crit
from flowrun.jose.errors import JoseError, listed, quoted
from flowrun.jose.jwk import from_jwks
from flowrun.jose.key import Key
from flowrun.jose.known import ALGORITHMS, a_key

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature holds. `key_kid` is the kid of the key that made it, if the JWKS gives it one.

    `notes` says in words what a reader of the JWKS should know though it did no harm: entries passed over and why,
    and an `alg` member that says otherwise than the token.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key_kid: str | None
    notes: tuple[str, ...] = ()


def verify(token: str, jwks: Mapping[str, Any] | Key, algorithms: Collection[str], *, claims: bool = True) -> Verified:
    """Return the token's content if a key of `jwks` signed it with one of `algorithms`; raise JoseError.

    In place of a JWKS it may be the one key that there is, a client secret's for instance; then no kid is compared.

    `none` is refused always, HS* wherever the JWKS holds no shared secret. Of a JWK the kind of key decides, not its
    `alg`: many servers publish RS256 there and sign PS256. Neither exp nor any other claim is looked at. Without
    `claims` the payload may be anything, and `claims` of the answer is empty.
    """
    peeked = peek(token, claims=claims)
    alg = _allowed(peeked.header, algorithms)
    refuse_crit(peeked.header)
    if isinstance(jwks, Key):
        return _by_one_key(peeked, jwks, alg)
    keys, notes = from_jwks(jwks)
    kid = peeked.header.get("kid")
    named = keys if kid is None else [key for key in keys if key.kid == kid]
    if not named:
        raise _nobody(kid, jwks, notes)
    fitting = [key for key in named if key.suits(alg) and key.use in (None, "sig")]
    if not fitting:
        raise _misfit(alg, kid, named)
    signer = next((key for key in fitting if _signed(peeked, key, alg)), None)
    if signer is None:
        raise _mismatch(alg, kid, fitting)
    if signer.alg not in (None, alg):
        notes.append(f"{signer.name} is published for {quoted(signer.alg)[1:-1]}, the token is signed with {alg}")
    return Verified(peeked.header, peeked.claims, signer.kid, tuple(notes))


def _by_one_key(peeked: Peeked, key: Key, alg: str) -> Verified:
    if not key.suits(alg):
        raise _misfit(alg, key.name, [key])
    if not _signed(peeked, key, alg):
        raise JoseError("bad-signature", f"the signature does not match {key.name}", facts=[("alg", alg)])
    return Verified(peeked.header, peeked.claims, key.kid)


def _allowed(header: Mapping[str, Any], algorithms: Collection[str]) -> str:
    alg = header.get("alg")
    if isinstance(algorithms, str):
        raise TypeError("algorithms is a collection of names; a text would match by its letters")
    if not isinstance(alg, str) or not alg:
        raise JoseError("alg-missing", "the token's header has no alg", facts=[("spec", "RFC 7515, section 4.1.1")])
    if alg.casefold() == "none":
        raise JoseError(
            "alg-none",
            f"the token is not signed: its header says alg {quoted(alg)}",
            facts=[("allowed", listed(sorted(algorithms)))],
        )
    if alg not in algorithms:
        raise JoseError(
            "alg-not-allowed",
            f"the token is signed with {quoted(alg)[1:-1]}, which is not allowed here",
            facts=[("got", quoted(alg)[1:-1]), ("allowed", listed(sorted(algorithms)))],
        )
    if alg not in ALGORITHMS:
        raise JoseError(
            "unknown-algorithm",
            f"the token is signed with {quoted(alg)[1:-1]}, which flowrun does not know",
            facts=[("known", listed(ALGORITHMS))],
        )
    return alg


def _signed(peeked: Peeked, key: Key, alg: str) -> bool:
    try:
        return bool(prepared(key.public, alg).verify(peeked.signing_input, peeked.signature))
    except (JOSEError, ValueError):  # a public key's text for a shared secret; an RSA key shorter than the hash
        return False


def _nobody(kid: object, jwks: Mapping[str, Any], notes: list[str]) -> JoseError:
    published = [e.get("kid", "(no kid)") for e in jwks["keys"] if isinstance(e, Mapping)]
    unusable = [("note", note) for note in notes]
    if kid is None:
        return JoseError("no-usable-key", "the JWKS holds no key that flowrun can read", facts=unusable)
    if kid in published:
        return JoseError(
            "no-usable-key",
            f"the JWKS has the key {quoted(kid)} that the token names, but it cannot be read",
            facts=unusable,
        )
    return JoseError(
        "kid-unknown",
        f"the token names the key {quoted(kid)}, which is not in the JWKS",
        facts=[("published", listed(published)), *unusable],
        hint="the server may have changed its keys a moment ago: its JWKS must keep a key as long as tokens name it",
    )


def _misfit(alg: str, kid: object, named: list[Key]) -> JoseError:
    asked = ALGORITHMS[alg]
    needed = a_key(asked.kty, asked.curve)
    kinds = [
        f"{k.name if k.kid else 'a key without kid'}: {a_key(k.kty, k.curve)}, use {k.use or 'any'}" for k in named
    ]
    whose = f"the key {quoted(kid)} is none" if kid is not None else "the JWKS holds none"
    return JoseError(
        "key-algorithm",
        f"the token is signed with {alg}, which needs {needed} for signing; {whose}",
        facts=[("published", "\n".join(kinds))],
    )


def _mismatch(alg: str, kid: object, tried: list[Key]) -> JoseError:
    if kid is not None:
        title = f"the signature does not match the key {quoted(kid)}"
    elif len(tried) == 1:
        title = "the signature does not match the one key of the JWKS that fits"
    else:
        title = f"the signature matches none of the {len(tried)} keys of the JWKS that fit"
    kids = listed(key.kid or "(no kid)" for key in tried)
    return JoseError("bad-signature", title, facts=[("alg", alg), ("tried", kids)])
