"""The rules for an authorization request that Authlib leaves to its user (OIDC Core §3.1.2.1, FAPI 2.0 §5.3.2.2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2.rfc7636 import CodeChallenge
from joserfc.jwk import KeySet, OctKey

from flowrun.sandbox import consent, keys
from flowrun.sandbox.jwt_rules import JwtRefusedError, verified
from flowrun.sandbox.models import RESPONSE_TYPES
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.response_modes import RESPONSE_MODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

SCOPES: Final = ("openid", "accounts", "profile", "email", "offline_access", "consents")
TEXTS: Final = (
    "response_type",
    "response_mode",
    "scope",
    "redirect_uri",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "login_hint",
    "id_token_hint",
    "dpop_jkt",
)
CHALLENGE: Final = ("code_challenge", "code_challenge_method")
PROMPTS: Final = {"none", "login", "consent", "select_account"}


def require_rules(params: Mapping[str, Any], client: RegisteredClient, world: World) -> dict[str, Any]:
    """Return the parameters with their JSON read; OAuth2Error says what is wrong with others."""
    for name in TEXTS:
        if name in params and not isinstance(params[name], str):
            raise refusal("invalid_request", f"The parameter '{name}' must be text.")
    _require_code_flow(params)
    _require_redirect_uri(params, client)
    _require_scope(params, known_scopes(world))
    _require_prompt(params)
    ready = dict(params)
    if "max_age" in params:
        ready["max_age"] = _whole_number("max_age", params["max_age"])
    if "claims" in params:
        ready["claims"] = _claims_request(params["claims"])
    if "authorization_details" in params:
        ready["authorization_details"] = consent.parsed(params["authorization_details"], world)
        if not ready["authorization_details"]:  # passed over, by a fault
            del ready["authorization_details"]
    if "id_token_hint" in params:
        ready["hinted"] = _subject(params["id_token_hint"], client)
    return ready


def _require_code_flow(params: Mapping[str, Any]) -> None:
    if not params.get("response_type"):
        raise refusal("invalid_request", "The parameter 'response_type' is missing.")
    if params["response_type"] not in RESPONSE_TYPES:
        raise refusal("unsupported_response_type", "The server has only the response_type code, and none.")
    if params.get("response_mode", "query") not in RESPONSE_MODES:
        raise refusal("invalid_request", f"The server has only the response_mode {', '.join(RESPONSE_MODES)}.")


def _require_redirect_uri(params: Mapping[str, Any], client: RegisteredClient) -> None:
    if not params.get("redirect_uri"):
        raise refusal("invalid_request", "The parameter 'redirect_uri' is missing.")
    if not client.check_redirect_uri(params["redirect_uri"]):
        raise refusal("invalid_request", "The redirect_uri is not registered for this client.")


def known_scopes(world: World) -> tuple[str, ...] | None:
    """Return the scopes that there are; None: whatever is asked for."""
    return None if world.broken("request.any-scope") else SCOPES


def _require_scope(params: Mapping[str, Any], known: tuple[str, ...] | None) -> None:
    asked = str(params.get("scope", "")).split()
    if not asked:
        raise refusal("invalid_scope", "The parameter 'scope' is missing.")
    for scope in asked:
        if known is not None and scope not in known:
            raise refusal("invalid_scope", f"The scope {scope} is unknown; known: {', '.join(SCOPES)}.")


def _require_prompt(params: Mapping[str, Any]) -> None:
    prompts = str(params.get("prompt", "")).split()
    if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise refusal("invalid_request", "The parameter 'prompt' has a value that the server does not have.")


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise refusal("invalid_request", f"The parameter '{name}' must be a whole number.")


def _claims_request(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise refusal("invalid_request", "The parameter 'claims' is not JSON.") from error
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise refusal("invalid_request", "The parameter 'claims' must be an object of objects.")
    return value


def _subject(hint: str, client: RegisteredClient) -> str:
    """Return who an id_token of this server is about, however old it is (OIDC Core §3.1.2.1)."""
    settings = client.settings
    try:
        if settings.id_token_alg in keys.SECRET_SIGNING:
            secret = OctKey.import_key(settings.client_secret or "")
            return str(verified(hint, secret, keys.SECRET_SIGNING)["sub"])
        ours = KeySet.import_key_set({"keys": [keys.published(settings.id_token_alg)]})
        return str(verified(hint, ours, keys.SIGNING)["sub"])
    except (JwtRefusedError, KeyError) as error:
        raise refusal("invalid_request", "The id_token_hint is no id_token of this server.") from error


class Pkce(CodeChallenge):  # type: ignore[misc]
    """Authlib's PKCE, S256 only (FAPI 2.0 §5.3.2.2); a client of plain OAuth with a secret may go without."""

    SUPPORTED_CODE_CHALLENGE_METHOD: tuple[str, ...] = ("S256",)

    def __init__(self, world: World) -> None:
        super().__init__(required=True)
        self.world = world
        if world.broken("request.plain-pkce"):
            self.SUPPORTED_CODE_CHALLENGE_METHOD = ("S256", "plain")

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without both parameters, then what Authlib refuses."""
        sent = grant.request.payload.data
        if sent.get("response_type") == "none":
            return
        may_go_without = grant.request.client.settings.plain and grant.request.client.auth_method != "none"
        if (may_go_without or self.world.broken("request.no-pkce")) and not any(name in sent for name in CHALLENGE):
            return
        for name in CHALLENGE:
            if not sent.get(name):
                raise refusal("invalid_request", f"The parameter '{name}' is missing.")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """Refuse a verifier that does not belong to the challenge."""
        if "code_challenge" not in grant.request.authorization_code.approval.params:
            if grant.request.form.get("code_verifier"):
                raise refusal("invalid_grant", "There was no code_challenge that the code_verifier could belong to.")
            return
        if not grant.request.form.get("code_verifier") and self.world.broken("code.verifier-optional"):
            return
        if not self.world.broken("code.any-verifier"):
            super().validate_code_verifier(grant, result)

    def get_authorization_code_challenge(self, authorization_code: Any) -> str:
        """Return the challenge of the authorization request."""
        return str(authorization_code.approval.params["code_challenge"])

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:
        """Return S256, there is no other."""
        return str(authorization_code.approval.params["code_challenge_method"])
