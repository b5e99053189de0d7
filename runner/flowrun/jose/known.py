"""The signature algorithms that flowrun knows (RFC 7518 section 3.1, RFC 8037, RFC 9864). Imports no library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.dataclass import dataclass
from flowrun.errors import did_you_mean
from flowrun.jose.errors import JoseError, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A registered `alg` value: the kind of key it needs, and hashlib's name of the hash that belongs to it."""

    name: str
    kty: str
    digest: str
    curve: str = ""


ALGORITHMS: Mapping[str, Algorithm] = {
    a.name: a
    for a in (
        *(Algorithm(f"PS{bits}", "RSA", f"sha{bits}") for bits in (256, 384, 512)),
        *(Algorithm(f"RS{bits}", "RSA", f"sha{bits}") for bits in (256, 384, 512)),
        Algorithm("ES256", "EC", "sha256", "P-256"),
        Algorithm("ES384", "EC", "sha384", "P-384"),
        Algorithm("ES512", "EC", "sha512", "P-521"),
        # RFC 9864 gives EdDSA over Ed25519 the second name; SHA-512 is what Ed25519 hashes with (RFC 8032).
        Algorithm("EdDSA", "OKP", "sha512", "Ed25519"),
        Algorithm("Ed25519", "OKP", "sha512", "Ed25519"),
        *(Algorithm(f"HS{bits}", "oct", f"sha{bits}") for bits in (256, 384, 512)),
    )
}


def algorithm(name: str) -> Algorithm:
    """Return what `name` stands for; raise `unknown-algorithm` where it stands for nothing."""
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if name.casefold() == "none":
        raise JoseError(
            "unknown-algorithm",
            "'none' is not a signature algorithm: a token that says it is not signed at all",
            facts=[("known", listed(ALGORITHMS))],
        )
    same = next((known for known in ALGORITHMS if known.casefold() == name.casefold()), None)
    raise JoseError(
        "unknown-algorithm",
        f"there is no signature algorithm {quoted(name)}",
        label=f"did you mean '{same}'?" if same else did_you_mean(name, ALGORITHMS),
        facts=[("known", listed(ALGORITHMS))],
    )


def a_key(kty: str, curve: str = "") -> str:
    """Return the kind of key in words: `an RSA key`, `an EC P-256 key`, `an Ed25519 key`, `a shared secret`."""
    match kty:
        case "RSA":
            return "an RSA key"
        case "EC":
            return f"an EC {curve} key"
        case "OKP":
            return f"an {curve} key"
        case _:
            return "a shared secret"


def fitting(kty: str, curve: str) -> tuple[str, ...]:
    """Return the names of the algorithms that this kind of key can sign with, the recommended one first."""
    return tuple(a.name for a in ALGORITHMS.values() if (a.kty, a.curve) == (kty, curve))
