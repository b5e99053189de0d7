"""`flowrun check --online` on servers that are right and wrong: both outputs to the letter, and the exit code.

The texts are in `told/`: the exit code, what was found good, then the problems.
"""

from __future__ import annotations

import json
import socket
import time
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TOLD = Path(__file__).with_name("told")
JSON = {"Content-Type": "application/json"}
METADATA = "/.well-known/openid-configuration"
CA = "tls: {ca: ca.pem}\n"
CERTIFICATE = "    certificate: {file: client.pem}\n"
SCENARIO = """\
scenario: A request is pushed
authorization: {scope: openid}
steps:
  - discover
  - push
  - exchange: {grant: client_credentials}
"""


@pytest.fixture
def tells(check) -> Callable[..., Any]:
    """Look, and compare what is told with the file in told/."""

    def run(name: str, issuer: str, more: str = "", **how: Any) -> Any:
        __tracebackhide__ = True
        told = check(issuer, more, **how)
        assert f"{told.code}\n{told.out}---\n{told.err}" == (TOLD / f"{name}.txt").read_text("utf-8")
        return told

    return run


def test_every_text_is_that_of_a_test():
    source = Path(__file__).read_text("utf-8")
    assert [one.stem for one in TOLD.glob("*.txt") if f'"{one.stem}"' not in source] == []


# --- who is there ---------------------------------------------------------------------------------------------------


def test_a_server_that_is_as_the_file_says(tells, serve):
    server = serve()
    tells("good", server.url)
    assert server.asked == [f"GET {METADATA}"], "public documents only"


def test_a_name_that_nobody_knows(tells, monkeypatch):
    def look_up(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    tells("no-name", "https://nobody.example")


def test_a_name_is_told_with_its_addresses(check, serve):
    server = serve()
    port = server.url.rpartition(":")[2]
    server.describe(issuer=f"http://localhost:{port}")
    assert "✓ DNS        localhost is 127.0.0.1" in check(f"http://localhost:{port}").out.replace("::1, ", "")


def test_a_port_where_nobody_listens(tells):
    tells("no-port", "http://127.0.0.1:1")


def test_a_server_that_takes_the_connection_and_says_nothing(tells):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tells("silent", f"https://127.0.0.1:{silent.getsockname()[1]}", "timeouts: {http: 300ms}\n")


def test_a_port_without_tls(tells, serve):
    tells("no-tls", serve().url.replace("http:", "https:"))


def test_a_machine_behind_a_proxy_leaves_names_and_tls_to_it(tells, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    tells("proxy", "https://nobody.example")


# --- certificates ---------------------------------------------------------------------------------------------------


def test_a_certificate_that_an_authority_of_the_file_vouches_for(tells, serve, authority):
    tells("tls", serve(authority.issue("server")).url, CA)


def test_a_certificate_that_nobody_vouches_for(tells, serve, authority):
    tells("tls-untrusted", serve(authority.issue("server")).url)


def test_a_certificate_for_another_host(tells, serve, authority):
    tells("tls-name", serve(authority.issue("server", address="127.0.0.9")).url, CA)


def test_a_certificate_that_ends_soon_is_a_warning(tells, serve, authority):
    tells("tls-soon", serve(authority.issue("server", days=5)).url, CA)


def test_a_certificate_that_has_ended(tells, serve, authority):
    tells("tls-over", serve(authority.issue("server", days=-1, since=-9)).url, CA)


def test_a_certificate_that_has_ended_is_told_also_where_nothing_is_verified(tells, serve, authority):
    server = serve(authority.issue("server", days=-1, since=-9))
    tells("tls-over-unverified", server.url, "tls: {verify: false}\n")


@pytest.fixture
def two_hosts(serve, authority) -> tuple[Any, Any]:
    """A server, and a second host of it that insists on a certificate of the authority."""
    authority.issue("client")
    issuer, api = serve(authority.issue("issuer")), serve(authority.issue("api"), clients=authority.file)
    issuer.describe(token_endpoint=f"{api.url}/token", pushed_authorization_request_endpoint=f"{api.url}/par")
    return issuer, api


def test_our_certificate_is_shown_to_the_hosts_of_the_api(tells, two_hosts):
    issuer, api = two_hosts
    tells("mtls", issuer.url, CERTIFICATE + CA)
    assert api.asked == ["GET /"], "with the certificate; without it nothing was heard"
    assert issuer.asked == [f"GET {METADATA}"], "people go there: no certificate is shown"


def test_our_certificate_goes_to_the_aliases_for_it(check, two_hosts):
    issuer, api = two_hosts
    aliases = {"token_endpoint": f"{api.url}/token", "pushed_authorization_request_endpoint": f"{api.url}/par"}
    issuer.describe(mtls_endpoint_aliases=aliases)
    told = check(issuer.url, CERTIFICATE + CA)
    assert "✓ mTLS       127.0.0.1:PORT answers when 'default' shows its certificate, and not without" in told.out
    assert api.asked == ["GET /"]


def test_a_host_that_insists_on_no_certificate_is_told(tells, serve, authority):
    authority.issue("client")
    issuer, api = serve(authority.issue("issuer")), serve(authority.issue("api"))
    issuer.describe(token_endpoint=f"{api.url}/token", pushed_authorization_request_endpoint=f"{api.url}/par")
    tells("mtls-loose", issuer.url, CERTIFICATE + CA)


def test_a_certificate_of_another_authority_is_refused(tells, two_hosts):
    tells("mtls-refused", two_hosts[0].url, "    certificate: {file: keys/tls.pem, key: keys/tls.key}\n" + CA)


def test_a_proxy_that_refuses_a_certificate_in_words(tells, serve, authority):
    authority.issue("client")
    issuer, api = serve(authority.issue("issuer")), serve(authority.issue("api"))
    issuer.describe(token_endpoint=f"{api.url}/token", pushed_authorization_request_endpoint=f"{api.url}/par")
    api.otherwise = lambda _: (400, {"Content-Type": "text/html"}, "<p>The SSL certificate error</p>")
    tells("mtls-refused-in-words", issuer.url, CERTIFICATE + CA)


def test_a_host_that_wants_a_certificate_where_we_have_none(tells, two_hosts):
    tells("mtls-none", two_hosts[0].url, CA)


def test_a_host_that_wants_a_certificate_and_is_not_among_those_that_get_it(tells, two_hosts):
    tells("mtls-other-hosts", two_hosts[0].url, "    certificate: {file: client.pem, hosts: [as1.example]}\n" + CA)


def test_a_certificate_in_a_header_is_not_shown_in_tls(check, serve, authority):
    authority.issue("client")
    server = serve(authority.issue("server"))
    told = check(server.url, "    certificate: {file: client.pem, header: {name: x-cert}}\n" + CA)
    assert "mTLS" not in told.out
    assert (told.code, server.asked) == (0, [f"GET {METADATA}"])


# --- metadata -------------------------------------------------------------------------------------------------------


def test_another_issuer(tells, serve):
    server = serve()
    server.describe(issuer=f"{server.url}/")
    tells("issuer", server.url)


def test_no_issuer(tells, serve):
    server = serve()
    server.describe(issuer=None)
    tells("issuer-absent", server.url)


def test_no_metadata(tells, serve):
    server = serve()
    server.answers.clear()
    tells("no-metadata", server.url)


def test_metadata_at_the_place_of_rfc_8414(check, serve):
    server = serve()
    server.answers["/.well-known/oauth-authorization-server"] = server.answers.pop(METADATA)
    assert check(server.url).code == 0


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((500, JSON, "{}"), 1, "error[server-error]: the server answered 500 to the question for its metadata"),
        ((200, JSON, "<html>"), 1, "error[not-json]: the server answered with HTML to the question for its metadata"),
        ((302, {"Location": "/login"}, ""), 1, "error[redirected]: the server answered 302, a redirect to /login"),
    ],
)
def test_metadata_that_can_not_be_read(check, serve, answer, code, words):
    server = serve()
    server.answers[METADATA] = answer
    told = check(server.url)
    assert told.code == code
    assert words in told.err
    assert "--> uat.yaml:2:9" in told.err


def test_a_server_without_metadata_whose_endpoints_are_listed(tells, serve):
    server = serve()
    server.answers.clear()
    endpoints = f"endpoints: {{token_endpoint: {server.url}/token}}\n"
    scenario = "scenario: A token\nsteps:\n  - exchange: {grant: client_credentials}\n"
    tells("endpoints-listed", server.url, endpoints, scenario=scenario)


def test_a_scenario_that_would_discover_goes_on_with_the_endpoints_that_are_listed(check, serve):
    server = serve()
    server.answers.clear()
    urls = {"authorization_endpoint": "/auth", "token_endpoint": "/token"}
    listed = ", ".join(f"{name}: {server.url}{path}" for name, path in urls.items())
    scenario = "scenario: A token\nsteps:\n  - discover\n  - exchange: {grant: client_credentials}\n"
    told = check(server.url, f"endpoints: {{{listed}}}\n", scenario=scenario)
    assert told.code == 0, told.err
    assert "– metadata   the server has none (404); the file lists endpoints" in told.out
    told = check(server.url, f"endpoints: {{token_endpoint: {server.url}/token}}\n", scenario=scenario)
    assert "error[no-metadata]" in told.err  # too few for a run, so for this too


def test_what_a_scenario_needs_is_there(tells, serve):
    tells("scenario", serve().url, scenario=SCENARIO)


def test_an_endpoint_that_a_scenario_needs_is_lacking(tells, serve):
    server = serve()
    server.describe(pushed_authorization_request_endpoint=None)
    tells("no-endpoint", server.url, scenario=SCENARIO)


def test_an_endpoint_that_a_used_file_needs_is_lacking(check, serve, folder):
    (folder / "part.yaml").write_text(SCENARIO, "utf-8")
    server = serve()
    server.describe(pushed_authorization_request_endpoint=None)
    told = check(server.url, scenario="scenario: It uses another\nsteps:\n  - use: part.yaml\n")
    assert told.code == 1
    assert "= needed by  part.yaml:5:5" in told.err


@pytest.mark.parametrize("url", ["https://[bad", "https://op.example:99999/token", "/token", "ftp://op.example/"])
def test_an_endpoint_that_is_no_url_is_told(check, serve, authority, url):
    authority.issue("client")
    server = serve()
    server.describe(token_endpoint=url, mtls_endpoint_aliases={"token_endpoint": url})
    told = check(server.url, "    certificate: {file: client.pem}\n")
    assert told.err.count(f"error[bad-url]: '{url}' is no URL that can be called") == 1
    assert told.code == 2


def test_a_scenario_that_is_not_applicable_lacks_nothing(tells, serve):
    server = serve()
    server.describe(pushed_authorization_request_endpoint=None)
    tells("not-applicable", server.url, scenario=f"needs: [par]\n{SCENARIO}")


def test_an_endpoint_whose_absence_is_the_point_is_not_lacking(check, serve):
    server = serve()
    server.describe(pushed_authorization_request_endpoint=None)
    told = check(server.url, scenario=f"{SCENARIO}outcome: {{refused: {{push: [no_par_endpoint]}}}}\n")
    assert (told.code, told.err) == (0, "")


def test_each_environment_is_looked_at_once(check, serve):
    server = serve()
    told = check(server.url, scenario=f"cases: [{{case: a}}, {{case: b}}, {{case: c}}]\n{SCENARIO}")
    assert server.asked == [f"GET {METADATA}"]
    assert "1 scenario, 3 runs in uat: nothing wrong found, no request of a scenario was sent" in told.out


def test_what_the_server_does_not_offer(tells, serve):
    server = serve()
    server.describe(
        token_endpoint_auth_methods_supported=["client_secret_basic"],
        token_endpoint_auth_signing_alg_values_supported=["ES256"],
        code_challenge_methods_supported=["plain"],
    )
    tells("not-offered", server.url)


MORE = """\
    request_object: {required: true, alg: ES256, encrypt: {alg: RSA-OAEP-256, enc: A256GCM}}
    sender_constraint: dpop
    dpop: {alg: EdDSA}
    id_token: {alg: PS384}
"""


def test_everything_that_a_client_uses_is_compared(check, serve):
    server = serve()
    lists = {
        "request_object_signing_alg_values_supported": "ES256",
        "request_object_encryption_alg_values_supported": "RSA-OAEP-256",
        "request_object_encryption_enc_values_supported": "A256GCM",
        "dpop_signing_alg_values_supported": "EdDSA",
        "id_token_signing_alg_values_supported": "PS384",
    }
    text = (
        "environment: uat\nissuer: {issuer}\nclients:\n  default:\n    client_id: one\n    auth: private_key_jwt\n"
        "    keys: {{signing: {{file: keys/client-signing.pem, kid: k}}}}\n"
    )
    server.describe(**{name: [value] for name, value in lists.items()})
    told = check(server.url, MORE, text=text)
    assert (
        "what 'default' uses: authentication private_key_jwt, assertions PS256, request objects ES256, "
        "encryption RSA-OAEP-256, content encryption A256GCM, DPoP proofs EdDSA, id_tokens PS384\n"
    ) in told.out
    for name, value in lists.items():
        server.describe(**{other: ["other"] if other == name else [lists[other]] for other in lists})
        told = check(server.url, MORE, text=text)
        assert told.err.startswith(f"error[not-offered]: the server does not offer {value}, which 'default' uses for")
        assert f"= {name}  other\n" in told.err
        assert told.err.count("error[") == told.code - 1 == 1
    server.describe()
    assert f"– offered    the metadata has no {', '.join(lists)}\n" in check(server.url, MORE, text=text).out


@pytest.mark.parametrize(("said", "warned"), [(True, False), (False, True), (None, True)])
def test_tokens_bound_to_certificates(check, serve, said, warned):
    server = serve()
    server.describe(tls_client_certificate_bound_access_tokens=said)
    told = check(server.url, "    sender_constraint: mtls\n    certificate: {file: keys/tls.pem, key: keys/tls.key}\n")
    assert told.code == 0
    assert ("warning[not-offered]: the server does not say that it binds tokens to certificates" in told.err) == warned
    assert ("tokens bound to certificates" in told.out) == (not warned)


# --- the clock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("apart", "age", "code", "begins"),
    [
        (0, 0, 0, ""),
        (-3, 0, 0, ""),
        (4, 0, 0, ""),
        (20, 0, 0, "warning[clock-differs]: the clock of this machine is "),
        (-20, 0, 0, "warning[clock-differs]: the clock of this machine is "),
        (90, 0, 1, "error[clock-differs]: the clock of this machine is "),
        (-90, 0, 1, "error[clock-differs]: the clock of this machine is "),
        (-90, 90, 0, ""),  # a cache made it 90 s ago
    ],
)
def test_the_clock_is_compared_with_the_date(check, serve, apart, age, code, begins):
    server = serve()
    status, headers, body = server.answers[METADATA]
    dated = {**headers, "Date": formatdate(time.time() + apart, usegmt=True), "Age": str(age)}
    server.answers[METADATA] = (status, dated, body)
    told = check(server.url)
    assert (told.code, told.err[: len(begins) or None]) == (code, begins)
    assert ("✓ clock" in told.out) == (not begins)
    if begins:
        words = "behind the server's" if apart > 0 else "ahead of the server's"
        assert words in told.err.splitlines()[0]
        assert "--> uat.yaml:2:9" in told.err


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_clock_that_can_not_be_compared_is_said(check, serve, date):
    server = serve(dated=False)
    status, headers, body = server.answers[METADATA]
    server.answers[METADATA] = (status, {**headers, "Date": date} if date else headers, body)
    told = check(server.url)
    assert "– clock      not compared: the server sends no Date header that can be read\n" in told.out
    assert told.code == 0


def test_an_age_beyond_every_calendar_is_not_compared(check, serve):
    server = serve()
    status, headers, body = server.answers[METADATA]
    server.answers[METADATA] = (status, {**headers, "Age": "9" * 400}, body)
    assert "– clock      not compared" in check(server.url).out


# --- our published keys ---------------------------------------------------------------------------------------------


@pytest.fixture
def published(serve, folder, tells) -> Callable[..., Any]:
    """Publish these keys of keys/client-public.jwks.json, changed, and look: `published("name", (0, {}))`."""
    keys = json.loads((folder / "keys" / "client-public.jwks.json").read_text("utf-8"))["keys"]
    server = serve()

    def run(name: str, *wanted: tuple[int, dict[str, Any]], status: int = 200, more: str = "") -> Any:
        jwks = {"keys": [{**keys[index], **changes} for index, changes in wanted]}
        server.answers["/jwks"] = (status, JSON, json.dumps(jwks))
        return tells(name, server.url, f"    jwks_uri: {server.url}/jwks\n{more}")

    return run


def test_our_key_is_published(published):
    published("keys", (0, {}), (1, {}))


def test_our_kid_is_not_published(published):
    published("keys-absent", (1, {}))


def test_our_key_is_published_under_another_kid(published):
    published("keys-other-kid", (0, {"kid": "other"}))


def test_another_key_is_published_under_our_kid(published):
    published("keys-other-key", (1, {"kid": "flowrun-example-1"}))


def test_a_private_key_is_published(published):
    told = published("keys-private", (0, {"d": "c2VjcmV0LW51bWJlci1vZi10aGUta2V5"}))
    assert "c2VjcmV0" not in told.out + told.err


def test_no_keys_are_published(published):
    published("keys-none", status=404)


def test_a_key_without_kid_is_found_by_what_it_is(serve, check, folder):
    server = serve()
    server.answers["/jwks"] = (200, JSON, (folder / "keys" / "client-public.jwks.json").read_text("utf-8"))
    text = (
        "environment: uat\nissuer: {issuer}\nclients:\n  default:\n    client_id: one\n    auth: private_key_jwt\n"
        f"    jwks_uri: {server.url}/jwks\n    keys: {{{{signing: {{{{file: keys/client-signing.pem}}}}}}}}\n"
    )
    assert "jwks has those of 'default': without kid (signing)" in check(server.url, text=text).out


def test_a_place_for_our_keys_that_does_not_answer(check, serve):
    told = check(serve().url, "    jwks_uri: http://127.0.0.1:1/jwks\n")
    assert told.code == 3
    assert told.err.startswith("error[connection-refused]: nothing listens at 127.0.0.1:1\n --> uat.yaml:9:15\n")
