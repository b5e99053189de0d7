from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from flowrun.errors import WRONG_FILE, StepError
from flowrun.jose import encrypt, sign
from flowrun.steps import call
from flowrun.steps.call import Call

KEYS = Path(__file__).parents[2] / "keys.example"
RS = "https://op.example/accounts"
TOKENS = {"access_token": "the-access-token", "token_type": "Bearer"}
OURS = "auth: none\n    SIGNING"
ENCRYPTION = (
    f"auth: none\n    keys: {{signing: {{file: {KEYS}/client-signing.pem}}, "
    f"encryption: {{file: {KEYS}/client-signing.pem}}}}"
)
JSON = httpx.Response(200, json={"a": 1})


def run(tools, **step):
    return call.run(Call(**{"url": RS, **step}), tools)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_any_method_is_sent_with_the_headers_as_written(server, tools, method):
    server["/accounts"] = httpx.Response(200)
    ours = tools(profile="fapi2", client=OURS)
    run(ours, method=method, headers={"X-A": 5, "Accept": "text/csv"})
    (request,) = server.requests
    assert (request.method, request.headers["x-a"], request.headers["accept"]) == (method, "5", "text/csv")
    assert request.headers["x-fapi-interaction-id"] == "11111111-2222-4333-8444-555555555555"
    assert "authorization" not in request.headers
    assert request.content == b""


def test_a_form_goes_as_a_form(server, tools):
    server["/accounts"] = JSON
    run(tools(client=OURS), method="POST", form={"a": "b c", "n": 1, "yes": True})
    assert server.forms == [[("a", "b c"), ("n", "1"), ("yes", "true")]]
    assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("body", [{"größe": [1, None]}, [], {}, "text", 0, False])
def test_json_goes_as_json(server, tools, body):
    server["/accounts"] = JSON
    run(tools(client=OURS), method="POST", json=body)
    (request,) = server.requests
    assert json.loads(request.content) == body
    assert request.headers["content-type"] == "application/json"


def test_another_type_of_json_can_be_named(server, tools):
    server["/accounts"] = JSON
    run(tools(client=OURS), method="POST", json={}, headers={"Content-Type": "application/jose+json"})
    assert server.requests[0].headers["content-type"] == "application/jose+json"


def test_what_json_can_not_say_is_a_mistake_of_the_file(server, tools):
    with pytest.raises(StepError) as error:
        run(tools(client=OURS), method="POST", json={"at": time})
    assert (error.value.code, error.value.exit_code) == ("claims-not-json", WRONG_FILE)
    assert server.requests == []


@pytest.mark.parametrize(("token", "sent"), [("access_token", "the-access-token"), ("a-value", "a-value")])
def test_a_token_goes_as_a_bearer(server, tools, token, sent):
    server["/accounts"] = JSON
    run(tools(client=OURS, flow={"tokens": TOKENS}), token=token)
    assert server.requests[0].headers["authorization"] == f"Bearer {sent}"


def test_a_bound_token_goes_with_a_proof_of_this_call(server, tools, read):
    server["/accounts"] = JSON
    dpop = f"keys: {{proof: {{file: {KEYS.parent}/tests/broken/keys/ec.pem}}}}"
    client = f"auth: none\n    sender_constraint: dpop\n    dpop: {{key: proof}}\n    {dpop}"
    ours = tools(client=client, flow={"tokens": {**TOKENS, "token_type": "DPoP"}})
    run(ours, method="DELETE", token="access_token", url=f"{RS}")
    (request,) = server.requests
    claims = read(request.headers["dpop"])[1]
    assert (claims["htm"], claims["htu"], "ath" in claims) == ("DELETE", RS, True)
    assert request.headers["authorization"] == "DPoP the-access-token"


def test_without_the_token_that_is_named_nothing_is_sent(server, tools):
    with pytest.raises(StepError) as error:
        run(tools(client=OURS), token="access_token")
    assert (error.value.code, server.requests) == ("no-token", [])


def test_the_answer_to_a_device_authorization_is_remembered(server, tools):
    answer = {"device_code": "the-device-code", "interval": 1, "expires_in": 60}
    server["/accounts"] = httpx.Response(200, json=answer)
    ours = tools(client="auth: none")
    values = run(ours, method="POST", authenticate=True, form={"scope": "a"}).values
    assert server.forms == [[("client_id", "flowrun"), ("scope", "a")]]
    assert (ours.flow.device, values["device_code"]) == (answer, "the-device-code")


# --- what may be answered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (httpx.Response(200, json={"a": 1}), {"a": 1}),
        (httpx.Response(201, json=[{"a": 1}]), [{"a": 1}]),
        (httpx.Response(200, json=None), None),
        (httpx.Response(200, text="plain words"), None),
        (httpx.Response(204), None),
    ],
)
def test_json_of_any_sort_and_plain_text_are_answers(server, tools, answer, body):
    server["/accounts"] = answer
    outcome = run(tools(client=OURS))
    assert outcome.refusal is None
    assert outcome.values["body"] == body
    assert outcome.values["http"]["status"] == answer.status_code
    assert outcome.values["http"]["text"] == answer.text


@pytest.mark.parametrize(
    ("answer", "kind", "title"),
    [
        (httpx.Response(200, html="<p>Log in"), None, "HTML"),
        (httpx.Response(200, html="<p>Log in"), "json", "HTML"),
        (httpx.Response(200, text="words"), "json", "text/plain"),
        (httpx.Response(200), "json", "nothing"),
    ],
)
def test_what_is_not_wanted_is_told(server, tools, answer, kind, title):
    server["/accounts"] = answer
    with pytest.raises(StepError) as error:
        run(tools(client=OURS), answer=kind)
    assert (error.value.code, error.value.title) == (
        "not-json",
        f"the server answered with {title} to GET {RS}, and not with JSON",
    )


def test_text_takes_a_page(server, tools):
    server["/accounts"] = httpx.Response(200, html="<p>Hi")
    assert run(tools(client=OURS), answer="text").values["http"]["text"] == "<p>Hi"


def test_a_refusal_is_an_outcome(server, tools, refusal):
    server["/accounts"] = refusal.answer
    outcome = run(tools(client=OURS))
    assert outcome.refusal.place == "call"
    assert (outcome.refusal.error, outcome.refusal.description, outcome.refusal.status) == refusal.read


@pytest.mark.parametrize(
    ("status", "code"), [(500, "server-error"), (503, "server-error"), (302, "redirected"), (304, "redirected")]
)
def test_a_fault_is_told(server, tools, status, code):
    server["/accounts"] = httpx.Response(status)
    with pytest.raises(StepError) as error:
        run(tools(client=OURS))
    assert error.value.code == code


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_step_that_names_its_status_gets_the_answer_whatever_it_is(server, tools, status):
    server["/accounts"] = httpx.Response(status, json={"error": "x"})
    outcome = run(tools(client=OURS, any_status=True), answer="signed")
    assert outcome.refusal is None
    assert (outcome.values["http"]["status"], outcome.values["error"]) == (status, "x")


# --- a signed header ------------------------------------------------------------------------------------------------


def verified(key, token, payload=None):
    """Verify by joserfc; return header and payload."""
    public = RSAKey.import_key(key.public_jwk())
    header, body, signature = token.split(".")
    body = body or base64.urlsafe_b64encode(payload).decode().rstrip("=")
    found = jws.deserialize_compact(f"{header}.{body}.{signature}", public, algorithms=["PS256"])
    return found.headers(), found.payload


def test_claims_are_signed_as_they_are_written(server, tools, key):
    server["/accounts"] = JSON
    claims = {"iss": "DC1", "aud": ["DP1", "Paynet OFP"], "iat": 5}
    ours = tools(client=OURS)
    run(ours, signed_header={"name": "X-Signature", "claims": claims, "header": {"typ": "JWT"}})
    header, payload = verified(key, server.requests[0].headers["x-signature"])
    assert header == {"alg": "PS256", "kid": "flowrun-example-1", "typ": "JWT"}
    assert json.loads(payload) == claims
    assert [(made.what, made.claims) for made in ours.flow.signed] == [("jwt", claims)]


def test_the_body_is_signed_octet_by_octet_and_left_out_of_the_header(server, tools, key):
    server["/accounts"] = JSON
    body = {"größe": "ü", "b": [1, 2.5, None], "a": {"c": True}}
    run(tools(client=OURS), method="POST", json=body, signed_header={"name": "x-jws-signature"})
    (request,) = server.requests
    token = request.headers["x-jws-signature"]
    assert token.split(".")[1] == ""
    assert verified(key, token, request.content)[1] == request.content
    assert json.loads(request.content) == body


@pytest.mark.parametrize(("claims", "detached"), [({"a": 1}, True), (None, False)])
def test_what_is_left_out_can_be_chosen(server, tools, claims, detached):
    server["/accounts"] = JSON
    wanted = {"name": "x", "detached": detached, **({"claims": claims} if claims else {})}
    run(tools(client=OURS), method="POST", json={"b": 1}, signed_header=wanted)
    assert (server.requests[0].headers["x"].split(".")[1] == "") is detached
    assert json.loads(server.requests[0].content) == {"b": 1}


@pytest.mark.parametrize(
    ("step", "code", "field"),
    [
        ({}, "nothing-to-sign", ("signed_header",)),
        ({"json": [1]}, "nothing-to-sign", ("json",)),
        ({"json": {}, "key": "other"}, "unknown-key-name", ("signed_header", "key")),
    ],
)
def test_what_can_not_be_signed_is_a_mistake_of_the_file(server, tools, step, code, field):
    key = {"key": step.pop("key")} if "key" in step else {}
    with pytest.raises(StepError) as error:
        run(tools(client=OURS), signed_header={"name": "x", **key}, **step)
    assert (error.value.code, error.value.field, error.value.exit_code) == (code, field, WRONG_FILE)
    assert server.requests == []


# --- signed and encrypted answers -----------------------------------------------------------------------------------

ACCOUNTS = {"data": {"account": [{"id": "1"}]}, "iss": "DP1"}


def wrapped(key, order):
    """The accounts as a server may wrap them: s signs, e encrypts for the client, from the inside to the outside."""
    content = ACCOUNTS
    for letter in order:
        if letter == "s":
            content = signed_text(content, key)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            content = encrypt(text, key, alg="RSA-OAEP-256", enc="A256GCM")
    return content


def signed_text(content, key):
    """A JWS of claims, or of a text (a JWE)."""
    if isinstance(content, dict):
        return sign(content, key, "PS256")
    protected = {"alg": "PS256", "kid": key.kid}
    private = RSAKey.import_key((KEYS / "client-signing.pem").read_text())
    return jws.serialize_compact(protected, content, private, algorithms=["PS256"])


@pytest.fixture
def published(server, key):
    """The keys of the server, and of a data provider elsewhere."""
    server["/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk()]})
    server["/dp/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk()]})


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("order", "kind", "summary"),
    [
        ("s", "signed", "200, signed with PS256"),
        ("se", "encrypted", "200, encrypted, signed with PS256"),
        ("es", "encrypted", "200, encrypted, signed with PS256"),
        ("e", "encrypted", "200, encrypted, not signed"),
    ],
)
def test_what_a_server_wraps_is_unwrapped(server, tools, key, order, kind, summary):
    server["/accounts"] = httpx.Response(200, text=wrapped(key, order), headers={"content-type": "application/jose"})
    outcome = run(tools(client=ENCRYPTION), answer=kind)
    assert outcome.values["data"] == ACCOUNTS["data"]
    assert outcome.values["body"] == ACCOUNTS
    assert outcome.summary == summary
    assert outcome.jwt.claims == ACCOUNTS
    assert outcome.values["http"]["status"] == 200


@pytest.mark.usefixtures("published")
def test_the_keys_may_be_somewhere_else(server, tools, key):
    server["/accounts"] = httpx.Response(200, json=wrapped(key, "s"))  # as a JSON text
    run(tools(client=OURS), answer="signed", jwks="https://op.example/dp/jwks")
    assert [request.url.path for request in server.requests] == ["/accounts", "/dp/jwks"]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("order", "kind", "why"),
    [
        ("e", "signed", "it is encrypted, but not signed"),
        ("s", "encrypted", "it is not encrypted"),
        ("s!", "signed", "the signature does not match"),
        ("es!", "encrypted", "the signature does not match"),
    ],
)
def test_an_answer_that_can_not_be_trusted_fails_the_step(server, tools, key, order, kind, why):
    text = wrapped(key, order.rstrip("!"))
    if order.endswith("!"):
        head, _, signature = text.rpartition(".")
        text = f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    server["/accounts"] = httpx.Response(200, text=text)
    with pytest.raises(StepError) as error:
        run(tools(client=ENCRYPTION), answer=kind)
    assert error.value.code == "answer-not-trusted"
    assert error.value.title.startswith(f"the answer to GET {RS} can't be trusted: ")
    assert why in error.value.title
    assert text not in str(error.value.facts)


@pytest.mark.parametrize("kind", ["signed", "encrypted"])
def test_an_answer_that_is_no_jwt_is_told(server, tools, kind):
    server["/accounts"] = httpx.Response(200, text="no jwt")
    with pytest.raises(StepError) as error:
        run(tools(client=ENCRYPTION), answer=kind)
    assert error.value.code in {"unreadable-jwt", "answer-not-trusted"}


# --- what it needs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({"url": RS}, set()),
        ({"url": RS, "token": "access_token"}, {"tokens"}),
        ({"url": RS, "token": "{{ mine }}"}, set()),
        ({"url": RS, "authenticate": True}, {"auth"}),
        ({"url": RS, "signed_header": {"name": "x"}}, {"signing_key"}),
        ({"url": RS, "signed_header": {"name": "x", "key": "other"}}, set()),
    ],
)
def test_what_it_needs(written, needs):
    assert call.KIND.needs(written) == needs
