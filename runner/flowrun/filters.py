"""What a hole may call: filters for times, encodings and tokens; durations; `omit`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Path = tuple[str | int, ...]

UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


class HoleError(Exception):
    """A hole that can't be filled: `code` is a slug, `name` the unknown word if one was the reason."""

    def __init__(self, code: str, title: str, *, path: Path = (), name: str = "", label: str = "") -> None:
        """Say what is wrong; `path` leads to the text inside the value that was filled."""
        super().__init__(title)
        self.code = code
        self.title = title
        self.path = path
        self.name = name
        self.label = label


class _Omit:
    """`omit`: a member or list item with this value is left out."""

    def __str__(self) -> str:
        raise HoleError("misplaced-omit", "omit stands alone in a value; it can't be part of a text")

    def __repr__(self) -> str:
        return "omit"

    def __bool__(self) -> bool:
        return False


OMIT: Final = _Omit()


def seconds(text: str | float) -> float:
    """Return the seconds of a duration such as `10s`, `5m`, `180d`, `500ms` or `1h30m`; raises ValueError."""
    if isinstance(text, int | float):
        return float(text)
    found = _DURATION.findall(text.strip())
    if not found or "".join(number + unit for number, unit in found) != text.strip():
        raise ValueError(f"'{text}' is no duration; write 10s, 5m, 2h or 180d")
    return sum(float(number) * UNITS[unit] for number, unit in found)


def _plus(moment: datetime | float, duration: str | float) -> datetime | float:
    if isinstance(moment, datetime):
        return moment + timedelta(seconds=seconds(duration))
    return moment + seconds(duration)


def _minus(moment: datetime | float, duration: str | float) -> datetime | float:
    if isinstance(moment, datetime):
        return moment - timedelta(seconds=seconds(duration))
    return moment - seconds(duration)


def _iso(moment: datetime | float) -> str:
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _base64(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.b64encode(raw).decode()


def _base64url(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _sha256(text: str | bytes) -> bytes:
    import hashlib  # noqa: PLC0415  few need it

    return hashlib.sha256(text.encode() if isinstance(text, str) else text).digest()


def _tojson(value: Any) -> str:
    # Jinja's own is meant for HTML: it escapes < and &, and whatever is added to its result.
    return json.dumps(value, ensure_ascii=False)


def _jwt_claims(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _totp(secret: str) -> str:
    """Return the six digits of now (RFC 6238: SHA-1, 30 s) for a Base32 secret."""
    import hmac  # noqa: PLC0415  only pages with a one-time code need it
    import time  # noqa: PLC0415

    compact = secret.replace(" ", "").upper()
    key = base64.b32decode(compact + "=" * (-len(compact) % 8))
    digest = hmac.new(key, int(time.time() // 30).to_bytes(8, "big"), "sha1").digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def new_uuid() -> str:
    """Return a random UUID (RFC 9562, section 5.4)."""
    import uuid  # noqa: PLC0415  it looks at the whole machine first

    return str(uuid.uuid4())


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "plus": _plus,
    "minus": _minus,
    "iso": _iso,
    "epoch": _epoch,
    "base64": _base64,
    "base64url": _base64url,
    "sha256": _sha256,
    "from_json": json.loads,
    "tojson": _tojson,
    "jwt_claims": _jwt_claims,
    "totp": _totp,
}
FUNCTIONS: Final[Mapping[str, Any]] = {"uuid": new_uuid, "omit": OMIT}
ALWAYS_KNOWN: Final = frozenset({*FUNCTIONS, "now"})
