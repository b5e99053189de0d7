"""Why nothing came: what a library says of it, in our words."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final
from urllib.parse import urlsplit

from flowrun.dataclass import dataclass
from flowrun.errors import UNREACHABLE, WRONG_FILE, StepError
from flowrun.lane import LateError


@dataclass(frozen=True, slots=True)
class _Reason:
    """One way to get no answer: words to look for in the library's text, and ours instead."""

    code: str
    words: tuple[str, ...]
    title: str
    hint: str = field(default="")


_REASONS: Final = (
    _Reason(
        "name-not-found",
        (
            "Name or service not known",
            "nodename nor servname",
            "getaddrinfo",
            "name resolution",
            "No address associated",
        ),
        "the host name {host} does not resolve",
        "check the spelling of the host, and that this machine may look it up (VPN, DNS)",
    ),
    _Reason(
        "connection-refused",
        ("Connection refused", "actively refused", "Errno 111"),
        "nothing listens at {host}",
        "is the server up? is the port right?",
    ),
    _Reason(
        "tls-name",
        ("Hostname mismatch", "IP address mismatch"),
        "the TLS certificate of {host} is for another name",
        "is the host of the URL right? the certificate must name it",
    ),
    _Reason(
        "tls-certificate",
        ("certificate has expired", "certificate is not yet valid"),
        "the TLS certificate of {host} is out of its time: it has expired, or is not valid yet",
        "tell the server's team; or is the clock of this machine wrong?",
    ),
    _Reason(
        "tls-certificate",
        ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"),
        "the TLS certificate of {host} is not trusted",
        "name its authority in the environment file: tls: {{ca: path/to/ca.pem}}",
    ),
    _Reason(
        "tls-client-certificate",
        (
            "CERTIFICATE_REQUIRED",
            "bad certificate",
            "BAD_CERTIFICATE",
            "HANDSHAKE_FAILURE",
            "handshake failure",
            "ALERT_UNKNOWN_CA",  # the alerts are about what the client showed (RFC 8446, section 6.2)
            "ALERT_CERTIFICATE",
            "ALERT_UNSUPPORTED_CERTIFICATE",
        ),
        "{host} refused the TLS handshake, most likely over the client certificate",
        "give the client a certificate: {{file, key}} that this server knows",
    ),
    _Reason("tls-failed", ("SSL", "TLS"), "no TLS connection with {host}", "does this port speak https?"),
    _Reason(
        "connection-dropped",
        ("disconnected without sending", "Connection reset", "peer closed connection", "Broken pipe"),
        "{host} dropped the connection without an answer",
        "a server that wants a client certificate, or one that is starting, does this",
    ),
    _Reason(
        "not-http",
        ("NotHttpError",),
        "{host} answered with something that is no HTTP",
        "is the port right? does it speak https?",
    ),
)


# What the other side says as it hangs up (RFC 8446, section 6.2), in the words of OpenSSL.
_ALERT: Final = re.compile(r"alert ([a-z ]*[a-z])")


def no_answer(url: str, error: Exception, limit: float) -> StepError:
    """Return why nothing came, in our words: from an error of a lane, or of a socket. `limit` is in seconds."""
    wrong_url = isinstance(error, ValueError) and not isinstance(error, OSError)  # ssl has errors that are both
    if wrong_url:
        return StepError("bad-url", f"'{url}' is no URL that can be called", exit_code=WRONG_FILE)
    host = urlsplit(url).netloc.rpartition("@")[2] or url
    facts = (("url", url.partition("?")[0]),)
    if isinstance(error, LateError | TimeoutError):
        return StepError(
            "timeout",
            f"no answer from {host} within {limit:g} s",
            facts=facts,
            hint="timeouts: {http: …} in the environment file sets the limit",
            exit_code=UNREACHABLE,
        )
    text = f"{error} {error.__cause__ or ''} {type(error).__name__}"
    alert = _ALERT.search(text)
    # Whoever ends the handshake refuses; most say why, with an alert, and some only hang up.
    hung_up = alert is not None or "UNEXPECTED_EOF" in text
    for reason in _REASONS:
        if any(word in text for word in reason.words):
            return StepError(
                reason.code,
                reason.title.format(host=host),
                facts=(*facts, ("TLS alert", alert[1])) if alert else facts,
                hint=reason.hint.format(),
                exit_code=UNREACHABLE,
                place="tls" if hung_up else "",
                error=alert[1].replace(" ", "_") if alert else "closed" if hung_up else "",
            )
    return StepError("network_error", f"no usable answer from {host}: {error}", facts=facts, exit_code=UNREACHABLE)
