"""Fault switches that change an answer after it was made: its form, its members, the way back of the browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import request

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.world import World

PLAIN: Final = "text/plain; charset=utf-8"
OK: Final = 200
SEE_OTHER: Final = 303
REFUSED: Final = (400, 401)


def spoil(world: World, response: Response) -> None:
    """Change an answer in place, as the switches say."""
    if not world.settings.faults:
        return
    path = request.path
    if path.startswith("/.well-known/"):
        _metadata(world, response)
    elif path == "/jwks":
        if world.broken("discover.private-jwk"):
            first, *others = _body(response)["keys"]
            _change(response, keys=[{**first, "d": "cHJpdmF0ZQ"}, *others])
    elif path == "/par":
        _pushed(world, response)
    elif path == "/token":
        _tokens(world, response)
    elif path.startswith("/auth"):
        _page(world, response)
    else:
        _later(world, response)


def details(world: World, granted: list[dict[str, Any]]) -> None:
    """Change the granted authorization_details in place, as the switches say."""
    consent = granted[0]["consent"]
    if world.broken("rar.grants-more"):
        consent["permissions"] = [*consent["permissions"], "read_everything"]
    if world.broken("rar.other-provider"):
        consent["dp_id"] = "DP-ANOTHER"
    if world.broken("rar.no-provider"):
        del consent["dp_id"]


def id_token(world: World, claims: dict[str, Any]) -> None:
    """Change the claims of an id_token in place, as the switches say."""
    if world.broken("token.wrong-azp"):
        claims["azp"] = "another-client"
    if world.broken("token.wrong-c-hash"):
        claims["c_hash"] = "another-code"
    if world.broken("token.wrong-s-hash"):
        claims["s_hash"] = "another-state"
    if world.broken("token.no-acr"):
        del claims["acr"]
    if world.broken("token.no-auth-time"):
        del claims["auth_time"]
    if world.broken("token.auth-time-zero"):
        claims["auth_time"] = 0


def _metadata(world: World, response: Response) -> None:
    if response.status_code != OK or not response.is_json:
        return
    members = _body(response)
    if world.broken("discover.issuer-fragment"):
        members["issuer"] += "#sandbox"
    if world.broken("discover.no-response-types"):
        del members["response_types_supported"]
    if world.broken("discover.wrong-type"):
        members["subject_types_supported"] = "public"
    if world.broken("discover.par-required-text"):
        members["require_pushed_authorization_requests"] = "true"
    if world.broken("discover.request-uri-registration"):
        members["require_request_uri_registration"] = True
    if world.broken("discover.weak-auth"):
        members["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
    if world.broken("discover.other-algs"):
        members["token_endpoint_auth_signing_alg_values_supported"] = ["PS512"]
    if world.broken("discover.alg-none"):
        members["request_object_signing_alg_values_supported"].append("none")
    if world.broken("discover.no-bound-tokens"):
        members["tls_client_certificate_bound_access_tokens"] = False
    if world.broken("discover.other-rar-type"):
        members["authorization_details_types_supported"] = ["payment_initiation"]
    if world.broken("discover.no-claims-parameter"):
        del members["claims_parameter_supported"]
    if world.broken("discover.no-form-post"):
        members["response_modes_supported"].remove("form_post")
    if world.broken("discover.no-jarm"):
        members["response_modes_supported"] = ["query"]
    _replace(response, members)
    if world.broken("discover.content-type"):
        response.headers["Content-Type"] = PLAIN


def _pushed(world: World, response: Response) -> None:
    if response.status_code in REFUSED and world.broken("push.error-text"):
        _as_text(response)
    if not response.is_json or "request_uri" not in _body(response):
        return
    if world.broken("push.short-reference"):
        old = _body(response)["request_uri"]
        new = f"{old.rpartition(':')[0]}:{len(world.pushed):06}"
        world.pushed[new] = world.pushed.pop(old)
        world.pushed[new].request_uri = new
        _change(response, request_uri=new)
    if world.broken("push.long-lifetime"):
        _change(response, expires_in=3600)
    if world.broken("push.content-type"):
        response.headers["Content-Type"] = PLAIN


def _tokens(world: World, response: Response) -> None:
    if response.status_code in REFUSED and world.broken("token.error-text"):
        _as_text(response)
    if not response.is_json or "access_token" not in _body(response):
        return
    if world.broken("token.short-token"):
        old = _body(response)["access_token"]
        new = f"{len(world.tokens):06}"
        world.tokens[new] = world.tokens.pop(old)
        world.tokens[new].value = new
        _change(response, access_token=new)
    if world.broken("token.long-lifetime"):
        _change(response, expires_in=86400)
    if world.broken("token.extra-member"):
        _change(response, state="of no use here")
    if world.broken("token.no-id-token"):
        _replace(response, {name: value for name, value in _body(response).items() if name != "id_token"})
    if world.broken("token.content-type"):
        response.headers["Content-Type"] = PLAIN


def _page(world: World, response: Response) -> None:
    if world.broken("page.framed"):
        response.headers.pop("X-Frame-Options", None)
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    target = response.headers.get("Location", "")
    if "back" in request.args and request.args["back"].startswith("/auth/"):
        response.status_code = SEE_OTHER
        response.headers["Location"] = world.issuer + request.args["back"]
    elif target.startswith("/auth/"):
        if world.broken("page.plain-http") and request.path == "/auth":
            port = urlsplit(world.issuer).port
            response.headers["Location"] = f"http://0.0.0.0:{port}/auth?{urlencode({'back': target})}"
        if request.method == "POST" and "again" not in request.args and world.broken("page.redirect-307"):
            response.status_code = 307
            response.headers["Location"] = f"{target}?again=1"
    elif target:
        response.headers["Location"] = _callback(world, target)


def _callback(world: World, url: str) -> str:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if world.broken("callback.short-code") and "code" in given:
        code = f"{len(world.codes):06}"
        world.codes[code] = world.codes.pop(given["code"])
        world.codes[code].value = code
        pairs = [(name, code if name == "code" else value) for name, value in pairs]
    if world.broken("callback.state-twice"):
        pairs += [("state", value) for name, value in pairs if name == "state"]
    if world.broken("callback.code-and-error"):
        pairs.append(("error", "access_denied"))
    if world.broken("callback.odd-error"):
        pairs = [(name, "person_said_no" if name == "error" else value) for name, value in pairs]
    if world.broken("callback.extra-parameter"):
        pairs.append(("tracking", "1"))
    if world.broken("callback.client-assertion"):
        pairs.append(("client_assertion", "header.claims.signature"))
    if world.broken("callback.drops-query"):
        pairs = [(name, value) for name, value in pairs if name in {"code", "state", "iss", "error"}]
    query, fragment = urlencode(pairs), ""
    if world.broken("callback.in-fragment"):
        query, fragment = fragment, query
    return urlunsplit(parts._replace(query=query, fragment=fragment))


def _later(world: World, response: Response) -> None:
    if request.path == "/token/revoke" and response.status_code == OK and world.broken("revoke.status-204"):
        response.status_code = 204
        response.set_data(b"")
    if request.path == "/introspection" and response.is_json and world.broken("introspect.active-text"):
        body = _body(response)
        _change(response, active=str(body.get("active")).lower())
    if request.path == "/userinfo" and world.broken("userinfo.content-type"):
        response.headers["Content-Type"] = PLAIN


def _body(response: Response) -> dict[str, Any]:
    return dict(response.get_json())


def _change(response: Response, **members: Any) -> None:
    _replace(response, {**_body(response), **members})


def _replace(response: Response, members: dict[str, Any]) -> None:
    response.set_data(json.dumps(members))


def _as_text(response: Response) -> None:
    response.set_data("The request is refused.")
    response.headers["Content-Type"] = PLAIN
