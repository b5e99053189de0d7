"""The compact form of a signed token, taken apart without judging it (RFC 7515, section 3.1; RFC 7519, section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowrun.jose.encoding import DuplicateMemberError, from_base64url, from_json
from flowrun.jose.errors import JoseError, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNED = 3
ENCRYPTED = 5


@dataclass(frozen=True, slots=True)
class Peeked:
    """The parts of a token. Nothing here is to be trusted; `repr` shows no signature."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signature: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)


def peek(token: str) -> Peeked:
    """Return the parts of a signed JWT; raise `not-a-jws` for anything else, and never show the token."""
    parts = token.split(".")
    if len(parts) != SIGNED:
        raise _not_three(token, len(parts))
    header, claims, signature = (_part(text, number) for number, text in enumerate(parts, 1))
    return Peeked(
        header=_object(header, "header"),
        claims=_object(claims, "payload"),
        signature=signature,
        signing_input=token.rpartition(".")[0].encode("ascii"),
    )


def _not_three(token: str, parts: int) -> JoseError:
    start = token.lstrip()[:1]
    looks = {"<": "an HTML page", "{": "a JSON object", "": "an empty text"}.get(start)
    if not looks:
        looks = f"{parts} part{'s' * (parts != 1)}, {len(token)} characters"
    if parts == ENCRYPTED and start.isalnum():
        return JoseError(
            "encrypted-token",
            "the token is encrypted (a JWE), and flowrun has no key to open it",
            facts=[("got", looks)],
            hint="ask the server to send this client signed tokens that are not encrypted",
        )
    return JoseError(
        "not-a-jws",
        "this is not a signed token: one has three parts with dots between them",
        facts=[("got", looks)],
    )


def _part(text: str, number: int) -> bytes:
    octets: bytes | None
    try:
        octets = from_base64url(text)
    except ValueError:
        octets = None
    if octets is None:
        name = ("header", "payload", "signature")[number - 1]
        raise JoseError("not-a-jws", f"this is not a signed token: part {number}, the {name}, is not base64url")
    return octets


def _object(octets: bytes, name: str) -> Mapping[str, Any]:
    try:
        data = from_json(octets.decode("utf-8"))
    except DuplicateMemberError as error:
        failure = JoseError(
            "duplicate-member",
            f"the token's {name} has the member {quoted(str(error))} twice",
            facts=[("spec", "RFC 7515, section 4" if name == "header" else "RFC 7519, section 4")],
        )
    except ValueError:
        failure = JoseError("not-a-jws", f"this is not a signed token: its {name} is not JSON")
    else:
        if isinstance(data, dict):
            return data
        failure = JoseError("not-a-jws", f"this is not a signed token: its {name} is not a JSON object")
    raise failure
