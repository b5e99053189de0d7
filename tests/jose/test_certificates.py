"""The thumbprint of a certificate, against openssl's own reading of the file."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from flowrun.jose import JoseError, x5t_s256


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = builder.serial_number(1).not_valid_before(day).not_valid_after(day + dt.timedelta(days=9))
    return built.sign(key, hashes.SHA256())


def test_it_is_the_hash_of_the_first_certificate_in_the_file(made, tools):
    first, second = certificate(made.p256), certificate(made.p384)
    text = first.public_bytes(Encoding.PEM) + second.public_bytes(Encoding.PEM) + tools.pem(made.p256).encode()
    expected = base64.urlsafe_b64encode(hashlib.sha256(first.public_bytes(Encoding.DER)).digest())
    assert x5t_s256(text) == expected.rstrip(b"=").decode()


@pytest.mark.parametrize("text", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_without_a_certificate_that_is_told(text):
    with pytest.raises(JoseError) as caught:
        x5t_s256(text)
    assert caught.value.code == "certificate-unreadable"
