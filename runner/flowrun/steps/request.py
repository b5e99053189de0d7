"""What several kinds of step make out of the authorization request: the signed request object, the URL to open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flowrun.flow import SignedJwt, form_value, now
from flowrun.steps.base import own_error

if TYPE_CHECKING:
    from flowrun.steps.base import Tools


def sign_request_object(tools: Tools, **choices: Any) -> str:
    """Return the authorization request as a signed JWT (RFC 9101, section 4).

    `choices` are those fields of a sign step that were written: claims, header, alg, key, aud, lifetime (s), typ.
    """
    settings = tools.client.request_object
    issued = int(now())
    claims: dict[str, Any] = {
        "iss": tools.client.client_id,
        "aud": tools.audience(choices.get("aud") or settings.aud, ""),
        **({"nbf": issued} if settings.nbf else {}),
        "exp": issued + int(choices.get("lifetime", settings.lifetime)),
        **tools.parameters(),
        **choices.get("claims", {}),
    }
    choices = {"what": "request_object", "alg": settings.alg, "typ": settings.typ, **choices}
    return sign_claims(tools, claims, choices, "oauth-authz-req+jwt")


def sign_claims(tools: Tools, claims: Mapping[str, Any], choices: Mapping[str, Any], registered: str = "JWT") -> str:
    """Return claims signed with a key of the client; `registered` is what `typ: true` stands for."""
    from flowrun.jose import peek, sign  # noqa: PLC0415  JOSE is loaded when something is signed

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
    token = sign(claims, tools.load_key(tools.client, name), choices["alg"], header)
    what = {"private_key_jwt": "client_assertion"}.get(choices.get("what", "jwt"), choices.get("what", "jwt"))
    tools.flow.signed.append(SignedJwt(what, peek(token).header, claims))
    return token


def authorization_url(tools: Tools, extra: Mapping[str, Any]) -> str:
    """Return the URL that the browser opens: client_id and request_uri after a push, else the whole request."""
    query: dict[str, Any] = {"client_id": tools.client.client_id}
    if tools.flow.request_uri is None and tools.flow.request_object is None and tools.client.request_object.required:
        tools.flow.request_object = sign_request_object(tools)
    if tools.flow.request_uri is not None:
        query["request_uri"] = tools.flow.request_uri
    elif tools.flow.request_object is not None:
        parameters = tools.parameters()
        # OIDC Core §6.1: these two stay outside the request object as well.
        query |= {key: parameters[key] for key in ("response_type", "scope") if key in parameters}
        query["request"] = tools.flow.request_object
    else:
        query |= tools.parameters()
    query |= {**tools.environment.authorize_extra, **extra}
    return with_query(
        tools.endpoint("authorization_endpoint"), {key: form_value(value) for key, value in query.items()}
    )


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to a URL that may have some already (RFC 6749, section 3.1)."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
