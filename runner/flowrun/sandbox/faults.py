"""The fault switches: each makes the server do one thing wrong, so that a check can be seen to fail.

To add one: a line here, and one `world.broken("its.id")` at the place where the rule lives.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FAULTS: Final[Mapping[str, str]] = {
    "discover.wrong-issuer": "The metadata names another issuer than the one it was fetched from.",
    "discover.html": "The metadata is answered with an HTML page.",
    "discover.status-500": "The metadata is answered with status 500.",
    "discover.no-par": "The metadata has no PAR endpoint.",
    "discover.no-s256": "The metadata offers no PKCE.",
    "discover.no-iss-promise": "The metadata does not promise iss in authorization responses.",
    "discover.no-jwks-kid": "The keys of the JWKS carry no kid.",
    "push.status-200": "A pushed request is answered with status 200 instead of 201.",
    "push.redirect": "A pushed request is redirected to a login page.",
    "push.html": "A pushed request is answered with an HTML page.",
    "push.status-500": "A pushed request is answered with status 500.",
    "push.no-expires-in": "The answer to a pushed request has no expires_in.",
    "push.no-store-missing": "The answer to a pushed request may be cached.",
    "push.other-prefix": "The request_uri has another prefix than the recommended one.",
    "push.no-interaction-id": "The answer to a pushed request does not bring the x-fapi-interaction-id back.",
    "push.too-many": "A pushed request is answered with status 429, as if there were too many.",
    "push.refuse": "Every pushed request is refused with invalid_request.",
    "par.reuse": "A request_uri can be used again after its authorization has finished.",
    "par.any-client": "A request_uri can be used by another client than the one that pushed it.",
    "par.no-expiry": "A request_uri never expires.",
    "page.error": "The browser gets an error page instead of the login page.",
    "callback.no-iss": "The browser comes back without iss.",
    "callback.wrong-iss": "The browser comes back with another server's iss.",
    "callback.wrong-state": "The browser comes back with another state than the client sent.",
    "jarm.bad-signature": "The JWT that the browser brings back is signed with a key that is not in the JWKS.",
    "jarm.wrong-iss": "The JWT that the browser brings back names another issuer.",
    "jarm.wrong-aud": "The JWT that the browser brings back is for another client.",
    "jarm.expired": "The JWT that the browser brings back had already expired.",
    "jarm.not-encrypted": "The JWT that the browser brings back is not encrypted for a client that must get it so.",
    "code.reuse": "An authorization code can be exchanged more than once.",
    "code.any-verifier": "Any code_verifier is accepted.",
    "clock.ahead": "The clock of the server is ten minutes ahead.",
    "assertion.replay": "A client assertion can be used more than once.",
    "token.status-500": "The token endpoint answers with status 500.",
    "token.type-missing": "The token answer has no token_type.",
    "token.no-store-missing": "The token answer may be cached.",
    "token.scope-wider": "More scope is granted than was asked for.",
    "token.no-consent-id": "The granted authorization_details have no consent_id.",
    "token.rotate-refresh": "A refresh replaces the refresh token and ends the old one.",
    "token.bad-signature": "The id_token is signed with a key that is not published, under a kid that is.",
    "token.wrong-iss": "The id_token names another issuer.",
    "token.wrong-aud": "The id_token is for another client.",
    "token.wrong-nonce": "The id_token carries another nonce than the client sent.",
    "token.wrong-at-hash": "The at_hash of the id_token belongs to another access token.",
    "token.expired-id-token": "The id_token had already expired when it was issued.",
    "token.not-encrypted": "The id_token is not encrypted for a client that must get it so.",
    "token.wrong-cnf": "The cnf of an access token names another key or certificate than the client's.",
    "token.any-holder": "A bound access token can be used without its key or certificate.",
    "token.dpop-as-bearer": "The token_type of a DPoP-bound access token is Bearer.",
    "dpop.replay": "A DPoP proof can be used more than once.",
    "dpop.code-any-key": "A code that is bound to a DPoP key can be exchanged with another key.",
    "discover.content-type": "The metadata is declared as plain text.",
    "discover.issuer-fragment": "The issuer of the metadata has a fragment.",
    "discover.no-response-types": "The metadata lacks response_types_supported.",
    "discover.wrong-type": "A member of the metadata that must be a list is a text.",
    "discover.par-required-text": "The metadata says in a text, not as true or false, that PAR is required.",
    "discover.request-uri-registration": "The metadata says that request_uris must be registered.",
    "discover.weak-auth": "The metadata offers no client authentication but client_secret_basic.",
    "discover.other-algs": "The metadata offers no algorithm for client assertions but PS512.",
    "discover.alg-none": "The metadata offers unsigned request objects.",
    "discover.no-bound-tokens": "The metadata does not promise certificate-bound access tokens.",
    "discover.other-rar-type": "The metadata names another type of authorization_details than the server knows.",
    "discover.no-form-post": "The metadata does not offer the response mode form_post.",
    "discover.no-claims-parameter": "The metadata does not promise to read the claims parameter.",
    "discover.no-jarm": "The metadata offers the response mode query only.",
    "discover.private-jwk": "The published keys have a private part.",
    "push.content-type": "The answer to a pushed request is declared as plain text.",
    "push.short-reference": "The reference in a request_uri is a short number that is counted up.",
    "push.long-lifetime": "The answer to a pushed request says that the request_uri lives for an hour.",
    "push.error-text": "A refused push is answered with plain text.",
    "page.framed": "Other sites may put the pages into a frame.",
    "page.plain-http": "The browser is sent over an address without TLS on its way to the login page.",
    "page.redirect-307": "A form is answered with status 307, so that the browser sends it on.",
    "callback.in-fragment": "The response stands in the fragment instead of the query.",
    "callback.short-code": "The code is a short number that is counted up.",
    "callback.state-twice": "The browser comes back with the state given twice.",
    "callback.code-and-error": "The browser comes back with a code and an error.",
    "callback.odd-error": "The browser comes back with an error that is in no registry.",
    "callback.extra-parameter": "The browser comes back with a parameter that nobody knows.",
    "callback.drops-query": "The query of the registered redirect_uri is lost on the way back.",
    "token.content-type": "The token answer is declared as plain text.",
    "token.error-text": "A refused token request is answered with plain text.",
    "token.short-token": "The access token is a short number that is counted up.",
    "token.long-lifetime": "The token answer says that the access token lives for a day.",
    "token.extra-member": "The token answer has a member that nobody expects.",
    "token.no-id-token": "No id_token comes, whatever was asked for.",
    "token.wrong-azp": "The azp of the id_token is another client.",
    "token.wrong-c-hash": "The c_hash of the id_token belongs to another code.",
    "token.wrong-s-hash": "The s_hash of the id_token belongs to another state.",
    "token.no-acr": "The id_token has no acr.",
    "token.no-auth-time": "The id_token has no auth_time.",
    "revoke.status-204": "A revocation is answered with status 204.",
    "introspect.active-text": "An introspection says in a text, not as true or false, if the token is active.",
    "userinfo.content-type": "Userinfo is declared as plain text.",
    "userinfo.bad-signature": "The JWT of userinfo is signed with a key that is not in the JWKS.",
    "accounts.bad-signature": "The signed accounts are signed with a key that the data provider does not publish.",
    "accounts.not-encrypted": "The signed accounts are not encrypted.",
    "consent.survives": "The tokens of a revoked consent live on.",
    "userinfo.wrong-sub": "Userinfo speaks of another person than the id_token.",
}


def require_known(faults: Iterable[str]) -> None:
    """Raise ValueError for the first switch that does not exist, with the nearest one that does."""
    for fault in sorted(faults):
        if fault not in FAULTS:
            near = get_close_matches(fault, FAULTS, n=1, cutoff=0.5)
            advice = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(FAULTS))}"
            raise ValueError(f"the sandbox has no fault switch '{fault}'; {advice}")
