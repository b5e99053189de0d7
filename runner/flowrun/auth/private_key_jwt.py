"""private_key_jwt: an assertion signed with the client's key (OpenID Connect Core, section 9; RFC 7523)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.auth.base import Method, assertion_claims, carry_assertion

if TYPE_CHECKING:
    from flowrun.auth.base import Call
    from flowrun.client import Client


def apply(client: Client, call: Call) -> None:
    """Sign a fresh assertion and send it, or send the one that the scenario signed."""
    from flowrun.jose import sign  # noqa: PLC0415  a client without a JWT needs no JOSE

    assertion = call.assertion
    if assertion is None:
        if call.key is None:
            raise ValueError("private_key_jwt needs a key; the plan looks after that")
        header = {"typ": client.assertion.typ} if client.assertion.typ else {}
        claims = assertion_claims(client, call.audience, call.now)
        assertion = (call.sign or sign)(claims, call.key, client.assertion.alg, header)
    carry_assertion(client, call, assertion)


METHOD = Method(apply=apply, needs=frozenset({"key"}))
