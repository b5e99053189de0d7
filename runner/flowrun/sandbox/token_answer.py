"""What a token answer says beyond RFC 6749: the granted details (RFC 9396 §7) and the id_token (OIDC Core §3.1.3.3)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from flask import g, request

from flowrun.sandbox import keys, spoil
from flowrun.sandbox.binding import token_type
from flowrun.sandbox.models import DEVICE_CODE
from flowrun.sandbox.people import claims_of, subject
from flowrun.sandbox.signed_answers import half_hash, id_token_algorithm, signed_for

if TYPE_CHECKING:
    from flowrun.sandbox.models import Approval
    from flowrun.sandbox.world import World


class TokenAnswer:
    """An extension of the grants: completes every successful token answer."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, grant: Any) -> None:
        """Be told when a grant has made its answer."""
        grant.register_hook("after_create_token_response", self.complete)

    def complete(self, grant: Any, response: tuple[int, dict[str, Any], Any]) -> None:
        """Add to the body in place; Authlib sends it afterwards."""
        body = response[1]
        approval: Approval = grant.request.user
        body["token_type"] = "Bearer" if self.world.broken("token.dpop-as-bearer") else token_type(g.confirmation)
        if approval.details:
            body["authorization_details"] = self.details(approval)
        wanted = approval.details or "openid" in approval.scope.split()
        if grant.GRANT_TYPE in ("authorization_code", DEVICE_CODE) and wanted:
            body["id_token"] = self.id_token(approval, body["access_token"])
        if self.world.broken("token.type-missing"):
            del body["token_type"]

    def details(self, approval: Approval) -> list[dict[str, Any]]:
        """Return the granted authorization_details."""
        details = copy.deepcopy(approval.details)
        if self.world.broken("token.no-consent-id"):
            del details[0]["consent"]["consent_id"]
        spoil.details(self.world, details)
        return details

    def id_token(self, approval: Approval, access_token: str) -> str:
        """Return the id_token that goes with an access token."""
        world, params = self.world, approval.params
        issued = int(world.now())
        if world.broken("token.expired-id-token"):
            issued -= world.lifetimes.id_token + 3600
        hashed = "another-access-token" if world.broken("token.wrong-at-hash") else access_token
        asked = (params.get("claims") or {}).get("id_token") or {}
        claims = {
            **{name: value for name, value in claims_of(approval.user).items() if name in asked},
            "iss": "https://another-issuer.example" if world.broken("token.wrong-iss") else world.issuer,
            "sub": subject(approval.user),
            "aud": "another-client" if world.broken("token.wrong-aud") else approval.client.client_id,
            "iat": issued,
            "exp": issued + world.lifetimes.id_token,
            "auth_time": int(approval.auth_time),
            "acr": "1",
            "amr": ["pwd"],
            "at_hash": half_hash(hashed, approval.client),
        }
        if "nonce" in params:
            claims["nonce"] = params["nonce"]
        if world.broken("token.wrong-nonce"):
            claims["nonce"] = "another-nonce"
        for claim, text in (("c_hash", request.form.get("code")), ("s_hash", params.get("state"))):
            if text:
                claims[claim] = half_hash(text, approval.client)
        spoil.id_token(world, claims)
        token = signed_for(
            approval.client,
            claims,
            unpublished=world.broken("token.bad-signature"),
            alg=id_token_algorithm(world, approval.client),
        )
        key = keys.encryption_key(approval.client) if approval.client.settings.answers_encrypted else None
        return keys.encrypt(token, key) if key and not world.broken("token.not-encrypted") else token
