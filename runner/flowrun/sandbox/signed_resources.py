"""Resources as in Malaysia: a signed request, an answer signed by the data provider and encrypted for the client."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from flask import make_response, request

from flowrun.sandbox import keys
from flowrun.sandbox.jwt_rules import JwtRefusedError, moment, require_current, require_text, verified
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from flowrun.sandbox.models import Approval
    from flowrun.sandbox.world import World

HEADER: Final = "x-signature"
OPERATOR: Final = "Paynet OFP"
SECONDS: Final = 300
JOSE: Final = "application/jose"


def require_signature(world: World, approval: Approval) -> None:
    """Refuse a request without a good x-signature: PS256, dc_id as iss and sub, provider and operator as aud."""
    dc_id, dp_id = _parties(approval)
    try:
        claims = verified(request.headers.get(HEADER, ""), approval.client.keys(), ("PS256",))
        require_text(claims, "iss", dc_id)
        require_text(claims, "sub", dc_id)
        _require_recent(claims, {dp_id, OPERATOR}, world.now())
        for name, value in request.args.items():
            require_text(claims, name, value)
    except JwtRefusedError as error:
        raise refusal("invalid_request", f"The header {HEADER} is refused: {error}.") from error


def _require_recent(claims: Mapping[str, Any], wanted: set[str], now: float) -> None:
    audience = claims.get("aud")
    if not isinstance(audience, list) or not wanted <= {str(name) for name in audience}:
        raise JwtRefusedError(f"the claim aud is not the list of {' and '.join(sorted(wanted))}")
    moment(claims, "nbf")
    require_current(claims, now)
    if moment(claims, "iat") < now - SECONDS:
        raise JwtRefusedError("the claim iat is more than five minutes ago")
    if not isinstance(claims.get("jti"), str):
        raise JwtRefusedError("no claim jti")


def signed_answer(world: World, approval: Approval, body: dict[str, Any]) -> Response:
    """Return a JWS of the data provider that holds a JWE for the client, with the answer in it."""
    dc_id, dp_id = _parties(approval)
    key = keys.encryption_key(approval.client)
    if key is None:
        raise refusal("invalid_client", "The client has no key that the answer could be encrypted for.")
    now = int(world.now())
    claims = {"iss": dp_id, "aud": dc_id, "iat": now, "exp": now + SECONDS, "jti": str(uuid.uuid4()), **body}
    text = json.dumps(claims)
    inner = text if world.broken("accounts.not-encrypted") else keys.encrypt(text, key, holds="")
    broken = world.broken("accounts.bad-signature")
    return make_response(keys.sign_text(inner, name=keys.PROVIDER, unpublished=broken), 200, {"Content-Type": JOSE})


def _parties(approval: Approval) -> tuple[str, str]:
    """Return who asks and who has the accounts: dc_id and dp_id of the consent."""
    if not approval.details:
        raise refusal("insufficient_scope", "This takes a token with a consent.", 403)
    consent = approval.details[0]["consent"]
    return str(consent["dc_id"]), str(consent["dp_id"])
