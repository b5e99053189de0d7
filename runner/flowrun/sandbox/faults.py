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
    "push.refuse": "Every pushed request is refused with invalid_request.",
    "par.reuse": "A request_uri can be used again after its authorization has finished.",
    "par.any-client": "A request_uri can be used by another client than the one that pushed it.",
    "par.no-expiry": "A request_uri never expires.",
    "page.error": "The browser gets an error page instead of the login page.",
    "callback.no-iss": "The browser comes back without iss.",
    "callback.wrong-iss": "The browser comes back with another server's iss.",
    "callback.wrong-state": "The browser comes back with another state than the client sent.",
    "code.reuse": "An authorization code can be exchanged more than once.",
    "code.any-verifier": "Any code_verifier is accepted.",
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
    "userinfo.wrong-sub": "Userinfo speaks of another person than the id_token.",
}


def require_known(faults: Iterable[str]) -> None:
    """Raise ValueError for the first switch that does not exist, with the nearest one that does."""
    for fault in sorted(faults):
        if fault not in FAULTS:
            near = get_close_matches(fault, FAULTS, n=1, cutoff=0.5)
            advice = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(FAULTS))}"
            raise ValueError(f"the sandbox has no fault switch '{fault}'; {advice}")
