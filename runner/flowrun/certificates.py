"""A client's certificate, looked at before it is shown to a server: readable, with its key, and valid for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from flowrun.environment import written_at
from flowrun.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.x509 import Certificate

    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.errors import Span

_BY_CERTIFICATE: Final = frozenset({"tls_client_auth", "self_signed_tls_client_auth"})
# Long enough to get another one issued: the authority of an ecosystem takes days.
SOON: Final = timedelta(days=30)


def problems(client: Client, environment: Environment, now: datetime | None = None) -> Iterator[Problem]:
    """Yield what is wrong with a client's certificate and its key, at their lines; one that ends soon is a warning.

    `now` is the moment to judge by, for tests. Nothing is sent, and no key leaves this function.
    """
    wanted = client.certificate
    if wanted is None:
        yield from _lacking(client, environment)
        return
    try:
        certificate = read(wanted.file)
    except (OSError, ValueError) as error:
        yield _unreadable(client, environment, "file", f"the client certificate {wanted.file.name}", error)
        return
    # A certificate in a header is vouched for by a proxy: its key is not asked for here.
    if wanted.key is not None or wanted.header is None:
        yield from _key_problems(client, environment, certificate, wanted.key or wanted.file)
    yield from _time_problems(client, environment, certificate, now or datetime.now(UTC))


def read(file: Path) -> Certificate:
    """Return the first certificate of a PEM file; raises `OSError`, or `ValueError` where there is none in it."""
    from cryptography import x509  # noqa: PLC0415  most clients have no certificate

    return x509.load_pem_x509_certificate(file.read_bytes())


def end_of(der: bytes) -> datetime:
    """Return until when a certificate is valid that a server has shown, DER; raises `ValueError`."""
    from cryptography import x509  # noqa: PLC0415  most clients have no certificate

    return x509.load_der_x509_certificate(der).not_valid_after_utc


def until(end: datetime, now: datetime) -> str:
    """Return until when a certificate is valid, in words: `until 2027-03-01 (212 days)`."""
    days = (end - now).days
    return f"until {end:%Y-%m-%d} " + ("(it has expired)" if end < now else f"({days} day{'' if days == 1 else 's'})")


def _lacking(client: Client, environment: Environment) -> Iterator[Problem]:
    title = ""
    if client.auth in _BY_CERTIFICATE:
        title, field = f"{client.auth} needs a certificate, and '{client.name}' has none", "auth"
    elif client.sender_constraint == "mtls" and _could_be_shown(environment):
        title, field = (
            f"tokens of '{client.name}' are to be bound to its certificate, and it has none",
            "sender_constraint",
        )
    if title:
        label = "" if field == "auth" else "sender_constraint: mtls"
        hint = "write certificate: {file: …, key: …}" + ("" if field == "auth" else ", or sender_constraint: none")
        yield Problem("certificate-missing", title, _at(client, environment, field), label, hint=hint)


def _could_be_shown(environment: Environment) -> bool:
    # A sandbox without TLS sees no certificates and binds no tokens, which a check says when it runs.
    sandbox = environment.sandbox
    return not environment.embedded or sandbox.get("tls", "none") != "none" or "certificate_header" in sandbox


def _key_problems(client: Client, environment: Environment, certificate: Certificate, file: Path) -> Iterator[Problem]:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  most clients have no certificate
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    written = ("certificate", "key") if file != (client.certificate and client.certificate.file) else ("certificate",)
    what = f"the key {file.name} of the client certificate"
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except TypeError:  # the library's word for "there is a passphrase on it"
        yield Problem(
            "certificate-key-encrypted",
            f"{what} is encrypted",
            _at(client, environment, *written),
            "TLS needs it without a passphrase",
            hint="openssl pkey -in ENCRYPTED.key -out tls.key writes it without one; keep that file to yourself",
        )
        return
    except (OSError, ValueError) as error:
        yield _unreadable(client, environment, written[-1], what, error)
        return
    own, named = (
        one.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for one in (key.public_key(), certificate.public_key())
    )
    if own != named:
        yield Problem(
            "certificate-other-key",
            f"{what} belongs to another certificate",
            _at(client, environment, *written),
            f"not the private key of {_called(certificate)}",
            hint="name the key that the certificate was requested with",
        )


def _unreadable(client: Client, environment: Environment, field: str, what: str, error: Exception) -> Problem:
    missing = isinstance(error, FileNotFoundError)
    return Problem(
        "certificate-unreadable",
        f"{what} is not there" if missing else f"{what} can't be read",
        _at(client, environment, "certificate", *([field] if field in {"file", "key"} else [])),
        "paths are relative to the environment file" if missing else "it must be PEM",
        hint="" if missing else "-----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY----- is how PEM begins",
    )


def _time_problems(
    client: Client, environment: Environment, certificate: Certificate, now: datetime
) -> Iterator[Problem]:
    at = _at(client, environment, "certificate", "file")
    name = _called(certificate)
    if now < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        title = f"the client certificate {name} is not valid yet"
        hint = "is the clock of this machine right?"
        yield Problem("certificate-not-yet", title, at, f"valid from {begins}", hint=hint)
    elif now > certificate.not_valid_after_utc:
        ended = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        title = f"the client certificate {name} has expired"
        yield Problem("certificate-expired", title, at, f"valid until {ended}", hint="get a new one from its issuer")
    elif certificate.not_valid_after_utc - now < SOON:
        title = f"the client certificate {name} ends soon"
        hint = "get a new one from its issuer while this one works"
        yield Problem(
            "certificate-ends-soon",
            title,
            at,
            f"valid {until(certificate.not_valid_after_utc, now)}",
            hint=hint,
            warning=True,
        )


def _at(client: Client, environment: Environment, *path: str) -> Span:
    where = written_at(environment, client.name, path) or written_at(environment, client.name, path[:1])
    return environment.document.at(where) if where else environment.document.key_at(("clients", client.name))


def _called(certificate: Certificate) -> str:
    from cryptography.x509.oid import NameOID  # noqa: PLC0415  most clients have no certificate

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"'{names[0].value!s}'" if names else "without a common name"
