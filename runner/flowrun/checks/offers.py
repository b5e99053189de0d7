"""Checks of what the server offers, against what this client uses and what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.checks.base import Check, NotApplicable, metadata
from flowrun.checks.callback import offered_modes

if TYPE_CHECKING:
    from flowrun.flow import Around

_DISCOVER = frozenset({"discover"})
_ASKED = frozenset({"push", "browse"})  # only now is it known what is asked for
_STRONG_AUTH: Final = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
STRONG: Final = frozenset({"PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"})
_TOKEN_ALGS: Final = "token_endpoint_auth_signing_alg_values_supported"  # noqa: S105  a member's name
_REQUEST_ALGS: Final = "request_object_signing_alg_values_supported"
_ID_TOKEN_ALGS: Final = "id_token_signing_alg_values_supported"  # noqa: S105
_DPOP_ALGS: Final = "dpop_signing_alg_values_supported"


def _listed(around: Around, name: str) -> list[Any] | None:
    value = around.flow.server.get(name)
    return value if isinstance(value, list) else None


def auth_methods(around: Around) -> str | None:
    """Look for a signed assertion or a certificate among the methods; none named means client_secret_basic."""
    name = "token_endpoint_auth_methods_supported"
    metadata(around)
    offered = _listed(around, name)
    if offered is not None and any(method in offered for method in _STRONG_AUTH):
        return None
    said = f"{name} is {offered!r}" if offered is not None else f"{name} is not in the metadata"
    return f"{said}; {', '.join(_STRONG_AUTH)}: none of them is offered"


def _ours(around: Around) -> list[tuple[str, str]]:
    """Return which algorithm of ours stands against which list."""
    client = around.client
    used = []
    if client.auth == "private_key_jwt":
        used.append((_TOKEN_ALGS, client.assertion.alg))
    if client.auth == "client_secret_jwt":  # HS256 where the environment names none of its kind
        used.append((_TOKEN_ALGS, client.assertion.alg if client.assertion.alg.startswith("HS") else "HS256"))
    if client.request_object.required:
        used.append((_REQUEST_ALGS, client.request_object.alg))
    return used


def algs(around: Around) -> str | None:
    """Compare the algorithms that the environment says for this client with the server's lists."""
    judged = [
        (name, alg, offered)
        for name, alg in _ours(around)
        for offered in [_listed(around, name)]
        if offered is not None
    ]
    if not judged:
        raise NotApplicable("the client signs nothing, or the server lists no algorithms")
    wrong = [f"{name} is {offered!r}, without our {alg}" for name, alg, offered in judged if alg not in offered]
    return "; ".join(wrong) or None


def other_algs(around: Around) -> str | None:
    """Report RS256 and its like, and none; RS256 for id_tokens is OpenID Discovery's own demand."""
    weak = []
    for name in (_TOKEN_ALGS, _REQUEST_ALGS, _ID_TOKEN_ALGS, _DPOP_ALGS):
        allowed = {"RS256"} if name == _ID_TOKEN_ALGS else set()
        more = [str(alg) for alg in _listed(around, name) or () if _weak(str(alg)) and alg not in allowed]
        weak += [f"{name} has {', '.join(more)}"] if more else []
    return "; ".join(weak) or None


def _weak(alg: str) -> bool:
    return alg == "none" or alg.startswith("RS")  # HS256 belongs to client_secret_jwt, which is another matter


def mtls(around: Around) -> str | None:
    """Look for the promise to bind access tokens to certificates."""
    if around.client.sender_constraint != "mtls":
        raise NotApplicable("the tokens of this client are not bound to a certificate")
    name = "tls_client_certificate_bound_access_tokens"
    server = metadata(around)
    value = server.get(name)
    return None if value is True else f"{name} is {value!r}" if name in server else f"{name} is not there"


def _asked(around: Around) -> dict[str, Any]:
    """Return the authorization request at the step that sends it: the push, or the browser where nothing was pushed."""
    flow = around.flow
    if flow.parameters is None or (around.answer is None and (flow.request_uri is not None or not flow.hops)):
        raise NotApplicable("no authorization request was sent here")
    return flow.asked


def rar(around: Around) -> str | None:
    """Compare the types that are sent with those that the server lists."""
    details = _asked(around).get("authorization_details")
    offered = _listed(around, "authorization_details_types_supported")
    if not isinstance(details, list) or offered is None:
        raise NotApplicable("no authorization_details were sent, or the server lists no types")
    types = [str(entry.get("type")) for entry in details if isinstance(entry, dict)]
    missing = [name for name in types if name not in offered]
    return f"authorization_details_types_supported lacks {', '.join(missing)}" if missing else None


def claims_parameter(around: Around) -> str | None:
    """Look for the promise to read the claims parameter; left out it means false."""
    if "claims" not in _asked(around):
        raise NotApplicable("no claims were sent")
    if around.flow.server.get("claims_parameter_supported") is True:
        return None
    return "claims are sent, and claims_parameter_supported is not true"


def response_mode(around: Around) -> str | None:
    """Look for the response mode; a server that does not know it ignores it, so what is asked for does not come."""
    mode = _asked(around).get("response_mode")
    if not isinstance(mode, str) or mode.endswith("jwt"):
        raise NotApplicable("no response_mode was asked for, or a signed one")
    modes = offered_modes(around)
    if not modes:
        raise NotApplicable("the server's metadata is not known")
    return None if mode in modes else f"response_mode {mode} is asked for, and the metadata does not offer it"


def jarm(around: Around) -> str | None:
    """Look for the response mode; the list of algorithms beside it is optional."""
    mode = _asked(around).get("response_mode")
    if not isinstance(mode, str) or not mode.endswith("jwt"):
        raise NotApplicable("no signed response was asked for")
    if mode in (_listed(around, "response_modes_supported") or ()):
        return None
    return f"response_modes_supported lacks {mode}"


_STRONG_SENTENCE: Final = "the server offers a client authentication with keys"
CHECKS: Final = (
    Check("disc.auth-methods", _DISCOVER, _STRONG_SENTENCE, "RFC 8414 §2, FAPI 2.0 SP §5.3.2.1", auth_methods),
    Check("disc.algs", _DISCOVER, "the server offers the algorithms that we sign with", "RFC 8414 §2", algs),
    Check("disc.algs-other", _DISCOVER, "only strong algorithms are offered", "FAPI 2.0 SP §5.4.1", other_algs),
    Check("disc.mtls", _DISCOVER, "the server binds access tokens to certificates", "RFC 8705 §3.3", mtls),
    Check("disc.rar", _ASKED, "the server knows the types of the authorization_details", "RFC 9396 §10", rar),
    Check("disc.claims-param", _ASKED, "the server reads the claims parameter", "OIDC Discovery §3", claims_parameter),
    Check("disc.response-mode", _ASKED, "the server offers the response mode", "RFC 8414 §2", response_mode),
    Check("disc.jarm", _ASKED, "the server offers the signed response that is asked for", "JARM §4", jarm),
)
