"""Checks of the authorization response (RFC 6749, RFC 9207)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from flowrun.checks.base import Check, NotApplicable
from flowrun.checks.randomness import guessable
from flowrun.flow import form_value

if TYPE_CHECKING:
    from flowrun.flow import Around

_STEP = frozenset({"browse"})
# RFC 6749 §4.1.2.1: the server could not read the state of a request that it could not read.
_STATE_MAY_BE_MISSING = frozenset({"invalid_request_object", "invalid_request_uri"})
_SKEW: Final = 10  # seconds that two clocks may differ
_RESPONSE: Final = frozenset({"code", "error", "state", "iss", "response"})
_PORTS: Final = {"http": 80, "https": 443}
# RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6, RFC 9101 §7, RFC 9396 §5, RFC 9449 §5, RFC 8707 §2, OIDC Unmet AR §4.
_ERRORS: Final = frozenset(
    {"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope"}
    | {"server_error", "temporarily_unavailable", "interaction_required", "login_required", "consent_required"}
    | {"account_selection_required", "invalid_request_uri", "invalid_request_object", "request_not_supported"}
    | {"request_uri_not_supported", "registration_not_supported", "invalid_authorization_details"}
    | {"invalid_target", "invalid_dpop_proof", "unmet_authentication_requirements"}
)
_EXPECTED: Final = _RESPONSE | {"error_description", "error_uri", "scope", "session_state", "id_token", "access_token"}
_CREDENTIALS: Final = frozenset({"access_token", "client_assertion", "client_secret", "code_verifier", "refresh_token"})
_EXPECTED_TOO: Final = frozenset({"token_type", "expires_in"})


def _callback(around: Around) -> dict[str, str]:
    if around.flow.callback is None:
        raise NotApplicable("there was no callback")
    return around.flow.callback


def state(around: Around) -> str | None:
    """Compare with the state that was sent; none comes back if none was sent."""
    callback = _callback(around)
    parameters = around.flow.asked
    sent = form_value(parameters["state"]) if "state" in parameters else None
    got = callback.get("state")
    if got == sent:
        return None
    if got is None and callback.get("error") in _STATE_MAY_BE_MISSING:
        raise NotApplicable("an unreadable request may be answered without state")
    return "the callback has no state" if got is None else "the callback has another state than the one sent"


def iss(around: Around) -> str | None:
    """Compare with the issuer; without a promise in the metadata only the profile demands it."""
    got = _callback(around).get("iss")
    if got is None and around.jwt is not None:
        raise NotApplicable("the signed response names its issuer itself")
    if got is None and "id_token" in _callback(around):
        raise NotApplicable("the id_token beside it names the issuer itself")
    issuer = around.flow.server.get("issuer") or around.issuer
    if got == issuer:
        return None
    if not issuer:
        raise NotApplicable("the issuer is not known")
    if got is None:
        promised = around.flow.server.get("authorization_response_iss_parameter_supported")
        if promised is not True and around.environment.profile.level("disc.iss-param") == "off":
            raise NotApplicable("the server does not promise iss")
        return "the callback has no iss"
    return f"the callback has iss {got!r}, the issuer is {issuer!r}"


def offered_modes(around: Around) -> list[Any]:
    """Return the response modes that the server offers: query and fragment where its metadata names none (RFC 8414)."""
    server = around.flow.server
    named = server.get("response_modes_supported")
    if isinstance(named, list):
        return named
    return ["query", "fragment"] if server.get("issuer") else []


def _wanted_place(around: Around) -> str:
    parameters = around.flow.asked
    asked = str(parameters.get("response_mode", ""))
    mode = asked.removesuffix("jwt").rstrip(".")
    if asked and asked not in offered_modes(around) and around.flow.callback_place != mode:
        mode = ""  # a server that does not know response_mode has to ignore it (RFC 6749 §3.1)
    if mode in {"query", "fragment", "form_post"}:
        return mode
    if mode or parameters.get("response_type", "code") not in {"code", "none"}:
        raise NotApplicable("it is not known where this response belongs")
    return "query"


def place(around: Around) -> str | None:
    """Look where response_mode puts the response; a bare `#_` at the end of the URL is legal."""
    _callback(around)
    flow, wanted = around.flow, _wanted_place(around)
    if not flow.callback_place:
        raise NotApplicable("it was not seen where the response stood")
    if flow.callback_place != wanted:
        return f"the response stands in the {flow.callback_place}, and belongs into the {wanted}"
    parts = urlsplit(flow.callback_url)
    others = {"query": parts.query, "fragment": parts.fragment}
    for where, text in others.items():
        stray = sorted(_RESPONSE & {name for name, _ in parse_qsl(text)})
        if where != wanted and stray:
            return f"{', '.join(stray)} stand in the {where} as well; the response belongs into the {wanted}"
    return None


def redirect_exact(around: Around) -> str | None:
    """Scheme, host, port and path are those of the redirect_uri, and its own query is still there."""
    _callback(around)
    redirect_uri = _redirect_uri(around)
    if not redirect_uri or not around.flow.callback_url:
        raise NotApplicable("there is nothing to compare")
    wanted, got = urlsplit(redirect_uri), urlsplit(around.flow.callback_url)
    if _address(wanted) != _address(got):
        return "the browser was sent to another address than the redirect_uri"
    kept = parse_qsl(got.query, keep_blank_values=True)
    lost = [name for name, value in parse_qsl(wanted.query, keep_blank_values=True) if (name, value) not in kept]
    return f"the redirect_uri's own {', '.join(lost)} did not come back" if lost else None


def _redirect_uri(around: Around) -> str:
    return str(around.flow.asked.get("redirect_uri") or around.client.redirect_uri or "")


def _own(around: Around) -> set[str]:
    """Return the names of the parameters that the redirect_uri itself brings."""
    return {name for name, _ in parse_qsl(urlsplit(_redirect_uri(around)).query, keep_blank_values=True)}


def _address(parts: SplitResult) -> tuple[str, str, int | None, str]:
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or _PORTS.get(scheme), unquote(parts.path) or "/"


def once(around: Around) -> str | None:
    """No parameter twice, besides what the redirect_uri itself brings."""
    _callback(around)
    if not around.flow.callback_pairs:
        raise NotApplicable("the parameters were not seen as they stood")
    own = _own(around)
    counts = Counter(name for name, _ in around.flow.callback_pairs)
    twice = sorted(name for name, count in counts.items() if count > 1 and name not in own)
    return f"given more than once: {', '.join(twice)}" if twice else None


def code_or_error(around: Around) -> str | None:
    """Want one or the other."""
    callback = _callback(around)
    return "the callback has both a code and an error" if {"code", "error"} <= callback.keys() else None


def code_entropy(around: Around) -> str | None:
    """Too short to be random, seen before in this run, or counted up; nothing is measured on one value."""
    code = _callback(around).get("code")
    if not code:
        raise NotApplicable("the callback has no code")
    return guessable("the code", code, around.earlier.get("code", ()))


def registered_error(around: Around) -> str | None:
    """Report an error that no specification registers."""
    error = _callback(around).get("error")
    if error is None:
        raise NotApplicable("the callback has no error")
    return None if error in _ERRORS else f"the error {error!r} is in no registry"


def leak(around: Around) -> str | None:
    """Nothing that proves who somebody is goes through the browser, which shows it to others."""
    if around.jwt is not None and around.jwt.encrypted is not None:
        raise NotApplicable("the response is encrypted, so that the browser can't read it")
    asked = form_value(around.flow.asked.get("response_type", "")).split()
    secret = _CREDENTIALS - ({"access_token"} if "token" in asked else set()) - _own(around)
    leaked = sorted(secret & _callback(around).keys())
    return f"the callback carries {', '.join(leaked)}, which the browser is not to see" if leaked else None


def extra(around: Around) -> str | None:
    """Report parameters that no specification here names: they are allowed."""
    more = sorted(_callback(around).keys() - _EXPECTED - _EXPECTED_TOO - _CREDENTIALS - _own(around))
    return f"parameters that are not expected there: {', '.join(more)}" if more else None


def signed(around: Around) -> str | None:
    """Want a signed response of the server, for us, still valid, encrypted if agreed, and with nothing beside it."""
    jwt = around.jwt
    _callback(around)
    if jwt is None:
        mode = around.flow.asked.get("response_mode")
        if isinstance(mode, str) and mode.endswith("jwt"):
            if mode not in offered_modes(around):
                raise NotApplicable("the server does not offer the signed response that was asked for")
            return f"response_mode {mode} was asked for, and the response is not signed"
        raise NotApplicable("no signed response was asked for")
    if jwt.distrust:
        return f"the response can't be trusted: {jwt.distrust}"
    if around.client.id_token.encrypt and jwt.encrypted is None:
        return "the signed response is not encrypted, as the environment says that it is (id_token: {encrypt: true})"
    plain = sorted({name for name, _ in around.flow.callback_pairs} & (_RESPONSE - {"response"}))
    if plain:
        return f"beside the signed response stand plain {', '.join(plain)}"
    return _jarm_claims(around, jwt.claims)


def _jarm_claims(around: Around, claims: Any) -> str | None:
    issuer = around.flow.server.get("issuer") or around.issuer
    aud = claims.get("aud")
    exp = claims.get("exp")
    if claims.get("iss") != issuer:
        return f"the signed response's iss is {claims.get('iss')!r}, the issuer is {issuer!r}"
    if around.client.client_id not in (aud if isinstance(aud, list) else [aud]):
        return f"the signed response's aud is {aud!r}, our client_id is {around.client.client_id!r}"
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return "the signed response has no exp" if exp is None else f"the signed response's exp is {exp!r}"
    return None if exp > around.now - _SKEW else "the signed response has expired"


CHECKS: Final = (
    Check("cb.state", _STEP, "the callback brings the state that was sent", "RFC 6749 §4.1.2", state),
    Check("cb.iss", _STEP, "the callback names its issuer", "RFC 9207 §2", iss),
    Check("cb.place", _STEP, "the response stands where response_mode puts it", "RFC 6749 §4.1.2", place),
    Check("cb.redirect-exact", _STEP, "the browser comes back to the redirect_uri", "RFC 6749 §3.1.2", redirect_exact),
    Check("cb.once", _STEP, "no response parameter comes twice", "RFC 6749 §3.1", once),
    Check("cb.code-or-error", _STEP, "a response has a code or an error, never both", "RFC 6749 §4.1.2", code_or_error),
    Check("cb.code-entropy", _STEP, "the code can't be guessed", "RFC 6749 §10.10", code_entropy),
    Check("cb.error-shape", _STEP, "the error is a registered one", "RFC 6749 §4.1.2.1", registered_error),
    Check("cb.leak", _STEP, "no credential comes back through the browser", "RFC 6749 §10.3, RFC 9700 §4.3", leak),
    Check("cb.extra", _STEP, "the callback has only parameters that are expected", "RFC 6749 §4.1.2", extra),
    Check("cb.jarm", _STEP, "the signed response is the server's, for us, and valid", "JARM §2.4", signed),
)
