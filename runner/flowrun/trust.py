"""What the browser is to trust beyond its own list: servers that the environment's own authority vouches for."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowrun.errors import StepError
from flowrun.tls import context_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from flowrun.environment import Environment


def browser_arguments(trusted: Iterable[tuple[Environment, Path | None]]) -> tuple[str, ...]:
    """Return Chromium's arguments for environments with `tls: {ca: …}`, or with the authority of their sandbox.

    Without any of these there are no arguments.

    Chromium takes no file of authorities. So each server that the environment names is asked for its certificate over
    a connection that the authority's file has verified, and the browser is told to accept exactly that key, and the
    authority's own where a server sends it along. A server that does not answer is left to the step that needs it.
    """
    pins: dict[str, None] = {}
    for environment, authority in trusted:
        if authority is not None:  # the sandbox sends it along with its own certificate
            pins |= dict.fromkeys(_pin(one) for one in _certificates(authority))
        if environment.tls.ca is None:
            continue
        urls = (environment.issuer, *environment.endpoints.values())
        hosts = {urlsplit(url).netloc: url for url in urls if urlsplit(url).scheme == "https"}
        for url in hosts.values():
            pins |= dict.fromkeys(_pins(url, environment))
    return (f"--ignore-certificate-errors-spki-list={','.join(pins)}",) if pins else ()


def _pins(url: str, environment: Environment) -> list[str]:
    from cryptography import x509  # noqa: PLC0415  only for an authority of one's own

    assert environment.tls.ca is not None  # noqa: S101  the caller has seen to it
    parts = urlsplit(url)
    try:
        context = context_for(environment.tls)
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), environment.timeouts.http) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
        authorities = _certificates(environment.tls.ca)
    except (OSError, ValueError, StepError):
        return []
    served = [x509.load_der_x509_certificate(certificate)] if certificate else []
    return [_pin(one) for one in (*served, *authorities)]


def _certificates(file: Path) -> list[Any]:
    from cryptography import x509  # noqa: PLC0415

    return list(x509.load_pem_x509_certificates(file.read_bytes()))


def _pin(certificate: object) -> str:
    import hashlib  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    assert isinstance(certificate, x509.Certificate)  # noqa: S101  for the type checker
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()
