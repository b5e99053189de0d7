"""What makes an authorization request acceptable, whether a client pushes it or a browser brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from flowrun.sandbox.authorization_request import SCOPES, require_rules
from flowrun.sandbox.misread import misread
from flowrun.sandbox.request_object import RequestObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

CREDENTIALS: Final = ("client_assertion", "client_assertion_type", "client_secret")


class Acceptance:
    """Opens the request object, applies our rules, then those of Authlib's code grant."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.request_objects = RequestObjects(world)

    def params(self, server: Any, request: Any, form: Mapping[str, Any], client: RegisteredClient) -> dict[str, Any]:
        """Return the parameters of a good request, JSON read; OAuth2Error says what is wrong with another.

        Afterwards `request.payload` has what counts: with a request object, what was signed.
        """
        sent = {name: value for name, value in form.items() if name not in CREDENTIALS}
        request.payload = BasicOAuth2Payload({**sent, "client_id": client.client_id})
        self.request_objects.parse_authorization_request(server, request)
        params = require_rules(misread(self.world, request.payload.data, client, SCOPES), client, self.world)
        request.payload = BasicOAuth2Payload(params)
        try:
            server.get_authorization_grant(request).validate_consent_request()
        except OAuth2Error as error:
            error.redirect_uri = error.state = None  # who asked, and how it is answered, is the caller's matter
            raise
        return params
