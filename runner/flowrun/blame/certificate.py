"""The client's TLS certificate: was it shown, and could any server have accepted it today (RFC 8705)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flowrun import certificates
from flowrun.auth.certificate import goes_to
from flowrun.blame.case import Blame, ours, unclear

if TYPE_CHECKING:
    from flowrun.blame.case import Case

SPOKEN_OF: Final = r"certificate|(?<![a-z])(mtls|x5t|thumbprint)"
_LACKING: Final = r"no (client |tls )*certificate|certificate .{0,20}(missing|required|not (sent|presented|provided))"


def missing(case: Case) -> Blame | None:
    """Say why no certificate came where the server says that there is none."""
    if case.refusal is None or not case.says(_LACKING):
        return None
    return not_shown(case) or unclear(
        f"the certificate {_file(case)} was shown, and the server says that there is none",
        "ask its team whether something before the server ends TLS and does not pass the certificate on",
    )


def unfit(case: Case) -> Blame | None:
    """Say why the client's certificate can't have been accepted: not shown, or of no use today."""
    return not_shown(case) or _out_of_time(case)


def unknown(case: Case, words: str) -> Blame:
    """Say that the server does not take the certificate that it was shown."""
    place, who = case.setting("certificate", "file"), case.client.client_id
    return ours(
        words,
        f"name the certificate that is registered for {who} at {place};\n"
        f"if {_file(case)} is the one: add the certificates of its issuers to the file, below it,\n"
        "or ask the server's team to register it and to trust who issued it",
    )


def issuer_of(case: Case) -> str:
    """Return who issued the client's certificate, as it says; empty where it can't be read."""
    try:
        return (
            certificates.read(case.client.certificate.file).issuer.rfc4514_string() if case.client.certificate else ""
        )
    except (OSError, ValueError):
        return ""


def not_shown(case: Case) -> Blame | None:
    """Say why the client's certificate did not go to the host that was called; None where it did."""
    own, parts = case.client.certificate, urlsplit(case.url)
    if own is None:
        words = f"the server wants a client certificate, and the client '{case.client.name}' has none"
        place = case.setting("certificate")
        do = f"write certificate: {{file: …, key: …}} at {place}; the server must know it too"
        return ours(words, do)
    if not goes_to(own, parts.hostname or "", parts.port):
        words = f"the certificate {own.file.name} was not shown to {case.host}: this host is not in the client's list"
        return ours(words, f"add {case.host} to hosts, or delete hosts, at {case.setting('certificate', 'hosts')}")
    if parts.scheme == "http" and own.header is None:
        words = f"{case.host} was called by http, and without TLS no certificate can be shown"
        return ours(words, "name an https address, or certificate: {header} where a proxy is meant to add it")
    return None


def _out_of_time(case: Case) -> Blame | None:
    from datetime import UTC, datetime  # noqa: PLC0415  only for a failure

    assert case.client.certificate is not None  # noqa: S101  `not_shown` has just looked
    file, place = case.client.certificate.file, case.setting("certificate", "file")
    try:
        certificate = certificates.read(file)
    except (OSError, ValueError):
        return ours(f"the certificate {file.name} can't be read", f"name a PEM file at {place}")
    today = datetime.fromtimestamp(case.now, UTC)
    ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if today > ends:
        return ours(
            f"the certificate {file.name} expired on {ends:%Y-%m-%d}", f"get a new one from its issuer: {place}"
        )
    if today < begins:
        return ours(
            f"the certificate {file.name} is valid only from {begins:%Y-%m-%d} on",
            f"wait, or name another one: {place}; look at the clock of this machine too",
        )
    return None


def _file(case: Case) -> str:
    return case.client.certificate.file.name if case.client.certificate else "it"
