"""What an environment says becomes the embedded sandbox's settings; what can't be is a problem at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import environment as environments
from flowrun.embedded import fault_problems, sandbox_for
from flowrun.errors import FlowrunError
from flowrun.keyring import Keyring
from flowrun.redact import Redactor
from flowrun.sandbox import CertificateHeader, Lifetimes

KEYS = Path(__file__).parents[1] / "keys.example"
TEXT = """\
environment: ours
server: embedded
{more}
clients:
  default:
    client_id: flowrun
    auth: {auth}
    redirect_uri: https://app.example/cb
    keys:
      signing: {{file: {keys}/client-signing.pem, kid: one}}
{client}
users:
  alice: {{username: al, password: wonder}}
pages: {{}}
"""


@pytest.fixture
def settings(tmp_path):
    """Return the settings of the sandbox for an environment with more lines, and with more lines of its client."""

    def settings(more="", client="", auth="private_key_jwt", **chosen):
        file = tmp_path / "ours.yaml"
        lines = "\n".join(f"    {line}" for line in client.splitlines())
        file.write_text(TEXT.format(more=more, client=lines, keys=KEYS, auth=auth), "utf-8")
        environment = environments.load(file, Redactor(), {})
        return sandbox_for(environment, Keyring(), **chosen).settings

    return settings


def problem(call, *arguments, **named):
    with pytest.raises(FlowrunError) as caught:
        call(*arguments, **named)
    (found,) = caught.value.problems
    return found


def test_without_sandbox_it_is_the_plain_one(settings):
    ours = settings()
    (client,) = ours.clients
    (person,) = ours.users

    assert (ours.tls, ours.par, ours.port, ours.faults) == ("none", "required", 0, frozenset())
    assert ours.lifetimes == Lifetimes()
    assert (client.client_id, client.redirect_uris) == ("flowrun", ("https://app.example/cb",))
    assert client.token_endpoint_auth_method == "private_key_jwt"
    assert (person.username, person.password) == ("al", "wonder")


def test_every_setting_arrives_and_durations_are_seconds(settings):
    ours = settings(
        "sandbox:\n"
        "  tls: aliases\n"
        "  par: optional\n"
        "  request_uri_prefix: 'urn:example:'\n"
        "  lifetimes: {code: 10m, access_token: 1h, id_token: 1d}\n"
        "  certificate_header: {name: x-cert, format: der}\n"
        "  dpop_nonce: true\n"
        "  signed_resources: true\n"
        "  access_tokens: jwt\n"
    )

    assert (ours.tls, ours.par, ours.request_uri_prefix) == ("aliases", "optional", "urn:example:")
    assert ours.lifetimes == Lifetimes(code=600, access_token=3600, id_token=86_400)
    assert ours.certificate_header == CertificateHeader("x-cert", "der")
    assert (ours.dpop_nonce, ours.signed_resources, ours.access_tokens) == (True, True, "jwt")


def test_the_faults_of_the_file_and_of_the_caller_add_up(settings):
    ours = settings("faults: [push.html]", faults=["code.reuse"], port=4711)
    assert (ours.faults, ours.port) == ({"push.html", "code.reuse"}, 4711)


def test_only_public_keys_are_registered_each_for_its_use(settings):
    encryption = f"  encryption: {{file: {KEYS}/client-encryption.pem, kid: two}}"
    (client,) = settings(client=encryption).clients
    keys = client.jwks["keys"]

    assert [(key["kid"], key["use"]) for key in keys] == [("one", "sig"), ("two", "enc")]
    assert all(not {"d", "p", "q"} & key.keys() for key in keys)


def test_what_the_client_wants_of_answers_is_registered(settings):
    lines = (
        f"  encryption: {{file: {KEYS}/client-encryption.pem, kid: two}}\n"
        "id_token: {alg: ES256, encrypt: true}\n"
        "userinfo: {signed: true}\n"
        "request_object: {required: true}\n"
        "sender_constraint: dpop"
    )
    (client,) = settings(client=lines).clients

    assert (client.id_token_alg, client.answers_encrypted, client.userinfo_signed) == ("ES256", True, True)
    assert (client.require_signed_request_object, client.sender_constraint) == (True, "dpop")


CERTIFICATE = f"certificate: {{file: {KEYS}/tls.pem, key: {KEYS}/tls.key}}"


def test_the_certificate_is_registered_without_its_key(settings, tmp_path):
    both = tmp_path / "both.pem"
    both.write_text((KEYS / "tls.key").read_text("ascii") + (KEYS / "tls.pem").read_text("ascii"), "ascii")
    (client,) = settings(client=f"certificate: {{file: {both}}}").clients

    assert client.certificate is not None
    assert client.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" not in client.certificate


@pytest.mark.parametrize(
    ("more", "bound"),
    [
        ("", "none"),
        ("sandbox: {tls: hosts}", "mtls"),
        ("sandbox: {certificate_header: {name: x-cert, format: pem}}", "mtls"),
    ],
)
def test_tokens_are_bound_to_a_certificate_only_where_the_sandbox_sees_one(settings, more, bound):
    (client,) = settings(more, client=f"sender_constraint: mtls\n{CERTIFICATE}").clients
    assert client.sender_constraint == bound


def test_a_certificate_that_can_not_be_read_is_told_at_its_line(settings, tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing", "ascii")
    found = problem(settings, client=f"certificate: {{file: {broken}}}")

    assert found.code == "certificate-unreadable"
    assert "broken.pem" in found.title
    assert found.at.line == 11


def test_a_client_that_can_not_be_registered_is_told_in_words(settings):
    found = problem(settings, client="id_token: {encrypt: true}")

    assert found.code == "sandbox-settings"
    assert found.title == ("the client 'flowrun' has no key to encrypt for: one of its keys must be named encryption")
    assert found.at.line == 4


def test_an_unknown_fault_is_told_at_its_line_or_without_one(settings, tmp_path):
    found = problem(settings, "faults: [push.html, push.htm]")
    assert (found.code, found.at.line) == ("unknown-fault", 3)
    assert "push.html" in found.label

    settings()
    environment = environments.load(tmp_path / "ours.yaml", Redactor(), {})
    (other,) = fault_problems(environment, ["push.htm"])
    assert other.at is None
