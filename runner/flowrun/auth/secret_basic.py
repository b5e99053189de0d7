"""client_secret_basic: id and secret in a Basic header (RFC 6749, section 2.3.1)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from flowrun.auth.base import Method

if TYPE_CHECKING:
    from flowrun.auth.base import Call
    from flowrun.client import Client


def changed_by_encoding(client: Client) -> list[str]:
    """Return which half of the pair the form-encoding changes: a server that does not decode them sees another."""
    if client.basic_encoding == "raw":
        return []
    halves = {"client_id": client.client_id, "client_secret": client.client_secret or ""}
    return [name for name, value in halves.items() if quote_plus(value) != value]


def apply(client: Client, call: Call) -> None:
    """Form-encode both halves, unless the server is one that does not decode them; then Base64 the pair."""
    halves = (client.client_id, client.client_secret or "")
    pair = ":".join(halves if client.basic_encoding == "raw" else map(quote_plus, halves))
    call.headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"


METHOD = Method(apply=apply, needs=frozenset({"secret"}))
