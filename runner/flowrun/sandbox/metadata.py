"""What the server says about itself (OIDC Discovery 1.0 §3, RFC 8414, RFC 9126 §5, RFC 9207 §3, RFC 9396 §10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.sandbox import keys
from flowrun.sandbox.authorization_request import SCOPES
from flowrun.sandbox.client_auth import ASSERTION_ALGORITHMS, SECRET_ALGORITHMS
from flowrun.sandbox.consent import CONSENT_TYPE
from flowrun.sandbox.dpop import PROOF_ALGORITHMS
from flowrun.sandbox.models import GRANT_TYPES, RESPONSE_TYPES
from flowrun.sandbox.people import CLAIMS
from flowrun.sandbox.request_object import REQUEST_OBJECT_ALGORITHMS
from flowrun.sandbox.response_modes import RESPONSE_MODES
from flowrun.sandbox.settings import AUTH_METHODS, CERTIFICATE_METHODS
from flowrun.sandbox.signed_answers import id_token_algorithm

if TYPE_CHECKING:
    from flowrun.sandbox.world import World

PUBLIC_CLIENT: Final = "none"
# What asks for client certificates where there is TLS, and where it is.
ENDPOINTS: Final = {
    "pushed_authorization_request_endpoint": "/par",
    "token_endpoint": "/token",
    "revocation_endpoint": "/token/revoke",
    "introspection_endpoint": "/introspection",
    "userinfo_endpoint": "/userinfo",
    "device_authorization_endpoint": "/device",
}


def metadata(world: World) -> dict[str, Any]:
    """Return the server's metadata."""
    issuer = world.issuer
    settings = world.settings
    api = world.api if settings.tls == "hosts" else issuer
    methods = [method for method in AUTH_METHODS if settings.sees_certificates or method not in CERTIFICATE_METHODS]
    assertions = [*ASSERTION_ALGORITHMS, *SECRET_ALGORITHMS]
    confidential = [method for method in methods if method != PUBLIC_CLIENT]
    hidden = {
        "pushed_authorization_request_endpoint": settings.par == "none" or world.broken("discover.no-par"),
        "mtls_endpoint_aliases": settings.tls != "aliases",
        "code_challenge_methods_supported": world.broken("discover.no-s256"),
        "authorization_response_iss_parameter_supported": world.broken("discover.no-iss-promise"),
    }
    members = {
        "issuer": "https://another-issuer.example" if world.broken("discover.wrong-issuer") else issuer,
        "authorization_endpoint": f"{issuer}/auth",
        **{name: f"{api}{path}" for name, path in ENDPOINTS.items()},
        "require_pushed_authorization_requests": settings.par == "required",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(SCOPES),
        "claims_supported": ["iss", "auth_time", "acr", "amr", *CLAIMS],
        "claims_parameter_supported": True,
        "claim_types_supported": ["normal"],
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_details_types_supported": [CONSENT_TYPE],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(REQUEST_OBJECT_ALGORITHMS),
        # RS256 is there because OIDC Discovery §3 demands it of every server; id_tokens are signed with PS256.
        "id_token_signing_alg_values_supported": list(keys.SIGNING),
        **_encryption("id_token"),
        "userinfo_signing_alg_values_supported": list(keys.SIGNING),
        "authorization_signing_alg_values_supported": [keys.ALGORITHM],
        **_encryption("authorization"),
        "request_object_encryption_alg_values_supported": list(keys.KEY_ENCRYPTION),
        "request_object_encryption_enc_values_supported": list(keys.CONTENT_ENCRYPTION),
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "tls_client_certificate_bound_access_tokens": settings.sees_certificates,
        "mtls_endpoint_aliases": {name: f"{world.api}{path}" for name, path in ENDPOINTS.items()},
    }
    return {name: value for name, value in members.items() if not hidden.get(name)}


def _encryption(what: str) -> dict[str, list[str]]:
    return {
        f"{what}_encryption_alg_values_supported": list(keys.ANSWER_ENCRYPTION.values()),
        f"{what}_encryption_enc_values_supported": [keys.ANSWER_CONTENT],
    }


def jwks(world: World) -> dict[str, Any]:
    """Return the keys that the server signs with, and the one that clients encrypt for."""
    wanted = [id_token_algorithm(world, client) for client in world.clients.values()]
    asymmetric = [alg for alg in wanted if alg in keys.SIGNING]
    told = keys.key_set(keys.ALGORITHM, *asymmetric, keys.ENCRYPTION)
    if world.broken("discover.no-jwks-kid"):
        for key in told["keys"]:
            del key["kid"]
    return told
