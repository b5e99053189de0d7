"""client_secret_jwt: an assertion with a MAC made from the secret (OpenID Connect Core, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.auth.base import Method, assertion_claims, carry_assertion

if TYPE_CHECKING:
    from flowrun.auth.base import Call
    from flowrun.client import Client


def apply(client: Client, call: Call) -> None:
    """Sign a fresh assertion with HS256 (or the HS algorithm of the environment) and send it."""
    from flowrun.jose import key_from_secret, sign  # noqa: PLC0415  a client without a JWT needs no JOSE

    alg = client.assertion.alg if client.assertion.alg.startswith("HS") else "HS256"
    claims = assertion_claims(client, call.audience, call.now)
    made = call.assertion or (call.sign or sign)(claims, key_from_secret(client.client_secret or ""), alg)
    carry_assertion(client, call, made)


METHOD = Method(apply=apply, needs=frozenset({"secret"}))
