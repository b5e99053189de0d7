"""Signed, and perhaps encrypted, authorization requests (RFC 9101), as FAPI 2.0 Message Signing §5.3.1 wants them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc9101 import JWTAuthenticationRequest
from joserfc import jws
from joserfc.errors import JoseError

from flowrun.sandbox import keys
from flowrun.sandbox.careless import Careless
from flowrun.sandbox.jwt_rules import JwtRefusedError, moment, require_current, require_text, verified
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import KeySet

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import Pushed, World

REQUEST_OBJECT_ALGORITHMS: Final = ("PS256", "ES256", "EdDSA", "Ed25519")
JWE_DOTS: Final = 4
LONGEST_REQUEST_OBJECT_SECONDS: Final = 3600
TYPES: Final = ("jwt", "oauth-authz-req+jwt")  # of a header typ; without one any JWT is taken (RFC 9101 §10.8)


class RequestObjects(JWTAuthenticationRequest):  # type: ignore[misc]
    """Authlib's JAR, applied at the PAR endpoint instead of the authorization endpoint.

    Authlib decides when a request object is wanted, verifies it, and puts its claims in the place of the form's
    parameters (so what stands beside it in the form counts for nothing); the rules about its claims are ours.
    """

    def __init__(self, world: World) -> None:
        super().__init__(support_request=True, support_request_uri=False)
        self.world = world
        self.claims_validator = _Rules(world)

    def get_server_metadata(self) -> dict[str, Any]:
        """Leave the requirement to the clients."""
        return {"require_signed_request_object": False}

    def get_client_require_signed_request_object(self, client: RegisteredClient) -> bool:
        """Tell whether this client must sign."""
        return client.settings.require_signed_request_object and not self.world.broken("request_object.optional")

    def get_request_object_signing_algorithms(self, client: RegisteredClient) -> list[str]:  # noqa: ARG002 - the same for all
        """Return what FAPI 2.0 §5.4.1 allows."""
        return self._careless.algorithms(REQUEST_OBJECT_ALGORITHMS)

    def resolve_client_public_key(self, client: RegisteredClient) -> KeySet:
        """Return its keys; the kid of the request object chooses among them."""
        return client.keys()

    def parse_authorization_request(self, authorization_server: Any, request: Any) -> None:
        """Replace the payload of a request by what was signed; invalid_request_object says what is wrong with it."""
        signed = "request" in request.payload.data
        try:
            if signed and str(request.payload.data["request"]).count(".") == JWE_DOTS:
                opened = keys.decrypt(request.payload.data["request"])
                request.payload = BasicOAuth2Payload({**request.payload.data, "request": opened})
            taken = self._taken(authorization_server, request) if signed else None
            if taken is None:
                super().parse_authorization_request(authorization_server, request)
            else:
                self.claims_validator.validate(taken)
                request.payload = BasicOAuth2Payload(taken)
            if signed and self.world.broken("request_object.no-redirect-uri"):
                client = authorization_server.query_client(request.payload.client_id)
                usual = {"redirect_uri": client.settings.redirect_uris[0]}
                request.payload = BasicOAuth2Payload({**usual, **request.payload.data})
        except (OAuth2Error, JwtRefusedError) as error:
            if not signed:
                raise
            reason = error.description if isinstance(error, OAuth2Error) else f"{error}."
            raise refusal("invalid_request_object", f"The request object is refused: {reason}") from error
        except JoseError as error:  # Authlib has told its own; this one is from our opening it
            raise refusal("invalid_request_object", "The request object cannot be decrypted.") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise refusal("invalid_request_object", "The request object is not a signed JWT.") from error

    @cached_property
    def _careless(self) -> Careless:
        broken = self.world.broken
        return Careless(
            unsigned=broken("request_object.unsigned"),
            any_signature=broken("request_object.any-signature"),
            public_key=broken("request_object.public-key"),
            rs256=broken("request_object.rs256"),
        )

    def _taken(self, authorization_server: Any, request: Any) -> dict[str, Any] | None:
        """Return the claims of a request object that a fault makes the server take; None: Authlib judges it.

        Raises JwtRefusedError for a header typ that says what else this JWT is (RFC 8725 §3.11).
        """
        token, client = (
            str(request.payload.data["request"]),
            authorization_server.query_client(request.payload.client_id),
        )
        try:
            header = jws.extract_compact(token.encode()).headers()
        except JoseError:
            return None
        typ = str(header.get("typ", "JWT")).lower().removeprefix("application/")
        if typ not in TYPES and not self.world.broken("request_object.any-typ"):
            raise JwtRefusedError(f"the header typ says that it is something else, {typ}")
        taken = self._careless.claims(token, client.keys(), REQUEST_OBJECT_ALGORITHMS)
        if taken is None and self.world.broken("request_object.any-client"):
            claims = verified(token, client.keys(), REQUEST_OBJECT_ALGORITHMS)
            if claims.get("client_id") != client.client_id:
                taken = {**claims, "client_id": client.client_id, "iss": client.client_id}
        if taken is None and self.world.broken("par.uri-in-jar"):
            claims = verified(token, client.keys(), REQUEST_OBJECT_ALGORITHMS)
            if "request_uri" in claims:
                taken = {name: value for name, value in claims.items() if name != "request_uri"}
        return taken


class _Rules:
    """Judges the claims of a request object whose signature holds; Authlib compares client_id with the client."""

    def __init__(self, world: World) -> None:
        self.world = world

    def validate(self, claims: Mapping[str, Any]) -> None:
        """Raise JwtRefusedError for the first rule that is broken."""
        if "client_id" not in claims:
            raise JwtRefusedError("no claim client_id")
        claims = self._dates_as_seen(self._names_as_seen(claims))
        require_text(claims, "iss", claims["client_id"])
        audience = claims.get("aud")
        if self.world.issuer not in (audience if isinstance(audience, list) else [audience]):
            raise JwtRefusedError(f"the claim aud is not {self.world.issuer}")
        require_current(claims, self.world.now())
        if moment(claims, "nbf") < self.world.now() - LONGEST_REQUEST_OBJECT_SECONDS:
            raise JwtRefusedError("the claim nbf is more than 60 minutes ago")
        if moment(claims, "exp") - moment(claims, "nbf") > LONGEST_REQUEST_OBJECT_SECONDS:
            raise JwtRefusedError("it lives longer than 60 minutes (exp - nbf)")

    def _names_as_seen(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Return the claims, with the iss and aud that faults make of them."""
        world, seen, aud = self.world, dict(claims), claims.get("aud")
        if "iss" not in claims and world.broken("request_object.no-iss"):
            seen["iss"] = claims["client_id"]
        if "aud" not in claims and world.broken("request_object.no-aud"):
            seen["aud"] = world.issuer
        if "aud" in claims and world.broken("request_object.any-aud"):
            seen["aud"] = world.issuer
        if isinstance(aud, list) and world.broken("request_object.one-aud"):
            raise JwtRefusedError("the claim aud is a list")
        return seen

    def _dates_as_seen(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return the claims, with the nbf and exp that faults make of them."""
        world, seen, now = self.world, dict(claims), self.world.now()
        if "nbf" not in claims and world.broken("request_object.no-nbf"):
            seen["nbf"] = now
        if "exp" not in claims and world.broken("request_object.no-exp"):
            seen["exp"] = now + 1
        if "nbf" in claims and world.broken("request_object.no-leeway") and moment(claims, "nbf") > now + 1:
            raise JwtRefusedError("it is not valid yet (nbf)")
        if "nbf" in claims and world.broken("request_object.old-nbf"):
            seen["nbf"] = max(moment(claims, "nbf"), now)
        if "exp" in claims and world.broken("request_object.expired"):
            seen["exp"] = max(moment(claims, "exp"), now + 1)
        if "exp" in claims and world.broken("request_object.long-life"):
            seen["exp"] = min(moment(claims, "exp"), now + 1)
        return seen


def outside(world: World, pushed: Pushed, sent: Mapping[str, str]) -> None:
    """Let parameters of the authorization URL count beside a request object, where a fault wants it (RFC 9101 §6.3)."""
    taken: dict[str, Any] = {}
    if "state" not in pushed.params and world.broken("request_object.state-outside"):
        taken["state"] = sent.get("state")
    if "state" in pushed.params and world.broken("request_object.other-state"):
        taken["state"] = sent.get("state")
    if world.broken("request_object.other-nonce"):
        taken["nonce"] = sent.get("nonce")
    pushed.params = {**pushed.params, **{name: value for name, value in taken.items() if value is not None}}
