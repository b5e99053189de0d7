"""What a refusal means and what to look at first, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowrun.flow import Refusal

PLACE: Final[Mapping[str, str]] = {
    "push": "the server refused the pushed request",
    "callback": "the browser came back with an error",
    "page": "the browser ended on a page that refuses",
    "exchange": "the server refused to give tokens",
    "userinfo": "the server refused to tell about the person",
    "introspect": "the server refused the introspection",
    "revoke": "the server refused the revocation",
    "call": "the server refused the call",
    "tls": "the server broke off the TLS handshake",
}

# What flowrun itself says at the place push, before anything is sent.
OURS: Final = frozenset({"no_par_endpoint", "par_required"})

ADVICE: Final[Mapping[str, str]] = {
    "invalid_client": "register our public key, with its kid, at the server; try assertion: {aud: issuer}, then token, "
    "par and endpoint; look whether the clocks agree",
    "invalid_request_object": "sign it with the key that the server knows, with the issuer as aud",
    "invalid_request_uri": "a request_uri can be used once and expires: write a push step just before browse",
    "invalid_grant": "browse again before the exchange: a code can be used once, expires after a minute or so, and "
    "belongs to one client, one redirect_uri and one code_verifier",
    "invalid_scope": "ask only for what scopes_supported in the metadata lists, and what this client may ask for",
    "invalid_authorization_details": "write authorization_details as the server's manual says of this type",
    "unauthorized_client": "ask the server's team to register this client for this grant or response type",
    "access_denied": "look at answers: of the browse step; if they say yes, ask the server's team which rule said no",
    "login_required": "remove prompt=none, or log in first and write session: keep",
    "redirect_uri_mismatch": "the redirect_uri must be registered for this client, letter by letter",
    "invalid_request": "the description of the error, if there is one, names the parameter",
    "use_dpop_nonce": "the server wants DPoP proofs with its nonce",
    "invalid_token": "get a fresh access token just before; if it is refused too, it is not meant for this endpoint",
    "insufficient_scope": "ask for the scope of this endpoint in authorization: {scope: …}",
    "unsupported_grant_type": "compare grant: with grant_types_supported in the metadata",
    "unsupported_response_type": "compare response_type with response_types_supported in the metadata",
    "server_error": "run it again; if it stays so, give the server's team the time and the interaction id",
    "temporarily_unavailable": "run it again later; the server itself says that it is busy or being maintained",
    "unsupported_token_type": "the server does not take this kind of token at this endpoint; to revoke, name "
    "the refresh token: revoke: {token: refresh_token}",
    "interaction_required": "leave prompt=none out, or sign in first",
    "account_selection_required": "leave prompt=none out, or say who it is with login_hint",
    "consent_required": "leave prompt=none out, or approve first",
    "request_not_supported": "leave the step sign out, or push the request object",
    "request_uri_not_supported": "compare with request_uri_parameter_supported and the PAR endpoint in the metadata",
    "registration_not_supported": "leave the parameter registration out",
    "unmet_authentication_requirements": "compare acr_values and claims with acr_values_supported in the metadata",
    "invalid_redirect_uri": "compare the redirect_uris of the registration with the software statement",
    "invalid_client_metadata": "the description of the error, if there is one, names the field of the registration",
    "invalid_software_statement": "get a fresh software statement from the directory",
    "unapproved_software_statement": "ask the server's team to approve this software",
    "authorization_pending": "ask again after the interval",
    "slow_down": "wait five seconds longer between two questions",
    "expired_token": "begin again, and approve within the lifetime",
    "expired_login_hint_token": "make a new login_hint_token",
    "unknown_user_id": "compare the login_hint with a person of this environment",
    "missing_user_code": "send the person's user_code",
    "invalid_user_code": "compare the user_code with the one the person has set",
    "invalid_binding_message": "send a short message of plain letters and digits",
    "transaction_failed": "run it again; if it stays so, give the server's team the time and the auth_req_id",
    "invalid_target": "compare resource with what the server's documentation names",
    "invalid_dpop_proof": "compare htu and htm with the request, and the clocks; make a new proof for each call",
    "insufficient_user_authentication": "authorize again with the acr_values and max_age that the answer names",
    "unsupported_pop_key": "use a kind of key that the server names",
    "incompatible_ace_profiles": "compare the ACE profiles of client and server",
    "need_info": "send the claims that the answer names in required_claims",
    "request_denied": "ask the owner of the resource to share it",
    "request_submitted": "ask again after the interval",
}


def sentence(refusal: Refusal) -> str:
    """Say in one line what was refused, with the error."""
    if refusal.error in OURS:
        return f"nothing was pushed: {refusal.error}"
    error = refusal.error or (f"HTTP {refusal.status}" if refusal.status else "no error code")
    if refusal.place == "page" and not refusal.error:
        return PLACE["page"]
    return f"{PLACE.get(refusal.place, 'the server refused')}: {error}"
