"""How a client says who it is, and is not believed: assertions, secrets, certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.blame import certificate, signed
from flowrun.blame.case import Blame, ours, short, unclear

if TYPE_CHECKING:
    from flowrun.blame.case import Case

_METHOD: Final = r"registered for|auth(entication)? method|token_endpoint_auth_method"
_CLIENT: Final = (
    r"unknown client|no such client|client_id|client .{0,20}(not found|unknown|not registered|not exist)|registration"
)
_LOGIN: Final = r"secret|credential|password|authentication failed"


def client(case: Case) -> Blame | None:
    """Say why the client was not believed (invalid_client, RFC 6749 §5.2)."""
    if case.error != "invalid_client":
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
    sent = case.form.get("client_id") or case.client.client_id
    file = case.environment.document.file if sent == case.client.client_id else "the scenario"
    words = f"the server does not know the client_id {short(sent)}"
    return ours(words, f"compare client_id in {file} with the registration")


def _registered_otherwise(case: Case) -> Blame | None:
    if case.says(_METHOD):
        words = f"{case.client.client_id} is not registered for auth: {case.client.auth}"
        return ours(words, "compare auth at the client with token_endpoint_auth_method of the registration")
    return _not_known(case) if case.says(_CLIENT) else None


def _without_assertion(case: Case) -> Blame:
    auth, name = case.client.auth, case.client.name
    headers = {header.lower() for header in case.call.sent_headers} if case.call else set()
    if "client_assertion" in case.form:
        known = _registered_otherwise(case)
        return known or ours("what was sent as client_assertion is no JWT", "sign: client_assertion makes one")
    if auth in {"private_key_jwt", "client_secret_jwt"}:
        words = f"no client assertion was sent, and the client '{name}' has auth: {auth}"
        return ours(words, "write authenticate: true at the call")
    if "tls_client_auth" in auth:
        return _by_certificate(case)
    if auth == "none":
        return _registered_otherwise(case) or _not_known(case)
    if "client_secret" not in case.form and "authorization" not in headers:
        words = f"no client_secret was sent, and the client '{name}' has auth: {auth}"
        return ours(words, "write authenticate: true at the call")
    compare = "compare client_id, client_secret and auth with the registration"
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
    who = f"{case.client.client_id} and {case.client.certificate.file.name}"
    return unclear("the server did not believe that it is us", f"compare {who} with what it has of us")
