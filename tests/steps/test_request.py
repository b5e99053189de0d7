"""The request object has exactly the form that Open Finance Malaysia shows; the URL is the one a browser opens."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from flowrun.errors import WRONG_FILE, FlowrunError, StepError
from flowrun.jose import JoseError, decrypt, encryption_key_from_secret, load_key, peek_jwe, verify
from flowrun.steps.request import authorization_url, sign_request_object, with_query

KEYS = Path(__file__).parents[2] / "keys.example"
OFM = "sender_constraint: none\n    SIGNING"
TYPE = "urn:openfinance-ml:account-access-consent:v1.2"
REQUEST = {
    "scope": "accounts profile",
    "max_age": 3600,
    "claims": {"userinfo": {"name": None, "email": None, "hashed_id_number": None}},
    "authorization_details": [
        {
            "type": TYPE,
            "consent": {
                "dc_id": "DC1",
                "dp_id": "DP9876543210",
                "consent_type": TYPE,
                "consent_purpose": "pfm",
                "permissions": ["read_accounts", "read_transactions", "read_balances"],
                "expiration_datetime": "2027-05-20T00:00:00Z",
            },
        }
    ],
}


def test_the_request_object_is_the_one_of_open_finance_malaysia(tools, read, key):
    ours = tools(profile="ofm", client=OFM, request=REQUEST)
    before = int(time.time())
    token = sign_request_object(ours)
    header, claims = read(token)
    assert header == {"alg": "PS256", "kid": "flowrun-example-1"}
    assert set(claims) == {
        "aud",
        "iss",
        "client_id",
        "scope",
        "redirect_uri",
        "nonce",
        "state",
        "nbf",
        "exp",
        "response_type",
        "code_challenge",
        "code_challenge_method",
        "max_age",
        "claims",
        "authorization_details",
    }
    assert (claims["iss"], claims["client_id"], claims["aud"]) == ("flowrun", "flowrun", "https://op.example")
    assert (claims["response_type"], claims["code_challenge_method"]) == ("code", "S256")
    assert claims["redirect_uri"] == "https://app.example/cb"
    assert {name: claims[name] for name in REQUEST} == REQUEST
    assert before <= claims["nbf"] + 5 <= int(time.time())  # set back, for servers that allow no difference of clocks
    assert claims["exp"] == claims["nbf"] + 310
    assert all(type(claims[name]) is int for name in ("nbf", "exp", "max_age"))
    assert claims["state"] != claims["nonce"]
    assert verify(token, {"keys": [key.public_jwk()]}, ["PS256"]).claims == claims


def test_choices_of_a_sign_step_win(tools, read):
    ours = tools(client="auth: none\n    SIGNING", request={"scope": "a"})
    header, claims = read(
        sign_request_object(
            ours,
            aud=["https://a", "issuer", "token"],
            lifetime=5,
            alg="RS256",
            typ=True,
            claims={"scope": "b", "exp": 1, "more": None},
            header={"kid": "other", "crit": ["x"]},
        )
    )
    assert header == {"alg": "RS256", "typ": "oauth-authz-req+jwt", "kid": "other", "crit": ["x"]}
    assert claims["aud"] == ["https://a", "https://op.example", "https://op.example/token"]
    assert (claims["scope"], claims["exp"], claims["more"]) == ("b", 1, None)


@pytest.mark.parametrize(
    ("request_object", "typ", "expected"),
    [
        ("{typ: true}", None, "oauth-authz-req+jwt"),
        ("{typ: true}", False, None),
        ("{typ: false}", True, "oauth-authz-req+jwt"),
        ("{typ: false}", "own+jwt", "own+jwt"),
        ("{}", None, None),
    ],
)
def test_typ_is_the_steps_else_the_environments(tools, read, request_object, typ, expected):
    ours = tools(client=f"auth: none\n    request_object: {request_object}\n    SIGNING")
    choices = {} if typ is None else {"typ": typ}
    assert read(sign_request_object(ours, **choices))[0].get("typ") == expected


def test_nbf_can_be_left_out_by_the_environment(tools, read):
    ours = tools(client="auth: none\n    request_object: {nbf: false, lifetime: 1m}\n    SIGNING")
    claims = read(sign_request_object(ours))[1]
    assert "nbf" not in claims
    assert claims["exp"] - time.time() <= 60


def opened(tools, extra=None):
    url = authorization_url(tools, extra or {})
    assert url.startswith("https://op.example/auth?")
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def test_after_a_push_the_browser_gets_client_id_and_request_uri_only(tools):
    ours = tools(request=REQUEST, flow={"request_uri": "urn:x:1", "request_object": "h.p.s"})
    assert opened(ours) == [("client_id", "flowrun"), ("request_uri", "urn:x:1")]


def test_the_environment_and_the_step_may_add_to_the_url(tools):
    ours = tools(more="authorize: {extra: {scope: openid, a: 1}}", flow={"request_uri": "urn:x:1"})
    assert opened(ours, {"a": 2, "b": True})[2:] == [("scope", "openid"), ("a", "2"), ("b", "true")]


def test_without_a_push_a_signed_request_goes_through_the_browser(tools):
    ours = tools(request=REQUEST, flow={"request_object": "h.p.s"})
    assert opened(ours) == [
        ("client_id", "flowrun"),
        ("response_type", "code"),
        ("scope", "accounts profile"),
        ("request", "h.p.s"),
    ]


def test_without_either_the_whole_request_goes_through_the_browser(tools):
    ours = tools(request={"scope": ["a", "b"], "claims": {"x": None}})
    sent = opened(ours)
    assert [name for name, _ in sent] == [*ours.flow.parameters]
    assert dict(sent)["scope"] == "a b"
    assert dict(sent)["claims"] == '{"x":null}'


ADDING = "authorize: {extra: {scope: openid, max_age: 0, ui_locales: en}}"


def test_without_a_push_the_environment_adds_and_the_step_replaces(tools):
    ours = tools(more=ADDING, request={"scope": "openid profile"})
    sent = dict(opened(ours, {"prompt": "none", "ui_locales": "ms"}))
    assert sent["scope"] == "openid profile"
    assert [sent[name] for name in ("max_age", "prompt", "ui_locales")] == ["0", "none", "ms"]
    assert ours.flow.added == {"max_age": 0, "prompt": "none", "ui_locales": "ms"}
    assert ours.flow.asked == {**ours.flow.parameters, **ours.flow.added}


def test_what_one_step_adds_is_not_asked_for_by_the_next(tools):
    ours = tools(request={"scope": "openid"})
    assert dict(opened(ours, {"prompt": "none", "scope": "openid email"}))["scope"] == "openid email"
    assert ours.flow.asked["scope"] == "openid email"
    assert dict(opened(ours))["scope"] == "openid"
    assert ours.flow.asked == ours.flow.parameters


def test_beside_a_request_object_or_a_reference_nothing_more_is_asked_for(tools):
    ours = tools(more=ADDING, request={"scope": "openid"}, flow={"request_object": "h.p.s"})
    opened(ours, {"prompt": "none"})
    assert ours.flow.added == {}
    ours = tools(more=ADDING, flow={"request_uri": "urn:x:1", "added": {"prompt": "login"}})
    opened(ours, {"prompt": "none"})
    assert ours.flow.added == {"prompt": "login"}


REPEATING = "authorize: {extra: {response_type: code, redirect_uri: 'https://app.example/cb'}}"


@pytest.mark.parametrize(
    ("flow", "beside"), [({"request_uri": "urn:x:1"}, "request_uri"), ({"request_object": "h.p.s"}, "request")]
)
def test_the_environment_may_repeat_what_the_request_has(tools, flow, beside):
    sent = opened(tools(more=REPEATING, flow=flow))
    assert {name for name, _ in sent} == {"client_id", "response_type", "redirect_uri", beside}
    assert (dict(sent)["response_type"], dict(sent)["redirect_uri"]) == ("code", "https://app.example/cb")


def test_the_environment_may_not_change_what_the_request_has(tools):
    ours = tools(more=REPEATING, request={"response_type": "none"}, flow={"request_uri": "urn:x:1"})
    with pytest.raises(FlowrunError) as error:
        opened(ours)
    (problem,) = error.value.problems
    assert problem.code == "protected-parameter"
    assert problem.title == "extra can't set response_type to another value than the request has"
    assert (problem.label, problem.at.line) == (
        "the request has none",
        ours.environment.document.at(("authorize",)).line,
    )


def test_what_the_request_leaves_out_is_not_repeated(tools):
    flow = {"request_uri": "urn:x:1", "parameters": {"client_id": "flowrun"}}
    assert opened(tools(more=REPEATING, flow=flow)) == [("client_id", "flowrun"), ("request_uri", "urn:x:1")]
    flow = {"parameters": {"client_id": "flowrun", "scope": "openid"}}
    assert opened(tools(more=REPEATING, flow=flow)) == [("client_id", "flowrun"), ("scope", "openid")]


@pytest.mark.parametrize(
    ("url", "whole"),
    [("https://x/auth", "https://x/auth?a=%26+b"), ("https://x/auth?p=1", "https://x/auth?p=1&a=%26+b")],
)
def test_parameters_are_added_to_those_that_are_there(url, whole):
    assert with_query(url, {"a": "& b"}) == whole


# --- what people like to write in YAML ------------------------------------------------------------------------------

WRITTEN = {
    "scope": ["openid", "accounts"],
    "acr_values": ["urn:mace:incommon:iap:silver", "loa2"],
    "prompt": ["login", "consent"],
    "max_age": 300,
    "login_hint": "alice@example.com",
    "ui_locales": ["ms", "en"],
    "claims": {"id_token": {"acr": {"essential": True, "values": ["loa2"]}}},
}


def test_lists_of_words_are_text_in_a_request_object_and_claims_an_object(tools, read):
    claims = read(sign_request_object(tools(client="auth: none\n    SIGNING", request=WRITTEN)))[1]
    assert {name: claims[name] for name in WRITTEN} == {
        **WRITTEN,
        "scope": "openid accounts",
        "acr_values": "urn:mace:incommon:iap:silver loa2",
        "prompt": "login consent",
        "ui_locales": "ms en",
    }
    assert type(claims["max_age"]) is int


def test_a_form_has_text_only_and_claims_as_json(tools):
    sent = dict(opened(tools(request=WRITTEN)))
    assert sent["claims"] == '{"id_token":{"acr":{"essential":true,"values":["loa2"]}}}'
    assert {name: sent[name] for name in ("scope", "acr_values", "prompt", "max_age", "login_hint")} == {
        "scope": "openid accounts",
        "acr_values": "urn:mace:incommon:iap:silver loa2",
        "prompt": "login consent",
        "max_age": "300",
        "login_hint": "alice@example.com",
    }


# --- encrypted for the server ---------------------------------------------------------------------------------------

ENCRYPTED = "auth: none\n    request_object: {encrypt: {alg: RSA-OAEP, enc: A128CBC-HS256}}\n    SIGNING"


@pytest.fixture
def theirs():
    """The server's key for encryption."""
    return replace(load_key(KEYS / "second-signing.pem", kid="op-enc"), use="enc")


@pytest.fixture
def published(server, theirs, key):
    server["/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk(), theirs.public_jwk()]})


@pytest.mark.usefixtures("published")
def test_it_is_signed_and_then_encrypted_for_the_servers_key(tools, read, theirs, key):
    ours = tools(client=ENCRYPTED, request=REQUEST)
    opened = decrypt(sign_request_object(ours), theirs)
    assert opened.header == {"alg": "RSA-OAEP", "enc": "A128CBC-HS256", "kid": "op-enc", "cty": "JWT"}
    inside = opened.plaintext.decode()
    assert read(inside)[1]["scope"] == "accounts profile"
    assert verify(inside, {"keys": [key.public_jwk()]}, ["PS256"]).claims == ours.flow.signed[-1].claims


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("encrypt", "alg", "enc"),
    [
        (True, "RSA-OAEP", "A128CBC-HS256"),
        ({"enc": "A256GCM"}, "RSA-OAEP", "A256GCM"),
        ({"alg": "RSA-OAEP-256", "kid": "op-enc"}, "RSA-OAEP-256", "A128CBC-HS256"),
    ],
)
def test_the_step_wins_over_the_client(tools, encrypt, alg, enc):
    header = peek_jwe(sign_request_object(tools(client=ENCRYPTED), encrypt=encrypt))
    assert (header["alg"], header["enc"]) == (alg, enc)


def test_a_step_may_leave_it_unencrypted(tools, server):
    assert sign_request_object(tools(client=ENCRYPTED), encrypt=False).count(".") == 2
    assert server.requests == []


@pytest.mark.usefixtures("published")
def test_without_settings_the_recommended_ones_are_taken(tools):
    header = peek_jwe(sign_request_object(tools(client="auth: none\n    SIGNING"), encrypt=True))
    assert (header["alg"], header["enc"]) == ("RSA-OAEP-256", "A256GCM")


def test_keys_that_are_known_are_not_asked_for_again(tools, theirs, server):
    sign_request_object(tools(client=ENCRYPTED, flow={"jwks": {"keys": [theirs.public_jwk()]}}))
    assert server.requests == []


def test_a_server_without_a_key_for_it_is_told(tools, server, key):
    server["/jwks"] = httpx.Response(200, json={"keys": [{**key.public_jwk(), "use": "sig"}]})
    with pytest.raises(JoseError) as error:
        sign_request_object(tools(client=ENCRYPTED))
    assert error.value.code == "no-encryption-key"
    assert error.value.title == "the server publishes no key that can be used to encrypt with RSA-OAEP"


@pytest.mark.parametrize("alg", ["dir", "A256KW"])
def test_the_clients_secret_can_be_the_key(tools, alg):
    own = f"client_secret: the-secret\n    request_object: {{encrypt: {{alg: {alg}}}}}"
    token = sign_request_object(tools(client=f"auth: client_secret_post\n    {own}\n    SIGNING"))
    assert decrypt(token, encryption_key_from_secret("the-secret", alg, "A256GCM")).header["alg"] == alg


def test_a_client_without_secret_is_told(tools):
    with pytest.raises(StepError) as error:
        sign_request_object(tools(client="auth: none\n    SIGNING"), encrypt={"alg": "dir"})
    assert (error.value.code, error.value.exit_code) == ("no-encryption-key", WRONG_FILE)
