"""The rules for an authorization request that Authlib leaves to its user (OIDC Core §3.1.2.1, FAPI 2.0 §5.3.2.2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2.rfc7636 import CodeChallenge

from flowrun.sandbox import consent
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

SCOPES: Final = ("openid", "accounts", "profile", "offline_access")
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
)
PROMPTS: Final = {"none", "login", "consent", "select_account"}


def require_rules(params: Mapping[str, Any], client: RegisteredClient, now: float) -> dict[str, Any]:
    """Return the parameters with their JSON read; OAuth2Error says what is wrong with others."""
    for name in TEXTS:
        if name in params and not isinstance(params[name], str):
            raise refusal("invalid_request", f"The parameter '{name}' must be text.")
    _require_code_flow(params)
    _require_redirect_uri(params, client)
    _require_scope(params)
    _require_prompt(params)
    ready = dict(params)
    if "max_age" in params:
        ready["max_age"] = _whole_number("max_age", params["max_age"])
    if "claims" in params:
        ready["claims"] = _claims_request(params["claims"])
    if "authorization_details" in params:
        ready["authorization_details"] = consent.parsed(params["authorization_details"], now)
    return ready


def _require_code_flow(params: Mapping[str, Any]) -> None:
    if not params.get("response_type"):
        raise refusal("invalid_request", "The parameter 'response_type' is missing.")
    if params["response_type"] != "code":
        raise refusal("unsupported_response_type", "The server has only the response_type code.")
    if params.get("response_mode", "query") != "query":
        raise refusal("invalid_request", "The server has only the response_mode query.")


def _require_redirect_uri(params: Mapping[str, Any], client: RegisteredClient) -> None:
    if not params.get("redirect_uri"):
        raise refusal("invalid_request", "The parameter 'redirect_uri' is missing.")
    if not client.check_redirect_uri(params["redirect_uri"]):
        raise refusal("invalid_request", "The redirect_uri is not registered for this client.")


def _require_scope(params: Mapping[str, Any]) -> None:
    asked = str(params.get("scope", "")).split()
    if not asked:
        raise refusal("invalid_scope", "The parameter 'scope' is missing.")
    for scope in asked:
        if scope not in SCOPES:
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


class Pkce(CodeChallenge):  # type: ignore[misc]
    """Authlib's PKCE, required of every client and S256 only (FAPI 2.0 §5.3.2.2)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def __init__(self, world: World) -> None:
        super().__init__(required=True)
        self.world = world

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without both parameters, then what Authlib refuses."""
        for name in ("code_challenge", "code_challenge_method"):
            if not grant.request.payload.data.get(name):
                raise refusal("invalid_request", f"The parameter '{name}' is missing.")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """Refuse a verifier that does not belong to the challenge."""
        if not self.world.broken("code.any-verifier"):
            super().validate_code_verifier(grant, result)

    def get_authorization_code_challenge(self, authorization_code: Any) -> str:
        """Return the challenge of the authorization request."""
        return str(authorization_code.approval.params["code_challenge"])

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:
        """Return S256, there is no other."""
        return str(authorization_code.approval.params["code_challenge_method"])
