"""The consents API: a client ends a consent that a person gave it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, jsonify

from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.resources import protector_of, refused

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.models import Token
    from flowrun.sandbox.world import World

SCOPES: Final = ["consents"]


def consents(world: World) -> Blueprint:
    """Return the endpoint; it wants a token of the client itself, not one that a person granted."""
    blueprint = Blueprint("consents", __name__)
    protector = protector_of(world)

    @blueprint.post("/consents/<consent_id>/revoke")
    def revoke(consent_id: str) -> Response:
        try:
            token: Token = protector.acquire_token(SCOPES)
            if token.approval.personal:
                raise refusal("insufficient_scope", "This takes a token of the grant client_credentials.", 403)
            return jsonify(_ended(world, consent_id, token))
        except OAuth2Error as error:
            return refused(error, SCOPES)

    return blueprint


def _ended(world: World, consent_id: str, token: Token) -> dict[str, Any]:
    """End a consent and every token that lives by it; return it. OAuth2Error when the client has no such consent."""
    when = datetime.fromtimestamp(world.now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    for approval in [code.approval for code in world.codes.values()]:
        for detail in approval.details:
            if detail["consent"]["consent_id"] == consent_id and token.check_client(approval.client):
                approval.revoked = not world.broken("consent.survives")
                detail["consent"] |= {"status": "revoked", "status_update_datetime": when}
                return {"consent_id": consent_id, "status": "revoked", "status_update_datetime": when}
    raise refusal("not_found", "This client has no such consent.", 404)
