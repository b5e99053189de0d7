"""The key that ECDH-ES agrees on: of our private key and the sender's one-time public key (RFC 7518, section 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from flowrun.jose.encoding import from_base64url
from flowrun.jose.errors import JoseError
from flowrun.jose.jwk import from_jwk

if TYPE_CHECKING:
    from flowrun.jose.key import Key

# Octets of the key that unwraps the content key; 0: what is agreed on is the content key itself.
AGREED: Final[Mapping[str, int]] = {"ECDH-ES": 0, "ECDH-ES+A128KW": 16, "ECDH-ES+A192KW": 24, "ECDH-ES+A256KW": 32}


def sender(header: Mapping[str, Any]) -> Key:
    """Return the one-time public key in a header; raise JoseError where there is none."""
    epk = header.get("epk")
    if not isinstance(epk, Mapping) or epk.get("kty") != "EC":
        raise JoseError(
            "key-incomplete",
            "the encrypted token's header has no epk that is an EC key, which its alg needs",
            facts=[("spec", "RFC 7518, section 4.6.1.1")],
        )
    return from_jwk({name: epk.get(name) for name in ("kty", "crv", "x", "y")}, "the encrypted token's epk")


def agreed(header: Mapping[str, Any], key: Key, name: str, octets: int) -> bytes | None:
    """Return the key of so many octets for the algorithm `name`; None where `key` is on another curve."""
    theirs = sender(header)
    if theirs.curve != key.curve:
        return None
    private, public = key.material, theirs.public
    assert isinstance(private, ec.EllipticCurvePrivateKey)  # noqa: S101  `recipient.suits` has said so
    assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101  as above, and `sender`
    info = b"".join(map(_counted, (name.encode("ascii"), _party(header, "apu"), _party(header, "apv"))))
    made = ConcatKDFHash(SHA256(), octets, info + (8 * octets).to_bytes(4, "big"))
    return made.derive(private.exchange(ec.ECDH(), public))


def _counted(octets: bytes) -> bytes:
    return len(octets).to_bytes(4, "big") + octets


def _party(header: Mapping[str, Any], name: str) -> bytes:
    """Return what the header says of sender (`apu`) or receiver (`apv`); both may be left out."""
    try:
        return from_base64url(header.get(name, ""))
    except (TypeError, ValueError, AttributeError):
        return b""  # with another value the keys differ, and that is found
