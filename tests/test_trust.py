"""Which keys the browser is told to accept beyond its own list."""

from __future__ import annotations

import base64
import hashlib
import ssl
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from flowrun.environment import Timeouts
from flowrun.sandbox import Sandbox, Settings
from flowrun.tls import Tls
from flowrun.trust import browser_arguments

OPTION = "--ignore-certificate-errors-spki-list="


def environment(issuer, ca=None, **endpoints):
    return SimpleNamespace(issuer=issuer, endpoints=endpoints, tls=Tls(ca=ca), timeouts=Timeouts(http=2.0))


def pin(pem):
    key = x509.load_pem_x509_certificate(pem).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


@pytest.fixture
def sandbox():
    """A server with an authority of its own."""
    with Sandbox(Settings((), (), tls="hosts")) as sandbox:
        yield sandbox


def test_nothing_is_said_where_the_browser_has_only_its_own_list():
    assert browser_arguments([]) == ()
    assert browser_arguments([(environment("https://op.example"), None)]) == ()


@pytest.mark.sandbox
def test_the_authority_of_a_sandbox_is_pinned_without_a_connection(sandbox):
    authority = sandbox.authority
    (argument,) = browser_arguments([(environment(""), authority), (environment(""), authority)])
    assert argument == OPTION + pin(authority.read_bytes())


@pytest.mark.sandbox
def test_a_server_with_an_authority_of_its_own_is_asked_for_its_certificate(sandbox):
    authority = sandbox.authority
    port = int(sandbox.issuer.rpartition(":")[2])
    served = ssl.get_server_certificate(("localhost", port)).encode()
    told = environment(
        sandbox.issuer, authority, jwks_uri=f"{sandbox.issuer}/jwks", token_endpoint="http://op.example/"
    )

    (argument,) = browser_arguments([(told, None)])

    assert argument == OPTION + ",".join([pin(served), pin(authority.read_bytes())])


@pytest.mark.sandbox
def test_a_certificate_that_the_authority_does_not_vouch_for_is_not_pinned(sandbox, repo):
    stranger = repo / "keys.example" / "tls.pem"
    assert browser_arguments([(environment(sandbox.issuer, stranger), None)]) == ()


@pytest.mark.sandbox
def test_a_server_that_does_not_answer_is_left_to_the_step(sandbox):
    nobody = environment("https://localhost:1", sandbox.authority)
    assert browser_arguments([(nobody, None)]) == ()


def test_a_file_that_is_no_authority_is_left_to_the_step(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("nothing", "ascii")
    assert browser_arguments([(environment("https://localhost:1", file), None)]) == ()
