"""A server that is down or does what it should not: what the person is told, letter by letter, and the exit code.

The texts are in `told/`: the problems, then the last line of the run.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.golden import compare

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

TOLD = Path(__file__).with_name("told")
NOBODY = "http://127.0.0.1:1"  # nothing listens there
JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html; charset=utf-8"}
SCENARIO = """\
scenario: A person signs in and approves
authorization: {scope: openid}
steps:
  - discover
  - push
  - browse: {user: alice, answers: {consent: approve}}
  - exchange
"""
NOT_FURTHER = "scenario: A request is pushed\nauthorization: {scope: openid}\nsteps:\n  - discover\n  - push\n"


@pytest.fixture
def tells(flowrun_run, environment, scenario) -> Callable[..., None]:
    """Run, and compare what is told with the file in `told/`; keywords change the environment."""

    def run(name: str, code: int, *, text: str = SCENARIO, **changes: Any) -> None:
        __tracebackhide__ = True
        scenario(text)
        environment(**changes)
        ran = flowrun_run("scenario.yaml", "--env", "broken")
        told = f"{ran.problem_texts}\n{ran.last_line}\n"
        compare(TOLD / f"{name}.txt", told)
        assert ran.code == code
        assert "Traceback" not in ran.out + ran.err
        first, *_ = ran.problems
        assert f"--> {first['at']['file']}:{first['at']['line']}:" in ran.out

    return run


@pytest.fixture
def remote(stub: Any) -> dict[str, Any]:
    """The changes that make the stub the server of the environment."""
    return {"server": None, "issuer": stub.url, "users": None, "text": NOT_FURTHER}


# --- the sandbox with one fault -------------------------------------------------------------------------------------

FAULTS = {
    "discover.status-500": 1,
    "discover.html": 1,
    "discover.wrong-issuer": 1,
    "push.status-500": 1,
    "push.html": 1,
    "push.redirect": 1,
    "push.refuse": 1,
    "token.status-500": 1,
    "token.wrong-iss": 1,
    "token.bad-signature": 1,
    "callback.wrong-state": 1,
    "page.error": 1,
}


@pytest.mark.browser
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_sandbox(fault, tells):
    tells(fault, FAULTS[fault], faults=[fault])


@pytest.mark.browser
def test_an_error_page_that_nobody_described(tells, pages):
    tells("error-page-undescribed", 1, faults=["page.error"], pages=pages(error=None))


# --- no answer at all: exit code 3 ----------------------------------------------------------------------------------


def test_a_server_that_is_down(tells, remote):
    tells("down", 3, **remote | {"issuer": NOBODY})


def test_a_host_that_does_not_resolve(tells, remote):
    tells("dns", 3, **remote | {"issuer": "https://auth.bank.invalid"})


def test_a_certificate_that_nobody_vouches_for(tells, remote, secure_stub):
    tells("self-signed", 3, **remote | {"issuer": secure_stub.url})


def test_a_port_that_speaks_no_tls(tells, remote, stub):
    tells("no-tls", 3, **remote | {"issuer": stub.url.replace("http:", "https:")})


def test_a_server_that_does_not_answer_in_time(tells, remote, stub):
    stub.answers["/.well-known/openid-configuration"] = "hang"

    tells("timeout", 3, timeouts={"http": "300ms"}, **remote)


def test_a_server_that_drops_the_connection(tells, remote, stub):
    stub.answers["/.well-known/openid-configuration"] = "drop"

    tells("dropped", 3, **remote)


@pytest.mark.browser
def test_a_token_endpoint_that_is_down(tells):
    tells("token-down", 3, endpoints={"token_endpoint": f"{NOBODY}/token"})


@pytest.mark.browser
def test_a_login_page_that_is_down(tells):
    with socket.create_server(("127.0.0.1", 0)) as taken:  # browsers call no low ports
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"

    tells("login-down", 3, endpoints={"authorization_endpoint": f"{nobody}/auth"})


@pytest.mark.browser
def test_a_login_host_that_does_not_resolve(tells):
    tells("login-dns", 3, endpoints={"authorization_endpoint": "https://login.bank.invalid/auth"})


@pytest.mark.browser
def test_a_login_page_whose_certificate_nobody_vouches_for(tells, secure_stub):
    tells("login-self-signed", 3, endpoints={"authorization_endpoint": f"{secure_stub.url}/auth"})


@pytest.mark.browser
def test_a_login_page_that_does_not_come_in_time(tells, stub):
    stub.answers["/auth"] = "hang"

    # The request is pushed to the sandbox; only the page is the stub's.
    endpoints = {"authorization_endpoint": f"{stub.url}/auth"}
    tells("login-timeout", 3, endpoints=endpoints, timeouts={"page": "500ms"})


# --- answers that are none: exit code 1 -----------------------------------------------------------------------------

PUSHES = {
    "push-404": (404, HTML, "<title>404</title><h1>No such page</h1>"),
    "push-204": (204, {}, ""),
    "push-list": (201, JSON, "[1, 2]"),
    "push-cut": (201, JSON, '{"request_uri": "urn:x", "expires_'),
    "push-no-request-uri": (201, {**JSON, "Cache-Control": "no-store"}, '{"expires_in": 60}'),
    "push-invalid-client": (
        401,
        JSON,
        '{"error": "invalid_client", "error_description": "The kid flowrun-example-1 is not registered."}',
    ),
    "push-redirect-nowhere": (307, {}, ""),
    "push-503": (503, HTML, "<h1>Down for maintenance</h1><p>Back at nine.</p>"),
}


@pytest.mark.parametrize("name", PUSHES)
def test_an_answer_to_the_push_that_is_none(name, tells, remote, stub):
    stub.describe()
    stub.answers["/par"] = PUSHES[name]

    tells(name, 1, **remote)


def test_a_push_that_is_dropped(tells, remote, stub):
    stub.describe()
    stub.answers["/par"] = "drop"

    tells("push-dropped", 3, **remote)


METADATA = {
    "metadata-404": (404, HTML, "<h1>Not found</h1>"),
    "metadata-403": (403, JSON, '{"error": "forbidden"}'),
    "metadata-list": (200, JSON, '["issuer"]'),
    "metadata-redirect": (302, {"Location": "https://login.bank.example/?next=%2F"}, ""),
    "metadata-without-issuer": (200, JSON, "{}"),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_that_are_none(name, tells, remote, stub):
    stub.answers["/.well-known/openid-configuration"] = METADATA[name]

    tells(name, 1, **remote)


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pages(repo: Path) -> Callable[..., dict[str, Any]]:
    """The sandbox's pages with some of them changed, or with None left out."""
    text = (repo / "scenarios" / "environments" / "sandbox.yaml").read_text("utf-8")

    def changed(**changes: Any) -> dict[str, Any]:
        found = {**yaml.safe_load(text)["pages"], **changes}
        return {name: page for name, page in found.items() if page is not None}

    return changed


@pytest.mark.browser
def test_a_wrong_password(tells, pages):
    login = {
        "shows": {"heading": "Sign in"},
        "do": [{"fill": {"User name": "{{ user.username }}", "Password": "not-the-password"}}, {"press": "Sign in"}],
        "failed_if": {"text": "Invalid credentials"},
    }

    tells("wrong-password", 1, pages=pages(login=login))


@pytest.mark.browser
def test_a_page_that_nobody_described(tells, pages):
    tells("page-undescribed", 1, pages=pages(consent=None))


@pytest.mark.browser
def test_a_button_that_is_missing(tells, pages):
    login = {"shows": {"heading": "Sign in"}, "do": [{"press": "Log in"}]}

    tells("button-missing", 1, pages=pages(login=login), timeouts={"page": "1s"})


@pytest.mark.browser
def test_a_field_that_is_missing(tells, pages):
    login = {"shows": {"heading": "Sign in"}, "do": [{"fill": {"Customer number": "{{ user.username }}"}}]}

    tells("field-missing", 1, pages=pages(login=login), timeouts={"page": "1s"})


@pytest.mark.browser
def test_a_page_that_never_changes(tells, pages):
    login = {"shows": {"heading": "Sign in"}, "do": [{"fill": {"User name": "{{ user.username }}"}}]}

    tells("page-stuck", 1, pages=pages(login=login), timeouts={"page": "500ms"})


@pytest.mark.browser
def test_an_answer_that_the_page_does_not_have(tells):
    # Written out it is found by `check`; behind a template nobody can know before.
    tells("unknown-answer", 1, text=SCENARIO.replace("consent: approve", "consent: \"{{ 'agr' + 'ee' }}\""))


# --- no browser: exit code 4, and the files: 2 ----------------------------------------------------------------------


def test_a_browser_that_is_not_there(flowrun_alone, environment, scenario, monkeypatch, left_behind):
    monkeypatch.setenv("FLOWRUN_CHROME", "/no/such/chromium")
    scenario(SCENARIO)
    environment()

    ran = flowrun_alone("scenario.yaml", "--env", "broken")

    told = f"{ran.problem_texts}\n{ran.last_line}\n"
    assert told == (TOLD / "no-browser.txt").read_text("utf-8")
    assert ran.code == 4
    assert left_behind() == []


def test_a_fault_that_there_is_not(flowrun_alone, environment, scenario):
    scenario(SCENARIO)
    environment(faults=["push.status200"])

    ran = flowrun_alone("scenario.yaml", "--env", "broken")

    assert ran.err.startswith(
        "error[unknown-fault]: the sandbox has no fault 'push.status200'\n  --> environments/broken.yaml:"
    )
    assert "did you mean 'push.status-200'?" in ran.err
    assert (ran.out, ran.code) == ("", 2)


@pytest.mark.browser
@pytest.mark.parametrize("fault", ["push.status-500", "page.error", "token.bad-signature"])
def test_nothing_is_left_running(fault, flowrun_alone, environment, scenario, left_behind):
    scenario(SCENARIO)
    environment(faults=[fault])

    assert flowrun_alone("scenario.yaml", "--env", "broken").code == 1
    assert left_behind() == []


# --- answers with members of every wrong type: a clear word on each, and never a crash -------------------------------

HUGE = 10**400
WRONG = [
    None,
    True,
    -1,
    HUGE,
    1e308,
    "",
    "x",
    "\ud800",
    "https://[bad",
    "\x1b[2J",
    [],
    [[]],
    ["a", None],
    {},
    {"a": []},
]
STEPS = """\
scenario: A server answers with anything
authorization: {scope: openid}
steps:
  - discover
  - push: {par: auto}
  - exchange: {grant: client_credentials}
  - userinfo
  - introspect
  - revoke
"""
ANSWERS: dict[str, dict[str, Any]] = {
    "/jwks": {"keys": [{"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB", "use": "sig", "alg": "PS256"}]},
    "/par": {"request_uri": "urn:ietf:params:oauth:request_uri:a-reference", "expires_in": 60},
    "/token": {
        "access_token": "an-access-token",
        "token_type": "Bearer",
        "expires_in": 60,
        "refresh_token": "a-refresh-token",
        "scope": "openid",
        "id_token": "e30.e30.e30",
    },
    "/userinfo": {"sub": "alice", "address": {"locality": "Kuala Lumpur"}},
    "/introspect": {"active": True, "exp": 1, "cnf": {"jkt": "x"}, "scope": "openid", "client_id": "x", "aud": "x"},
    "/revoke": {},
}
ENDPOINTS = {
    "jwks_uri": "/jwks",
    "userinfo_endpoint": "/userinfo",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
}
SPOILT = [("metadata", "none"), ("metadata", "dpop"), ("metadata", "mtls")]
SPOILT += [(path, "none") for path, members in ANSWERS.items() if members]


def spoil(members: dict[str, Any], first: int) -> str:
    """Return members as JSON, each with another of the wrong values; `first` says which one the first of them gets."""
    return json.dumps({name: WRONG[(first + index) % len(WRONG)] for index, name in enumerate(members)})


@pytest.mark.parametrize("first", range(0, len(WRONG), 4))
@pytest.mark.parametrize(("spoilt", "constraint"), SPOILT)
def test_members_of_every_wrong_type(spoilt, constraint, first, flowrun_run, environment, scenario, stub, repo):
    client: dict[str, Any] = {"sender_constraint": constraint, "dpop": {"bind_code": "par"}}
    if constraint == "mtls":
        keys = repo / "keys.example"
        client["certificate"] = {"file": str(keys / "tls.pem"), "key": str(keys / "tls.key")}
    path = Path(environment(server=None, issuer=stub.url, users=None))
    data = yaml.safe_load(path.read_text("utf-8"))
    data["clients"]["default"] |= client
    path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
    scenario(STEPS)
    stub.describe(**{name: f"{stub.url}{where}" for name, where in ENDPOINTS.items()})
    for where, members in ANSWERS.items():
        stub.answers[where] = (200, JSON, json.dumps(members))
    if spoilt == "metadata":
        spoilt = "/.well-known/openid-configuration"
        members = {"token_endpoint": "", "mtls_endpoint_aliases": {}, "scopes_supported": [], **ENDPOINTS}
        stub.answers[spoilt] = (200, JSON, spoil(members, first))
    elif spoilt == "/jwks":
        (key,) = ANSWERS[spoilt]["keys"]
        stub.answers[spoilt] = (200, JSON, f'{{"keys": [null, [], {spoil(key, first)}, {spoil(key, first + 2)}]}}')
    else:
        stub.answers[spoilt] = (200, JSON, spoil(ANSWERS[spoilt], first))

    ran = flowrun_run("scenario.yaml", "--env", "broken")

    assert "Traceback" not in ran.out + ran.err
    assert ran.code == 1
    assert all(problem["title"] for problem in ran.problems)
