"""How a client proves who it is (RFC 6749 §2.3, RFC 7523, FAPI 2.0 §5.3.2.1)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from authlib.oauth2.rfc7523 import JWTBearerClientAssertion

from flowrun.sandbox.jwt_rules import JwtRefusedError, moment, require_current, require_text, verified
from flowrun.sandbox.refusal import once, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

ASSERTION_ALGORITHMS: Final = ("PS256", "ES256")
LONGEST_ASSERTION_SECONDS: Final = 600


class PrivateKeyJwt(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authlib's private_key_jwt with FAPI's rules: few algorithms, the issuer as aud, short lives, no second use."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def resolve_client_public_key(self, client: RegisteredClient) -> RegisteredClient:
        """Leave the choice of the key to `process_assertion_claims`, which knows the algorithms too."""
        return client

    def process_assertion_claims(self, assertion: str, resolve_key: RegisteredClient) -> dict[str, Any]:
        """Verify signature and claims; invalid_client says what is wrong."""
        client = resolve_key
        try:
            claims = verified(assertion, client, ASSERTION_ALGORITHMS)
            require_text(claims, "iss", client.client_id)
            require_text(claims, "sub", client.client_id)
            require_text(claims, "aud", self.world.issuer)
            require_current(claims, self.world.now())
            self._require_short_life(claims)
            self._spend(client.client_id, claims.get("jti"))
        except JwtRefusedError as error:
            raise refusal("invalid_client", f"The client assertion is refused: {error}.", 401) from error
        return claims

    def _require_short_life(self, claims: dict[str, Any]) -> None:
        if moment(claims, "exp") > self.world.now() + LONGEST_ASSERTION_SECONDS:
            raise JwtRefusedError("the claim exp is more than ten minutes ahead")

    def _spend(self, client_id: str, jti: object) -> None:
        if not isinstance(jti, str) or not jti:
            raise JwtRefusedError("no claim jti")
        if (client_id, jti) in self.world.assertions and not self.world.broken("assertion.replay"):
            raise JwtRefusedError("it was used before (jti)")
        self.world.assertions.add((client_id, jti))


def client_secret_basic(
    query_client: Callable[[str], RegisteredClient | None], request: Any
) -> RegisteredClient | None:
    """Authenticate by the Basic header; both halves are form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    client = query_client(unquote_plus(client_id))
    return (
        client
        if client and client.settings.client_secret and client.check_client_secret(unquote_plus(secret))
        else None
    )


def require_one_method(request: Any) -> None:
    """Refuse two credentials in one request (RFC 6749 §2.3), and any parameter that was sent twice."""
    once(request.payload.datalist.items())
    sent = [
        name
        for name, there in (
            ("Authorization", "Authorization" in request.headers),
            ("client_secret", "client_secret" in request.form),
            ("client_assertion", "client_assertion" in request.form),
        )
        if there
    ]
    if len(sent) > 1:
        raise refusal("invalid_request", f"More than one client authentication was sent: {', '.join(sent)}.")


def require_same_client(request: Any, client: RegisteredClient) -> None:
    """Refuse a client_id beside the credentials that names somebody else (RFC 7521 §4.2)."""
    named = request.form.get("client_id")
    if named is not None and named != client.client_id:
        raise refusal("invalid_client", "The client_id is not the client that authenticated.", 401)
