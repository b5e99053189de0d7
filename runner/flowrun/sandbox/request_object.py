"""Signed, and perhaps encrypted, authorization requests (RFC 9101), as FAPI 2.0 Message Signing §5.3.1 wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc9101 import JWTAuthenticationRequest
from joserfc.errors import JoseError

from flowrun.sandbox import keys
from flowrun.sandbox.jwt_rules import JwtRefusedError, moment, require_current, require_text
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import KeySet

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

REQUEST_OBJECT_ALGORITHMS: Final = ("PS256", "ES256", "EdDSA", "Ed25519")
JWE_DOTS: Final = 4
LONGEST_REQUEST_OBJECT_SECONDS: Final = 3600


class RequestObjects(JWTAuthenticationRequest):  # type: ignore[misc]
    """Authlib's JAR, applied at the PAR endpoint instead of the authorization endpoint.

    Authlib decides when a request object is wanted, verifies it, and puts its claims in the place of the form's
    parameters (so what stands beside it in the form counts for nothing); the rules about its claims are ours.
    """

    def __init__(self, world: World) -> None:
        super().__init__(support_request=True, support_request_uri=False)
        self.claims_validator = _Rules(world)

    def get_server_metadata(self) -> dict[str, Any]:
        """Leave the requirement to the clients."""
        return {"require_signed_request_object": False}

    def get_client_require_signed_request_object(self, client: RegisteredClient) -> bool:
        """Tell whether this client must sign."""
        return client.settings.require_signed_request_object

    def get_request_object_signing_algorithms(self, client: RegisteredClient) -> list[str]:  # noqa: ARG002 - the same for all
        """Return what FAPI 2.0 §5.4.1 allows."""
        return list(REQUEST_OBJECT_ALGORITHMS)

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
            super().parse_authorization_request(authorization_server, request)
        except (OAuth2Error, JwtRefusedError) as error:
            if not signed:
                raise
            reason = error.description if isinstance(error, OAuth2Error) else f"{error}."
            raise refusal("invalid_request_object", f"The request object is refused: {reason}") from error
        except JoseError as error:  # Authlib has told its own; this one is from our opening it
            raise refusal("invalid_request_object", "The request object cannot be decrypted.") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise refusal("invalid_request_object", "The request object is not a signed JWT.") from error


class _Rules:
    """Judges the claims of a request object whose signature holds; Authlib compares client_id with the client."""

    def __init__(self, world: World) -> None:
        self.world = world

    def validate(self, claims: Mapping[str, Any]) -> None:
        """Raise JwtRefusedError for the first rule that is broken."""
        if "client_id" not in claims:
            raise JwtRefusedError("no claim client_id")
        require_text(claims, "iss", claims["client_id"])
        audience = claims.get("aud")
        if self.world.issuer not in (audience if isinstance(audience, list) else [audience]):
            raise JwtRefusedError(f"the claim aud is not {self.world.issuer}")
        require_current(claims, self.world.now())
        if moment(claims, "nbf") < self.world.now() - LONGEST_REQUEST_OBJECT_SECONDS:
            raise JwtRefusedError("the claim nbf is more than 60 minutes ago")
        if moment(claims, "exp") - moment(claims, "nbf") > LONGEST_REQUEST_OBJECT_SECONDS:
            raise JwtRefusedError("it lives longer than 60 minutes (exp - nbf)")
