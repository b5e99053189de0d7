"""A data consumer written for these tests: it signs with joserfc and walks the pages with httpx."""

import base64
import hashlib
import re
import ssl
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from flowrun.sandbox import Client, Sandbox, Settings, User

CONSENT_TYPE = "urn:openfinance-ml:account-access-consent:v1.2"
REDIRECT_URI = "https://app.example/callback?keep=1"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GONE = object()  # a claim or parameter to leave out


@dataclass
class Clock:
    """The sandbox's time: real, plus what a test has let pass."""

    passed: float = 0

    def __call__(self):
        return time.time() + self.passed


def without_gone(values):
    return {name: value for name, value in values.items() if value is not GONE}


@dataclass
class Consumer:
    """Everything one client does, with every value open to change."""

    issuer: str
    key: object
    clock: Clock
    client_id: str = "dc-1"
    sandbox: object = None
    gone: object = GONE
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))
    verifier: str = field(default_factory=lambda: f"{uuid.uuid4()}{uuid.uuid4()}")

    def jwt(self, claims, *, header=None, key=None, alg="PS256"):
        key = key or self.key
        header = without_gone({"alg": alg, "kid": key.kid, **(header or {})})
        return jwt.encode(header, without_gone(claims), key, [alg], default_type=None)

    def assertion(self, *, sign=None, **claims):
        now = self.clock()
        usual = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 310,
        }
        return self.jwt(usual | claims, **(sign or {}))

    def credentials(self, **claims):
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(**claims)}

    def consent(self, **members):
        usual = {
            "dc_id": "DC1234567890",
            "dp_id": "DP9876543210",
            "consent_type": CONSENT_TYPE,
            "consent_purpose": "pfm",
            "permissions": ["read_accounts", "read_transactions", "read_balances"],
            "expiration_datetime": "2099-01-01T00:00:00Z",
        }
        return [{"type": CONSENT_TYPE, "consent": without_gone(usual | members)}]

    def params(self, **changed):
        digest = hashlib.sha256(self.verifier.encode()).digest()
        usual = {
            "client_id": self.client_id,
            "response_type": "code",
            "scope": "accounts profile",
            "redirect_uri": REDIRECT_URI,
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "claims": {"userinfo": {"email": None, "hashed_id_number": None}},
            "authorization_details": self.consent(),
        }
        return without_gone(usual | changed)

    def request_object(self, *, sign=None, **changed):
        now = self.clock()
        usual = {"iss": self.client_id, "aud": self.issuer, "nbf": now, "exp": now + 310}
        return self.jwt(usual | self.params() | changed, **(sign or {}))

    def post(self, path, form, **options):
        return self.http.post(self.issuer + path, data=without_gone(form), **options)

    def push(self, **changed):
        """Push a signed request; `changed` are claims of the request object."""
        form = {"client_id": self.client_id, "request": self.request_object(**changed), **self.credentials()}
        return self.post("/par", form, headers={"x-fapi-interaction-id": "73cac523"})

    def pushed(self, **changed):
        answer = self.push(**changed)
        assert answer.is_success, answer.text
        return answer.json()["request_uri"]

    def authorize(self, request_uri, **changed):
        """Open the authorization URL in a browser and follow it to the first page or to the redirect_uri."""
        query = without_gone({"client_id": self.client_id, "request_uri": request_uri} | changed)
        return self.follow(self.http.get(f"{self.issuer}/auth", params=query))

    def follow(self, answer):
        while answer.has_redirect_location and answer.headers["location"].startswith(("/", self.issuer)):
            answer = self.http.get(httpx.URL(self.issuer).join(answer.headers["location"]))
        return answer

    def send(self, page, **fields):
        """Press a button of a page, with these fields filled in."""
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        return self.follow(self.http.post(page.url, data={**hidden, **fields}))

    def sign_in(self, page, username="alice", password="wonderland"):
        return self.send(page, username=username, password=password)

    def approved(self, request_uri):
        """Walk every page and return the parameters of the callback."""
        page = self.authorize(request_uri)
        if heading(page) == "Sign in":
            page = self.sign_in(page)
        if heading(page) == "Choose your bank":
            page = self.send(page, dp_id="DP9876543211")
        if heading(page) == "Approve access":
            page = self.send(page, decision="approve")
        return callback(page)

    def exchange(self, code, /, **changed):
        usual = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": self.verifier,
            **self.credentials(),
        }
        return self.post("/token", usual | changed)

    def tokens(self, **changed):
        """Walk the whole flow and return the token answer."""
        answer = self.exchange(self.approved(self.pushed(**changed))["code"])
        assert answer.is_success, answer.text
        return answer.json()

    def refresh(self, refresh_token, **changed):
        return self.post(
            "/token", {"grant_type": "refresh_token", "refresh_token": refresh_token, **self.credentials()} | changed
        )

    def get(self, path, token):
        return self.http.get(self.issuer + path, headers={"Authorization": f"Bearer {token}"})

    def id_token(self, text):
        """Verify an id_token against the published keys and return its claims."""
        keys = KeySet.import_key_set(self.http.get(f"{self.issuer}/jwks").json())
        return jwt.decode(text, keys, algorithms=["PS256"]).claims


def heading(page):
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    return found[1] if found else ""


def callback(answer):
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(REDIRECT_URI)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


@pytest.fixture(scope="session")
def rsa_key():
    return RSAKey.generate_key(2048, {"kid": "signing-1"})


@pytest.fixture(scope="session")
def ec_key():
    return ECKey.generate_key("P-256", {"kid": "signing-ec"})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def start(rsa_key, ec_key, clock):
    """Start a sandbox and return a consumer of it: `start(faults={...}, client={...}, **settings)`."""
    with ExitStack() as ends:

        def begin(faults=(), client=None, **settings):
            jwks = {"keys": [rsa_key.as_dict(private=False), ec_key.as_dict(private=False)]}
            usual = {"client_id": "dc-1", "redirect_uris": (REDIRECT_URI,), "jwks": jwks}
            second = Client("dc-2", (REDIRECT_URI,), jwks)
            sandbox = Sandbox(
                Settings(
                    clients=(Client(**(usual | (client or {}))), second),
                    users=(User("alice", "wonderland"), User("bob", "builder")),
                    faults=frozenset(faults),
                    clock=clock,
                    **settings,
                )
            )
            ends.enter_context(sandbox)
            consumer = Consumer(sandbox.issuer, rsa_key, clock)
            if sandbox.authority:
                consumer.http = httpx.Client(timeout=10, verify=ssl.create_default_context(cafile=sandbox.authority))
            consumer.sandbox = sandbox
            ends.enter_context(consumer.http)
            return consumer

        yield begin


@pytest.fixture
def consumer(start):
    return start()


@pytest.fixture
def another(consumer):
    """A second registered client, whose keys are the same."""
    with httpx.Client(timeout=10) as http:
        yield Consumer(consumer.issuer, consumer.key, consumer.clock, "dc-2", http)


@pytest.fixture
def tools():
    """Return the small functions of this file, by name."""

    class Tools:
        gone = GONE
        consent_type = CONSENT_TYPE
        redirect_uri = REDIRECT_URI
        assertion_type = ASSERTION_TYPE

    Tools.heading = staticmethod(heading)
    Tools.callback = staticmethod(callback)
    return Tools
