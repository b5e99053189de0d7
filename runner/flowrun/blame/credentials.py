"""How a client says who it is, and is not believed: assertions, secrets, certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.auth.secret_basic import changed_by_encoding
from flowrun.blame import certificate, signed
from flowrun.blame.case import Blame, ours, short, unclear

if TYPE_CHECKING:
    from flowrun.blame.case import Case

_METHOD: Final = r"registered for|auth(entication)? method|token_endpoint_auth_method"
_CLIENT: Final = (
    r"unknown client|no such client|client_id|client .{0,20}(not found|unknown|not registered|not exist)|registration"
)
_LOGIN: Final = r"secret|credential|password|authentication failed"


# What a server that knows no better error says of an assertion.
_REFUSED: Final = r"authori[sz]ation failed|authentication failed|client auth|assertion"
_BELIEVES_FIRST: Final = frozenset({"push", "exchange", "introspect", "revoke"})
_UNAUTHORIZED, _FORBIDDEN = 401, 403


def _bare(case: Case, *statuses: int) -> bool:
    """Tell whether an endpoint that first asks who the client is refused with a status and not a word."""
    refusal = case.refusal
    return refusal is not None and not refusal.error and case.kind in _BELIEVES_FIRST and refusal.status in statuses


def _not_believed(case: Case) -> bool:
    if case.error == "invalid_request":
        return "client_assertion" in case.form and case.says(_REFUSED)
    return case.error == "invalid_client" or _bare(case, _UNAUTHORIZED)


def encoded(case: Case) -> Blame | None:
    """Doubt the form-encoding of a Basic header first: many servers do not decode it (RFC 6749 §2.3.1)."""
    if case.error not in {"invalid_client", "unauthorized_client"} and not _bare(case, _UNAUTHORIZED, _FORBIDDEN):
        return None
    sent = {header.lower() for header in case.call.sent_headers} if case.call else set()
    if case.client.auth != "client_secret_basic" or "authorization" not in sent or case.says(_METHOD):
        return None
    changed = changed_by_encoding(case.client)
    if not changed:
        return None
    have = f"{' and '.join(changed)} {'has' if len(changed) == 1 else 'have'}"
    words = (
        f"the {have} letters that are encoded in the Basic header (RFC 6749 §2.3.1), and not every server reads that"
    )
    do = f"write basic_encoding: raw at {case.setting('basic_encoding')};\nif it is refused too, take that out again, "
    if case.error == "unauthorized_client":
        return unclear(words, f"{do}and ask the server's team whether this client is registered for this grant")
    return unclear(words, f"{do}and get the secret again, for {case.setting('client_secret')}")


def client(case: Case) -> Blame | None:
    """Say why the client was not believed (invalid_client, RFC 6749 §5.2), or what servers say instead."""
    if not _not_believed(case):
        return None
    if case.kind == "browse":  # nobody authenticates in a browser
        return _not_known(case)
    sent = case.signed("client_assertion")
    if sent is None:
        return _without_assertion(case)
    found = signed.refused(sent, case, "client assertion")
    if found or signed.speaks_of_it(case):
        return found or signed.to_compare(sent, case)
    return _registered_otherwise(case) or signed.to_compare(sent, case)


def request_object(case: Case) -> Blame | None:
    """Say why a signed request was not believed (invalid_request_object, RFC 9101 §6.2)."""
    sent = case.signed("request_object")
    if case.error != "invalid_request_object" or sent is None:
        return None
    return signed.refused(sent, case, "request object")


def _not_known(case: Case) -> Blame:
    own = case.client.client_id
    sent = case.form.get("client_id") or own
    words = f"the server does not know the client_id {short(sent)}"
    if sent != own:
        return ours(
            f"{words}, which the scenario sends; the client's is {own or 'not set'}",
            f"write client_id: {own} in this step, or leave it out with authenticate: true; "
            "a client_assertion in it must be for the same client",
        )
    place = case.setting("client_id")
    return ours(words, f"write the client_id that the server's team, or portal, has given you at {place}")


def _registered_otherwise(case: Case) -> Blame | None:
    if case.says(_METHOD):
        return _method(case)
    return _not_known(case) if case.says(_CLIENT) else None


def _method(case: Case) -> Blame:
    """Take the server at its word: the method is not the registered one. A secret may be meant as well."""
    auth, place = case.client.auth, case.setting("auth")
    listed = case.flow.server.get("token_endpoint_auth_methods_supported")
    if isinstance(listed, list) and auth not in listed:
        offered = short(", ".join(map(str, listed)) or "none")
        words = f"auth: {auth} is none of token_endpoint_auth_methods_supported in the metadata: {offered}"
        return ours(words, f"write the one that is registered for {case.client.client_id} at {place}")
    words = f"{case.client.client_id} is not registered for auth: {auth}"
    do = f"ask the server's team, or portal, for token_endpoint_auth_method, and write it as auth at {place}"
    if auth.startswith("client_secret_"):
        words += ", or not with this secret"
        do += f"\nif it is {auth}, the secret is wrong: get it again, for {case.setting('client_secret')}"
    return ours(words, do)


def _without_assertion(case: Case) -> Blame:
    auth, name = case.client.auth, case.client.name
    headers = {header.lower() for header in case.call.sent_headers} if case.call else set()
    if "client_assertion" in case.form:
        known = _registered_otherwise(case)
        return known or ours("what was sent as client_assertion is no JWT", "sign: client_assertion makes one")
    if auth in {"private_key_jwt", "client_secret_jwt"}:
        words = f"no client assertion was sent, and the client '{name}' has auth: {auth}"
        return ours(words, "write authenticate: true in this call: step")
    if "tls_client_auth" in auth:
        return _by_certificate(case)
    if auth == "none":
        return _registered_otherwise(case) or _not_known(case)
    if "client_secret" not in case.form and "authorization" not in headers:
        words = f"no client_secret was sent, and the client '{name}' has auth: {auth}"
        return ours(words, "write authenticate: true in this call: step")
    known = _method(case) if case.says(_METHOD) else None
    if known:
        return known
    compare = (
        f"get the secret of {case.client.client_id} again, for {case.setting('client_secret')};\n"
        f"if it is the same, write the auth that is registered at {case.setting('auth')}"
    )
    if case.said and not any(case.says(topic) for topic in (_LOGIN, _CLIENT, _METHOD)):
        return unclear("the server did not believe that it is us, and does not say why", compare)
    return ours(f"the server does not know {case.client.client_id} with this secret, or not by {auth}", compare)


def _by_certificate(case: Case) -> Blame:
    found = certificate.unfit(case) or _registered_otherwise(case)
    if found or not case.client.certificate:
        return found or _not_known(case)
    words = f"the certificate {case.client.certificate.file.name} is not the one that the server knows"
    if case.says(certificate.SPOKEN_OF):
        return certificate.unknown(case, words)
    who = f"{case.client.client_id}, {case.client.auth} and the certificate {case.client.certificate.file.name}"
    return unclear("the server did not believe that it is us", f"ask its team whether {who} are what is registered")
