"""The usual grants: an authorization code for tokens, a refresh token for another, the client's own credentials."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant

from flowrun.sandbox.models import RESPONSE_TYPES, Approval, Code
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.settings import AUTH_METHODS, User

if TYPE_CHECKING:
    from flowrun.sandbox.models import RegisteredClient, Token


RACE_SECONDS: Final = 0.3  # what a slow database takes
PERSONAL_SCOPES: Final = frozenset({"openid", "profile", "email", "offline_access"})


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """authorization_code (RFC 6749 §4.1). Where Authlib says user, we hand it the whole approval."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)
    TOKEN_ENDPOINT_HTTP_METHODS: ClassVar = ["GET", "POST"]  # which of them there are is the application's matter
    RESPONSE_TYPES: ClassVar = set(RESPONSE_TYPES)

    def create_authorization_response(self, redirect_uri: str, grant_user: Approval | None) -> Any:
        """Leave the code out where the client asked for none: the person has approved, and that is all."""
        answer = super().create_authorization_response(redirect_uri, grant_user)
        if self.request.payload.response_type != "none":
            return answer
        state = self.request.payload.state
        told = add_params_to_uri(redirect_uri, [("state", state)] if state else [])
        return answer[0], answer[1], [("Location", told)]

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep the code with what was approved."""
        world, approval = self.server.world, request.user
        approval.scope = f"{request.scope} payments" if world.broken("token.scope-wider") else request.scope
        world.codes[code] = Code(code, approval, world.now() + world.lifetimes.code)

    def query_authorization_code(self, code: str, client: RegisteredClient) -> Code | None:
        """Return a code that this client may exchange now; a second use ends what the first one brought."""
        world = self.server.world
        found: Code | None = world.codes.get(code)
        if found is None:
            return None
        if found.approval.client is not client:
            if not world.broken("code.any-client"):
                return None
            found.approval.client = client  # whoever comes with it gets everything
        if world.now() >= found.expires_at and not world.broken("code.no-expiry"):
            return None
        if found.used and not world.broken("code.reuse"):
            found.approval.revoked |= not world.broken("code.reuse-forgiven")  # RFC 6749 §4.1.2
            return None
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Mark it as used; it is kept so that a second use can be told from an unknown code."""
        authorization_code.used = True

    def authenticate_user(self, authorization_code: Code) -> Approval:
        """Return what was approved."""
        return authorization_code.approval

    def generate_token(self, **options: Any) -> dict[str, Any]:
        """Add a refresh token only where one was asked for: with a consent, or by offline_access."""
        approval: Approval = options["user"]
        if self.server.world.races:
            time.sleep(RACE_SECONDS)  # the code has been looked at, and is marked as used when the tokens are there
        wanted = bool(approval.details) or "offline_access" in approval.scope.split()
        return dict(super().generate_token(**{**options, "include_refresh_token": wanted}))


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """refresh_token (RFC 6749 §6), not rotated (FAPI 2.0 §5.3.2.1)."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)

    @property
    def INCLUDE_NEW_REFRESH_TOKEN(self) -> bool:  # noqa: N802 - the name is Authlib's
        """Tell whether a refresh brings a new refresh token."""
        return bool(self.server.world.broken("token.rotate-refresh"))

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """Return a refresh token that can be used now."""
        world = self.server.world
        token: Token | None = world.tokens.get(refresh_token)
        if token is None or token.kind != "refresh_token" or not token.is_active() or world.broken("refresh.never"):
            return None
        if world.broken("refresh.any-client"):
            return replace(token, approval=replace(token.approval, client=self.request.client))
        return token

    def authenticate_user(self, refresh_token: Token) -> Approval:
        """Return what was approved."""
        return refresh_token.approval

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """End the old refresh token when a new one was given."""
        refresh_token.revoked = self.INCLUDE_NEW_REFRESH_TOKEN


class ClientGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """client_credentials (RFC 6749 §4.4): the client itself is the one who approves."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = [method for method in AUTH_METHODS if method != "none"]

    def validate_token_request(self) -> None:
        """Demand a scope that is no person's."""
        super().validate_token_request()
        scope = self.request.payload.scope or ""
        if not scope or not PERSONAL_SCOPES.isdisjoint(scope.split()):
            raise refusal("invalid_scope", "Without a person, the scope is 'accounts' or 'consents', or both.")
        client: RegisteredClient = self.request.client
        itself = User(client.client_id, "", {"sub": client.client_id})
        self.request.user = Approval(client, itself, {}, self.server.world.now(), [], scope, personal=False)

    def generate_token(self, **options: Any) -> dict[str, Any]:
        """Hand the approval on, which Authlib would leave out."""
        return dict(super().generate_token(**{**options, "user": self.request.user}))
