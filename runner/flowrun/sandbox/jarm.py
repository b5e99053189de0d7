"""The signed authorization response (JARM §2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.sandbox import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

SECONDS: Final = 300  # JARM recommends at most ten minutes


def signed(world: World, answer: Mapping[str, str], client: RegisteredClient) -> str:
    """Return the answer as a JWT, encrypted too for a client that is registered for it."""
    exp = int(world.now()) + SECONDS
    claims = {
        **answer,
        "iss": "https://another-issuer.example" if world.broken("jarm.wrong-iss") else world.issuer,
        "aud": "another-client" if world.broken("jarm.wrong-aud") else client.client_id,
        "exp": exp - 3600 if world.broken("jarm.expired") else exp,
    }
    token = keys.sign(claims, unpublished=world.broken("jarm.bad-signature"))
    key = keys.encryption_key(client) if client.settings.answers_encrypted else None
    return keys.encrypt(token, key) if key and not world.broken("jarm.not-encrypted") else token
