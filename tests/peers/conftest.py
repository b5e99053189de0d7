"""What the peers and their clients need: keys, certificates, environments; and whole runs with one scenario."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

CLIENT, SECRET = "flowrun-example", "a-secret-for-tests-only-0123456789abcdef"
SUBJECT = "CN=flowrun-example"
OIDC_PROVIDER_PAGES = {
    "login": {
        "shows": {"heading": "Sign-in", "field": "Enter any login"},
        "do": [
            {"fill": {"Enter any login": "{{ user.username }}", "and password": "{{ user.password }}"}},
            {"press": "Sign-in"},
        ],
    },
    "consent": {
        "shows": {"heading": "Authorize"},
        "answers": {"approve": [{"press": "Continue"}], "deny": [{"press": "[ Cancel ]"}]},
    },
    "device-code": {
        "shows": {"heading": "Sign-in", "field": "Enter code"},
        "do": [{"fill": {"Enter code": "{{ answers.code }}"}}, {"press": "Continue"}],
    },
    "device-refused": {
        "shows": {"heading": "Sign-in", "field": "Enter code", "text": "was interrupted"},
        "means": "refused",
    },
    "confirm-device": {"shows": {"heading": "Confirm Device"}, "do": [{"press": "Continue"}]},
    "device-done": {"shows": {"heading": "Sign-in Success"}, "means": "done"},
    "error": {"shows": {"heading": "oops! something went wrong"}, "means": "refused"},
}
MOCK_PAGES = {
    "sign-in": {
        "shows": {"heading": "Authorize Client"},
        "answers": {
            "approve": [{"fill": {"sub": "{{ user.username }}"}}, {"press": "Authorize"}],
            "deny": [{"press": "Deny"}],
        },
    },
}


@dataclass(frozen=True)
class Material:
    """A folder with the client's keys as PEM, certificates, and what a server must know of them.

    Keys: signing, es256, eddsa and encryption, with these names as kid. Certificates: ca, server, client (issued by
    ca) and self (by itself).
    """

    folder: Path

    @property
    def jwks(self) -> Path:
        """The public keys."""
        return self.folder / "client.jwks.json"

    def key(self, name: str) -> dict[str, str]:
        """What an environment says of a key."""
        return {"file": str(self.folder / f"{name}.pem"), "kid": name}

    def certificate(self, name: str) -> dict[str, str]:
        """What an environment says of a certificate."""
        return {"file": str(self.folder / f"{name}.pem"), "key": str(self.folder / f"{name}.key")}


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    made = Material(tmp_path_factory.mktemp("material"))
    keys: dict[str, tuple[str, type[Any], PrivateKeyTypes]] = {
        "signing": ("sig", jwk.RSAKey, rsa.generate_private_key(65537, 2048)),
        "es256": ("sig", jwk.ECKey, ec.generate_private_key(ec.SECP256R1())),
        "eddsa": ("sig", jwk.OKPKey, ed25519.Ed25519PrivateKey.generate()),
        "encryption": ("enc", jwk.RSAKey, rsa.generate_private_key(65537, 2048)),
    }
    public = []
    for name, (use, kind, key) in keys.items():
        text = _private(key)
        (made.folder / f"{name}.pem").write_bytes(text)
        public.append(kind.import_key(text, {"kid": name, "use": use}).as_dict(private=False))
    made.jwks.write_text(json.dumps({"keys": public}), "utf-8")
    _certificates(made.folder)
    return made


def _private(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _certificates(folder: Path) -> None:
    authority = ec.generate_private_key(ec.SECP256R1())
    ca = x509.Name.from_rfc4514_string("CN=flowrun tests CA")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    for name, subject, more in (
        ("ca", ca, constraints),
        ("server", "CN=localhost", x509.SubjectAlternativeName([x509.DNSName("localhost")])),
        ("client", SUBJECT, x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])),
        ("self", "CN=nobody vouches for me", x509.BasicConstraints(ca=False, path_length=None)),
    ):
        key = authority if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        own = x509.Name.from_rfc4514_string(subject) if isinstance(subject, str) else subject
        alone = name == "self"
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(own if alone else ca, own, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=90))
            .add_extension(more, critical=isinstance(more, x509.BasicConstraints))
            .sign(key if alone else authority, SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / f"{name}.key").write_bytes(_private(key))
        if alone:
            known = jwk.ECKey.import_key(_private(key)).as_dict(private=False)
            known["x5c"] = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
            told = {"subject": SUBJECT, "selfSigned": {"keys": [known]}}
            (folder / "client.json").write_text(json.dumps(told), "utf-8")


@pytest.fixture(scope="session")
def issuer_of(
    oidc_provider: Callable[..., str],
    material: Material,
    peer_node: str,
    start_server: Callable[..., dict[str, str]],
    repo: Path,
) -> Callable[[str], str]:
    """The issuer of any peer: a configuration of oidc-provider, `oidc-provider-mock` or `oauth2-mock-server`."""

    def start(peer: str) -> str:
        folder = repo / "tests" / "peers" / peer
        if peer == "oidc-provider-mock":
            return start_server(sys.executable, folder / "server.py")[peer]
        if peer == "oauth2-mock-server":
            return start_server(peer_node, folder / "server.mjs")[peer]
        return oidc_provider(peer, client_jwks=material.jwks, certificates=material.folder)

    return start


@pytest.fixture
def deployment(
    issuer_of: Callable[[str], str], material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Write an environment for a peer and return its path: `deployment("open", auth="client_secret_post")`.

    What is named beside `name`, `profile` and `inputs` is the client's; it has its secret and its keys already.
    """

    monkeypatch.chdir(tmp_path)  # reports of what fails are kept where the run was started

    def write(
        peer: str,
        *,
        name: str = "peer",
        profile: str = "oidc-basic",
        inputs: dict[str, Any] | None = None,
        **client: Any,
    ) -> str:
        keys = {"signing": material.key("signing"), "encryption": material.key("encryption")}
        mocked = peer == "oidc-provider-mock"
        data: dict[str, Any] = {
            "environment": name,
            "profile": profile,
            "issuer": issuer_of(peer),
            "inputs": inputs or {},
            "clients": {
                "default": {
                    "client_id": CLIENT,
                    "redirect_uri": "https://app.flowrun.example/callback",
                    "keys": keys,
                    **client,
                }
            },
            "users": {"alice": {"username": "alice", "password": "{{ secrets.PASSWORD }}"}},
            "pages": MOCK_PAGES if mocked else OIDC_PROVIDER_PAGES,
        }
        if peer.startswith("mtls"):
            data["tls"] = {"ca": str(material.folder / "ca.pem")}
        default = data["clients"]["default"]
        if default.get("auth", "client_secret").startswith("client_secret"):
            default.setdefault("client_secret", "{{ secrets.CLIENT_SECRET }}")
        folder = tmp_path / "environments"
        folder.mkdir(exist_ok=True)
        (folder / f".env.{name}").write_text(f"PASSWORD=any-password\nCLIENT_SECRET={SECRET}\n", "utf-8")
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
        return str(path)

    return write


@pytest.fixture
def peer_scenario(repo: Path) -> Callable[[str], str]:
    """The path of a scenario in tests/peers/scenarios, which run on several peers."""
    return lambda name: str(repo / "tests" / "peers" / "scenarios" / f"{name}.yaml")
