"""How a client proves who it is (RFC 6749 §2.3, RFC 7523, FAPI 2.0 §5.3.2.1)."""

from __future__ import annotations

import base64
import binascii
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import request as flask_request
from joserfc.jwk import OctKey

from flowrun.sandbox import certificates
from flowrun.sandbox.careless import Careless
from flowrun.sandbox.jwt_rules import JwtRefusedError, moment, require_current, require_text, verified
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

ASSERTION_ALGORITHMS: Final = ("PS256", "ES256", "EdDSA", "Ed25519")
SECRET_ALGORITHMS: Final = ("HS256", "HS384", "HS512")
LONGEST_ASSERTION_SECONDS: Final = 600
ENDPOINTS: Final = ("token", "par")  # that an aud may name outside of FAPI (RFC 7523 §3, RFC 9126 §2)


class Assertions(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authlib's client assertions with FAPI's rules: few algorithms, the issuer as aud, short lives, no second use.

    client_secret_jwt is not FAPI's, nor is a server that is told so: there the aud may also be what RFC 7523 §3 and
    RFC 9126 §2 name, the token endpoint, or the endpoint called.
    """

    def __init__(self, world: World, method: str) -> None:
        super().__init__()
        self.world = world
        self.CLIENT_AUTH_METHOD = method

    def __call__(self, query_client: Callable[[str], RegisteredClient | None], request: Any) -> RegisteredClient | None:
        """Return the client that signed the assertion; None: there is none, so another method may do."""
        if not request.form.get("client_assertion") and self.world.broken("assertion.missing"):
            return query_client(request.form.get("client_id", ""))
        return super().__call__(query_client, request)  # type: ignore[no-any-return]  # Authlib is not typed

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and claims, not verified: Authlib looks for the client in them."""
        header, claims = super().extract_assertion(assertion)
        return header, self._completed(claims)

    def resolve_client_public_key(self, client: RegisteredClient) -> RegisteredClient:
        """Leave the choice of the key to `process_assertion_claims`, which knows the algorithms too."""
        return client

    def process_assertion_claims(self, assertion: str, resolve_key: RegisteredClient) -> dict[str, Any]:
        """Verify signature and claims; invalid_client says what is wrong."""
        client = resolve_key
        if client.auth_method != self.CLIENT_AUTH_METHOD:
            return {}  # Authlib asks next whether the client is registered for this method, and goes on
        try:
            if self.CLIENT_AUTH_METHOD == "client_secret_jwt":
                secret = OctKey.import_key(client.settings.client_secret or "")
                claims = verified(assertion, secret, SECRET_ALGORITHMS)
                self._require_known_audience(claims)
            else:
                claims = self._seen(self._completed(self._verified(assertion, client)))
                self._require_issuer(claims)
            require_text(claims, "iss", client.client_id)
            require_text(claims, "sub", client.client_id)
            require_current(claims, self.world.now())
            self._require_short_life(claims)
            self._spend(client.client_id, claims.get("jti"))
        except JwtRefusedError as error:
            raise refusal("invalid_client", f"The client assertion is refused: {error}.", 401) from error
        return claims

    def authenticate_client(self, client: RegisteredClient) -> RegisteredClient:
        """Leave it to Authlib's loop over the methods, which asks the same: two of them read assertions."""
        return client

    @cached_property
    def _careless(self) -> Careless:
        broken = self.world.broken
        return Careless(
            unsigned=broken("assertion.unsigned"),
            any_signature=broken("assertion.any-signature"),
            public_key=broken("assertion.public-key"),
            rs256=broken("assertion.rs256"),
        )

    def _verified(self, assertion: str, client: RegisteredClient) -> dict[str, Any]:
        taken = self._careless.claims(assertion, client.keys(), ASSERTION_ALGORITHMS)
        if taken is not None:
            return taken
        return verified(assertion, client.keys(), self._careless.algorithms(ASSERTION_ALGORITHMS))

    def _completed(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return the claims with those that a fault lets be missing."""
        broken, usual = self.world.broken, dict[str, Any]()
        if broken("assertion.no-sub") and "iss" in claims:
            usual["sub"] = claims["iss"]
        if broken("assertion.no-iss") and "sub" in claims:
            usual["iss"] = claims["sub"]
        if broken("assertion.no-exp"):
            usual["exp"] = self.world.now() + 1
        if broken("assertion.request-object") and "client_id" in claims:
            usual |= {"sub": claims["client_id"], "jti": secrets.token_urlsafe()}
        return {**usual, **claims}

    def _seen(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return the claims as faults let them be seen: what is wrong there is taken for what is right."""
        world, seen, now = self.world, dict(claims), self.world.now()
        aud, dates = claims.get("aud"), {name: claims[name] for name in ("nbf", "iat") if name in claims}
        if (
            world.broken("assertion.any-aud")
            or (world.broken("assertion.par-aud") and aud in [f"{host}/par" for host in (world.api, world.issuer)])
            or (world.broken("assertion.token-aud") and aud in [f"{host}/token" for host in (world.api, world.issuer)])
            or (world.broken("assertion.aud-array") and isinstance(aud, list) and world.issuer in aud)
        ):
            seen["aud"] = world.issuer
        if "exp" in claims and world.broken("assertion.expired"):
            seen["exp"] = now + 1
        if world.broken("assertion.early"):
            seen |= {name: min(moment(claims, name), now) for name in dates}
        if world.broken("assertion.no-leeway") and any(moment(claims, name) > now + 1 for name in dates):
            raise JwtRefusedError("it is not valid yet")
        return seen

    def _require_issuer(self, claims: dict[str, Any]) -> None:
        """Refuse an assertion that is not for the issuer (FAPI 2.0 §5.3.2.1), or, in plain OAuth, for an endpoint."""
        if self.world.settings.fapi or self.world.broken("assertion.issuer-only"):
            require_text(claims, "aud", self.world.issuer)
        else:
            self._require_known_audience(claims)

    def _require_known_audience(self, claims: dict[str, Any]) -> None:
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        hosts = {self.world.issuer, self.world.api}  # with mtls_endpoint_aliases an endpoint has two addresses
        known = {self.world.issuer, flask_request.base_url, *(f"{host}/{path}" for host in hosts for path in ENDPOINTS)}
        if not known.intersection(map(str, named)):
            raise JwtRefusedError("the claim aud is neither the issuer nor an endpoint of it")

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
    """Authenticate by the Basic header; both halves are form-encoded (RFC 6749 §2.3.1), or, as many do, are not."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    for decoded in (unquote_plus, str):
        client = query_client(decoded(client_id))
        if client and client.settings.client_secret and client.check_client_secret(decoded(secret)):
            return client
    return None


class CertificateAuthentication:
    """Authenticate by the certificate that the client shows in TLS, or that a proxy passes on (RFC 8705 §2)."""

    def __init__(self, world: World, method: str) -> None:
        self.world = world
        self.method = method

    def __call__(self, query_client: Callable[[str], RegisteredClient | None], request: Any) -> RegisteredClient | None:
        """Return the client whose certificate it is; invalid_client says why a client of this method is refused."""
        client = query_client(request.form.get("client_id", ""))
        if client is None or client.auth_method != self.method:
            return None
        shown = certificates.shown(self.world)
        if shown is None:
            raise refusal("invalid_client", "There is no client certificate.", 401)
        of_this_name = self.method == "tls_client_auth"
        judge = certificates.is_subject_of if of_this_name else certificates.is_registered
        if not judge(shown, client):
            raise refusal("invalid_client", "The client certificate is not the one that is registered.", 401)
        return client


def require_one_method(request: Any) -> None:
    """Refuse two credentials in one request (RFC 6749 §2.3)."""
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
