"""What an access token opens: userinfo (OIDC Core §5.3) and the accounts (RFC 6750)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Blueprint, jsonify

from flowrun.sandbox.people import PROFILE, PROVIDERS, accounts_of, claims_of
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.models import Approval, Token
    from flowrun.sandbox.world import World

REALM: Final = "sandbox"
USERINFO_SCOPES: Final = ["openid", "profile"]  # Authlib: either of them


class _Tokens(BearerTokenValidator):  # type: ignore[misc]
    """Finds access tokens; Authlib judges them."""

    def __init__(self, world: World) -> None:
        super().__init__(realm=REALM)
        self.world = world

    def authenticate_token(self, token_string: str) -> Token | None:
        token = self.world.tokens.get(token_string)
        return token if token and token.kind == "access_token" else None


def resources(world: World) -> Blueprint:
    """Return the two resources."""
    blueprint = Blueprint("resources", __name__)
    protector = ResourceProtector()
    protector.register_token_validator(_Tokens(world))

    @blueprint.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> Response:
        try:
            token: Token = protector.acquire_token(USERINFO_SCOPES)
        except OAuth2Error as error:
            return _refused(error, USERINFO_SCOPES)
        other = {"sub": "somebody-else"} if world.broken("userinfo.wrong-sub") else {}
        return jsonify({**userinfo_claims(token), **other})

    @blueprint.get("/accounts")
    def accounts() -> Response:
        try:
            token: Token = protector.acquire_token(["accounts"])
            return jsonify({"accounts": visible_accounts(token.approval)})
        except OAuth2Error as error:
            return _refused(error, ["accounts"])

    return blueprint


def userinfo_claims(token: Token) -> dict[str, Any]:
    """Return sub, what the scope profile stands for, and what the claims parameter asked for."""
    asked = (token.approval.params.get("claims") or {}).get("userinfo") or {}
    names = {"sub", *asked, *(PROFILE if "profile" in token.scope.split() else ())}
    return {name: value for name, value in claims_of(token.approval.user).items() if name in names}


def visible_accounts(approval: Approval) -> list[dict[str, Any]]:
    """Return the accounts that the consent opens; without a consent, those of every provider, without balances."""
    consent: dict[str, Any] = approval.details[0]["consent"] if approval.details else {"permissions": ["read_accounts"]}
    if "read_accounts" not in consent["permissions"]:
        raise refusal("insufficient_scope", "The consent has no read_accounts.", 403)
    providers = [consent["dp_id"]] if approval.details else list(PROVIDERS)
    hidden = set() if "read_balances" in consent["permissions"] else {"balance"}
    return [
        {name: value for name, value in account.items() if name not in hidden}
        for dp_id in providers
        for account in accounts_of(approval.user, dp_id)
    ]


def _refused(error: OAuth2Error, scopes: list[str]) -> Response:
    """Answer with the header that RFC 6750 §3 asks for; a request without any token is told no error (§3.1)."""
    missing = error.error in ("missing_authorization", "unsupported_token_type")
    challenge = f'Bearer realm="{REALM}"'
    if not missing:
        challenge += f', error="{error.error}"'
    if error.error == "insufficient_scope":
        challenge += f', scope="{" ".join(scopes)}"'
    response = jsonify({} if missing else dict(error.get_body()))
    response.status_code = 401 if missing else error.status_code
    response.headers["WWW-Authenticate"] = challenge
    return response
