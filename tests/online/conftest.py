"""Servers on loopback with certificates made for the test, and the command that looks at them."""

from __future__ import annotations

import json
import re
import shutil
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests import loopback

from flowrun.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JSON = {"Content-Type": "application/json"}
DAY = timedelta(days=1)
PORT = re.compile(r"(127\.0\.0\.1|localhost):\d{2,5}")
ENVIRONMENT = """\
environment: uat
issuer: {issuer}
clients:
  default:
    client_id: one
    redirect_uri: https://app.example/callback
    auth: private_key_jwt
    keys: {{signing: {{file: keys/client-signing.pem, kid: flowrun-example-1}}}}
"""


class Authority:
    """Issues certificates and writes them into a folder: `authority.issue("server", days=5)` gives the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        certificate = self._builder(self.name, self.key, 10, 0).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key, days, since):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + since * DAY - timedelta(hours=1))
            .not_valid_after(now + days * DAY + timedelta(hours=1))
        )

    def issue(self, name: str, *, days: int = 100, since: int = 0, address: str = "127.0.0.1") -> Path:
        """Write NAME.pem, a certificate and its key in one file; `days` it ends from now, `since` it begins."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address(address))])
        made = self._builder(subject, key, days, since).add_extension(names, critical=False)
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self.folder / f"{name}.pem"
        file.write_bytes(
            made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, *form)
        )
        return file


class Server:
    """Answers what it is told to; a path it does not know gets `otherwise`. What was asked is in `asked`."""

    def __init__(self, tls: ssl.SSLContext | None, *, dated: bool = True) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], str]] = {}
        self.otherwise: Callable[[Any], tuple[int, dict[str, str], str]] = lambda _: (404, JSON, "{}")
        self.asked: list[str] = []
        ours = self

        class Handler(loopback.Handler):
            def answer(self, _body: str) -> None:
                ours.asked.append(f"{self.command} {self.path}")
                status, headers, body = ours.answers.get(self.path) or ours.otherwise(self.connection)
                self.send(status, body, headers)

        Handler.dated = dated
        self._server = loopback.Loopback(Handler, tls)
        self.url = self._server.url

    def describe(self, **changes: Any) -> None:
        """Answer the question for the metadata; a member that is None is left out."""
        members = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "pushed_authorization_request_endpoint": f"{self.url}/par",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            **changes,
        }
        text = json.dumps({name: value for name, value in members.items() if value is not None})
        self.answers["/.well-known/openid-configuration"] = (200, JSON, text)

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture
def folder(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the test runs in, with the example keys in keys/."""
    shutil.copytree(repo / "keys.example", tmp_path / "keys")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server; `clients` is the authority whose certificates it insists on."""
    running: list[Server] = []

    def start(certificate: Path | None = None, *, clients: Path | None = None, **more: Any) -> Server:
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            if clients:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(clients)
        server = Server(context, **more)
        server.describe()
        running.append(server)
        return server

    yield start
    for server in running:
        server.close()


class Told:
    """How it ended: `code`, and both outputs with ports and days put out of the way."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, _normal(out), _normal(err)


def _normal(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?", "DATE", PORT.sub(r"\1:PORT", text))
    return re.sub(r"TLSv1\.\d", "TLS", text)


@pytest.fixture
def check(folder: Path) -> Callable[..., Told]:
    """Write uat.yaml for an issuer with more lines at its end, and look at it online."""

    def run(issuer: str, more: str = "", *, scenario: str = "", text: str = ENVIRONMENT) -> Told:
        (folder / "uat.yaml").write_text(text.format(issuer=issuer) + more, "utf-8")
        arguments = ["check", "--online", "uat.yaml"]
        if scenario:
            (folder / "scenario.yaml").write_text(scenario, "utf-8")
            arguments = ["check", "--online", "scenario.yaml", "--env", "uat.yaml"]
        done = CliRunner().invoke(cli, arguments, prog_name="flowrun")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Told(done.exit_code, done.stdout, done.stderr)

    return run
