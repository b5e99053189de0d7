"""Authlib's authorization server, put together for this world."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.requests import OAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import g
from flask import request as flask_request

from flowrun.sandbox import keys
from flowrun.sandbox.authorization_request import Pkce, known_scopes
from flowrun.sandbox.binding import Binding, told_confirmation
from flowrun.sandbox.client_auth import (
    Assertions,
    CertificateAuthentication,
    client_secret_basic,
    require_one_method,
    require_same_client,
)
from flowrun.sandbox.device import DeviceGrant, Devices
from flowrun.sandbox.grants import ClientGrant, CodeGrant, RefreshGrant
from flowrun.sandbox.models import Token
from flowrun.sandbox.people import subject
from flowrun.sandbox.push import PushedAuthorization
from flowrun.sandbox.refusal import once, refusal
from flowrun.sandbox.settings import CERTIFICATE_METHODS
from flowrun.sandbox.token_answer import TokenAnswer
from flowrun.sandbox.token_endpoints import Introspection, Revocation
from flowrun.sandbox.token_exchange import ExchangeGrant

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.models import Approval, RegisteredClient
    from flowrun.sandbox.world import World


class Server(AuthorizationServer):  # type: ignore[misc]
    """The OAuth side of the sandbox; the pages are in `interaction.py`."""

    def __init__(self, world: World) -> None:
        super().__init__(query_client=world.clients.get, save_token=self._keep)
        self.world = world
        self.scopes_supported = known_scopes(world)
        self.register_token_generator(
            "default", BearerTokenGenerator(self._access_token, _random, lambda *_: world.lifetimes.access_token)
        )
        for method in ("private_key_jwt", "client_secret_jwt"):
            self.register_client_auth_method(method, Assertions(world, method))
        for method in CERTIFICATE_METHODS:
            self.register_client_auth_method(method, CertificateAuthentication(world, method))
        self.register_client_auth_method("client_secret_basic", client_secret_basic)
        extensions = [Binding(world), TokenAnswer(world)]
        self.register_grant(CodeGrant, [Pkce(world), *extensions])
        for grant in (RefreshGrant, ClientGrant, DeviceGrant, ExchangeGrant):
            self.register_grant(grant, extensions)
        self.register_endpoint(PushedAuthorization(world))
        self.register_endpoint(Devices(world))
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)
        self.register_extension(Issuer(world))

    def create_oauth2_request(self, request: object) -> FlaskOAuth2Request:  # noqa: ARG002 - Authlib's signature
        """Read parameters from the body only: in a URL they would end up in logs."""
        made = FlaskOAuth2Request(flask_request)
        made.payload = FormPayload()
        return made

    def authenticate_client(self, request: Any, methods: list[str], endpoint: str = "token") -> RegisteredClient:
        """Return the client; invalid_client, always 401, says why there is none."""
        pushes = endpoint == PushedAuthorization.ENDPOINT_NAME
        if not (pushes and self.world.broken("par.param-twice")):
            once(request.payload.datalist.items())
        require_one_method(request)
        named: RegisteredClient | None = self.query_client(request.form.get("client_id", ""))
        if named and not _has_credentials(request) and self._trusts(request, endpoint):
            return named
        try:
            client: RegisteredClient = super().authenticate_client(request, methods, endpoint)
        except OAuth2Error as error:
            if error.error == "invalid_client" and str(error.description).startswith("The client cannot authenticate"):
                raise refusal(
                    "invalid_client", "No client authentication that the client is registered for."
                ) from error
            raise
        if not (self.world.broken("par.any-client-id") if pushes else self.world.broken("token.any-client-id")):
            require_same_client(request, client)
        return client

    def _trusts(self, request: Any, endpoint: str) -> bool:
        """Tell whether a switch lets a client in that only says its name."""
        if endpoint == PushedAuthorization.ENDPOINT_NAME:
            return self.world.broken("par.no-client-auth")
        if endpoint == Introspection.ENDPOINT_NAME:
            return self.world.broken("introspect.no-auth")
        return request.form.get("grant_type") == "refresh_token" and self.world.broken("refresh.no-auth")

    def handle_error_response(self, request: object, error: Any) -> Response:
        """Answer an error; a client that did not authenticate gets 401 and the header that 401 goes with."""
        status, body, headers = error(self.get_error_uri(request, error))
        if error.error == "invalid_client":
            status = 401
            if not any(name == "WWW-Authenticate" for name, _ in headers):
                headers = [*headers, ("WWW-Authenticate", 'Basic realm="sandbox"')]
        response: Response = self.handle_response(status, body, headers)
        return response

    def _access_token(self, *, user: Approval, scope: str, **_: object) -> str:
        """Return a random text, or what it would say as a JWT (RFC 9068 §2.2)."""
        world = self.world
        if world.settings.access_tokens == "opaque":
            return _random()
        claims = {
            "iss": world.issuer,
            "sub": subject(user.user),
            "aud": world.api,
            "client_id": user.client.client_id,
            "scope": scope,
            "iat": int(world.now()),
            "exp": int(world.now()) + world.lifetimes.access_token,
            "jti": _random(),
            **({"cnf": told_confirmation(world, g.confirmation)} if g.confirmation else {}),
        }
        return keys.sign(claims, typ="at+jwt")

    def _keep(self, answer: dict[str, Any], request: Any) -> None:
        world, approval = self.world, request.user
        for kind, seconds in (
            ("access_token", world.lifetimes.access_token),
            ("refresh_token", world.lifetimes.refresh_token),
        ):
            if kind in answer:
                world.tokens[answer[kind]] = Token(
                    value=answer[kind],
                    kind=kind,
                    approval=approval,
                    scope=answer["scope"],
                    issued_at=world.now(),
                    expires_at=world.now() + seconds,
                    clock=world.now,
                    confirmation=g.confirmation,
                )


class FormPayload(OAuth2Payload):  # type: ignore[misc]
    """The parameters in the body of the current request."""

    @property
    def data(self) -> Any:
        """Return the first value of each."""
        return flask_request.form

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Return every value of each."""
        return {name: flask_request.form.getlist(name) for name in flask_request.form}


class Issuer(IssuerParameter):  # type: ignore[misc]
    """The iss of every answer through the browser (RFC 9207)."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get_issuer(self) -> str | None:
        """Return what iss says; None leaves it out."""
        if self.world.broken("callback.no-iss"):
            return None
        return "https://another-issuer.example" if self.world.broken("callback.wrong-iss") else self.world.issuer


def _has_credentials(request: Any) -> bool:
    """Tell whether a client says in the request itself who it is; a certificate is not looked for."""
    return "Authorization" in request.headers or not {"client_secret", "client_assertion"}.isdisjoint(request.form)


def _random(**_: object) -> str:
    return secrets.token_urlsafe(32)
