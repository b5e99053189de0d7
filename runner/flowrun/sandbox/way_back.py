"""How a browser gets back to the client: with a code, or with an error, and never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload, OAuth2Request

from flowrun.sandbox import consent
from flowrun.sandbox.models import Approval
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.server import Server
    from flowrun.sandbox.world import Interaction, Pushed, World


def _see_other(response: Response) -> Response:
    # 303 instead of Authlib's 302: the browser must not send the form again (RFC 9700 §4.12).
    response.status_code = 303
    return response


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
        grant = self.server.get_authorization_grant(request_)
        approval = self._approval(walk) if approved else None
        return _see_other(self.server.create_authorization_response(request_, approval, grant))

    def refuse(self, walk: Interaction, error: str, description: str) -> Response:
        """Spend the request_uri and send the browser back with an error that no person decided."""
        told = refusal(error, description)
        request_ = self._spend(walk)
        told.redirect_uri, told.state = request_.payload.redirect_uri, request_.payload.state
        response = self.server.handle_error_response(request_, told)
        self.server.execute_hook("after_create_authorization_response", response)
        return _see_other(response)

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
