"""Where an endpoint of the server is: the environment's word, else the metadata's (RFC 8414; RFC 8705, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.environment import Environment

# Where people or everybody go: no certificate is shown there, and an alias for it has no meaning (RFC 8705, section 5).
PUBLIC: Final = frozenset({"authorization_endpoint", "end_session_endpoint", "jwks_uri"})


def url_of(name: str, environment: Environment, server: Mapping[str, Any], client: Client | None = None) -> str | None:
    """Return an endpoint's URL for a client, None where neither the environment nor the metadata (`server`) has it.

    A client with a certificate goes to the alias for mutual TLS, where there is one.
    """
    mutual = client is not None and client.certificate is not None
    aliases = server.get("mtls_endpoint_aliases")
    published = aliases if mutual and isinstance(aliases, dict) and name not in PUBLIC else {}
    for place in (environment.mtls_endpoint_aliases if mutual else {}, environment.endpoints, published, server):
        if isinstance(place.get(name), str):
            return str(place[name])
    return None
