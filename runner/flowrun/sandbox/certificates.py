"""The client's TLS certificate: where it is seen, whose it is, and its thumbprint (RFC 8705)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import request

from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from flowrun.sandbox.models import RegisteredClient
    from flowrun.sandbox.settings import CertificateHeader
    from flowrun.sandbox.world import World

BEGIN: Final = "-----BEGIN CERTIFICATE-----"
END: Final = "-----END CERTIFICATE-----"


def shown(world: World) -> x509.Certificate | None:
    """Return the certificate of the current request: a proxy's header comes before the connection's own."""
    header = world.settings.certificate_header
    written = request.headers.get(header.name) if header else None
    if header and written:
        return _from_header(written, header)
    pem = request.environ.get("SSL_CLIENT_CERT")
    return x509.load_pem_x509_certificate(pem.encode()) if pem else None


def thumbprint(certificate: x509.Certificate) -> str:
    """Return x5t#S256: SHA-256 of the DER, base64url (RFC 8705 §3.1)."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_subject_of(certificate: x509.Certificate, client: RegisteredClient) -> bool:
    """Tell whether it names the subject of the registered one (tls_client_auth_subject_dn, RFC 8705 §2.1.2)."""
    registered = client.certificate()
    return registered is not None and certificate.subject == registered.subject


def is_registered(certificate: x509.Certificate, client: RegisteredClient) -> bool:
    """Tell whether it is the registered one itself, or has a key of the client's JWKS (x5c, RFC 8705 §2.2)."""
    registered = client.certificate()
    in_jwks = [
        x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
        for key in client.settings.jwks.get("keys", [])
        if key.get("x5c")
    ]
    return _public(certificate) in {_public(one) for one in (registered, *in_jwks) if one is not None}


def is_bound(world: World, confirmed: str) -> bool:
    """Tell whether the current request shows the certificate with this thumbprint."""
    certificate = shown(world)
    return certificate is not None and secrets.compare_digest(thumbprint(certificate), confirmed)


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _from_header(written: str, header: CertificateHeader) -> x509.Certificate:
    try:
        if header.format == "der":
            return x509.load_der_x509_certificate(base64.b64decode(written, validate=True))
        text = unquote(written) if header.format == "url" else written
        body = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
        # On one line, the ends of lines have become spaces.
        return x509.load_der_x509_certificate(base64.b64decode("".join(body.split()), validate=True))
    except (ValueError, binascii.Error) as error:
        told = f"The header {header.name} is no certificate in the format {header.format}."
        raise refusal("invalid_request", told) from error
