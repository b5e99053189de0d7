from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from flowrun.auth.certificate import as_header, goes_to
from flowrun.client import Certificate
from flowrun.errors import WRONG_FILE, StepError

KEYS = Path(__file__).parents[2] / "keys.example"
FILE = KEYS / "tls.pem"
DER = x509.load_pem_x509_certificate(FILE.read_bytes()).public_bytes(Encoding.DER)


def header(file=FILE, **written):
    return as_header(Certificate(file, None, None, {"name": "X-Client-Cert", **written}))


def test_without_a_header_the_certificate_goes_by_tls():
    assert as_header(Certificate(FILE)) == {}


@pytest.mark.parametrize("written", [{}, {"format": "url"}])
def test_url_is_the_pem_text_percent_encoded(written):
    (value,) = header(**written).values()
    assert x509.load_pem_x509_certificate(unquote(value).encode()).public_bytes(Encoding.DER) == DER
    assert value.startswith("-----BEGIN%20CERTIFICATE-----%0A")
    assert not set(value) & set(" \n+/=")


def test_pem_is_on_one_line_with_spaces_in_place_of_line_ends():
    (value,) = header(format="pem").values()
    begin, *lines, end = value.removeprefix("-----BEGIN CERTIFICATE----- ").rpartition(" -----END CERTIFICATE-----")
    assert "\n" not in value
    assert base64.b64decode("".join(begin.split())) == DER
    assert (lines, end) == ([" -----END CERTIFICATE-----"], "")


def test_der_is_base64_on_one_line():
    assert header(format="der") == {"x-client-cert": base64.b64encode(DER).decode()}


def test_of_a_chain_only_the_clients_own_certificate_is_sent(tmp_path):
    chain = tmp_path / "chain.pem"
    other = FILE.read_text().replace("MII", "MIJ", 1)
    chain.write_text(f"Subject: somebody\n{FILE.read_text()}\n{other}")
    (value,) = header(chain, format="der").values()
    assert hashlib.sha256(base64.b64decode(value)).digest() == hashlib.sha256(DER).digest()


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"]
)
def test_a_file_without_a_certificate_is_a_mistake_of_ours(tmp_path, content):
    file = tmp_path / "tls.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StepError) as error:
        header(file)
    assert (error.value.code, error.value.exit_code) == ("certificate-unreadable", WRONG_FILE)
    assert "tls.pem" in error.value.title


@pytest.mark.parametrize(
    ("hosts", "host", "port", "goes"),
    [
        (None, "any.example", None, True),
        (("as1.example",), "as1.example", None, True),
        (("as1.example",), "as1.example", 8443, True),
        (("AS1.example:8443",), "as1.example", 8443, True),
        (("as1.example:8443",), "as1.example", None, False),
        (("as1.example",), "auth1.example", None, False),
        (("example",), "as1.example", None, False),
    ],
)
def test_a_certificate_goes_to_its_hosts_only(hosts, host, port, goes):
    assert goes_to(Certificate(FILE, hosts=hosts), host, port) is goes
