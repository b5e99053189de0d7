"""What the server refused for another reason than who the client is (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.blame import spent
from flowrun.blame.case import Blame, elsewhere, ours, short, theirs, unclear
from flowrun.blame.certificate import SPOKEN_OF, not_shown
from flowrun.blame.signed import clock
from flowrun.flow import challenge_of, form_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.blame.case import Case

_SHOWN: Final = 200  # the status of a page that a person sees
_PKCE: Final = r"verifier|pkce|code.?challenge"


def redirect_uri(case: Case) -> Blame | None:
    """Compare the redirect_uri that was sent with the one of the environment (RFC 6749 §3.1.2.3)."""
    named = case.error in {"redirect_uri_mismatch", "invalid_redirect_uri"}
    if not named and not (case.refusal and case.says(r"redirect.?ur[il]")):
        return None
    if case.kind not in {"push", "browse", "exchange"} or case.flow.parameters is None:
        return None  # a request of the scenario's own making
    own, asked = case.client.redirect_uri, _asked(case, "redirect_uri")
    if case.kind == "exchange":
        sent = case.form.get("redirect_uri", "")
        if sent and asked and sent != asked:
            words = f"the redirect_uri is {short(sent)} here, and it was {short(asked)} in the request"
            return ours(words, "leave redirect_uri out of the exchange")
        words = "the redirect_uri is the one of the authorization request, and the server says no to it"
        return unclear(words, "give this report to the server's team: no setting of ours is left to change")
    if not asked:
        return ours("no redirect_uri was sent", f"write the registered one at {case.setting('redirect_uri')}")
    if case.says(r"missing|required"):
        return None
    if own and asked != own:
        words = f"the scenario sends the redirect_uri {short(asked)}; the client's is {short(own)}"
        place = case.in_scenario("authorization", "redirect_uri")
        return ours(
            words, f"delete redirect_uri from authorization:{place}, or register {short(asked)} at the server too"
        )
    words = f"the server does not take the redirect_uri {short(asked)} from {case.client.client_id}"
    do = f"register it at the server, or write the registered one at {case.setting('redirect_uri')}"
    return ours(words, f"{do}; both must be the same, letter by letter")


def _asked(case: Case, name: str) -> str:
    """Return a parameter of the authorization request."""
    return form_value(case.flow.asked.get(name, ""))


def _written(case: Case, name: str) -> str:
    """Say where a parameter of the authorization request was written."""
    if name not in case.flow.added:
        return f"authorization:{case.in_scenario('authorization', name)}"
    if name in case.environment.authorize_extra:
        return case.in_environment("authorize", "extra", name)
    return "extra: of the step"


def grant(case: Case) -> Blame | None:
    """Say why a code or a refresh token brought nothing (invalid_grant)."""
    if case.error != "invalid_grant":
        return None
    if case.says(_PKCE):
        return _pkce(case)
    if case.says(SPOKEN_OF):
        return ours("the code or token is bound to another certificate than the one shown", _same_client(case))
    if case.says(r"dpop|another key"):
        return ours("the code or token is bound to another DPoP key than the one of the proof", _same_client(case))
    return spent.refresh_token(case) or spent.code(case)


def _pkce(case: Case) -> Blame:
    """Do what the server does: the hash of the verifier must be the challenge (RFC 7636 §4.6)."""
    verifier, challenge = case.form.get("code_verifier", ""), _asked(case, "code_challenge")
    if not verifier or not challenge:
        lacks = "no code_verifier was sent" if challenge else "the authorization request had no code_challenge"
        return ours(
            f"{lacks} (RFC 7636 §4.6)",
            "delete code_verifier here, and code_challenge from the request; flowrun makes both",
        )
    if challenge_of(verifier) != challenge:
        words = "the code_verifier does not fit the code_challenge of the request (RFC 7636 §4.6)"
        return ours(words, "delete code_verifier here, and code_challenge from the request; flowrun makes both")
    return theirs("the code_verifier fits the code_challenge of the request by S256 (RFC 7636 §4.6)")


def token(case: Case) -> Blame | None:
    """Say why an access token was not taken (RFC 6750 §3.1)."""
    if case.error == "insufficient_scope":
        place = case.in_scenario("authorization", "scope")
        return ours(
            "the access token lacks a scope that this endpoint wants", f"write it in authorization: {{scope: …}}{place}"
        )
    if case.error != "invalid_token":
        return None
    if case.says(SPOKEN_OF):
        file = case.client.certificate.file.name if case.client.certificate else ""
        words = (
            f"the access token is bound to another certificate than {file}, which the client '{case.client.name}' shows"
        )
        return not_shown(case) or ours(f"{words} (RFC 8705 §3)", _same_client(case))
    if case.says(r"dpop"):
        return ours(
            "the access token is bound to a DPoP key, and was sent with another one or with none", _same_client(case)
        )
    words = "the access token has expired, was withdrawn, or is not for this endpoint"
    return unclear(
        words, "get a fresh token with an exchange step just before this one; if it is refused too, ask the team"
    )


def _same_client(case: Case) -> str:
    """Name the client that got the tokens, where it was another one."""
    got = next((one for one in reversed(case.past) if one.kind == "exchange"), None)
    if got is not None and got.client != case.client.name:
        return f"do this step with the client '{got.client}', as {got} did: as: {got.client}, not {case.client.name}"
    return "use the client, and the key or certificate, that it was given to"


def proof(case: Case) -> Blame | None:
    """Say why a DPoP proof was not taken (RFC 9449 §5)."""
    if case.error != "invalid_dpop_proof":
        return None
    if case.signed("dpop") is None:
        constraint = f"the client '{case.client.name}' has sender_constraint: {case.client.sender_constraint}"
        return ours(f"no DPoP proof was sent; {constraint}", "write sender_constraint: dpop at the client")
    return clock(case) or unclear("the server does not take the DPoP proof, and the clocks agree or are not known")


def prompt_none(case: Case) -> Blame | None:
    """Say why nobody was asked, or who said no."""
    if case.error == "access_denied":
        words = "the person said no, as the scenario's answers may tell to, or a rule of the server did"
        return unclear(words, "look at answers: in this step; if they say yes, give this report to the server's team")
    if case.error not in {"login_required", "consent_required", "interaction_required", "account_selection_required"}:
        return None
    if "none" in _asked(case, "prompt").split():
        words = "prompt=none was sent, and the server would have to show a page"
        do = f"remove prompt: none from {_written(case, 'prompt')};\n"
        first = "log in" if case.error == "login_required" else "log in and approve"
        do += f"or {first} first, in a browse step without it, and write session: keep in this one"
        return ours(words, do)
    if case.error == "consent_required" and any(hop.status == _SHOWN for hop in case.flow.hops):
        words = "the person was asked and said no, as the scenario's answers may tell to, or a rule of the server did"
        return unclear(words, "look at answers: in this step; if they say yes, give this report to the server's team")
    words = "it does not show the page that it needs, and prompt=none was not sent (OIDC Core §3.1.2.6)"
    return theirs(words)


_ERRORS: Final[Mapping[str, str]] = {
    "invalid_authorization_details": "the authorization_details are not what the server expects of their type",
    "unauthorized_client": "the client is not registered for this grant or response type",
    "invalid_target": "the server does not know this resource, or this client may not have it",
}
# Errors about a parameter whose values the metadata lists.
_LISTED: Final[Mapping[str, tuple[str, str]]] = {
    "invalid_scope": ("scope", "scopes_supported"),
    "unsupported_response_type": ("response_type", "response_types_supported"),
    "unsupported_grant_type": ("grant_type", "grant_types_supported"),
}


def by_error(case: Case) -> Blame | None:
    """Say what the error itself says, with the metadata where they have a list to compare with."""
    if case.error in {"server_error", "temporarily_unavailable"}:
        return theirs("it says itself that it is not well", "")
    if case.error == "slow_down":
        return elsewhere("the server is asked too often")
    if case.error in _LISTED:
        return _listed(case, *_LISTED[case.error])
    if case.error == "unsupported_token_type" and case.kind == "introspect":
        return ours(
            "the server does not introspect tokens of this kind (RFC 7662 §2.1)",
            "ask about another token: introspect: {token: …}, or leave this step out for this server",
        )
    words = _ERRORS.get(case.error)
    return ours(words) if words else None


def _listed(case: Case, name: str, member: str) -> Blame:
    sent = case.form.get(name) or _asked(case, name)
    listed = case.flow.server.get(member)
    values = sent.split() if name == "scope" else [sent] if sent else []
    if not values:
        return ours(f"no {name} was sent", f"write {name} where the step or authorization: has it")
    unknown = [value for value in values if isinstance(listed, list) and value not in listed]
    if unknown:
        odd, has = short(" and ".join(unknown)), short(", ".join(map(str, listed or ())))
        place = case.in_scenario("authorization", name)
        do = f"take {odd} out of {name}{place}; the server has: {has}"
        return ours(f"{member} of the metadata does not have {odd}", do)
    words = f"the server does not know the {name} {short(sent)}, or this client may not have it"
    return ours(words, f"ask the server's team which {name} {case.client.client_id} may ask for, and write that")
