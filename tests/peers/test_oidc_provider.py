"""The peer is what the tests take it for: each configuration answers, and refuses, as its name says."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peer

CLIENT = "flowrun-example"
REDIRECT_URI = "https://app.flowrun.example/callback"
SECRET = "a-secret-for-tests-only-0123456789abcdef"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER = secrets.token_urlsafe(48)
REQUEST = {
    "response_type": "code",
    "redirect_uri": REDIRECT_URI,
    "scope": "openid offline_access",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
    "code_challenge_method": "S256",
}
ACCOUNT_ACCESS = "urn:openfinance-ml:account-access-consent:v1.2"
CONSENT = {
    "dc_id": "DC1234567890",
    "dp_id": "DP9876543210",
    "consent_type": ACCOUNT_ACCESS,
    "consent_purpose": "pfm",
    "permissions": ["read_accounts", "read_balances"],
    "expiration_datetime": "2027-01-31T00:00:00Z",
}
ACCOUNTS = {
    "scope": "openid accounts profile",
    "max_age": 3600,
    "claims": {"userinfo": {"name": None, "email": None}},
    "authorization_details": [{"type": ACCOUNT_ACCESS, "consent": CONSENT}],
}


@dataclass(frozen=True)
class Keys:
    """The client's own key, a stranger's that claims the same kid, and the file that the server reads."""

    own: jwk.RSAKey
    stranger: jwk.RSAKey
    public: Path


@dataclass(frozen=True)
class Server:
    """A started peer: its metadata, and a client that keeps cookies as a browser does."""

    metadata: dict[str, Any]
    http: httpx.Client
    keys: Keys

    def post(self, endpoint: str, form: dict[str, Any], **more: Any) -> httpx.Response:
        return self.http.post(self.metadata[endpoint], data=form, **more)

    def signed(self, claims: dict[str, Any], key: jwk.RSAKey | None = None, alg: str = "PS256") -> str:
        now = int(time.time())
        claims = {"iss": CLIENT, "aud": self.metadata["issuer"], "iat": now, "nbf": now, "exp": now + 120, **claims}
        header = {"alg": alg, "kid": "flowrun-example-1"}
        return jwt.encode(header, claims, key or self.keys.own, algorithms=[alg])

    def assertion(self, key: jwk.RSAKey | None = None, **claims: Any) -> dict[str, str]:
        token = self.signed({"sub": CLIENT, "jti": secrets.token_urlsafe(12), **claims}, key)
        return {"client_id": CLIENT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": token}

    def push(self, **changes: Any) -> httpx.Response:
        claims = {"client_id": CLIENT, **REQUEST, **changes}
        request = self.signed({name: value for name, value in claims.items() if value is not None})
        return self.post("pushed_authorization_request_endpoint", {"request": request, **self.assertion()})


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    own, stranger = (jwk.RSAKey.generate_key(2048, {"kid": "flowrun-example-1", "use": "sig"}) for _ in range(2))
    file = tmp_path_factory.mktemp("keys") / "client-public.jwks.json"
    file.write_text(json.dumps({"keys": [own.as_dict(private=False)]}), "utf-8")
    return Keys(own, stranger, file)


@pytest.fixture
def serve(oidc_provider: Callable[..., str], keys: Keys) -> Iterator[Callable[[str], Server]]:
    with httpx.Client(timeout=10) as http:

        def start(configuration: str) -> Server:
            issuer = oidc_provider(configuration, client_jwks=keys.public)
            metadata = http.get(f"{issuer}/.well-known/openid-configuration").json()
            assert metadata["issuer"] == issuer
            return Server(metadata, http, keys)

        yield start


def walk(server: Server, query: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Sign in as alice and consent, as a person would; give the pages' texts and the callback's parameters."""
    pages = []
    url = f"{server.metadata['authorization_endpoint']}?{urlencode(query)}"
    answer = server.http.get(url)
    for _ in range(10):
        if answer.is_redirect:
            url = urljoin(url, answer.headers["location"])
            if url.startswith(REDIRECT_URI):
                return pages, dict(parse_qsl(urlsplit(url).query))
            answer = server.http.get(url)
            continue
        assert answer.status_code == 200, answer.text
        pages.append(answer.text)
        form = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', answer.text))
        if form["prompt"] == "login":
            form |= {"login": "alice", "password": "any"}
        url = urljoin(url, html.unescape(re.findall(r'action="([^"]+)"', answer.text)[0]))
        answer = server.http.post(url, data=form)
    raise AssertionError(f"no callback after these pages: {pages}")


def exchange(server: Server, query: dict[str, str], **client: Any) -> dict[str, Any]:
    """Walk, and trade the code; `client` is how the client authenticates, as httpx says it."""
    _, callback = walk(server, query)
    assert (callback["state"], callback["iss"]) == ("state-1", server.metadata["issuer"])
    form = {"grant_type": "authorization_code", "code": callback["code"], "redirect_uri": REDIRECT_URI}
    form |= {"code_verifier": VERIFIER, **client.pop("data", {})}
    answer = server.post("token_endpoint", form, **client)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("configuration", ["signed", "ofm"])
def test_a_signed_request_is_pushed(serve: Callable[[str], Server], configuration: str) -> None:
    server = serve(configuration)
    more = ACCOUNTS if configuration == "ofm" else {}

    answer = server.push(**more)

    assert answer.status_code == 201, answer.text
    assert answer.json()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert answer.json()["expires_in"] == 60


def test_signed_gives_tokens_and_a_refresh_token_that_can_be_revoked(serve: Callable[[str], Server]) -> None:
    server = serve("signed")
    query = {"client_id": CLIENT, "request_uri": server.push().json()["request_uri"]}

    tokens = exchange(server, query, data=server.assertion())

    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = server.post("token_endpoint", {**refresh, **server.assertion()})
    assert again.json()["refresh_token"] == tokens["refresh_token"]
    server.post("revocation_endpoint", {"token": tokens["refresh_token"], **server.assertion()}).raise_for_status()
    after = server.post("token_endpoint", {**refresh, **server.assertion()})
    assert (after.status_code, after.json()["error"]) == (400, "invalid_grant")
    decoded = jwt.decode(
        tokens["id_token"],
        jwk.KeySet.import_key_set(server.http.get(server.metadata["jwks_uri"]).json()),
        algorithms=["PS256"],
    )
    assert (decoded.claims["sub"], decoded.claims["nonce"]) == ("alice", "nonce-1")


def test_signed_refuses_what_is_not_signed_by_the_client(serve: Callable[[str], Server]) -> None:
    server = serve("signed")
    stranger = server.keys.stranger
    request = server.signed({"client_id": CLIENT, **REQUEST})
    claims = {"client_id": CLIENT, **REQUEST}
    forms = {
        "assertion by a stranger": {"request": request, **server.assertion(stranger)},
        "assertion for the token endpoint": {
            "request": request,
            **server.assertion(aud=server.metadata["token_endpoint"]),
        },
        "request by a stranger": {"request": server.signed(claims, stranger), **server.assertion()},
        "request by RS256": {"request": server.signed(claims, alg="RS256"), **server.assertion()},
        "request not signed": {**REQUEST, **server.assertion()},
    }

    answers = {name: server.post("pushed_authorization_request_endpoint", form) for name, form in forms.items()}

    assert {name: (answer.status_code, answer.json()["error"]) for name, answer in answers.items()} == {
        "assertion by a stranger": (401, "invalid_client"),
        "assertion for the token endpoint": (401, "invalid_client"),
        "request by a stranger": (400, "invalid_request_object"),
        "request by RS256": (400, "invalid_request_object"),
        "request not signed": (400, "invalid_request"),
    }


def test_signed_refuses_a_request_that_was_not_pushed(serve: Callable[[str], Server]) -> None:
    server = serve("signed")

    pages, callback = walk(server, {"client_id": CLIENT, **REQUEST})

    assert (pages, callback["error"]) == ([], "invalid_request")


def test_ofm_adds_a_consent_id_that_a_refresh_keeps(serve: Callable[[str], Server]) -> None:
    server = serve("ofm")
    query = {"client_id": CLIENT, "request_uri": server.push(**ACCOUNTS).json()["request_uri"]}

    tokens = exchange(server, query, data=server.assertion())

    [granted] = tokens["authorization_details"]
    assert granted["consent"]["consent_id"]
    assert granted["consent"].items() >= CONSENT.items()
    assert set(tokens["scope"].split()) == {"openid", "accounts", "profile"}
    assert "id_token" in tokens
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **server.assertion()}
    again = server.post("token_endpoint", refresh).json()
    assert again["authorization_details"] == [granted]
    about = server.http.get(
        server.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {again['access_token']}"}
    )
    assert about.json() == {"sub": "alice", "name": "Alice Archer", "email": "alice@flowrun.example"}


@pytest.mark.parametrize("member", ["nonce", "claims", "max_age"])
def test_ofm_wants_openid_where_openid_parameters_are_used(serve: Callable[[str], Server], member: str) -> None:
    server = serve("ofm")
    openid = {"nonce": "n", "claims": ACCOUNTS["claims"], "max_age": 3600}
    without = {name: None for name in openid if name != member}

    answer = server.push(**{**ACCOUNTS, **openid, **without, "scope": "accounts profile"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert f"using the {member} parameter" in answer.json()["error_description"]


@pytest.mark.parametrize("member", ["dc_id", "permissions"])
def test_ofm_refuses_a_consent_that_lacks_a_member(serve: Callable[[str], Server], member: str) -> None:
    server = serve("ofm")
    consent = {name: value for name, value in CONSENT.items() if name != member}

    answer = server.push(**{**ACCOUNTS, "authorization_details": [{"type": ACCOUNT_ACCESS, "consent": consent}]})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")


def test_plain_takes_a_secret_and_needs_no_push(serve: Callable[[str], Server]) -> None:
    server = serve("plain")

    tokens = exchange(server, {"client_id": CLIENT, **REQUEST}, auth=(CLIENT, SECRET))

    assert {"access_token", "refresh_token", "id_token"} <= tokens.keys()
    request = {"client_id": CLIENT, **REQUEST}
    answer = server.post("pushed_authorization_request_endpoint", request, auth=(CLIENT, SECRET))
    assert answer.status_code == 201, answer.text
    answer = server.post("pushed_authorization_request_endpoint", request, auth=(CLIENT, "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("death", ["its standard input closes", "it is told to end"])
def test_the_server_ends_when(peer_node: str, keys: Keys, repo: Path, death: str) -> None:
    options = json.dumps({"configurations": ["signed"], "client_jwks": str(keys.public), "until_stdin_closes": True})
    command = [peer_node, repo / "tests" / "peers" / "oidc-provider" / "server.mjs", options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"signed":"http://127.0.0.1:')

        if death == "its standard input closes":
            process.stdin.close()
        else:
            process.terminate()

        assert process.wait(10) == 0
        assert process.stderr.read() == b""  # quiet unless PEER_LOG is set


def test_an_unknown_configuration_says_which_there_are(peer_node: str, keys: Keys, repo: Path) -> None:
    options = json.dumps({"client_jwks": str(keys.public), "configurations": ["sined"]})
    command = [peer_node, repo / "tests" / "peers" / "oidc-provider" / "server.mjs", options]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert done.returncode == 1
    assert "no configuration 'sined'; there are signed, ofm, plain, " in done.stderr
