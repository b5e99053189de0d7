"""base64url (RFC 7515, appendix C) and JSON, read strictly: what two readers could read differently is refused."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from flowrun import i_json


class DuplicateMemberError(ValueError):
    """A JSON object names a member twice; `str()` of this is the member's name."""


def to_base64url(octets: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the octets; raise ValueError unless `text` is exactly what `to_base64url` writes for them.

    A last character with stray bits would decode to the same octets: a changed signature could go unnoticed.
    """
    standard = text.replace("-", "+").replace("_", "/")
    octets: bytes | None
    try:
        octets = b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        octets = None
    if octets is None or to_base64url(octets) != text:
        raise ValueError("not base64url")
    return octets


def to_json(value: Mapping[str, Any]) -> bytes:
    """Return compact JSON; raise ValueError or TypeError for what JSON cannot say."""
    return json.dumps(dict(value), separators=(",", ":"), allow_nan=False, default=_plain).encode("ascii")


def from_json(text: str) -> Any:
    """Parse JSON; raise DuplicateMemberError for a member named twice, ValueError for anything that is not JSON."""
    return i_json.parse(text, _object)


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise DuplicateMemberError(next(name for name in names if names.count(name) > 1))
    return members
