from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from flowrun.errors import StepError
from flowrun.events import Called, Told
from flowrun.steps import push
from flowrun.steps.push import Push

KEYS = Path(__file__).parents[2] / "keys.example"
URI = "urn:ietf:params:oauth:request_uri:1"
CREATED = httpx.Response(201, json={"request_uri": URI, "expires_in": 60})
BASIC = "auth: client_secret_basic\n    client_secret: c2VjcmV0LXNlY3JldA"
SIGNED = "auth: private_key_jwt\n    request_object: {required: true}\n    SIGNING"
NONE = {"authorization_endpoint": "https://op.example/auth"}


def run(tools, **step):
    return push.run(Push(**step), tools)


def test_the_plain_request_goes_into_the_form_in_order(server, tools):
    server["/par"] = CREATED
    request = {
        "scope": "accounts profile",
        "max_age": 3600,
        "claims": {"userinfo": {"name": None}},
        "authorization_details": [{"type": "urn:x", "consent": {"permissions": ["a", "b"]}}],
    }
    ours = tools(request=request)
    outcome = run(ours)
    (form,) = server.forms
    assert [name for name, _ in form] == [
        "client_id",
        "response_type",
        "redirect_uri",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "scope",
        "max_age",
        "claims",
        "authorization_details",
    ]
    sent = dict(form)
    assert (sent["client_id"], sent["redirect_uri"], sent["response_type"], sent["max_age"]) == (
        "flowrun",
        "https://app.example/cb",
        "code",
        "3600",
    )
    assert sent["claims"] == '{"userinfo":{"name":null}}'
    assert json.loads(sent["authorization_details"]) == request["authorization_details"]
    assert sent["state"] == ours.flow.parameters["state"]
    assert server.requests[0].method == "POST"
    assert outcome.refusal is None
    assert outcome.summary == "201, request_uri good for 60 s"


def test_the_secret_stays_in_the_header(server, tools):
    server["/par"] = CREATED
    run(tools(client=BASIC))
    assert "c2VjcmV0LXNlY3JldA" not in str(server.forms)
    assert server.requests[0].headers["authorization"] == "Basic Zmxvd3J1bjpjMlZqY21WMExYTmxZM0psZEE="


def test_a_request_object_is_sent_with_client_id_and_the_assertion_and_nothing_else(server, tools, read):
    server["/par"] = CREATED
    ours = tools(client=SIGNED, request={"scope": "accounts"})
    run(ours)
    (form,) = server.forms
    assert [name for name, _ in form] == ["client_id", "request", "client_assertion_type", "client_assertion"]
    sent = dict(form)
    assert sent["client_id"] == "flowrun"
    assert sent["request"] == ours.flow.request_object
    assert read(sent["request"])[1]["scope"] == "accounts"
    assert read(sent["client_assertion"])[1]["aud"] == "https://op.example"


def test_a_request_object_signed_before_is_the_one_that_is_sent(server, tools):
    server["/par"] = CREATED
    run(tools(client="auth: none", flow={"request_object": "h.p.s"}))
    assert server.forms == [[("client_id", "flowrun"), ("request", "h.p.s")]]


def test_two_pushes_have_two_assertions(server, tools, read):
    server["/par"] = [CREATED, CREATED]
    ours = tools(client=SIGNED)
    run(ours)
    run(ours)
    claims = [read(dict(form)["client_assertion"])[1] for form in server.forms]
    assert claims[0]["jti"] != claims[1]["jti"]


def test_extra_adds_and_replaces_and_headers_replace_whatever_their_case(server, tools):
    server["/par"] = CREATED
    extra = {"ui_locales": "en", "response_mode": "fragment", "n": 5}
    request = {"response_mode": "query"}
    ours = tools(profile="fapi2", client="auth: none", request=request)
    run(ours, extra=extra, headers={"X-FAPI-Interaction-Id": "mine", "x-n": 5})
    (form,) = server.forms
    assert [value for name, value in form if name == "response_mode"] == ["fragment"]
    assert form[-2:] == [("ui_locales", "en"), ("n", "5")]
    headers = server.requests[0].headers
    assert headers.get_list("x-fapi-interaction-id") == ["mine"]
    assert headers["x-n"] == "5"
    assert ours.flow.asked == {**ours.flow.parameters, **extra}


def test_the_profiles_headers_are_sent_with_the_call(server, tools):
    server["/par"] = CREATED
    run(tools(profile="fapi2", client="auth: none", more="headers: {X-Customer: bank}"))
    headers = server.requests[0].headers
    assert headers["x-fapi-interaction-id"] == "11111111-2222-4333-8444-555555555555"
    assert headers["x-customer"] == "bank"


def test_the_answer_is_kept_for_what_follows(server, tools):
    server["/par"] = CREATED
    ours = tools(more="authorize: {extra: {scope: openid}}")
    before = datetime.now(UTC).timestamp()
    values = run(ours).values
    assert ours.flow.request_uri == URI
    assert before + 60 <= ours.flow.expires_at <= datetime.now(UTC).timestamp() + 60
    assert values["expires_at"] == datetime.fromtimestamp(ours.flow.expires_at, UTC)
    assert (values["request_uri"], values["expires_in"], values["http"]["status"]) == (URI, 60, 201)
    assert values["authorization_url"] == (
        "https://op.example/auth?client_id=flowrun&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A1&scope=openid"
    )
    assert values["body"] == {"request_uri": URI, "expires_in": 60}


@pytest.mark.parametrize("lifetime", ["60", None, True, 1e300, 10**300, -(10**300), {}])
def test_a_lifetime_that_is_none_is_left_to_the_checks(server, tools, lifetime):
    server["/par"] = httpx.Response(201, json={"request_uri": URI, "expires_in": lifetime})
    ours = tools()
    values = run(ours).values
    assert ours.flow.expires_at is None
    assert "expires_at" not in values


@pytest.mark.parametrize("body", [{}, {"request_uri": ""}, {"request_uri": 5}, {"request_uri": None}])
def test_an_accepted_push_without_request_uri_can_not_go_on(server, tools, body):
    server["/par"] = httpx.Response(201, json=body)
    with pytest.raises(StepError) as error:
        run(tools())
    assert (error.value.code, error.value.title) == (
        "par_bad_response",
        "the server accepted the push and left no request_uri",
    )


def test_a_refusal_is_an_outcome(server, tools, refusal):
    server["/par"] = refusal.answer
    ours = tools()
    outcome = run(ours)
    found = outcome.refusal
    assert found.place == "push"
    assert (found.error, found.description, found.status) == refusal.read
    assert outcome.values["http"]["status"] == found.status
    assert ours.flow.request_uri is None


def test_a_fault_is_told(server, tools, fault):
    server["/par"] = fault.answer
    with pytest.raises(StepError) as error:
        run(tools())
    assert (error.value.code, error.value.title) == (fault.code, f"{fault.title}to the pushed request (RFC 9126 §2.2)")
    facts = dict(error.value.facts)
    assert facts["call"] == "POST https://op.example/par"
    assert "secret" not in str(facts)


def test_the_call_is_told_with_everything(server, tools):
    server["/par"] = CREATED
    told = []
    run(tools(tell=told.append))
    (called,) = [event for event in told if isinstance(event, Called)]
    assert (called.method, called.url, called.status) == ("POST", "https://op.example/par", 201)
    assert called.sent_form[0] == ("client_id", "flowrun")
    assert json.loads(called.text) == {"request_uri": URI, "expires_in": 60}


# --- with and without the endpoint ----------------------------------------------------------------------------------


def test_without_the_endpoint_always_is_an_error_that_says_what_to_do(tools):
    with pytest.raises(StepError) as error:
        run(tools(metadata=NONE))
    assert error.value.code == "no_par_endpoint"
    assert error.value.title == "the server's metadata has no pushed_authorization_request_endpoint"
    assert "par: fallback" in error.value.hint


@pytest.mark.parametrize("par", ["auto", "fallback"])
def test_without_the_endpoint_the_others_go_on_and_fallback_says_so(tools, par):
    told = []
    ours = tools(metadata=NONE, tell=told.append)
    outcome = run(ours, par=par)
    assert outcome.summary == "not pushed: the server has no PAR endpoint"
    assert outcome.answer is None
    assert bool(ours.flow.degraded) is (par == "fallback")
    degraded = "the server has no PAR endpoint; the request went through the browser instead"
    assert told == ([Told("degraded", degraded)] if par == "fallback" else [])


def test_never_pushes_nothing_unless_the_server_requires_it(server, tools):
    assert run(tools(), par="never").summary == "not pushed: par is never"
    assert server.requests == []
    with pytest.raises(StepError) as error:
        run(tools(metadata={"par_required": True}), par="never")
    assert (error.value.code, error.value.field) == ("par_required", ("par",))


def test_fallback_goes_on_after_a_refusal_and_says_so(server, tools):
    server["/par"] = httpx.Response(400, json={"error": "invalid_request"})
    ours = tools()
    outcome = run(ours, par="fallback")
    assert outcome.refusal is None
    assert ours.flow.degraded == "the push was refused with invalid_request; went on without PAR"
    assert outcome.summary == "refused, going on without PAR"


BROKEN = {
    "page": (lambda _: httpx.Response(200, html="<h1>Hi</h1>"), "the push failed: the server answered with HTML "),
    "5xx": (lambda _: httpx.Response(503), "the push failed: the server answered 503 "),
    "no request_uri": (lambda _: httpx.Response(201, json={}), "the push failed: the server accepted the push and "),
}


def unreachable(request):
    raise httpx.ConnectError("[Errno 111] Connection refused", request=request)


@pytest.mark.parametrize(
    ("answer", "why"), [*BROKEN.values(), (unreachable, "the push failed: nothing listens at ")], ids=[*BROKEN, "down"]
)
def test_fallback_goes_on_after_any_failure_of_the_push(server, tools, answer, why):
    server["/par"] = answer
    told = []
    ours = tools(tell=told.append, flow={"request_uri": "urn:of-an-earlier-push", "expires_at": 9e9})
    outcome = run(ours, par="fallback")
    assert (outcome.refusal, outcome.summary) == (None, "failed, going on without PAR")
    assert ours.flow.degraded.startswith(why)
    assert ours.flow.degraded.endswith("; went on without PAR")
    assert told[-1] == Told("degraded", ours.flow.degraded)
    assert (ours.flow.request_uri, ours.flow.expires_at) == (None, None)


def test_a_mistake_in_a_file_is_no_reason_to_fall_back(server, tools):
    with pytest.raises(StepError) as error:
        run(tools(), par="fallback", extra={"state": "mine"})
    assert error.value.code == "protected-parameter"
    assert server.requests == []


REQUIRED = {"par_required": True, "pushed_authorization_request_endpoint": "https://op.example/par"}


def test_where_par_is_required_nothing_falls_back(server, tools):
    server["/par"] = [httpx.Response(400, json={"error": "invalid_request"}), httpx.Response(500)]
    ours = tools(metadata=REQUIRED)
    assert run(ours, par="fallback").refusal.error == "invalid_request"
    with pytest.raises(StepError) as error:
        run(ours, par="fallback")
    assert (error.value.code, ours.flow.degraded) == ("server-error", "")
    with pytest.raises(StepError) as error:
        run(tools(metadata={"par_required": True}), par="fallback")
    assert (error.value.code, error.value.hint) == ("no_par_endpoint", "")


EC = f"keys: {{proof: {{file: {KEYS.parent}/tests/broken/keys/ec.pem, kid: never-shown}}}}"


@pytest.mark.parametrize(("bind_code", "sent"), [("par", True), ("none", False), ("jkt", False)])
def test_a_proof_goes_with_the_push_where_the_code_is_bound_by_it(server, tools, read, bind_code, sent):
    server["/par"] = CREATED
    dpop = f"auth: none\n    sender_constraint: dpop\n    dpop: {{key: proof, bind_code: {bind_code}}}\n    {EC}"
    ours = tools(client=dpop)
    run(ours)
    assert ("dpop" in server.requests[0].headers) is sent
    assert [made.what for made in ours.flow.signed] == ["dpop"] * sent
    if sent:
        header, claims = read(server.requests[0].headers["dpop"])
        assert (claims["htm"], claims["htu"]) == ("POST", "https://op.example/par")
        assert "kid" not in header


@pytest.mark.parametrize(("bind_code", "proof"), [("none", True), ("par", False)])
def test_a_step_that_says_whether_a_proof_goes_along_wins_over_the_client(server, tools, bind_code, proof):
    server["/par"] = CREATED
    dpop = f"auth: none\n    sender_constraint: dpop\n    dpop: {{key: proof, bind_code: {bind_code}}}\n    {EC}"
    run(tools(client=dpop), proof=proof)
    assert ("dpop" in server.requests[0].headers) is proof


def test_an_endpoint_of_the_step_or_of_the_environment_wins_over_the_metadata(server, tools):
    server["/other"] = [CREATED, CREATED]
    run(tools(metadata=NONE), url="https://op.example/other")
    run(tools(more="endpoints: {pushed_authorization_request_endpoint: 'https://op.example/other'}"))
    assert [str(request.url) for request in server.requests] == ["https://op.example/other"] * 2


def test_an_alias_for_mutual_tls_is_used_with_a_certificate_only(server, tools):
    server["/mtls/par"] = server["/par"] = CREATED
    aliases = {"mtls_endpoint_aliases": {"pushed_authorization_request_endpoint": "https://op.example/mtls/par"}}
    metadata = {"pushed_authorization_request_endpoint": "https://op.example/par", **aliases}
    certificate = f"auth: none\n    certificate: {{file: {KEYS}/tls.pem, key: {KEYS}/tls.key}}"
    run(tools(metadata=metadata))
    run(tools(metadata=metadata, client=certificate))
    assert [request.url.path for request in server.requests] == ["/par", "/mtls/par"]


def test_an_alias_of_the_environment_wins_with_a_certificate(server, tools):
    server["/own/par"] = server["/plain/par"] = CREATED
    plain, alias = "https://op.example/plain/par", "https://op.example/own/par"
    name = "pushed_authorization_request_endpoint"
    more = f"endpoints: {{{name}: '{plain}', mtls_endpoint_aliases: {{{name}: '{alias}'}}}}"
    certificate = f"auth: none\n    certificate: {{file: {KEYS}/tls.pem, key: {KEYS}/tls.key}}"
    run(tools(more=more))
    run(tools(more=more, client=certificate))
    assert [request.url.path for request in server.requests] == ["/plain/par", "/own/par"]


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({}, {"auth", "endpoint:pushed_authorization_request_endpoint"}),
        ({"par": "auto"}, {"auth"}),
        ({"url": "https://x"}, {"auth"}),
    ],
)
def test_what_it_needs(written, needs):
    assert push.KIND.needs(written) == needs
