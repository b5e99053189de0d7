"""Checks of the form of the server's metadata: what must be there, and of which JSON type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flowrun.checks.base import Check, NotApplicable, accepted, json_type, metadata, secure

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEP = frozenset({"discover"})
_OK: Final = 200
_OAUTH_PLACE: Final = "/.well-known/oauth-authorization-server"
_FLAGS: Final = frozenset(
    {"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"}
    | {"require_request_uri_registration", "authorization_response_iss_parameter_supported"}
    | {"tls_client_certificate_bound_access_tokens", "require_signed_request_object"}
    | {"frontchannel_logout_supported", "backchannel_logout_supported"}
)
_TEXTS: Final = frozenset(
    {"issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "registration_endpoint"}
    | {"revocation_endpoint", "introspection_endpoint", "pushed_authorization_request_endpoint"}
    | {"device_authorization_endpoint", "end_session_endpoint", "service_documentation", "op_policy_uri", "op_tos_uri"}
)
_LISTS: Final = frozenset(
    {"scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported"}
    | {"acr_values_supported", "subject_types_supported", "claims_supported", "claim_types_supported"}
    | {"display_values_supported", "claims_locales_supported", "ui_locales_supported", "prompt_values_supported"}
    | {"code_challenge_methods_supported", "authorization_details_types_supported", "dpop_signing_alg_values_supported"}
    | {f"{of}_endpoint_auth_methods_supported" for of in ("token", "revocation", "introspection")}
    | {f"{of}_endpoint_auth_signing_alg_values_supported" for of in ("token", "revocation", "introspection")}
    | {
        f"{of}_{way}_values_supported"
        for of in ("id_token", "userinfo", "request_object", "authorization")
        for way in ("signing_alg", "encryption_alg", "encryption_enc")
    }
)


def http(around: Around) -> str | None:
    """Want 200 and the content type application/json; the step itself has made sure that it is an object."""
    answer = accepted(around)
    return json_type(answer) if answer.status == _OK else f"the server answered {answer.status}, not 200"


def issuer_url(around: Around) -> str | None:
    """Want https (on this machine http will do) without query and fragment."""
    issuer = around.flow.server.get("issuer")
    if not isinstance(issuer, str):
        raise NotApplicable("the metadata names no issuer")
    if "?" in issuer or "#" in issuer:
        return f"the issuer {issuer!r} has a query or a fragment"
    return None if secure(issuer) and urlsplit(issuer).netloc else f"the issuer {issuer!r} is no https URL"


def required(around: Around) -> str | None:
    """Look for the members that RFC 8414 demands, and OpenID Connect's where the server offers the scope openid."""
    server = metadata(around)
    demanded = _demanded(server, of_oauth=around.answer is not None and _OAUTH_PLACE in around.answer.sent.url)
    missing = [name for name in demanded if name not in server and name not in around.environment.endpoints]
    return f"the metadata lacks {', '.join(missing)}" if missing else None


def _demanded(server: dict[str, Any], *, of_oauth: bool) -> list[str]:
    """Return the names; RFC 8414's own document need not say what only OpenID Connect wants."""
    grants = server.get("grant_types_supported")
    names = ["issuer", "response_types_supported"]
    if not isinstance(grants, list) or "authorization_code" in grants or "implicit" in grants:
        names.append("authorization_endpoint")
    if grants != ["implicit"]:
        names.append("token_endpoint")
    scopes = server.get("scopes_supported")
    if isinstance(scopes, list) and "openid" in scopes and not of_oauth:
        names += ["jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"]
    return names


def types(around: Around) -> str | None:
    """Compare the JSON type of every member that a specification names; others are the server's own matter."""
    wrong = [
        f"{name} is {_shown(value)}, not {wanted}"
        for name, value in around.flow.server.items()
        for wanted in [_wrong(name, value)]
        if wanted
    ]
    return "; ".join(wrong) or None


def _wrong(name: str, value: Any) -> str:
    if name in _FLAGS and not isinstance(value, bool):
        return "true or false"
    if name in _TEXTS and not isinstance(value, str):
        return "a text"
    if name in _LISTS and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return "a list of texts"
    if name == "mtls_endpoint_aliases" and not isinstance(value, dict):
        return "an object"
    return ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004  a line has room for no more


def par_required(around: Around) -> str | None:
    """Want true or false; left out it means false."""
    name = "require_pushed_authorization_requests"
    if name not in around.flow.server:
        raise NotApplicable(f"{name} is not in the metadata, which means false")
    value = around.flow.server[name]
    return None if isinstance(value, bool) else f"{name} is {value!r}, not true or false"


def request_uri_registration(around: Around) -> str | None:
    """Report require_request_uri_registration beside PAR: it is about other request_uris than pushed ones."""
    server = around.flow.server
    if "pushed_authorization_request_endpoint" not in server:
        raise NotApplicable("the server has no PAR endpoint")
    if server.get("require_request_uri_registration") is True:
        return "require_request_uri_registration is true; that does not restrict pushed requests"
    return None


CHECKS: Final = (
    Check("disc.http", _STEP, "the metadata is answered with 200 and JSON", "RFC 8414 §3.2", http),
    Check("disc.issuer-url", _STEP, "the issuer is an https URL without query and fragment", "RFC 8414 §2", issuer_url),
    Check("disc.required", _STEP, "the metadata has every required member", "RFC 8414 §2, OIDC Discovery §3", required),
    Check("disc.types", _STEP, "every member has its JSON type", "RFC 8414 §2", types),
    Check(
        "disc.par-required", _STEP, "the server says with true or false if it demands PAR", "RFC 9126 §5", par_required
    ),
    Check(
        "disc.ignore-request-uri-registration",
        _STEP,
        "the registration of request_uris does not concern PAR",
        "RFC 9126 §5",
        request_uri_registration,
    ),
)
