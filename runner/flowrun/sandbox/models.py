"""The things that Authlib asks questions about: clients, codes, tokens."""

from __future__ import annotations

import secrets
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin
from cryptography import x509
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from flowrun.dataclass import dataclass
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowrun.sandbox.settings import Client, User


RESPONSE_TYPES: Final = ("code", "none")
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANT_TYPES: Final = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE, TOKEN_EXCHANGE)


class RegisteredClient(ClientMixin):  # type: ignore[misc]  # Authlib is not typed
    """A client of the settings, in Authlib's words."""

    def __init__(self, client: Client, broken: Callable[[str], bool]) -> None:
        """Take the registration, and what tells which fault switches are on."""
        self.settings = client
        self.broken = broken
        self.client_id = client.client_id
        self.auth_method = client.token_endpoint_auth_method

    def get_client_id(self) -> str:
        """Return the client_id."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: FAPI 2.0 §5.3.2.2 wants the redirect_uri in every request."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the scope as it was asked for; None refuses, which is what no scope at all gets."""
        return scope or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare letter by letter (RFC 9700 §4.1.3)."""
        registered = self.settings.redirect_uris
        if redirect_uri in registered or self.broken("request.any-redirect"):
            return True
        if self.broken("request.redirect-500"):
            raise refusal("server_error", "The server did not see this redirect_uri coming.", 500)
        return redirect_uri.startswith(registered) and self.broken("request.redirect-prefix")

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare without telling by the time how much of it was right."""
        right = secrets.compare_digest((self.settings.client_secret or "").encode(), client_secret.encode())
        return right or self.broken("client.any-secret")

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - the same at every endpoint
        """Tell whether this is the one method that the client is registered for."""
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Only the code flow, or nothing at all (OAuth 2.0 Multiple Response Types §4)."""
        return response_type in RESPONSE_TYPES

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether the client may use it; client_credentials are for clients that have any."""
        return grant_type in GRANT_TYPES and (grant_type != "client_credentials" or self.auth_method != "none")

    def certificate(self) -> x509.Certificate | None:
        """Return the registered TLS certificate."""
        pem = self.settings.certificate
        return x509.load_pem_x509_certificate(pem.encode()) if pem else None

    def keys(self) -> KeySet:
        """Return its public keys, an empty set when it has none that can be used."""
        try:
            return KeySet.import_key_set({"keys": [dict(key) for key in self.settings.jwks.get("keys", [])]})
        except (JoseError, ValueError, TypeError, KeyError):
            return KeySet([])


@dataclass(slots=True, eq=False)
class Approval:
    """What a person granted to a client; its tokens live and end with it."""

    client: RegisteredClient
    user: User
    params: Mapping[str, Any] = field(repr=False)
    auth_time: float
    details: list[dict[str, Any]]
    scope: str = ""
    revoked: bool = False
    personal: bool = True  # False: client_credentials, where the client approves by itself


@dataclass(slots=True, eq=False)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """An authorization code, bound to client, redirect_uri and code_challenge."""

    value: str = field(repr=False)
    approval: Approval
    expires_at: float
    used: bool = False

    def get_redirect_uri(self) -> str:
        """Return the redirect_uri of the authorization request, which the token request must repeat; empty: any."""
        return "" if self.approval.client.broken("code.any-redirect-uri") else str(self.approval.params["redirect_uri"])

    def get_scope(self) -> str:
        """Return what was granted."""
        return self.approval.scope


@dataclass(slots=True, eq=False)
class Token(TokenMixin):  # type: ignore[misc]
    """An access token or a refresh token."""

    value: str = field(repr=False)
    kind: str  # access_token | refresh_token, as in token_type_hint
    approval: Approval
    scope: str
    issued_at: float
    expires_at: float
    clock: Callable[[], float]
    confirmation: Mapping[str, str] = field(default_factory=dict)  # cnf: jkt (RFC 9449 §6) or x5t#S256 (RFC 8705 §3)
    revoked: bool = False

    def check_client(self, client: RegisteredClient) -> bool:
        """Tell whether it was issued to this client."""
        return self.approval.client.client_id == client.client_id

    def get_scope(self) -> str:
        """Return its scope."""
        return self.scope

    def get_expires_in(self) -> int:
        """Return its lifetime in seconds."""
        return int(self.expires_at - self.issued_at)

    def is_expired(self) -> bool:
        """Tell whether its time is over."""
        return self.clock() >= self.expires_at

    def is_revoked(self) -> bool:
        """Tell whether it, or everything of its approval, was revoked."""
        return self.revoked or self.approval.revoked

    def is_active(self) -> bool:
        """Tell whether it can be used now."""
        return not self.is_expired() and not self.is_revoked()

    def get_user(self) -> User:
        """Return the person who granted it."""
        return self.approval.user

    def get_client(self) -> RegisteredClient:
        """Return the client that it was issued to."""
        return self.approval.client
