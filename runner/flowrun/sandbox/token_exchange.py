"""Token exchange (RFC 8693): an access token of the client's own for another one with the same or less scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from authlib.oauth2.rfc6749.grants import BaseGrant
from authlib.oauth2.rfc6749.grants.base import TokenEndpointMixin
from authlib.oauth2.rfc6749.hooks import hooked

from flowrun.sandbox.models import TOKEN_EXCHANGE
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.settings import AUTH_METHODS

if TYPE_CHECKING:
    from flowrun.sandbox.models import Token

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"


class ExchangeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """Authlib has no such grant; its client authentication and its tokens do the work."""

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)

    def validate_token_request(self) -> None:
        """Demand a token of this client that is alive, and no more scope than it has (RFC 8693 §2.1, §2.2.2)."""
        client, form = self.authenticate_token_endpoint_client(), self.request.form
        self.request.client = client
        if form.get("subject_token_type") != ACCESS_TOKEN:
            raise refusal("invalid_request", f"The subject_token_type must be {ACCESS_TOKEN}.")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise refusal("invalid_request", f"The server has no requested_token_type but {ACCESS_TOKEN}.")
        if "actor_token" in form:
            raise refusal("invalid_request", "The server does not know who may act for whom: leave actor_token out.")
        subject: Token | None = self.server.world.tokens.get(form.get("subject_token", ""))
        alive = subject and subject.kind == "access_token" and subject.is_active() and subject.check_client(client)
        if not subject or not alive:
            raise refusal("invalid_request", "The subject_token is no access token of this client that is alive.")
        wanted = self.request.payload.scope or subject.scope
        if not set(wanted.split()) <= set(subject.scope.split()):
            raise refusal("invalid_scope", "More scope than the subject_token has cannot be asked for.")
        self.request.user, self.request.scope = subject.approval, wanted

    @hooked  # type: ignore[untyped-decorator]  # Authlib is not typed
    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """Return the new access token (RFC 8693 §2.2.1)."""
        token = self.generate_token(user=self.request.user, scope=self.request.scope, include_refresh_token=False)
        self.save_token(token)
        return 200, {**token, "issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER
