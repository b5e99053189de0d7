"""No answer, an answer that is none, and what goes wrong before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flowrun.blame import certificate
from flowrun.blame.case import OURS, Blame, elsewhere, ours, short, theirs, unclear
from flowrun.errors import NO_BROWSER, UNREACHABLE, WRONG_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.blame.case import Case

_TOO_MANY: Final = 429
_GATEWAY: Final[Mapping[int, str]] = {
    502: "a gateway before it got no usable answer from it",
    503: "it is down, being maintained, or has too much to do",
    504: "a gateway before it got no answer from it in time",
}
_NO_SUCH_PLACE: Final = (404, 405, 410)
_CLIENT_ERROR: Final = 400
_UNREACHABLE: Final[Mapping[str, str]] = {
    "name-not-found": "the name of the host does not resolve on this machine",
    "connection-refused": "nothing listens there: the server is down, or host and port are not right",
    "timeout": "there was no answer in time",
    "tls-certificate": "nobody whom this machine trusts vouches for the server's certificate",
    "tls-name": "the server's certificate has another name than the address that was called",
    "tls-failed": "there was no TLS connection; the port may speak plain http, or only an old version of TLS",
    "connection-dropped": "the server, or something before it, cut the connection",
    "not-http": "what listens there does not speak HTTP",
    "unreachable": "the browser did not get an answer in time, or none at all",
    "tls": "the browser does not accept the TLS connection",
}
# The browser's words for the same.
_BROWSER: Final[Mapping[str, str]] = {
    "NAME_NOT_RESOLVED": "name-not-found",
    "CONNECTION_REFUSED": "connection-refused",
    "TIMED_OUT": "timeout",
    "CERT_AUTHORITY_INVALID": "tls-certificate",
    "CERT_COMMON_NAME_INVALID": "tls-name",
    "SSL_PROTOCOL_ERROR": "tls-failed",
    "CONNECTION_RESET": "connection-dropped",
}
# What TLS says of anything that does not fit, also of versions and algorithms (RFC 8446, section 6.2).
_VAGUE: Final = frozenset({"", "handshake failure"})
# A template that could not be filled; what it reads may come from the server.
_HOLES: Final = frozenset({"unknown-variable", "template-error"})
FILLED: Final = "this is what the template came to"
_PEOPLE: Final = "a proxy, a firewall or a maintenance page does this; open the address in a browser"


def unreachable(case: Case) -> Blame | None:
    """Say why nothing came: the network, a certificate of theirs, one of ours."""
    code = case.problem.code
    if case.problem.exit_code != UNREACHABLE:
        return None
    if code == "tls-client-certificate":
        return _handshake(case)
    if code == "tls-certificate" and "out of its time" in case.problem.title:
        return theirs("its certificate is not valid today, unless the clock of this machine is wrong", "")
    if code == "connection-dropped" and case.client.certificate is None and case.url.startswith("https:"):
        words = "a server that restarts does this, and one that wants a client certificate"
        return unclear(f"{words}; the client '{case.client.name}' has none")
    by_browser = case.fact("browser")
    told = next((_UNREACHABLE[known] for word, known in _BROWSER.items() if word in by_browser), _UNREACHABLE.get(code))
    return elsewhere(told or "the server could not be reached from this machine")


def _handshake(case: Case) -> Blame:
    if case.kind == "discover":
        return unclear("the server wants a client certificate, and metadata and keys are asked for without one")
    own = case.client.certificate
    if case.fact("TLS alert") in _VAGUE:
        found = certificate.unfit(case) if own else None  # without one, the versions of TLS may not fit as well
        has = f"has {own.file.name}" if own else "has none"
        words = f"a server that wants another client certificate does this; the client '{case.client.name}' {has}"
        return found or unclear(words)
    words = "the server does not accept the client's certificate"
    if "unknown ca" in case.fact("TLS alert"):
        name = own.file.name if own else "it"
        words = f"the server does not trust who issued {name}: {short(certificate.issuer_of(case))} (unknown ca)"
    return certificate.unfit(case) or certificate.unknown(case, words)


def too_many(case: Case) -> Blame | None:
    """Say that there were too many calls (RFC 6585, section 4)."""
    status = case.refusal.status if case.refusal else case.call.status if case.call else None
    if status != _TOO_MANY:
        return None
    wait = short(case.call.headers.get("retry-after", "")) if case.call else ""
    after = f"after {wait} s" if wait.isdigit() else f"after {wait}"
    do = f"run it again {after}, as the answer says (Retry-After)" if wait else "run it again in some minutes"
    return elsewhere("the server limits how often it may be called (429)", f"{do}; with --jobs, use fewer")


def no_protocol(case: Case) -> Blame | None:
    """Say what an answer that is none speaks for."""
    match case.problem.code:
        case "server-error":
            status = case.call.status if case.call else 0
            return theirs(f"{_GATEWAY.get(status, 'it failed inside')} ({status or '5xx'})")
        case "redirected":
            return _redirected(case)
        case "not-json" | "par_bad_response":
            return _no_answer(case)
        case "no-metadata":
            words = f"there is no metadata below {case.issuer or 'the issuer'}: the issuer is wrong, or it has none"
            do = "letter by letter; a server without metadata needs its endpoints: in the same file"
            return unclear(
                words, f"write the issuer that the server's team gives at {case.in_environment('issuer')}, {do}"
            )
        case "no-code" if case.kind == "browse":
            return theirs("a response has a code or an error (RFC 6749 §4.1.2)")
        case "no_par_endpoint":
            return ours("the scenario pushes its request, and this server says nothing of PAR")
        case "par_required":
            return ours("the scenario does not push its request, and this server wants that")
        case "no-endpoint":
            return ours("neither the metadata nor the environment names the address that the step needs")
        case "answer-not-trusted" | "unreadable-jwt":
            return theirs("what it signed can't be verified with its keys, or not be read with ours", "")
        case "no-jwks" | "answer-too-large":
            return theirs("its answer can't be used")
    return None


def _redirected(case: Case) -> Blame:
    target = case.call.headers.get("location", "").partition("?")[0] if case.call else ""
    by = case.named_by()
    if _almost(case.url, target):
        if by == "the metadata":
            return theirs(f"its metadata names {case.url}, which sends on to {short(target)}")
        return ours(f"the address is almost right: {_difference(case.url, target)}", _correct(by, short(target)))
    if case.kind == "discover":
        words = f"{case.issuer or 'the address'} may not be the issuer, letter by letter (RFC 8414 §3)"
        return unclear(words, f"write the issuer that the server's team gives at {case.in_environment('issuer')}")
    if by == "the metadata":
        rule = "a pushed request is answered, not redirected (RFC 9126 §2.2)"
        return theirs(f"{rule if case.kind == 'push' else 'an API answers'}; the address is that of its metadata")
    return unclear(f"the address may be wrong: {by or 'the scenario'}", "look it up with the server's team")


def _almost(called: str, target: str) -> bool:
    """Tell whether two addresses differ in nothing but http and https, or a slash at the end."""
    try:
        one, other = urlsplit(called), urlsplit(target)
    except ValueError:  # what a server writes into Location may be no URL
        return False
    same_place = one.hostname == other.hostname and one.path.rstrip("/") == other.path.rstrip("/")
    return bool(called and target) and same_place and called != target


def _difference(called: str, target: str) -> str:
    one, other = urlsplit(called), urlsplit(target)
    if one.scheme != other.scheme:
        return f"it begins with {one.scheme}, the server wants {other.scheme}"
    if one.path != other.path:
        return f"the slash at the end is {'missing' if len(one.path) < len(other.path) else 'too much'}"
    return "the port is another"


def _correct(place: str, address: str) -> str:
    return f"write {address} at {place}" if place else f"write {address} in the scenario"


def _no_answer(case: Case) -> Blame:
    if _for_people(case):
        return elsewhere(f"{case.host} answered with a page for people", _PEOPLE)
    by = case.named_by()
    if by != "the metadata" and case.kind != "discover":
        return unclear(f"the address may be wrong: {by or 'the scenario'}", "look it up with the server's team")
    clause = {"discover": " (RFC 8414 §3.2)", "push": " (RFC 9126 §2.2)", "exchange": " (RFC 6749 §5.1)"}
    return theirs(f"the answer is not what the protocol says{clause.get(case.kind, '')}")


def _for_people(case: Case) -> bool:
    return case.call is not None and "html" in case.call.headers.get("content-type", "").lower()


def wrong_place(case: Case) -> Blame | None:
    """Say what a refusal that is no OAuth error speaks for: an address where nothing is, a page for people."""
    if case.refusal is None or case.error or case.call is None or case.refusal.place in {"page", "callback"}:
        return None
    status = case.call.status
    if status in _NO_SUCH_PLACE and case.kind != "call":
        by = case.named_by()
        if by == "the metadata":
            do = f"give this report to its team; to go on now, write the right one in {_endpoints(case)}"
            return theirs(f"its metadata names {case.url}, and nothing is there ({status})", do)
        name = by.rpartition(".")[2].removesuffix(")")
        published = case.flow.server.get(name)
        do = f"correct the address at {by}" if by else "correct the address in this step"
        if isinstance(published, str):
            do = f"delete {by}: then {short(published)} is used, as the metadata says; or correct it"
        return ours(f"nothing is at {case.url} ({status})", do)
    if status >= _CLIENT_ERROR and _for_people(case):
        return elsewhere(f"{case.host} answered with a page for people ({status})", _PEOPLE)
    return None


def _endpoints(case: Case) -> str:
    name = next((name for name, url in case.flow.server.items() if url == case.url), "")
    file = case.environment.document.file
    return f"{file}: endpoints: {{{name}: …}}" if name else f"{file}: endpoints:"


def own_file(case: Case) -> Blame | None:
    """Say that the person's own files, or machine, are to blame where the kind of problem says so."""
    if case.problem.code in _HOLES or case.problem.label == FILLED:
        return unclear("the scenario reads something that is not there, or not as it thinks: misspelt, or left out")
    if case.problem.exit_code == WRONG_FILE:
        return Blame(OURS)
    return elsewhere("no browser started on this machine") if case.problem.exit_code == NO_BROWSER else None
