"""TLS for one run: an authority, a certificate for localhost, and hosts that do or do not ask for the client's."""

from __future__ import annotations

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAME: Final = "localhost"
FEW_DAYS: Final = 10  # with the switch that lets the certificate end soon
DAYS: Final = 90  # `flowrun sandbox` may stand for weeks
AUTHORITY: Final = "ca.pem"
SERVER: Final = "server.pem"


def make_certificates(folder: Path, *, ends_soon: bool = False) -> Path:
    """Write an authority's certificate and the server's chain with its key into a folder; return the authority's file.

    The authority's private key is not kept: nobody can issue another certificate that the run would trust.
    """
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("flowrun sandbox CA of one run")
    authority = (
        _builder(issuer, issuer, authority_key, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ip_address("127.0.0.1"))])
    server = (
        _builder(_name(NAME), issuer, key, authority_key, FEW_DAYS if ends_soon else DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .sign(authority_key, SHA256())
    )
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in (server, authority))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / SERVER).write_bytes(private + chain)
    (folder / AUTHORITY).write_bytes(authority.public_bytes(Encoding.PEM))
    return folder / AUTHORITY


def server_context(folder: Path, clients: Iterable[str] | None = None, *, old: bool = False) -> ssl.SSLContext:
    """Return the context of a host; with `clients`, PEM certificates, it asks for a client certificate.

    Python's TLS refuses a certificate that nothing vouches for. So each registered certificate is an anchor by itself,
    self-signed or not; whether it is the right one for the client is judged by the application, and a client may also
    come without any. Only a certificate that no client is registered with fails in TLS. `old` lets TLS 1.0 and 1.1 in.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # which is the point
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL has no longer a signature for TLS 1.0 and 1.1 otherwise
    context.load_cert_chain(folder / SERVER)
    if clients is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        for pem in clients:
            context.load_verify_locations(cadata=pem)
    return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int = DAYS,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    usage = partial(
        x509.KeyUsage,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return usage(digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=False)
