"""Whose fault a failure is: each cause produced for real, and what the person reads about it, letter by letter.

The texts are in `blamed/`: the problems, then the last line of the run. Most of the servers here are the sandbox,
started by the test with another registration than the environment believes in. What a server does that is down, or
answers with HTML, is in test_servers_that_misbehave.py, whose texts name the blame too.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.golden import compare

from flowrun.sandbox import Client, Sandbox, Settings, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

BLAMED = Path(__file__).with_name("blamed")
REPO = Path(__file__).parents[2]
KEYS = json.loads((REPO / "keys.example" / "client-public.jwks.json").read_text("utf-8"))["keys"]
OURS, SECOND = KEYS[0], KEYS[1]
CALLBACK = "https://app.flowrun.example/callback"
JSON = {"Content-Type": "application/json"}
PUSHED = "scenario: A request is pushed\nauthorization: {scope: openid}\nsteps:\n  - discover\n"
PUSH = f"{PUSHED}  - push\n"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LATE = re.compile(r"\b\d s\b")  # how long something took: the lengths that a test sets are longer
CLOCK = re.compile(r"\d\d:\d\d:\d\d UTC")
LOGIN = "browse: {user: alice, answers: {consent: approve}}"


@pytest.fixture
def bank() -> Iterator[Callable[..., Sandbox]]:
    """Start the sandbox as a server that has its own mind about our client: `bank(client={…}, tls="hosts")`."""
    started: list[Sandbox] = []

    def start(client: dict[str, Any] | None = None, *others: Client, **settings: Any) -> Sandbox:
        registered = {"redirect_uris": (CALLBACK,), "jwks": {"keys": [OURS]}, **(client or {})}
        known = Client("flowrun-example", **registered)
        people = (User("alice", "sandbox-password"),)
        started.append(Sandbox(Settings(clients=(known, *others), users=people, **settings)))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def tells(flowrun_run, environment, scenario) -> Callable[..., None]:
    """Run, and compare what is told with the file in `blamed/`; `server` is not the embedded one."""

    def run(name: str, text: str, server: Any = None, **changes: Any) -> None:
        __tracebackhide__ = True
        scenario(text)
        if server is not None:
            changes = {
                "server": None,
                "users": None,
                "issuer": getattr(server, "issuer", None) or server.url,
                **changes,
            }
        if getattr(server, "authority", None):
            changes["tls"] = {"ca": str(server.authority)}
        environment(**changes)
        ran = flowrun_run("scenario.yaml", "--env", "broken")
        ended = ran.last_line if ran.out else "nothing was sent"
        told = LATE.sub("N s", CLOCK.sub("HH:MM:SS UTC", f"{ran.problem_texts}\n{ended}\n"))
        compare(BLAMED / f"{name}.txt", told)
        assert ran.code in (1, 3) or not ran.out
        assert "Traceback" not in ran.out + ran.err

    return run


def changed_client(repo: Path, **members: Any) -> dict[str, Any]:
    """Return the environment's client with some of its settings changed."""
    signing = {"file": str(repo / "keys.example" / "client-signing.pem"), "kid": "flowrun-example-1"}
    usual = {"client_id": "flowrun-example", "redirect_uri": CALLBACK, "sender_constraint": "none"}
    return {"clients": {"default": {**usual, "keys": {"signing": signing}, **members}}}


# --- who we are ------------------------------------------------------------------------------------------------------


def test_a_key_that_the_server_does_not_have(tells, bank):
    tells("key-unknown", PUSH, bank({"jwks": {"keys": [SECOND]}}))


def test_a_key_that_the_server_does_not_have_and_where_it_reads_them(tells, bank, repo):
    published = changed_client(repo, jwks_uri="https://keys.bank.example/flowrun.jwks")

    tells("key-unknown-jwks-uri", PUSH, bank({"jwks": {"keys": [SECOND]}}), **published)


def test_another_key_under_our_kid(tells, bank):
    tells("key-other", PUSH, bank({"jwks": {"keys": [{**SECOND, "kid": OURS["kid"]}]}}))


def test_another_kid_than_that_of_our_key(tells):
    tells("kid-other", f"{PUSHED}  - sign: {{what: client_assertion, header: {{kid: old-key}}}}\n  - push\n")


def test_an_aud_that_the_profile_does_not_want(tells, repo):
    tells("aud", PUSH, **changed_client(repo, assertion={"aud": "token"}))


def test_an_aud_of_which_the_server_says_nothing(tells, stub, repo):
    stub.describe()
    stub.answers["/par"] = (401, JSON, '{"error": "invalid_client"}')

    tells("aud-silent", PUSH, stub, **changed_client(repo, assertion={"aud": "token"}))


def test_an_unknown_description_stays_unclear(tells, stub):
    stub.describe()
    stub.answers["/par"] = (401, JSON, '{"error": "invalid_client", "error_description": "AADB2C90237"}')

    tells("client-unclear", PUSH, stub)


def test_a_client_that_the_server_does_not_know(tells):
    """The embedded sandbox knows whom the environment knows; this one is asked about somebody else."""
    form = "{token: x, client_id: somebody-else, client_assertion: not-a-jwt}"
    call = f'{{method: POST, url: "{{{{ server.revocation_endpoint }}}}", form: {form}}}'
    tells("client-unknown", f"{PUSHED}  - call: {call}\n")


@pytest.mark.parametrize(("name", "ahead"), [("clock-ahead", 600), ("clock-behind", -600)])
def test_a_clock_that_is_off(name, ahead, tells, bank):
    tells(name, PUSH, bank(clock=lambda: time.time() + ahead))


def test_the_fault_switch_of_the_clock(tells):
    tells("clock-ahead", PUSH, faults=["clock.ahead"])


@pytest.mark.parametrize("name", ["assertion-expired", "assertion-early"])
def test_an_assertion_out_of_its_time(name, tells):
    dates = {
        "assertion-expired": '{iat: "{{ (now.timestamp() - 900) | int }}", exp: "{{ (now.timestamp() - 600) | int }}"}',
        "assertion-early": '{nbf: "{{ (now.timestamp() + 240) | int }}", exp: "{{ (now.timestamp() + 480) | int }}"}',
    }

    tells(name, f"{PUSHED}  - sign: {{what: client_assertion, claims: {dates[name]}}}\n  - push\n")


def test_an_assertion_that_was_used_before(tells):
    mine = f'client_assertion_type: "{ASSERTION}", client_assertion: "{{{{ mine.jwt }}}}"'
    form = f"{{token: x, client_id: flowrun-example, {mine}}}"
    call = f'{{method: POST, url: "{{{{ server.revocation_endpoint }}}}", form: {form}}}'

    tells("assertion-reused", f"{PUSHED}  - sign: client_assertion\n    name: mine\n  - push\n  - call: {call}\n")


def test_a_step_of_another_file_that_has_sent_an_assertion_before_is_named(
    scenario, environment, flowrun_run, tmp_path
):
    (tmp_path / "_push.yaml").write_text(
        "scenario: pushes\nauthorization: {scope: openid}\nsteps:\n  - push\n", "utf-8"
    )
    mine = f'client_assertion_type: "{ASSERTION}", client_assertion: "{{{{ mine.jwt }}}}"'
    call = (
        f'{{method: POST, url: "{{{{ server.revocation_endpoint }}}}", form: {{client_id: flowrun-example, {mine}}}}}'
    )
    scenario(f"{PUSHED}  - sign: client_assertion\n    name: mine\n  - use: _push.yaml\n  - call: {call}\n")
    environment()

    ran = flowrun_run("scenario.yaml", "--env", "broken")

    assert "may be sent once (jti): the step 'push' (_push.yaml:4) has sent it" in ran.problem_texts


def test_a_request_object_for_somebody_else(tells):
    sign = "sign: {what: request_object, aud: https://another-bank.example}"

    tells("request-object-aud", f"{PUSHED}  - {sign}\n  - push\n")


def test_a_request_object_that_has_expired(tells):
    dates = '{nbf: "{{ (now.timestamp() - 900) | int }}", exp: "{{ (now.timestamp() - 600) | int }}"}'

    tells("request-object-expired", f"{PUSHED}  - sign: {{what: request_object, claims: {dates}}}\n  - push\n")


def test_a_secret_that_is_not_the_registered_one(tells, bank, repo):
    server = bank(
        {"token_endpoint_auth_method": "client_secret_basic", "client_secret": "the-right-secret-of-the-bank"}
    )
    ours = changed_client(repo, auth="client_secret_basic", client_secret="a-secret-of-another-environment")

    tells("secret", PUSH, server, profile="oauth2", **ours)


def test_an_authentication_that_is_not_the_registered_one(tells, bank):
    tells("auth-method", PUSH, bank({"token_endpoint_auth_method": "client_secret_jwt", "client_secret": "x" * 40}))


# --- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[..., tuple[str, dict[str, str]]]:
    """Make a certificate of our own, valid until a year; return it as PEM, and as an environment names it."""

    def make(name: str, year: int = 2099) -> tuple[str, dict[str, str]]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(year, 1, 1, tzinfo=UTC))
            .sign(key, SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem = made.public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)
        (tmp_path / f"{name}.key").write_bytes(private)
        return pem.decode(), {"file": f"../{name}.pem", "key": f"../{name}.key"}

    return make


BY_CERTIFICATE = {"auth": "self_signed_tls_client_auth"}
METHOD = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}


def test_a_certificate_that_was_not_sent(tells, bank, certificate, repo):
    pem, _ = certificate("ours")

    tells(
        "certificate-none",
        PUSH,
        bank({**METHOD, "certificate": pem}, tls="hosts"),
        **changed_client(repo, **BY_CERTIFICATE),
    )


def test_a_certificate_that_the_server_wants_and_the_environment_does_not_name(tells, bank, certificate):
    pem, _ = certificate("ours")
    exchange = "exchange: {grant: client_credentials, scope: accounts}"
    text = f"scenario: A token is asked for\nsteps:\n  - discover\n  - {exchange}\n"

    tells("certificate-not-sent", text, bank({"certificate": pem, "sender_constraint": "mtls"}, tls="hosts"))


def test_a_certificate_that_this_host_does_not_get(tells, bank, certificate, repo):
    pem, files = certificate("ours")
    client = changed_client(repo, **BY_CERTIFICATE, certificate={**files, "hosts": ["api.bank.example"]})

    tells("certificate-hosts", PUSH, bank({**METHOD, "certificate": pem}, tls="hosts"), **client)


def test_a_certificate_that_the_server_does_not_know(tells, bank, certificate, repo):
    pem, _ = certificate("ours")
    _, files = certificate("other")
    client = changed_client(repo, **BY_CERTIFICATE, certificate=files)

    tells("certificate-other", PUSH, bank({**METHOD, "certificate": pem}, tls="hosts"), **client)


def test_a_certificate_that_has_expired(tells, bank, certificate, repo):
    """It is found before anything is sent."""
    pem, files = certificate("ours", 2021)
    client = changed_client(repo, **BY_CERTIFICATE, certificate=files)

    tells("certificate-expired", PUSH, bank({**METHOD, "certificate": pem}, tls="hosts"), **client)


def test_a_token_that_is_bound_to_another_certificate(tells, bank, certificate, repo):
    pem, files = certificate("ours")
    other, others = certificate("other")
    # Both are known to the server's TLS, as they would be with one authority.
    second = Client("second", (CALLBACK,), certificate=other)
    server = bank({"certificate": pem, "sender_constraint": "mtls"}, second, tls="hosts")
    clients = changed_client(repo, certificate=files, sender_constraint="mtls")
    clients["clients"]["other"] = {"like": "default", "certificate": others}
    text = (
        "scenario: A token is shown with another certificate\nsteps:\n  - discover\n"
        "  - exchange: {grant: client_credentials, scope: accounts}\n"
        "  - call: {url: \"{{ server.token_endpoint | replace('/token', '/accounts') }}\", token: access_token}\n"
        "    as: other\n"
    )

    tells("certificate-not-bound", text, server, **clients)


# --- the request -----------------------------------------------------------------------------------------------------


def test_a_redirect_uri_that_the_scenario_invents(tells):
    text = PUSH.replace("{scope: openid}", "{scope: openid, redirect_uri: https://app.flowrun.example/other}")

    tells("redirect-uri-scenario", text)


def test_a_redirect_uri_that_is_not_registered(tells, bank):
    tells("redirect-uri", PUSH, bank({"redirect_uris": ("https://app.flowrun.example/callback/",)}))


def test_a_scope_that_the_server_does_not_have(tells):
    tells("scope", PUSH.replace("scope: openid", 'scope: "openid payments"'))


def test_a_limit_of_calls(tells):
    tells("rate-limit", PUSH, faults=["push.too-many"])


def test_an_address_of_ours_where_nothing_is(tells, stub):
    stub.describe()

    tells("address-ours", PUSH, stub, endpoints={"pushed_authorization_request_endpoint": f"{stub.url}/per"})


def test_an_address_of_theirs_where_nothing_is(tells, stub):
    stub.describe()

    tells("address-theirs", PUSH, stub)


def test_an_address_that_is_almost_right(tells, stub):
    stub.describe()
    stub.answers["/par"] = (308, {"Location": f"{stub.url}/par/"}, "")

    tells("address-almost", PUSH, stub, endpoints={"pushed_authorization_request_endpoint": f"{stub.url}/par"})


# --- in the browser --------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_request_uri_that_has_expired(tells):
    wait = "  - wait: {for: push.expires_at, plus: 1s}\n"

    tells("request-uri-expired", f"{PUSH}{wait}  - {LOGIN}\n", sandbox={"lifetimes": {"request_uri": "1s"}})


@pytest.mark.browser
def test_a_request_uri_that_nobody_pushed(tells):
    url = (
        "{{ server.authorization_endpoint }}?client_id=flowrun-example&request_uri=urn:ietf:params:oauth:request_uri:x"
    )

    tells("request-uri-unknown", f'{PUSH}  - browse: {{user: alice, url: "{url}"}}\n')


@pytest.mark.browser
def test_a_request_uri_and_a_code_and_a_verifier_of_another_time(tells):
    exchange = "  - exchange: {code_verifier: a-verifier-that-belongs-to-no-challenge-of-ours}\n"

    tells("pkce", f"{PUSH}  - {LOGIN}\n{exchange}")
    tells("request-uri-used", f"{PUSH}  - {LOGIN}\n  - {LOGIN}\n    name: again\n")
    tells(
        "code-used",
        f'{PUSH}  - {LOGIN}\n  - exchange\n  - exchange: {{code: "{{{{ callback.code }}}}"}}\n    name: again\n',
    )


@pytest.mark.browser
def test_a_person_who_has_agreed_before(tells):
    again = "browse: {user: alice, session: keep, answers: {consent: approve}}"
    expect = "    expect: {pages: [login, consent]}\n"

    pushed = "  - push: {par: always}\n    name: pushed_again\n"

    tells("consent-given", f"{PUSH}  - {LOGIN}\n{expect}{pushed}  - {again}\n    name: again\n{expect}")


@pytest.mark.browser
def test_a_login_that_is_not_there(tells):
    text = PUSH.replace("scope: openid", "scope: openid, prompt: none")

    tells("prompt-none", f"{text}  - {LOGIN}\n")
