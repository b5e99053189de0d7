"""Signed, and perhaps encrypted, answers to a client: id_token and userinfo, as it is registered for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oidc.core.util import create_half_hash

from flowrun.sandbox import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World


def signed_for(client: RegisteredClient, claims: Mapping[str, Any], *, unpublished: bool = False, alg: str = "") -> str:
    """Return claims as a JWT with `alg`, or the algorithm that the client is registered for (OIDC Core §2, §5.3.2)."""
    alg = alg or client.settings.id_token_alg
    if alg in keys.SECRET_SIGNING:
        secret = client.settings.client_secret or ""
        return keys.sign_with_secret(claims, alg, secret[::-1] if unpublished else secret)
    return keys.sign(claims, alg, unpublished=unpublished)


def id_token_algorithm(world: World, client: RegisteredClient) -> str:
    """Return what the id_tokens of a client are signed with."""
    return "RS256" if world.broken("token.rs256") else client.settings.id_token_alg


def half_hash(text: str, client: RegisteredClient) -> str:
    """Return the left half of a hash, as at_hash is (OIDC Core §3.1.3.6); EdDSA hashes with SHA-512."""
    alg = client.settings.id_token_alg
    return str(create_half_hash(text, "RS512" if alg == "EdDSA" else alg).decode())
