"""What several kinds of step make out of the authorization request: the signed request object, the URL to open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flowrun.auth.base import validity
from flowrun.errors import FlowrunError, Problem, StepError
from flowrun.flow import REPEATED, SignedJwt, form_value, now
from flowrun.steps.base import own_error, refuse_protected
from flowrun.steps.received import fetch_jwks
from flowrun.tamper import OWN

if TYPE_CHECKING:
    from flowrun.steps.base import Tools

ENCRYPTION: Final = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
# Texts of words with spaces between them, which people like to write as lists (RFC 6749 §3.3, OIDC Core §3.1.2.1).
WORDS: Final = frozenset({"acr_values", "claims_locales", "prompt", "response_type", "scope", "ui_locales"})


def sign_request_object(tools: Tools, **choices: Any) -> str:
    """Return the authorization request as a signed JWT (RFC 9101, section 4), encrypted where the client says so.

    `choices` are those fields of a sign step that were written: claims, header, alg, key, aud, lifetime (s), typ,
    encrypt.
    """
    tools.flow.moved.clear()  # what belonged to another request object
    settings = tools.client.request_object
    begins, ends = validity(now(), choices.get("lifetime", settings.lifetime))
    claims: dict[str, Any] = {
        "iss": tools.client.client_id,
        "aud": tools.audience(choices.get("aud") or settings.aud, ""),
        **({"nbf": begins} if settings.nbf else {}),
        "exp": ends,
        **as_claims(tools.parameters()),
        **choices.get("claims", {}),
    }
    choices = {"what": "request_object", "alg": settings.alg, "typ": settings.typ, **choices}
    token = sign_claims(tools, claims, choices, "oauth-authz-req+jwt")
    return encrypt_for_server(tools, token, choices.get("encrypt", settings.encrypt is not None))


def leaves_unsigned(tools: Tools) -> bool:
    """Tell whether a step that would send a request object is told to send plain parameters."""
    signs = tools.flow.request_object is not None or tools.client.request_object.required
    return tools.tampering.unsigned(would_sign=signs)


def sign_claims(tools: Tools, claims: Mapping[str, Any], choices: Mapping[str, Any], registered: str = "JWT") -> str:
    """Return claims signed with a key of the client; `registered` is what `typ: true` stands for."""
    from flowrun.jose import peek  # noqa: PLC0415  JOSE is loaded when something is signed

    name = choices.get("key", "signing")
    if name not in tools.client.keys:
        raise own_error(
            "unknown-key-name",
            f"the client '{tools.client.name}' has no key '{name}'",
            field=("key",),
            label=f"keys here: {', '.join(tools.client.keys) or 'none'}",
        )
    typ = registered if choices.get("typ") is True else choices.get("typ")
    header = {**({"typ": typ} if typ else {}), **choices.get("header", {})}
    token = tools.tampering.sign(OWN, claims, tools.load_key(tools.client, name), choices["alg"], header)
    what = {"private_key_jwt": "client_assertion"}.get(choices.get("what", "jwt"), choices.get("what", "jwt"))
    made = peek(token)
    tools.flow.signed.append(SignedJwt(what, made.header, made.claims))
    return token


def as_claims(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a request object has them: JSON, but lists of words as the text they are defined to be."""
    return {
        name: form_value(value) if name in WORDS and isinstance(value, list) else value
        for name, value in parameters.items()
    }


def encrypt_for_server(tools: Tools, token: str, encrypt: bool | Mapping[str, Any]) -> str:
    """Return a signed JWT encrypted for the server (RFC 7519, section 11.2), or as it is where `encrypt` is false.

    What `encrypt` (alg, enc, kid) leaves open, the client's settings for request objects say. The key is one that the
    server publishes, or made of the client's secret. Raises `StepError` where there is none.
    """
    if encrypt is False:
        return token
    from flowrun.jose import encrypt as encrypted  # noqa: PLC0415  JOSE is loaded when something is encrypted
    from flowrun.jose import encryption_key, encryption_key_from_secret  # noqa: PLC0415

    own = tools.client.request_object.encrypt or {}
    how = {**ENCRYPTION, **own, **(encrypt if isinstance(encrypt, Mapping) else {})}
    alg, enc, kid = str(how["alg"]), str(how["enc"]), how.get("kid")
    if alg.startswith("RSA"):
        key = encryption_key(tools.flow.jwks or fetch_jwks(tools), alg, kid)
    else:
        made = encryption_key_from_secret(tools.client.client_secret or "", alg, enc)
        if made is None or not tools.client.client_secret:
            raise own_error(
                "no-encryption-key",
                f"{alg} encrypts with the client's secret, and the client '{tools.client.name}' has none",
                field=("encrypt",),
                hint="add client_secret to the client, or encrypt with RSA-OAEP-256",
            )
        key = made
    return encrypted(token, key, alg=alg, enc=enc, header={"cty": "JWT", **({"kid": kid} if kid else {})})


def authorization_url(tools: Tools, extra: Mapping[str, Any]) -> str:
    """Return the URL that the browser opens: client_id and request_uri after a push, else the whole request."""
    refuse_protected(extra)
    if tools.flow.request_uri is None and tools.flow.server.get("par_required") and not tools.may_be_refused:
        raise StepError(
            "par_required",
            "the server requires PAR, and nothing has been pushed",
            label="put `- push` before it",
            facts=(("metadata", "require_pushed_authorization_requests: true"),),
            hint="to see it refused write outcome: {refused: {callback: any, page: any}}",
        )
    query: dict[str, Any] = {"client_id": tools.client.client_id}
    if tools.flow.request_uri is None:
        if leaves_unsigned(tools):
            tools.flow.request_object = None
        elif tools.flow.request_object is None and tools.client.request_object.required:
            tools.flow.request_object = sign_request_object(tools)
    if tools.flow.request_uri is not None:
        query["request_uri"] = tools.flow.request_uri
        more = beside_request(tools)
    elif tools.flow.request_object is not None:
        parameters = tools.parameters()
        # OIDC Core §6.1: these two stay outside the request object as well.
        query |= {key: parameters[key] for key in ("response_type", "scope") if key in parameters}
        query["request"] = tools.flow.request_object
        more = beside_request(tools)
        tools.flow.added = {}
    else:
        parameters = tools.parameters()
        # Beside a request_uri or a request object the URL says nothing; here it is the request, and the scenario's.
        extras = tools.environment.authorize_extra
        more = {name: value for name, value in extras.items() if name not in {*parameters, *REPEATED}}
        tools.flow.added = {**more, **extra}
        query |= parameters
    query |= {**more, **extra, **tools.flow.moved.get("url", {})}
    return with_query(
        tools.endpoint("authorization_endpoint"), {key: form_value(value) for key, value in query.items()}
    )


def beside_request(tools: Tools) -> dict[str, Any]:
    """Return what the environment adds to a URL that has a request_uri or a request object.

    It may repeat what makes the request ours, and not change it; what the request leaves out is not repeated.
    """
    own, extra = tools.parameters(), dict(tools.environment.authorize_extra)
    for name in REPEATED & extra.keys():
        if name not in own:
            del extra[name]
        elif form_value(extra[name]) != form_value(own[name]):
            raise FlowrunError(
                Problem(
                    "protected-parameter",
                    f"extra can't set {name} to another value than the request has",
                    tools.environment.document.at(("authorize", "extra", name)),
                    f"the request has {form_value(own[name])}",
                    hint="write the same, or leave it out; to send something wrong on purpose write tamper:",
                )
            )
    return extra


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to a URL that may have some already (RFC 6749, section 3.1)."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
