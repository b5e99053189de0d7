"""What the server says about itself (OIDC Discovery 1.0 §3, RFC 8414, RFC 9126 §5, RFC 9207 §3, RFC 9396 §10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowrun.sandbox import keys
from flowrun.sandbox.authorization_request import SCOPES
from flowrun.sandbox.client_auth import ASSERTION_ALGORITHMS
from flowrun.sandbox.consent import CONSENT_TYPE
from flowrun.sandbox.people import CLAIMS
from flowrun.sandbox.request_object import REQUEST_OBJECT_ALGORITHMS
from flowrun.sandbox.settings import AUTH_METHODS

if TYPE_CHECKING:
    from flowrun.sandbox.world import World

PUBLIC_CLIENT = "none"


def metadata(world: World) -> dict[str, Any]:
    """Return the server's metadata."""
    issuer = world.issuer
    methods = list(AUTH_METHODS)
    confidential = [method for method in methods if method != PUBLIC_CLIENT]
    hidden = {
        "pushed_authorization_request_endpoint": world.broken("discover.no-par"),
        "code_challenge_methods_supported": world.broken("discover.no-s256"),
        "authorization_response_iss_parameter_supported": world.broken("discover.no-iss-promise"),
    }
    members = {
        "issuer": "https://another-issuer.example" if world.broken("discover.wrong-issuer") else issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": True,
        "token_endpoint": f"{issuer}/token",
        "revocation_endpoint": f"{issuer}/token/revoke",
        "introspection_endpoint": f"{issuer}/introspection",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(SCOPES),
        "claims_supported": ["iss", "auth_time", "acr", "amr", *CLAIMS],
        "claims_parameter_supported": True,
        "claim_types_supported": ["normal"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_details_types_supported": [CONSENT_TYPE],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(REQUEST_OBJECT_ALGORITHMS),
        # RS256 is there because OIDC Discovery §3 demands it of every server; id_tokens are signed with PS256.
        "id_token_signing_alg_values_supported": [keys.ALGORITHM, "RS256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": False,
    }
    return {name: value for name, value in members.items() if not hidden.get(name)}


def jwks(world: World) -> dict[str, Any]:
    """Return the keys that the id_tokens verify with."""
    key = keys.published()
    if world.broken("discover.no-jwks-kid"):
        del key["kid"]
    return {"keys": [key]}
