"""client_secret_post: id and secret in the form (RFC 6749, section 2.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.auth.base import Method, name_client

if TYPE_CHECKING:
    from flowrun.auth.base import Call
    from flowrun.client import Client


def apply(client: Client, call: Call) -> None:
    """Add both to the form."""
    name_client(client, call)
    call.form.append(("client_secret", client.client_secret or ""))


METHOD = Method(apply=apply, needs=frozenset({"secret"}))
