"""What tokens are bound to: the key of a DPoP proof (RFC 9449 §5), or the client's certificate (RFC 8705 §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import g

from flowrun.sandbox import certificates, dpop
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import Token
    from flowrun.sandbox.world import World

CERTIFICATE: Final = "x5t#S256"
KEY: Final = "jkt"


class Binding:
    """An extension of the grants: settles, before a token is made, what it will be bound to."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, grant: Any) -> None:
        """Be asked when the request is known to be good; a refusal leaves code and refresh token as they were."""
        grant.register_hook("before_create_token_response", self.settle)

    def settle(self, grant: Any) -> None:
        """Leave the confirmation in `g`; `_prepare` of the application has judged the proof."""
        request, wanted = grant.request, grant.request.client.settings.sender_constraint
        g.confirmation = {}
        if wanted == "dpop" and g.jkt is None and not self.world.broken("token.proof-optional"):
            raise refusal("invalid_dpop_proof", "The DPoP proof is missing: this client's tokens are bound to a key.")
        if request.authorization_code is not None:
            self._require_bound_key(request.authorization_code.approval.params.get("dpop_jkt"))
        if g.jkt is not None:
            g.confirmation = {KEY: g.jkt}
        elif wanted == "mtls":
            certificate = certificates.shown(self.world)
            if certificate is not None:
                g.confirmation = {CERTIFICATE: certificates.thumbprint(certificate)}
            elif not self.world.broken("token.certificate-optional"):
                raise refusal("invalid_request", "There is no client certificate to bind the token to.")
        public = request.client.auth_method == "none"
        # RFC 9449 §5, RFC 8705 §4: whoever has stolen a public client's refresh token has no key.
        if public and request.refresh_token and dict(request.refresh_token.confirmation) != g.confirmation:
            raise refusal("invalid_grant", "The refresh token is bound to another key.")

    def _require_bound_key(self, expected: str | None) -> None:
        """Refuse a code that belongs to another key (RFC 9449 §10)."""
        if expected and g.jkt != expected and not self.world.broken("dpop.code-any-key"):
            raise refusal("invalid_grant", "The authorization code is bound to another DPoP key.")


def token_type(confirmation: Mapping[str, str]) -> str:
    """Return how such a token is sent."""
    return "DPoP" if KEY in confirmation else "Bearer"


def told_confirmation(world: World, confirmation: Mapping[str, str]) -> dict[str, str]:
    """Return the member cnf of a token with this confirmation."""
    if world.broken("token.wrong-cnf"):
        return dict.fromkeys(confirmation, "B" * 43)
    return dict(confirmation)


def wrong_holder(world: World, token: Token, *, scheme: str) -> str:
    """Return why the current request may not use a token, empty when it may."""
    confirmed = token.confirmation
    if world.broken("token.any-holder"):
        return ""
    if KEY in confirmed and scheme != "dpop":
        return "The access token is bound to a DPoP key: it comes with the scheme DPoP, and a proof."
    if scheme == "dpop":
        if KEY not in confirmed:
            return "The access token is not bound to a DPoP key."
        proven = dpop.proven_key(world, token.value, confirmed[KEY])
        if proven is None:
            if world.broken("dpop.no-proof"):
                return ""
            raise refusal("invalid_dpop_proof", "The DPoP proof is missing.")
        fits = proven == confirmed[KEY] or world.broken("dpop.any-key")
        return "" if fits else "The access token is bound to another DPoP key."
    if CERTIFICATE in confirmed and not certificates.is_bound(world, confirmed[CERTIFICATE]):
        return "The access token is bound to another client certificate."
    return ""
