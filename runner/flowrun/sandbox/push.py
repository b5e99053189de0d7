"""The pushed authorization request endpoint (RFC 9126)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import Endpoint
from flask import g

from flowrun.sandbox.acceptance import Acceptance
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.settings import AUTH_METHODS
from flowrun.sandbox.world import Pushed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

Answer = tuple[int, Any, list[tuple[str, str]]]
HTML: Final = [("Content-Type", "text/html; charset=utf-8")]
# How often a client may push the same request; no good one comes near it.
MOST_PUSHES: Final = 100
PERIOD_SECONDS: Final = 30
TOO_MANY_REQUESTS: Final = 429
MAINTENANCE: Final = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"


class PushedAuthorization(Endpoint):  # type: ignore[misc]
    """Authlib has no PAR; its client authentication, JAR, code grant and PKCE do the work here."""

    ENDPOINT_NAME = "pushed_authorization_request"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.acceptance = Acceptance(world)

    def create_endpoint_response(self, request: Any) -> Answer:
        """Validate the request whole, keep it, and answer with its request_uri."""
        if self.world.broken("push.status-500"):
            return 500, {"error": "server_error"}, list(default_json_headers)
        if self.world.broken("push.html"):
            return 200, MAINTENANCE, HTML
        if self.world.broken("push.too-many"):
            body = {"error": "temporarily_unavailable", "error_description": "Too many requests."}
            return 429, body, [*default_json_headers, ("Retry-After", "30")]
        if self.world.broken("push.redirect"):
            return 302, "", [("Location", f"{self.world.issuer}/login")]
        client = self.server.authenticate_client(request, list(AUTH_METHODS), self.ENDPOINT_NAME)
        if self.world.broken("push.refuse"):
            raise refusal("invalid_request", "The server refuses every pushed request.")
        return self._answer(self._keep(client, self._validated(request, client)))

    def _count(self, client: RegisteredClient, params: Mapping[str, Any]) -> None:
        """Refuse a client that pushes the same request over and over (RFC 9126 §2.3)."""
        same = (client.client_id, repr(sorted(params.items())))
        now = self.world.now()
        late = [at for at in self.world.pushes.get(same, ()) if 0 <= now - at < PERIOD_SECONDS]
        self.world.pushes[same] = [*late, now]
        if len(late) >= MOST_PUSHES and not self.world.broken("par.no-rate-limit"):
            g.retry_after = PERIOD_SECONDS
            raise refusal("temporarily_unavailable", "This client pushes too many requests.", TOO_MANY_REQUESTS)

    def _validated(self, request: Any, client: RegisteredClient) -> dict[str, Any]:
        if "request_uri" in request.form and not self.world.broken("par.uri-in-form"):
            raise refusal("invalid_request", "A request_uri cannot be pushed (RFC 9126, section 2.1).")
        form = {name: value for name, value in request.form.items() if name != "request_uri"}
        params = self.acceptance.params(self.server, request, form, client)
        self._count(client, params)
        if g.jkt is None:
            return params
        if self.world.broken("dpop.par-proof-refused"):
            raise refusal("invalid_request", "A push takes no DPoP proof.")
        if params.get("dpop_jkt", g.jkt) != g.jkt and not self.world.broken("dpop.jkt-unchecked"):
            raise refusal("invalid_dpop_proof", "The parameter dpop_jkt is not the key of the DPoP proof.")
        return {**params, "dpop_jkt": g.jkt}  # the proof binds the code, as the parameter would (RFC 9449 §10.1)

    def _keep(self, client: RegisteredClient, params: dict[str, Any]) -> Pushed:
        ours = self.world.settings.request_uri_prefix
        prefix = "urn:sandbox:request:" if self.world.broken("push.other-prefix") else ours
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
