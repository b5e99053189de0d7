"""The compact form of a token, taken apart without judging it (RFC 7515, RFC 7516, section 3.1 of both)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dataclass import dataclass
from flowrun.jose.encoding import DuplicateMemberError, from_base64url, from_json
from flowrun.jose.errors import JoseError, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNED = 3
ENCRYPTED = 5
SIGNED_PARTS = ("header", "payload", "signature")
ENCRYPTED_PARTS = ("header", "encrypted key", "initialization vector", "ciphertext", "tag")


@dataclass(frozen=True, slots=True)
class Peeked:
    """The parts of a token. Nothing here is to be trusted; `repr` shows no signature."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signature: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    payload: bytes = field(repr=False, default=b"")


def peek(token: str, *, claims: bool = True) -> Peeked:
    """Return the parts of a signed JWT; raise `not-a-jws` for anything else, and never show the token.

    Without `claims` the payload may be anything, and the claims are empty.
    """
    parts = token.split(".")
    if len(parts) != SIGNED:
        raise _not_three(token, len(parts))
    header, payload, signature = (_part(text, name) for text, name in zip(parts, SIGNED_PARTS, strict=True))
    return Peeked(
        header=_object(header, "header"),
        claims=_object(payload, "payload") if claims else {},
        signature=signature,
        signing_input=token.rpartition(".")[0].encode("ascii"),
        payload=payload,
    )


@dataclass(frozen=True, slots=True)
class Sealed:
    """The parts of an encrypted token; `aad` is what the tag covers besides the content."""

    header: Mapping[str, Any]
    encrypted_key: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    tag: bytes = field(repr=False)
    aad: bytes = field(repr=False)


def sealed(token: str) -> Sealed:
    """Return the parts of an encrypted token; raise `not-a-jwe` for anything else, and never show the token."""
    parts = token.split(".")
    if len(parts) != ENCRYPTED:
        raise JoseError(
            "not-a-jwe",
            "this is not an encrypted token: one has five parts with dots between them",
            facts=[("got", _looks(token, len(parts)))],
        )
    header, key, iv, ciphertext, tag = (
        _part(text, name, "not-a-jwe", "an encrypted") for text, name in zip(parts, ENCRYPTED_PARTS, strict=True)
    )
    members = _object(header, "header", "not-a-jwe", "an encrypted")
    return Sealed(members, key, iv, ciphertext, tag, aad=parts[0].encode("ascii"))


def peek_jwe(token: str) -> Mapping[str, Any]:
    """Return the header of an encrypted token, which anybody may read and nobody vouches for; raise `not-a-jwe`."""
    return sealed(token).header


def refuse_crit(header: Mapping[str, Any]) -> None:
    """Raise `unknown-crit` for a header that demands its reader know an extension: flowrun knows none."""
    if "crit" not in header:
        return
    crit = header["crit"]
    demanded = listed(crit) if isinstance(crit, list) else quoted(crit)
    raise JoseError(
        "unknown-crit",
        f"the token's header demands that its reader know {demanded}; flowrun does not",
        facts=[("crit", demanded), ("spec", "RFC 7515, section 4.1.11")],
    )


def _not_three(token: str, parts: int) -> JoseError:
    looks = _looks(token, parts)
    if parts == ENCRYPTED and token[:1].isalnum():
        return JoseError(
            "encrypted-token", "the token is encrypted (a JWE) where a signed one is expected", facts=[("got", looks)]
        )
    return JoseError(
        "not-a-jws",
        "this is not a signed token: one has three parts with dots between them",
        facts=[("got", looks)],
    )


def _looks(token: str, parts: int) -> str:
    plain = {"<": "an HTML page", "{": "a JSON object", "": "an empty text"}.get(token.lstrip()[:1])
    return plain or f"{parts} part{'s' * (parts != 1)}, {len(token)} characters"


def _part(text: str, name: str, code: str = "not-a-jws", what: str = "a signed") -> bytes:
    octets: bytes | None
    try:
        octets = from_base64url(text)
    except ValueError:
        octets = None
    if octets is None:
        names = SIGNED_PARTS if code == "not-a-jws" else ENCRYPTED_PARTS
        number = names.index(name) + 1
        raise JoseError(code, f"this is not {what} token: part {number}, the {name}, is not base64url")
    return octets


def _object(octets: bytes, name: str, code: str = "not-a-jws", what: str = "a signed") -> Mapping[str, Any]:
    try:
        data = from_json(octets.decode("utf-8"))
    except DuplicateMemberError as error:
        failure = JoseError(
            "duplicate-member",
            f"the token's {name} has the member {quoted(str(error))} twice",
            facts=[("spec", "RFC 7515, section 4" if name == "header" else "RFC 7519, section 4")],
        )
    except ValueError:
        failure = JoseError(code, f"this is not {what} token: its {name} is not JSON")
    else:
        if isinstance(data, dict):
            return data
        failure = JoseError(code, f"this is not {what} token: its {name} is not a JSON object")
    raise failure
