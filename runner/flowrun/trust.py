"""What the browser is to trust beyond its own list: servers that the environment's own authority vouches for."""

from __future__ import annotations

import base64
import hashlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowrun.errors import StepError
from flowrun.wire import context_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowrun.environment import Environment


def browser_arguments(environments: Iterable[Environment]) -> tuple[str, ...]:
    """Return Chromium's arguments for environments with `tls: {ca: …}`; none when there is no such environment.

    Chromium takes no file of authorities. So each server that the environment names is asked for its certificate over
    a connection that the authority's file has verified, and the browser is told to accept exactly that key, and the
    authority's own where a server sends it along. A server that does not answer is left to the step that needs it.
    """
    pins: dict[str, None] = {}
    for environment in environments:
        if environment.tls.ca is None:
            continue
        for url in (environment.issuer, *environment.endpoints.values()):
            if urlsplit(url).scheme == "https":
                pins |= dict.fromkeys(_pins(url, environment))
    return (f"--ignore-certificate-errors-spki-list={','.join(pins)}",) if pins else ()


def _pins(url: str, environment: Environment) -> list[str]:
    from cryptography import x509  # noqa: PLC0415  only for an authority of one's own

    parts = urlsplit(url)
    try:
        context = context_for(environment.tls)
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), environment.timeouts.http) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
        authorities = x509.load_pem_x509_certificates(environment.tls.ca.read_bytes() if environment.tls.ca else b"")
    except (OSError, ValueError, StepError):
        return []
    served = [x509.load_der_x509_certificate(certificate)] if certificate else []
    return [_pin(one) for one in (*served, *authorities)]


def _pin(certificate: object) -> str:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    assert isinstance(certificate, x509.Certificate)  # noqa: S101  for the type checker
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()
