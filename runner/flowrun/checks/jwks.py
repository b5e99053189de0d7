"""The check of the server's published keys (RFC 7517)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEP = frozenset({"discover"})
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "k")
_KINDS: Final = frozenset({"RSA", "EC", "OKP", "oct"})
_LEAST_RSA: Final = 2048
_FAMILY: Final = {"R": "RSA", "P": "RSA", "E": "EC"}  # the first letter of a signature algorithm


def keys(around: Around) -> str | None:
    """Every key public and strong enough, its alg fitting its type, and no kid twice for one type."""
    flow = around.flow
    if flow.jwks_answer is None and flow.jwks is None:
        if flow.jwks_trouble:
            return f"the keys at jwks_uri could not be read: {flow.jwks_trouble}"
        raise NotApplicable("the keys were not read")
    published = (flow.jwks or {}).get("keys")
    if not isinstance(published, list):
        return "the document at jwks_uri has no list of keys"
    if not published and "openid" not in (flow.server.get("scopes_supported") or ()):
        raise NotApplicable("the server publishes no key, and signs nothing")
    if not published:
        return "the list of keys at jwks_uri is empty"
    wrong = [trouble for index, key in enumerate(published) for trouble in _troubles(index, key)]
    wrong += [f"the kid {kid!r} stands for several keys of one type" for kid in _ambiguous(published)]
    return "; ".join(wrong) or None


def _ambiguous(published: list[Any]) -> list[str]:
    """Return the kids that stand for different keys which only a try could tell apart."""
    named: dict[tuple[str, ...], set[str]] = {}
    for key in published:
        if isinstance(key, dict) and isinstance(key.get("kid"), str):
            place = tuple(str(key.get(member)) for member in ("kid", "kty", "use", "alg", "crv"))
            named.setdefault(place, set()).add(str(key.get("n") or key.get("x")))
    return sorted({kid for (kid, *_), different in named.items() if len(different) > 1})


def _troubles(index: int, key: Any) -> list[str]:
    if not isinstance(key, dict):
        return [f"entry {index + 1} is no key"]
    if str(key.get("kty")) not in _KINDS:
        return []  # what a reader does not know it passes over (RFC 7517 §5)
    name = f"the key {key['kid']!r}" if isinstance(key.get("kid"), str) else f"key {index + 1}"
    private = [member for member in _PRIVATE if member in key]
    if private:
        return [f"{name} is published with its private part ({', '.join(private)})"]
    bits = _bits(key.get("n")) if key.get("kty") == "RSA" else None
    if bits is not None and bits < _LEAST_RSA:
        return [f"{name} has {bits} bits; {_LEAST_RSA} are the least"]
    alg = str(key.get("alg", ""))
    if alg[1:2] == "S" and key.get("kty") != _FAMILY.get(alg[0], key.get("kty")):
        return [f"{name} is of type {key.get('kty')}, which does not fit its alg {alg}"]
    return []


def _bits(modulus: Any) -> int:
    try:
        number = base64.urlsafe_b64decode(f"{modulus}{'=' * (-len(str(modulus)) % 4)}")
    except (binascii.Error, ValueError):
        return 0
    return int.from_bytes(number, "big").bit_length()


CHECKS: Final = (
    Check(
        "disc.jwks", _STEP, "the published keys are public, strong and told apart", "RFC 7517 §4, RFC 7518 §3.3", keys
    ),
)
