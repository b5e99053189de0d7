"""What a scenario may need of an environment, and how one can tell: unmet is "not applicable", never "failed"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flowrun.environment import Environment

_Metadata = Mapping[str, Any]
_WITHOUT_CREDENTIAL: Final = frozenset({"none", "tls_client_auth", "self_signed_tls_client_auth"})
_BY_SECRET: Final = frozenset({"client_secret_basic", "client_secret_post"})
_Answer = bool | None  # None: can't be told yet, the metadata has not been read


def _in_metadata(member: str) -> Callable[[Environment, _Metadata], _Answer]:
    def met(environment: Environment, server: _Metadata) -> _Answer:
        if member in environment.endpoints:
            return True
        return bool(server.get(member)) if server else None

    return met


def _promised(member: str) -> Callable[[Environment, _Metadata], _Answer]:
    def met(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
        return server.get(member) is True if server else None

    return met


def _signed_request(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "signing" in environment.client().keys if "default" in environment.client_names() else False


def _mtls(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "default" in environment.client_names() and environment.client().certificate is not None


def _private_key_jwt(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "default" in environment.client_names() and environment.client().auth == "private_key_jwt"


def _signed_request_required(environment: Environment, server: _Metadata) -> _Answer:
    if "default" in environment.client_names() and environment.client().request_object.required:
        return True
    return server.get("require_signed_request_object") is True if server else None  # RFC 9101, section 10.5


def _client_credential(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    # Whoever shows a certificate has said who it is before the request begins.
    return "default" in environment.client_names() and environment.client().auth not in _WITHOUT_CREDENTIAL


def _client_secret(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "default" in environment.client_names() and environment.client().auth in _BY_SECRET


def _openid(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    # Every OpenID Provider must have it (OpenID Connect Discovery, section 3), and no other server has a use for it.
    return bool(server.get("id_token_signing_alg_values_supported")) if server else None


def _bound_by(how: str) -> Callable[[Environment, _Metadata], _Answer]:
    def met(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
        return "default" in environment.client_names() and environment.client().sender_constraint == how

    return met


def _https(environment: Environment, server: _Metadata) -> _Answer:
    if environment.embedded:
        return bool(environment.sandbox.get("tls", "none") != "none")
    known = environment.endpoints.get("token_endpoint") or server.get("token_endpoint") or environment.issuer
    return str(known).startswith("https://")


def _old_tls(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    from flowrun.tls import speaks_old_tls  # noqa: PLC0415  few scenarios ask

    return speaks_old_tls()


def _second_client(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    return "second" in environment.client_names()


def _rar(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    # An absent member says nothing (RFC 9396 §10 makes it optional); a present one that is empty says no.
    return None if not server else server.get("authorization_details_types_supported") != []


def _rar_types(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    # Who lists types knows the parameter; another server may pass it over like any that is unknown (RFC 6749 §3.1).
    return bool(server.get("authorization_details_types_supported")) if server else None


def _refresh(environment: Environment, server: _Metadata) -> _Answer:  # noqa: ARG001
    grants = server.get("grant_types_supported")
    return None if not server else not isinstance(grants, list) or "refresh_token" in grants


NEEDS: Final[Mapping[str, Callable[[Environment, _Metadata], _Answer]]] = {
    "par": _in_metadata("pushed_authorization_request_endpoint"),
    "signed_request": _signed_request,
    "rar": _rar,
    "rar_types": _rar_types,
    "refresh_token": _refresh,
    "revocation": _in_metadata("revocation_endpoint"),
    "introspection": _in_metadata("introspection_endpoint"),
    "userinfo": _in_metadata("userinfo_endpoint"),
    "mtls": _mtls,
    "mtls_bound": _bound_by("mtls"),
    "dpop": _bound_by("dpop"),
    "client_credential": _client_credential,
    "claims_parameter": _promised("claims_parameter_supported"),
    "https": _https,
    "old_tls": _old_tls,
    "second_client": _second_client,
    "client_secret": _client_secret,
    "openid": _openid,
    "private_key_jwt": _private_key_jwt,
    "signed_request_required": _signed_request_required,
}


def unmet(names: tuple[str, ...], environment: Environment, server: _Metadata) -> list[str]:
    """Return the needs that this environment surely does not meet."""
    return [name for name in names if name in NEEDS and NEEDS[name](environment, server) is False]
