"""The client's certificate in a header, as a proxy that ends TLS hands it on (RFC 9440 is one form of many)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flowrun.errors import WRONG_FILE, StepError

if TYPE_CHECKING:
    from flowrun.client import Certificate

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----\s*(.+?)\s*-----END CERTIFICATE-----", re.DOTALL)


def as_header(certificate: Certificate) -> dict[str, str]:
    """Return the header that carries the certificate, or nothing where the certificate goes by TLS.

    Only the first certificate of the file is the client's own; a proxy hands on no chain. Raises `StepError`
    (`certificate-unreadable`) for a file that holds none.
    """
    if certificate.header is None:
        return {}
    try:
        found = _PEM.search(certificate.file.read_text("ascii"))
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        raise StepError(
            "certificate-unreadable",
            f"the client certificate {certificate.file.name} can't be used",
            label="it must be a file in PEM form, with -----BEGIN CERTIFICATE-----",
            exit_code=WRONG_FILE,
        )
    match certificate.header.get("format", "url"):
        case "der":
            value = "".join(found[1].split())
        case "pem":
            value = " ".join(found[0].splitlines())
        case _:
            value = quote(found[0] + "\n", safe="")
    return {certificate.header["name"].lower(): value}


def goes_to(certificate: Certificate, host: str, port: int | None) -> bool:
    """Tell whether this host is one that gets the certificate."""
    names = {host.lower(), f"{host.lower()}:{port}"}
    return certificate.hosts is None or any(one.lower() in names for one in certificate.hosts)
