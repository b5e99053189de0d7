"""The newer configurations are what the tests take them for: each refuses what its name says it refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc import jwk, jwt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.peer

CLIENT, SECRET = "flowrun-example", "a-secret-for-tests-only-0123456789abcdef"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REQUEST = {
    "response_type": "code",
    "redirect_uri": "https://app.flowrun.example/callback",
    "scope": "openid",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode(),
    "code_challenge_method": "S256",
}
NO_CODE = {"grant_type": "authorization_code", "code": "none", "redirect_uri": REQUEST["redirect_uri"]}
PUSH, TOKEN = "pushed_authorization_request_endpoint", "token_endpoint"


class Caller:
    """A client that calls one peer, with or without a certificate."""

    def __init__(self, issuer: str, material: Any, certificate: str | None = None) -> None:
        context: ssl.SSLContext | bool = True
        if issuer.startswith("https"):
            context = ssl.create_default_context(cafile=str(material.folder / "ca.pem"))
            if certificate:
                pem, key = (material.folder / f"{certificate}.{end}" for end in ("pem", "key"))
                context.load_cert_chain(pem, key)
        self.http = httpx.Client(verify=context, timeout=10)
        self.metadata = self.http.get(f"{issuer}/.well-known/openid-configuration").json()
        self.issuer, self.material = issuer, material

    def post(self, endpoint: str, form: dict[str, str], *, alias: bool = False, **more: Any) -> tuple[int, Any]:
        where = self.metadata["mtls_endpoint_aliases"] if alias else self.metadata
        answer = self.http.post(where[endpoint], data=form, **more)
        return answer.status_code, answer.json().get("error") if answer.status_code >= 400 else answer.json()

    def assertion(self, client_id: str = CLIENT, key: str = "signing") -> dict[str, str]:
        kind, alg = {"signing": (jwk.RSAKey, "PS256"), "es256": (jwk.ECKey, "ES256")}[key]
        private = kind.import_key((self.material.folder / f"{key}.pem").read_bytes())
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": self.issuer, "exp": now + 60, "jti": secrets.token_hex()}
        return {
            "client_id": client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": alg, "kid": key}, claims, private, algorithms=[alg]),
        }


def proof(url: str, **claims: Any) -> dict[str, str]:
    """A DPoP proof for a POST, with a key of its own."""
    key = jwk.ECKey.generate_key("P-256")
    claims = {"jti": secrets.token_hex(), "htm": "POST", "htu": url, "iat": int(time.time()), **claims}
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    return {"DPoP": jwt.encode(header, claims, key, algorithms=["ES256"])}


@pytest.fixture
def call(issuer_of: Callable[[str], str], material: Any) -> Iterator[Callable[..., Caller]]:
    opened: list[Caller] = []

    def to(peer: str, certificate: str | None = None) -> Caller:
        opened.append(Caller(issuer_of(peer), material, certificate))
        return opened[-1]

    yield to
    for one in opened:
        one.http.close()


@pytest.mark.parametrize(
    ("peer", "par"),
    [
        ("fapi", "required"),
        ("open", "offered"),
        ("mtls", "offered"),
        ("no-par", "none"),
        ("oidc-provider-mock", "none"),
        ("oauth2-mock-server", "none"),
    ],
)
def test_par_is(call: Callable[..., Caller], peer: str, par: str) -> None:
    metadata = call(peer).metadata
    required = metadata.get("require_pushed_authorization_requests") is True
    assert ("none" if PUSH not in metadata else "required" if required else "offered") == par


def test_fapi_takes_tokens_requests_only_with_a_proof(call: Callable[..., Caller]) -> None:
    caller = call("fapi")
    url = caller.metadata[TOKEN]
    status, _ = caller.post(PUSH, REQUEST | caller.assertion())
    assert status == 201
    assert caller.post(PUSH, REQUEST | caller.assertion("es256", "es256")) == (400, "invalid_request")  # not signed
    assert caller.post(PUSH, REQUEST | caller.assertion("es256")) == (401, "invalid_client")
    refused = caller.post(TOKEN, NO_CODE | caller.assertion(), headers=proof(f"{url}x"))
    assert refused == (400, "invalid_dpop_proof")


def test_fapi_nonce_wants_a_nonce_in_every_proof(call: Callable[..., Caller]) -> None:
    caller = call("fapi-nonce")
    url = caller.metadata[TOKEN]
    form = NO_CODE | {"code_verifier": "v" * 43}
    answer = caller.http.post(url, data=form | caller.assertion(), headers=proof(url))
    assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce")
    nonce = answer.headers["DPoP-Nonce"]
    assert caller.post(TOKEN, form | caller.assertion(), headers=proof(url, nonce=nonce)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("client_id", "form", "basic"),
    [
        (CLIENT, {}, True),
        ("by-post", {"client_secret": SECRET}, False),
        ("public", {}, False),
    ],
)
@pytest.mark.parametrize("peer", ["open", "no-par"])
def test_open_knows_its_clients_by(
    call: Callable[..., Caller], peer: str, client_id: str, form: dict[str, str], *, basic: bool
) -> None:
    more: dict[str, Any] = {"auth": (client_id, SECRET)} if basic else {}
    form = NO_CODE | {"code_verifier": "v" * 43, "client_id": client_id, **form}
    assert call(peer).post(TOKEN, form, **more) == (400, "invalid_grant")  # known, and the code is none
    wrong = {"auth": (client_id, "wrong")} if basic or client_id == "public" else {}
    form |= {"client_secret": "wrong"} if "client_secret" in form else {}
    assert call(peer).post(TOKEN, form, **wrong) == (401, "invalid_client")


def test_open_has_grants_without_a_browser(call: Callable[..., Caller]) -> None:
    caller = call("open")
    status, tokens = caller.post(TOKEN, {"grant_type": "client_credentials", **caller.assertion("machine")})
    assert (status, tokens["token_type"]) == (200, "Bearer")
    auth = {"auth": ("device", SECRET)}
    status, begun = caller.post("device_authorization_endpoint", {"scope": "openid"}, **auth)
    assert (status, set(begun) >= {"device_code", "user_code", "verification_uri_complete"}) == (200, True)
    asked = {"grant_type": DEVICE_CODE, "device_code": begun["device_code"]}
    assert caller.post(TOKEN, asked, **auth) == (400, "authorization_pending")


@pytest.mark.parametrize("peer", ["mtls", "mtls-aliases"])
@pytest.mark.parametrize(("client_id", "certificate"), [("by-authority", "client"), ("self-signed", "self")])
def test_mtls_knows_a_client_by_its_certificate_alone(
    call: Callable[..., Caller], peer: str, client_id: str, certificate: str
) -> None:
    form = REQUEST | {"client_id": client_id}
    alias = peer == "mtls-aliases"
    status, pushed = call(peer, certificate).post(PUSH, form, alias=alias)
    assert status == 201, pushed
    other = {"client": "self", "self": "client"}[certificate]
    for wrong in (None, other):
        assert call(peer, wrong).post(PUSH, form, alias=alias) == (401, "invalid_client"), wrong


def test_mtls_aliases_ask_for_a_certificate_at_the_second_door_alone(call: Callable[..., Caller]) -> None:
    caller = call("mtls-aliases", "client")
    aliases = caller.metadata["mtls_endpoint_aliases"]
    assert all(not url.startswith(caller.issuer) for url in aliases.values())
    assert caller.post(PUSH, REQUEST | {"client_id": "by-authority"}) == (401, "invalid_client")


def test_open_publishes_what_the_tests_use(call: Callable[..., Caller]) -> None:
    metadata = call("open").metadata
    assert {"query.jwt", "fragment.jwt", "form_post.jwt", "form_post"} <= set(metadata["response_modes_supported"])
    for member, wanted in {
        "id_token_signing_alg_values_supported": {"RS256", "PS256", "ES256", "EdDSA"},
        "request_object_encryption_alg_values_supported": {"RSA-OAEP-256"},
        "token_endpoint_auth_methods_supported": {"none", "client_secret_jwt", "private_key_jwt"},
    }.items():
        assert wanted <= set(metadata[member]), json.dumps(metadata[member])
