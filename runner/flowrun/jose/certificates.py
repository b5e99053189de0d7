"""What a token says of the certificate that it is bound to (RFC 8705)."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from flowrun.jose.encoding import to_base64url
from flowrun.jose.errors import JoseError


def x5t_s256(pem: bytes) -> str:
    """Return the SHA-256 thumbprint, in base64url, of the first certificate in a PEM text (RFC 8705, section 3.1).

    Raises `certificate-unreadable` where there is none.
    """
    certificate: x509.Certificate | None
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        certificate = None
    if certificate is None:
        raise JoseError(
            "certificate-unreadable",
            "there is no certificate that can be read (PEM)",
            hint="a certificate file begins with -----BEGIN CERTIFICATE-----",
        )
    return to_base64url(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())
