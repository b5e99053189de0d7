"""How a browser gets back to the client: with a code, or with an error, and never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload, OAuth2Request
from flask import make_response, render_template

from flowrun.sandbox import consent
from flowrun.sandbox.models import Approval
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.response_modes import RESPONSE_MODES, deliver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from flowrun.sandbox.device import Device
    from flowrun.sandbox.server import Server
    from flowrun.sandbox.world import Interaction, Pushed, World


class WayBack:
    """Ends a walk through the pages."""

    def __init__(self, world: World, server: Server) -> None:
        self.world = world
        self.server = server

    def require_unspent(self, pushed: Pushed) -> None:
        """Raise invalid_request_uri when an authorization with this request_uri has finished."""
        if pushed.spent and not self.world.broken("par.reuse"):
            raise refusal("invalid_request_uri", "The request_uri was used before.")

    def finish(self, walk: Interaction, *, approved: bool) -> Response:
        """Spend the request_uri and send the browser back with a code, or with access_denied."""
        request_ = self._spend(walk)
        if walk.device is not None:
            return self._to_the_device(walk, walk.device, approved=approved)
        grant = self.server.get_authorization_grant(request_)
        approval = self._approval(walk) if approved else None
        response = self.server.create_authorization_response(request_, approval, grant)
        return deliver(self.world, response, walk.pushed.params)

    def _to_the_device(self, walk: Interaction, device: Device, *, approved: bool) -> Response:
        """Tell the device at its next question, and the person now (RFC 8628 §3.3)."""
        device.decided = True
        if approved:
            device.approval = self._approval(walk)
            device.approval.scope = device.scope
        heading = "Device connected" if approved else "Device not connected"
        return make_response(render_template("device_done.html", heading=heading))

    def refuse(self, walk: Interaction, error: str, description: str) -> Response:
        """Spend the request_uri and send the browser back with an error that no person decided."""
        return self.refuse_request(self._spend(walk).payload.data, error, description)

    def refuse_request(self, params: Mapping[str, Any], error: str, description: str) -> Response:
        """Send the browser back with an error; the redirect_uri in the parameters is known to be the client's."""
        told = refusal(error, description)
        told.redirect_uri, told.state = params["redirect_uri"], params.get("state")
        response = self.server.handle_error_response(None, told)
        self.server.execute_hook("after_create_authorization_response", response)
        mode = params.get("response_mode")
        return deliver(self.world, response, params if mode in RESPONSE_MODES else {**params, "response_mode": "query"})

    def _spend(self, walk: Interaction) -> OAuth2Request:
        """End walk and request_uri; return the request to answer, in Authlib's words."""
        self.require_unspent(walk.pushed)
        walk.finished = walk.pushed.spent = True
        params = dict(walk.pushed.params)
        if self.world.broken("callback.wrong-state"):
            params["state"] = "another-state"
        made = OAuth2Request("GET", f"{self.world.issuer}/auth")
        made.payload = BasicOAuth2Payload(params)
        return made

    def _approval(self, walk: Interaction) -> Approval:
        params, login = walk.pushed.params, walk.browser.login
        if login is None:
            raise refusal("invalid_request", "Nobody is signed in.")
        details = params.get("authorization_details", [])
        dp_id = (details and details[0]["consent"].get("dp_id")) or walk.dp_id
        walk.browser.agreed.add((login.user.username, walk.pushed.client_id, params["scope"]))
        return Approval(
            client=self.world.clients[walk.pushed.client_id],
            user=login.user,
            params=params,
            auth_time=login.at,
            details=consent.granted(details, login.user, dp_id, self.world.now()),
        )
