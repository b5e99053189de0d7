"""Fault switches that change an authorization request before it is judged, and those that refuse a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.world import World

# What an authorization request may have: RFC 6749, PKCE, OIDC Core, JAR, RAR, DPoP; a JWT has its own beside it.
KNOWN: Final = frozenset(
    {
        "acr_values",
        "authorization_details",
        "claims",
        "claims_locales",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "display",
        "dpop_jkt",
        "id_token_hint",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "registration",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
        "aud",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
    }
)
# Those that a server need not do anything about (OIDC Core §3.1.2.1, §15.1), and must not stumble over.
OPTIONAL: Final = frozenset({"acr_values", "claims_locales", "display", "login_hint", "ui_locales"})
CUT, LONG_CUT = 48, 255  # characters


def misread(world: World, params: Mapping[str, Any], client: RegisteredClient, scopes: Sequence[str]) -> dict[str, Any]:
    """Return the parameters as the switches have them, the same without any; OAuth2Error refuses what is good.

    `scopes` are those of the metadata.
    """
    read = dict(params)
    if not world.settings.faults:
        return read
    for reason, refused in (
        ("this client may not ask", world.broken("request.first-client-only") and _is_later(world, client)),
        ("there is no state", world.broken("request.state-required") and "state" not in read),
        ("there is no nonce", world.broken("request.nonce-required") and "nonce" not in read),
        ("it has something unknown", world.broken("request.unknown-refused") and not KNOWN.issuperset(read)),
        ("it has too much", world.broken("request.optional-refused") and not OPTIONAL.isdisjoint(read)),
        ("no dpop_jkt is taken", world.broken("dpop.jkt-refused") and "dpop_jkt" in read),
        ("no id_token_hint is taken", world.broken("session.hint-refused") and "id_token_hint" in read),
        ("the scopes are not in order", world.broken("request.scope-order") and not _in_order(read, scopes)),
    ):
        if refused:
            raise refusal("invalid_request", f"The request is refused: {reason}.")
    for name, length, cuts in (
        ("nonce", CUT, world.broken("request.nonce-cut")),
        ("nonce", LONG_CUT, world.broken("request.long-nonce-cut")),
        ("state", LONG_CUT, world.broken("request.state-cut")),
    ):
        if cuts and name in read:
            read[name] = str(read[name])[:length]
    if world.broken("request.default-redirect"):
        read.setdefault("redirect_uri", client.settings.redirect_uris[0])
    if world.broken("request.no-response-type"):
        read.setdefault("response_type", "code")
    if "response_type" in read and world.broken("request.any-response-type"):
        read["response_type"] = "code"
    return read


def _is_later(world: World, client: RegisteredClient) -> bool:
    return client.client_id != world.settings.clients[0].client_id


def _in_order(params: Mapping[str, Any], scopes: Sequence[str]) -> bool:
    asked = [scope for scope in str(params.get("scope", "")).split() if scope in scopes]
    return asked == sorted(asked, key=scopes.index)
