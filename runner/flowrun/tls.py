"""TLS as an environment wants it: whom we trust, which certificate we show, which versions we offer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flowrun.dataclass import dataclass
from flowrun.errors import WRONG_FILE, StepError

if TYPE_CHECKING:
    import ssl

_FLIGHTS: Final = 6  # of messages that a handshake takes at most


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server's certificate is judged and which certificate we show: files, never contents.

    `at_most` is the newest version that we offer, 1.0 to 1.3, empty: what this machine has.
    """

    ca: Path | None = None
    verify: bool = True
    certificate: Path | None = None
    key: Path | None = None
    at_most: str = ""


def context_for(tls: Tls) -> ssl.SSLContext:
    """Return the TLS context for these files; raises `StepError` where one can't be read."""
    import ssl  # noqa: PLC0415  who sends nothing needs none

    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise StepError(
            "ca-unreadable", f"the CA file {tls.ca} can't be read as PEM certificates", exit_code=WRONG_FILE
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    if tls.at_most:
        _offer(context, tls.at_most)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ssl.SSLError) as error:
            raise StepError(
                "certificate-unreadable",
                f"the client certificate {tls.certificate.name} can't be used",
                label=_certificate_reason(error),
                exit_code=WRONG_FILE,
            ) from error
    return context


def _offer(context: ssl.SSLContext, newest: str) -> None:
    """Let a context offer nothing newer than a version of TLS; what is old is offered at all only then."""
    import ssl  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    version = {"1.0": "TLSv1", "1.1": "TLSv1_1", "1.2": "TLSv1_2", "1.3": "TLSv1_3"}[newest]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what is deprecated, which is the point
        if newest in {"1.0", "1.1"}:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL 3 signs nothing as these do at a higher level
        context.maximum_version = ssl.TLSVersion[version]


@lru_cache(maxsize=1)
def speaks_old_tls() -> bool:
    """Tell whether this machine's OpenSSL can still speak TLS 1.1: two ends of a connection in memory find it out."""
    import ssl  # noqa: PLC0415

    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = []
    for kind in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(kind)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            _offer(context, "1.1")
            context.set_ciphers("aNULL:@SECLEVEL=0")  # without certificates: there is nobody to trust here
        except (ssl.SSLError, ValueError):
            return False
        ends.append(context)
    client, server = ends[0].wrap_bio(there, back), ends[1].wrap_bio(back, there, server_side=True)
    for _ in range(_FLIGHTS):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return client.version() == "TLSv1.1"


def _certificate_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if "MISMATCH" in str(error) or "NO_CERTIFICATE_ASSIGNED" in str(error):
        return "the private key belongs to another certificate"
    return "it must be PEM, with its private key"
