from __future__ import annotations

import httpx
import pytest

from flowrun.errors import WRONG_FILE, StepError
from flowrun.events import Told
from flowrun.steps import discover
from flowrun.steps.discover import Discover, locations

OIDC = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
ISSUER = "https://op.example"


def run(tools, **step):
    return discover.run(Discover(**step), tools)


@pytest.mark.parametrize(
    ("issuer", "oidc", "oauth"),
    [
        (ISSUER, f"{ISSUER}{OIDC}", f"{ISSUER}{OAUTH}"),
        (f"{ISSUER}/", f"{ISSUER}{OIDC}", f"{ISSUER}{OAUTH}"),
        (f"{ISSUER}/tenant/1", f"{ISSUER}/tenant/1{OIDC}", f"{ISSUER}{OAUTH}/tenant/1"),
        (f"{ISSUER}/tenant/", f"{ISSUER}/tenant{OIDC}", f"{ISSUER}{OAUTH}/tenant"),
        ("http://127.0.0.1:9400", f"http://127.0.0.1:9400{OIDC}", f"http://127.0.0.1:9400{OAUTH}"),
    ],
)
def test_metadata_is_looked_for_behind_the_issuer_and_before_its_path(issuer, oidc, oauth):
    assert locations(issuer, "auto") == [oidc, oauth]
    assert locations(issuer, "oidc") == [oidc]
    assert locations(issuer, "oauth") == [oauth]


def test_every_member_is_left_and_what_follows_from_them(server, tools):
    server[OIDC] = httpx.Response(
        200,
        json={
            "issuer": ISSUER,
            "pushed_authorization_request_endpoint": "x",
            "require_pushed_authorization_requests": True,
            "own": [1],
        },
    )
    ours = tools()
    outcome = run(ours)
    assert (outcome.values["own"], outcome.values["par_available"], outcome.values["par_required"]) == ([1], True, True)
    assert ours.flow.server == {
        "issuer": ISSUER,
        "pushed_authorization_request_endpoint": "x",
        "require_pushed_authorization_requests": True,
        "own": [1],
        "par_available": True,
        "par_required": True,
    }
    assert outcome.values["http"]["sent"]["method"] == "GET"
    assert outcome.summary == ISSUER
    assert len(server.requests) == 1


@pytest.mark.parametrize("required", [None, False, "true"])
def test_par_is_required_only_where_the_metadata_says_true(server, tools, required):
    server[OIDC] = httpx.Response(200, json={"require_pushed_authorization_requests": required})
    values = run(tools()).values
    assert (values["par_available"], values["par_required"]) == (False, False)


def test_the_second_place_is_asked_where_the_first_has_nothing(server, tools):
    server["/tenant/1" + OIDC] = httpx.Response(404)
    server[OAUTH + "/tenant/1"] = httpx.Response(200, json={"issuer": f"{ISSUER}/tenant/1"})
    ours = tools()
    run(ours, issuer=f"{ISSUER}/tenant/1")
    assert ours.flow.server["issuer"] == f"{ISSUER}/tenant/1"
    assert [request.url.path for request in server.requests] == ["/tenant/1" + OIDC, OAUTH + "/tenant/1"]


@pytest.mark.parametrize(("location", "path"), [("oidc", OIDC), ("oauth", OAUTH)])
def test_one_place_may_be_asked_for(server, tools, location, path):
    server[path] = httpx.Response(404)
    with pytest.raises(StepError) as error:
        run(tools(), location=location)
    assert len(server.requests) == 1
    assert error.value.title == "the server answered 404 to the question for its metadata"


def test_a_url_of_its_own_is_asked_and_no_other(server, tools):
    server["/own"] = httpx.Response(200, json={"issuer": "x"})
    run(tools(), url=f"{ISSUER}/own")
    assert [request.url.path for request in server.requests] == ["/own"]


def test_metadata_nowhere_is_told(server, tools):
    server[OIDC] = server[OAUTH] = httpx.Response(404, text="Not here")
    with pytest.raises(StepError) as error:
        run(tools())
    assert error.value.code == "no-metadata"
    assert error.value.title == (
        "the server answered 404 to the question for its metadata at both places where it may be"
    )
    assert dict(error.value.facts)["body"] == "Not here"


LISTED = """
endpoints:
  authorization_endpoint: https://op.example/a
  token_endpoint: https://op.example/t
  jwks_uri: https://op.example/jwks
"""


def test_a_server_without_metadata_is_what_the_environment_lists(server, tools):
    server[OIDC] = server[OAUTH] = httpx.Response(404)
    server["/jwks"] = httpx.Response(200, json={"keys": []})
    ours = tools(more=LISTED)
    outcome = run(ours)
    assert outcome.answer is None
    assert outcome.summary == "no metadata (404): the endpoints of the environment file are used"
    assert ours.endpoint("token_endpoint") == outcome.values["token_endpoint"] == "https://op.example/t"
    assert (outcome.values["par_available"], outcome.values["par_required"]) == (False, False)
    assert ours.flow.jwks == {"keys": []}


@pytest.mark.parametrize(
    ("more", "step"),
    [
        (LISTED, {"issuer": ISSUER}),
        (LISTED, {"url": f"{ISSUER}{OIDC}"}),
        ("\nendpoints: {introspection_endpoint: 'https://op.example/i'}", {}),
    ],
)
def test_metadata_that_is_asked_for_or_needed_must_be_there(server, tools, more, step):
    server[OIDC] = server[OAUTH] = httpx.Response(404)
    with pytest.raises(StepError) as error:
        run(tools(more=more), **step)
    assert error.value.code == "no-metadata"
    assert "list authorization_endpoint, token_endpoint and the others under endpoints:" in error.value.hint


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_told_and_the_second_place_is_not_tried(server, tools, status):
    server[OIDC] = httpx.Response(status, json={"error": "x"})
    with pytest.raises(StepError) as error:
        run(tools())
    assert error.value.title == f"the server answered {status} to the question for its metadata"
    assert len(server.requests) == 1


def test_a_fault_is_told(server, tools, fault):
    server[OIDC] = fault.answer
    with pytest.raises(StepError) as error:
        run(tools())
    assert (error.value.code, error.value.title) == (fault.code, f"{fault.title}to the question for its metadata")


def test_without_an_issuer_there_is_nothing_to_ask(server, tools):
    with pytest.raises(StepError) as error:
        run(tools(issuer=""))
    assert (error.value.code, error.value.exit_code) == ("no-issuer", WRONG_FILE)
    assert server.requests == []


def test_the_clients_certificate_is_not_shown_for_public_documents(server, tools):
    seen = []
    server[OIDC] = httpx.Response(200, json={})
    ours = tools(client="auth: none\n    certificate: {file: no-such.pem, key: no-such.key}")
    send = ours.wire.send
    ours.wire.send = lambda *a, **k: seen.append(k["tls"]) or send(*a, **k)
    run(ours)
    assert [tls.certificate for tls in seen] == [None]


# --- the server's keys ----------------------------------------------------------------------------------------------


def with_keys(server, answer):
    server[OIDC] = httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})
    server["/jwks"] = answer


def test_the_keys_are_read_as_well_and_kept_for_later_steps(server, tools):
    with_keys(server, httpx.Response(200, json={"keys": [{"kty": "RSA"}]}))
    ours = tools()
    outcome = run(ours)
    assert ours.flow.jwks == {"keys": [{"kty": "RSA"}]}
    assert (ours.flow.jwks_answer.status, ours.flow.jwks_trouble) == (200, "")
    assert outcome.answer.sent.url == f"{ISSUER}{OIDC}"
    assert "keys" not in outcome.values


def test_the_keys_may_be_left_alone(server, tools):
    with_keys(server, httpx.Response(200, json={"keys": []}))
    ours = tools()
    run(ours, jwks=False)
    assert (ours.flow.jwks, ours.flow.jwks_answer, len(server.requests)) == (None, None, 1)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(500, json={"keys": []}),
        httpx.Response(200, html="<p>Hi"),
        httpx.Response(200, json={"keys": {}}),
        httpx.Response(200, json=[]),
    ],
)
def test_keys_that_are_none_end_nothing_and_are_not_kept(server, tools, answer):
    with_keys(server, answer)
    ours = tools(flow={"jwks": {"keys": ["of an earlier discover"]}})
    assert run(ours).refusal is None
    assert ours.flow.jwks is None
    assert ours.flow.jwks_answer.status == answer.status_code


def test_keys_that_can_not_be_reached_end_nothing_and_are_told(server, tools):
    def dead(_):
        raise httpx.ConnectError("Connection refused")

    with_keys(server, dead)
    told = []
    ours = tools(tell=told.append)
    run(ours)
    assert (ours.flow.jwks, ours.flow.jwks_answer) == (None, None)
    assert ours.flow.jwks_trouble == "nothing listens at op.example"
    assert Told("note", "the server's keys can't be read: nothing listens at op.example") in told


def test_the_environment_may_say_where_the_keys_are(server, tools):
    server[OIDC] = httpx.Response(200, json={"issuer": ISSUER})
    server["/own"] = httpx.Response(200, json={"keys": []})
    ours = tools(more=f"endpoints: {{jwks_uri: {ISSUER}/own}}")
    run(ours)
    assert ours.flow.jwks == {"keys": []}


@pytest.mark.parametrize("issuer", ["https://[bad", "op.example", "https://op.example:x"])
def test_an_issuer_that_is_no_url_is_told(server, tools, issuer):
    with pytest.raises(StepError) as error:
        run(tools(), issuer=issuer)
    assert (error.value.code, error.value.exit_code, server.requests) == ("bad-url", WRONG_FILE, [])
