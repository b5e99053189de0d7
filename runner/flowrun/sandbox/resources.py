"""What an access token opens: userinfo (OIDC Core §5.3) and the accounts (RFC 6750)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Blueprint, jsonify, make_response, request

from flowrun.sandbox.binding import wrong_holder
from flowrun.sandbox.dpop import PROOF_ALGORITHMS, is_about_dpop
from flowrun.sandbox.people import PROFILE, PROVIDERS, accounts_of, claims_of
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.signed_answers import signed_for
from flowrun.sandbox.signed_resources import require_signature, signed_answer

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.models import Approval, Token
    from flowrun.sandbox.world import World

REALM: Final = "sandbox"
USERINFO_SCOPES: Final = ["openid", "profile"]  # Authlib: either of them


class _Tokens(BearerTokenValidator):  # type: ignore[misc]
    """Finds access tokens; Authlib judges them, and `binding` who holds them."""

    def __init__(self, world: World, scheme: str) -> None:
        super().__init__(realm=REALM)
        self.world = world
        self.TOKEN_TYPE = scheme

    def validate_token(self, token: Token | None, scopes: list[str], request: Any) -> None:
        super().validate_token(token, scopes, request)
        assert token is not None  # noqa: S101  Authlib has just seen to it
        reason = wrong_holder(self.world, token, scheme=self.TOKEN_TYPE)
        if reason:
            raise refusal("invalid_token", reason, 401)

    def authenticate_token(self, token_string: str) -> Token | None:
        token = self.world.tokens.get(token_string)
        return token if token and token.kind == "access_token" else None


class _Protector(ResourceProtector):  # type: ignore[misc]
    """Finds the access token of a request; what switches make of that is here."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def acquire_token(self, scopes: list[str] | None = None, **claims: Any) -> Token:
        """Return the token, or raise OAuth2Error."""
        world, scheme = self.world, request.headers.get("Authorization", "").partition(" ")[0]
        if world.broken("resource.accept-exact") and request.headers.get("Accept") != "application/json":
            raise refusal("invalid_request", "There is nothing here but application/json.", 406)
        if world.broken("resource.scheme-case") and scheme not in ("Bearer", "DPoP"):
            raise refusal("invalid_token", "The scheme is unknown.", 401)
        in_url = world.tokens.get(request.args.get("access_token", ""))
        if in_url is not None and world.broken("resource.token-in-query"):
            return in_url
        token: Token = super().acquire_token(scopes, **claims)
        return token


def protector_of(world: World) -> ResourceProtector:
    """Return what lets a request with a good access token pass."""
    protector = _Protector(world)
    for scheme in ("bearer", "dpop"):
        protector.register_token_validator(_Tokens(world, scheme))
    return protector


def resources(world: World) -> Blueprint:
    """Return the two resources."""
    blueprint = Blueprint("resources", __name__)
    protector = protector_of(world)

    @blueprint.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> Response:
        try:
            token: Token = protector.acquire_token(USERINFO_SCOPES)
        except OAuth2Error as error:
            return refused(error, USERINFO_SCOPES)
        other = {"sub": "somebody-else"} if world.broken("userinfo.wrong-sub") else {}
        claims = {**userinfo_claims(token), **other}
        client = token.approval.client
        if not client.settings.userinfo_signed:
            return jsonify(claims)
        claims |= {"iss": world.issuer, "aud": client.client_id}  # OIDC Core §5.3.2
        body = signed_for(client, claims, unpublished=world.broken("userinfo.bad-signature"))
        return make_response(body, 200, {"Content-Type": "application/jwt"})

    @blueprint.get("/accounts")
    def accounts() -> Response:
        try:
            token: Token = protector.acquire_token(["accounts"])
            if not world.settings.signed_resources:
                return jsonify({"accounts": visible_accounts(token.approval)})
            require_signature(world, token.approval)
            return signed_answer(world, token.approval, {"accounts": visible_accounts(token.approval)})
        except OAuth2Error as error:
            return refused(error, ["accounts"])

    return blueprint


def userinfo_claims(token: Token) -> dict[str, Any]:
    """Return sub, what the scope profile stands for, and what the claims parameter asked for."""
    asked = (token.approval.params.get("claims") or {}).get("userinfo") or {}
    if token.approval.client.broken("claims.ignored"):
        asked = {}
    names = {"sub", *asked, *(PROFILE if "profile" in token.scope.split() else ())}
    return {name: value for name, value in claims_of(token.approval.user).items() if name in names}


def visible_accounts(approval: Approval) -> list[dict[str, Any]]:
    """Return the accounts that the consent opens; without a consent, those of every provider, without balances."""
    if not approval.personal:
        raise refusal("insufficient_scope", "No person has granted this token.", 403)
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


def refused(error: OAuth2Error, scopes: list[str]) -> Response:
    """Answer with the header that RFC 6750 §3 asks for; a request without any token is told no error (§3.1).

    Who came with the scheme DPoP is answered in its words (RFC 9449 §7.1).
    """
    with_key = is_about_dpop(error) or request.headers.get("Authorization", "").lower().startswith("dpop ")
    missing = error.error in ("missing_authorization", "unsupported_token_type")
    challenge = f'{"DPoP" if with_key else "Bearer"} realm="{REALM}"'
    if with_key:
        challenge += f', algs="{" ".join(PROOF_ALGORITHMS)}"'
    if not missing:
        challenge += f', error="{error.error}"'
    if error.error == "insufficient_scope":
        challenge += f', scope="{" ".join(scopes)}"'
    response = jsonify({} if missing else dict(error.get_body()))
    response.status_code = 401 if missing or is_about_dpop(error) else error.status_code
    response.headers["WWW-Authenticate"] = challenge
    return response
