"""Revocation (RFC 7009) and introspection (RFC 7662)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from flowrun.sandbox.binding import token_type, told_confirmation
from flowrun.sandbox.people import subject
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.settings import AUTH_METHODS

if TYPE_CHECKING:
    from flowrun.sandbox.models import RegisteredClient, Token


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Ends a token; a refresh token takes everything of its approval with it."""

    CLIENT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:  # noqa: ARG002 - only a hint
        """Find a token of either kind."""
        token: Token | None = self.server.world.tokens.get(token_string)
        if token is None and self.server.world.broken("revoke.unknown-refused"):
            raise refusal("invalid_request", "The token is unknown.")
        return token

    def revoke_token(self, token: Token, request: Any) -> None:  # noqa: ARG002 - Authlib's signature
        """End it."""
        broken, refreshes = self.server.world.broken, token.kind == "refresh_token"
        if broken("revoke.refresh-lives") if refreshes else broken("revoke.access-lives"):
            return
        token.revoked = True
        if token.kind == "refresh_token":
            token.approval.revoked = True


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """Tells a confidential client about its own tokens."""

    CLIENT_AUTH_METHODS: ClassVar = [method for method in AUTH_METHODS if method != "none"]

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:  # noqa: ARG002 - only a hint
        """Find a token of either kind."""
        token: Token | None = self.server.world.tokens.get(token_string)
        return token

    def check_permission(self, token: Token, client: RegisteredClient, request: Any) -> bool:  # noqa: ARG002
        """Only the client that it was issued to."""
        return token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        """Return what RFC 7662 §2.2 and RFC 9396 §9.2 name."""
        approval = token.approval
        answer: dict[str, Any] = {
            "active": True,
            "iss": self.server.world.issuer,
            "sub": subject(approval.user),
            "client_id": approval.client.client_id,
            "username": approval.user.username,
            "scope": token.scope,
            "iat": int(token.issued_at),
            "exp": int(token.expires_at),
        }
        if token.kind == "access_token":
            answer["token_type"] = token_type(token.confirmation)
            if token.confirmation:
                answer["cnf"] = told_confirmation(self.server.world, token.confirmation)
        if approval.details:
            answer["authorization_details"] = approval.details
        return answer
