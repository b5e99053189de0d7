"""Authorization requests that a browser brings, parameters or a request object, where PAR is not required."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.requests import OAuth2Request

from flowrun.sandbox.acceptance import Acceptance
from flowrun.sandbox.world import Pushed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.server import Server
    from flowrun.sandbox.way_back import WayBack
    from flowrun.sandbox.world import World


class ByValue:
    """Accepts a request from the browser's URL as if it had been pushed this very moment."""

    def __init__(self, world: World, server: Server, way_back: WayBack) -> None:
        self.world = world
        self.server = server
        self.way_back = way_back
        self.acceptance = Acceptance(world)

    def accept(self, client: RegisteredClient, sent: Mapping[str, str]) -> Pushed | Response:
        """Return the request, or the way back with an error; raise OAuth2Error where there is no way back.

        There is one only when the redirect_uri is the client's own (RFC 6749 §4.1.2.1).
        """
        world = self.world
        made = OAuth2Request("GET", f"{world.issuer}/auth")
        try:
            params = self.acceptance.params(self.server, made, sent, client)
        except OAuth2Error as error:
            known = made.payload.data
            if known.get("redirect_uri") not in client.settings.redirect_uris:
                raise
            return self.way_back.refuse_request(known, str(error.error), str(error.description))
        return Pushed("", client.client_id, params, world.now() + world.lifetimes.request_uri)
