"""A client certificate is judged before any server sees it: exact words at the line of the file, and when it warns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from flowrun import certificates, environment
from flowrun.errors import draw
from flowrun.keyring import Keyring
from flowrun.plan import environment_problems
from flowrun.redact import Redactor

BEGINS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
FILE = """\
environment: uat
issuer: https://op.example
clients:
  default:
    client_id: one
    certificate: {}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a certificate in tls.pem, its key in tls.key, encrypted in locked.key, both in both.pem."""
    monkeypatch.chdir(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tester")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(BEGINS)
        .not_valid_after(ENDS)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = ec.generate_private_key(ec.SECP256R1())
    Path("tls.pem").write_bytes(certificate)
    Path("tls.key").write_bytes(plain)
    Path("both.pem").write_bytes(plain + certificate)
    Path("other.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase"))
    Path("locked.key").write_bytes(locked)
    Path("text.pem").write_text("no certificate", "utf-8")
    return tmp_path


def load(written: str):
    Path("uat.yaml").write_text(FILE.format(written), "utf-8")
    return environment.load(Path("uat.yaml"), Redactor(), {})


def told(written: str, now: datetime = NOW) -> str:
    uat = load(written)
    return "".join(draw(problem) for problem in certificates.problems(uat.client(), uat, now))


@pytest.mark.parametrize(
    "written",
    [
        "{file: tls.pem, key: tls.key}",
        "{file: both.pem}",
        "{file: tls.pem, header: {name: x-cert}}",
    ],
)
def test_a_certificate_with_its_key_is_fine(written):
    assert told(written) == ""


def test_a_client_without_one_is_fine():
    Path("uat.yaml").write_text(FILE.rpartition("    certificate")[0], "utf-8")
    uat = environment.load(Path("uat.yaml"), Redactor(), {})
    assert list(certificates.problems(uat.client(), uat)) == []


def without(more: str) -> str:
    Path("uat.yaml").write_text(FILE.rpartition("    certificate")[0] + more, "utf-8")
    uat = environment.load(Path("uat.yaml"), Redactor(), {})
    return "".join(draw(problem) for problem in certificates.problems(uat.client(), uat, NOW))


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_who_authenticates_with_one_needs_one(method):
    assert without(f"    auth: {method}\n") == (
        f"error[certificate-missing]: {method} needs a certificate, and 'default' has none\n"
        " --> uat.yaml:6:11\n  |\n"
        f"6 |     auth: {method}\n"
        f"  |           {'^' * len(method)}\n"
        "  = help: write certificate: {file: …, key: …}\n"
    )


def test_tokens_that_are_to_be_bound_to_one_need_one():
    assert without("    sender_constraint: mtls\n") == (
        "error[certificate-missing]: tokens of 'default' are to be bound to its certificate, and it has none\n"
        " --> uat.yaml:6:24\n  |\n"
        "6 |     sender_constraint: mtls\n"
        "  |                        ^^^^ sender_constraint: mtls\n"
        "  = help: write certificate: {file: …, key: …}, or sender_constraint: none\n"
    )


def test_a_profile_may_ask_for_one():
    told = without("profile: ofm\n")
    assert told.startswith("error[certificate-missing]: tokens of 'default'")
    assert "4 |   default:\n" in told


@pytest.mark.parametrize(
    ("sandbox", "told"),
    [("", ""), ("sandbox: {tls: hosts}\n", "certificate-missing"), ("sandbox: {tls: none}\n", "")],
)
def test_a_sandbox_that_sees_none_asks_for_none(sandbox, told):
    text = FILE.rpartition("    certificate")[0].replace("issuer: https://op.example", "server: embedded")
    Path("uat.yaml").write_text(f"{text}    sender_constraint: mtls\n{sandbox}", "utf-8")
    uat = environment.load(Path("uat.yaml"), Redactor(), {})
    assert "".join(one.code for one in certificates.problems(uat.client(), uat, NOW)) == told


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "{file: gone.pem, key: tls.key}",
            (
                "error[certificate-unreadable]: the client certificate gone.pem is not there\n"
                " --> uat.yaml:6:25\n  |\n"
                "6 |     certificate: {file: gone.pem, key: tls.key}\n"
                "  |                         ^^^^^^^^ paths are relative to the environment file\n"
            ),
        ),
        (
            "{file: text.pem, key: tls.key}",
            (
                "error[certificate-unreadable]: the client certificate text.pem can't be read\n"
                " --> uat.yaml:6:25\n  |\n"
                "6 |     certificate: {file: text.pem, key: tls.key}\n"
                "  |                         ^^^^^^^^ it must be PEM\n"
                "  = help: -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY----- is how PEM begins\n"
            ),
        ),
        (
            "{file: tls.pem, key: gone.key}",
            (
                "error[certificate-unreadable]: the key gone.key of the client certificate is not there\n"
                " --> uat.yaml:6:39\n  |\n"
                "6 |     certificate: {file: tls.pem, key: gone.key}\n"
                "  |                                       ^^^^^^^^ paths are relative to the environment file\n"
            ),
        ),
        (
            "{file: tls.pem}",
            (
                "error[certificate-unreadable]: the key tls.pem of the client certificate can't be read\n"
                " --> uat.yaml:6:18\n  |\n"
                "6 |     certificate: {file: tls.pem}\n"
                "  |                  ^^^^^^^^^^^^^^^ it must be PEM\n"
                "  = help: -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY----- is how PEM begins\n"
            ),
        ),
        (
            "{file: tls.pem, key: other.key}",
            (
                "error[certificate-other-key]: the key other.key of the client certificate "
                "belongs to another certificate\n"
                " --> uat.yaml:6:39\n  |\n"
                "6 |     certificate: {file: tls.pem, key: other.key}\n"
                "  |                                       ^^^^^^^^^ not the private key of 'tester'\n"
                "  = help: name the key that the certificate was requested with\n"
            ),
        ),
        (
            "{file: tls.pem, key: locked.key}",
            (
                "error[certificate-key-encrypted]: the key locked.key of the client certificate is encrypted\n"
                " --> uat.yaml:6:39\n  |\n"
                "6 |     certificate: {file: tls.pem, key: locked.key}\n"
                "  |                                       ^^^^^^^^^^ TLS needs it without a passphrase\n"
                "  = help: openssl pkey -in ENCRYPTED.key -out tls.key writes it without one; "
                "keep that file to yourself\n"
            ),
        ),
    ],
)
def test_what_can_not_be_used_is_told_at_its_line(written, words):
    assert told(written) == words


WRITTEN = (
    " --> uat.yaml:6:25\n  |\n6 |     certificate: {file: tls.pem, key: tls.key}\n  |                         ^^^^^^^ "
)


@pytest.mark.parametrize(
    ("now", "title", "label"),
    [
        (
            BEGINS - timedelta(hours=1),
            "error[certificate-not-yet]: the client certificate 'tester' is not valid yet\n",
            "valid from 2026-01-01 00:00 UTC\n  = help: is the clock of this machine right?\n",
        ),
        (
            ENDS + timedelta(hours=1),
            "error[certificate-expired]: the client certificate 'tester' has expired\n",
            "valid until 2026-12-31\n  = help: get a new one from its issuer\n",
        ),
        (
            ENDS - timedelta(days=29, hours=1),
            "warning[certificate-ends-soon]: the client certificate 'tester' ends soon\n",
            "valid until 2026-12-31 (29 days)\n  = help: get a new one from its issuer while this one works\n",
        ),
        (
            ENDS - timedelta(days=1, hours=1),
            "warning[certificate-ends-soon]: the client certificate 'tester' ends soon\n",
            "valid until 2026-12-31 (1 day)\n  = help: get a new one from its issuer while this one works\n",
        ),
    ],
)
def test_its_time_is_judged(now, title, label):
    assert told("{file: tls.pem, key: tls.key}", now) == title + WRITTEN + label


def test_thirty_days_before_its_end_nothing_is_told_yet():
    assert told("{file: tls.pem, key: tls.key}", ENDS - timedelta(days=30)) == ""


def test_a_client_that_is_like_another_points_at_the_line_of_the_other():
    text = FILE.format("{file: tls.pem, key: other.key}") + "  second: {like: default, client_id: two}\n"
    Path("uat.yaml").write_text(text, "utf-8")
    uat = environment.load(Path("uat.yaml"), Redactor(), {})
    (problem,) = certificates.problems(uat.client("second"), uat, NOW)
    assert str(problem.at) == "uat.yaml:6:39"


def test_check_stops_at_an_unusable_one_and_warns_of_one_that_ends_soon(monkeypatch):
    class Late(datetime):
        @classmethod
        def now(cls, _):
            return ENDS - timedelta(days=3)

    monkeypatch.setattr(certificates, "datetime", Late)
    uat = load("{file: tls.pem, key: other.key}")
    assert [one.code for one in environment_problems(uat, Keyring())] == ["certificate-other-key"]
    assert [one.code for one in uat.warnings] == ["certificate-ends-soon"]
