"""The pushed authorization request endpoint (RFC 9126)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import Endpoint
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from flowrun.sandbox.authorization_request import require_rules
from flowrun.sandbox.client_auth import require_same_client
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.request_object import RequestObjects
from flowrun.sandbox.settings import AUTH_METHODS
from flowrun.sandbox.world import Pushed

if TYPE_CHECKING:
    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

Answer = tuple[int, Any, list[tuple[str, str]]]
URN: Final = "urn:ietf:params:oauth:request_uri:"
CREDENTIALS: Final = ("client_assertion", "client_assertion_type", "client_secret")
HTML: Final = [("Content-Type", "text/html; charset=utf-8")]
MAINTENANCE: Final = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"


class PushedAuthorization(Endpoint):  # type: ignore[misc]
    """Authlib has no PAR; its client authentication, JAR, code grant and PKCE do the work here."""

    ENDPOINT_NAME = "pushed_authorization_request"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.request_objects = RequestObjects(world)

    def create_endpoint_response(self, request: Any) -> Answer:
        """Validate the request whole, keep it, and answer with its request_uri."""
        if self.world.broken("push.status-500"):
            return 500, {"error": "server_error"}, list(default_json_headers)
        if self.world.broken("push.html"):
            return 200, MAINTENANCE, HTML
        if self.world.broken("push.redirect"):
            return 302, "", [("Location", f"{self.world.issuer}/login")]
        client = self.server.authenticate_client(request, list(AUTH_METHODS), self.ENDPOINT_NAME)
        require_same_client(request, client)
        if self.world.broken("push.refuse"):
            raise refusal("invalid_request", "The server refuses every pushed request.")
        return self._answer(self._keep(client, self._validated(request, client)))

    def _validated(self, request: Any, client: RegisteredClient) -> dict[str, Any]:
        form = {name: value for name, value in request.form.items() if name not in CREDENTIALS}
        if "request_uri" in form:
            raise refusal("invalid_request", "A request_uri cannot be pushed (RFC 9126, section 2.1).")
        request.payload = BasicOAuth2Payload({**form, "client_id": client.client_id})
        self.request_objects.parse_authorization_request(self.server, request)
        params = require_rules(request.payload.data, client, self.world.now())
        request.payload = BasicOAuth2Payload(params)
        try:
            self.server.get_authorization_grant(request).validate_consent_request()
        except OAuth2Error as error:
            error.redirect_uri = error.state = None  # Authlib would send a browser back; here the client itself asks
            raise
        return params

    def _keep(self, client: RegisteredClient, params: dict[str, Any]) -> Pushed:
        prefix = "urn:sandbox:request:" if self.world.broken("push.other-prefix") else URN
        pushed = Pushed(
            request_uri=f"{prefix}{uuid.uuid4()}",
            client_id=client.client_id,
            params=params,
            expires_at=self.world.now() + self.world.lifetimes.request_uri,
        )
        self.world.pushed[pushed.request_uri] = pushed
        return pushed

    def _answer(self, pushed: Pushed) -> Answer:
        body: dict[str, Any] = {"request_uri": pushed.request_uri}
        if not self.world.broken("push.no-expires-in"):
            body["expires_in"] = self.world.lifetimes.request_uri
        headers = [("Content-Type", "application/json")]
        if not self.world.broken("push.no-store-missing"):
            headers += [("Cache-Control", "no-cache, no-store")]
        return 200 if self.world.broken("push.status-200") else 201, body, headers
