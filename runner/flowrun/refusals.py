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
}

ADVICE: Final[Mapping[str, str]] = {
    "invalid_client": "is our public key, with this kid, in the JWKS that the server has of us? does the aud of the "
    "assertion suit it (assertion: {aud: issuer | token | par | endpoint})? do the clocks agree?",
    "invalid_request_object": "is the request object signed with the key the server knows, and is its aud the issuer?",
    "invalid_request_uri": "a request_uri can be used once and expires; push again",
    "invalid_grant": "a code can be used once, expires after a minute or so, and belongs to one client, "
    "one redirect_uri and one code_verifier",
    "invalid_scope": "compare scope with scopes_supported in the metadata, and with what this client may ask for",
    "invalid_authorization_details": "compare authorization_details with what the server expects of this type",
    "unauthorized_client": "this client is not registered for this grant or response type",
    "access_denied": "the person, or a rule of the server, said no",
    "login_required": "prompt=none asks for a session that is not there",
    "redirect_uri_mismatch": "the redirect_uri must be registered for this client, letter by letter",
    "invalid_request": "the description of the error, if there is one, names the parameter",
    "use_dpop_nonce": "the server wants DPoP proofs with its nonce",
    "invalid_token": "the access token has expired, was revoked, or is not meant for this endpoint",
    "insufficient_scope": "the access token lacks the scope for this endpoint",
}


def sentence(refusal: Refusal) -> str:
    """Say in one line what was refused, with the error."""
    error = refusal.error or (f"HTTP {refusal.status}" if refusal.status else "no error code")
    if refusal.place == "page" and not refusal.error:
        return PLACE["page"]
    return f"{PLACE.get(refusal.place, 'the server refused')}: {error}"
