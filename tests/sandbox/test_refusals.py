"""Every rule, broken once: the refusal is the right one, and says why."""

import json
import time
import uuid

import pytest
from joserfc.jwk import RSAKey

pytestmark = pytest.mark.sandbox

HOUR = 3600


class Later:
    """A time that counts from when it is asked for: the tables are made long before the tests that use them."""

    def __init__(self, seconds):
        self.seconds = seconds


def in_seconds(seconds):
    return time.time() + seconds


def at_last(changed, gone):
    """The claims of a row: `...` for one that is left out, times as of now."""
    values = {name: gone if value is ... else value for name, value in changed.items()}
    return {name: in_seconds(value.seconds) if isinstance(value, Later) else value for name, value in values.items()}


# what is wrong: changed claims of the client assertion, then a piece of the reason
ASSERTIONS = {
    "iss of another": ({"iss": "dc-2"}, "claim iss"),
    "no iss": ({"iss": None}, "claim iss"),
    "aud is the token endpoint": ({"aud": "http://127.0.0.1/token"}, "claim aud"),
    "aud is a list": ({"aud": ["http://127.0.0.1"]}, "claim aud"),
    "no aud": ({"aud": ...}, "no claim aud"),
    "expired": ({"exp": Later(-1)}, "expired"),
    "no exp": ({"exp": ...}, "no claim exp"),
    "exp is text": ({"exp": "soon"}, "no number"),
    "exp is true": ({"exp": True}, "no number"),
    "exp too far ahead": ({"exp": Later(700)}, "ten minutes"),
    "iat in the future": ({"iat": Later(60)}, "iat is in the future"),
    "nbf in the future": ({"nbf": Later(60)}, "nbf is in the future"),
    "no jti": ({"jti": ...}, "no claim jti"),
    "jti is no text": ({"jti": 5}, "no claim jti"),
    "unknown kid": ({"sign": {"header": {"kid": "unknown"}}}, "kid"),
    "RS256": ({"sign": {"alg": "RS256"}}, "lgorithm"),
    "sub is no text": ({"sub": 5}, "sub"),
    "sub is nobody": ({"sub": "nobody", "iss": "nobody"}, "does not exist"),
}


@pytest.mark.parametrize("case", ASSERTIONS)
@pytest.mark.parametrize("path", ["/par", "/token", "/token/revoke", "/introspection"])
def test_client_assertion(consumer, tools, path, case):
    changed, reason = ASSERTIONS[case]
    changed = at_last(changed, tools.gone)
    form = {"request": consumer.request_object(), "token": "x", "grant_type": "authorization_code", "code": "x"}
    answer = consumer.post(path, form | consumer.credentials(**changed))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert reason in answer.json()["error_description"]
    assert "www-authenticate" in answer.headers


def test_client_assertion_signed_with_an_unregistered_key(consumer):
    stranger = RSAKey.generate_key(2048, {"kid": consumer.key.kid})
    form = {"request": consumer.request_object(), **consumer.credentials(sign={"key": stranger})}
    answer = consumer.post("/par", form)

    assert answer.json()["error"] == "invalid_client"
    assert "bad_signature" in answer.json()["error_description"]


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.", "é.é.é", "e30.W10.e30"])
def test_client_assertion_that_is_no_jwt(consumer, tools, text):
    form = {"request": consumer.request_object(), "client_assertion_type": tools.assertion_type}
    answer = consumer.post("/par", form | {"client_assertion": text})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_client_assertion_replayed(consumer):
    credentials = consumer.credentials()
    assert consumer.post("/par", {"request": consumer.request_object(), **credentials}).status_code == 201

    answer = consumer.post("/token/revoke", {"token": "x", **credentials})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "used before" in answer.json()["error_description"]


def test_fractions_of_seconds_and_clocks_nine_seconds_off_are_accepted(consumer):
    form = {"request": consumer.request_object(nbf=in_seconds(9)), **consumer.credentials(iat=in_seconds(9.5))}

    assert consumer.post("/par", form).status_code == 201


@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "JWT", "jwt"])
def test_a_request_object_may_say_what_it_is(consumer, typ):
    assert consumer.push(sign={"header": {"typ": typ}}).status_code == 201


@pytest.mark.parametrize("place", ["", "/par", "/token"])
@pytest.mark.parametrize("aslist", [False, True])
def test_outside_of_fapi_a_client_assertion_may_be_for_the_issuer_and_for_endpoints(start, place, aslist):
    consumer = start(fapi=False)
    aud = consumer.issuer + place
    form = {
        "request": consumer.request_object(),
        **consumer.credentials(aud=[aud, "https://x.example"] if aslist else aud),
    }

    assert consumer.post("/par", form).status_code == 201


def test_outside_of_fapi_a_client_assertion_for_another_server_is_refused_too(start):
    consumer = start(fapi=False)

    answer = consumer.post(
        "/par", {"request": consumer.request_object(), **consumer.credentials(aud="https://x.example")}
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "aud" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("form", "auth"),
    [
        ({}, None),
        ({"client_id": "dc-1"}, None),
        ({"client_id": "dc-1", "client_secret": "guess"}, None),
        ({}, ("dc-1", "guess")),
        ({"client_id": "nobody"}, None),
    ],
)
def test_no_assertion_from_a_client_that_must_send_one(consumer, form, auth):
    answer = consumer.post("/par", {"request": consumer.request_object(), **form}, auth=auth)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("method", "form", "auth"),
    [
        ("client_secret_basic", {}, ("dc-1", "wrong")),
        ("client_secret_basic", {"client_id": "dc-1", "client_secret": "right"}, None),
        ("client_secret_post", {"client_id": "dc-1", "client_secret": "wrong"}, None),
        ("client_secret_post", {}, ("dc-1", "right")),
        ("none", {"client_id": "dc-1", "client_secret": "right"}, None),
    ],
)
def test_a_wrong_secret_and_a_right_one_by_the_wrong_way(start, method, form, auth):
    consumer = start(client={"token_endpoint_auth_method": method, "client_secret": "right"})
    answer = consumer.post("/par", {"request": consumer.request_object(), **form}, auth=auth)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_two_client_authentications_at_once(consumer):
    answer = consumer.post("/par", {"request": consumer.request_object(), **consumer.credentials()}, auth=("dc-1", "x"))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_client_id_that_is_not_who_authenticated(consumer):
    answer = consumer.post(
        "/par", {"client_id": "dc-2", "request": consumer.request_object(), **consumer.credentials()}
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_credentials_in_the_url_count_for_nothing(consumer):
    answer = consumer.http.post(
        f"{consumer.issuer}/par", params=consumer.credentials(), data={"request": consumer.request_object()}
    )

    assert answer.json()["error"] == "invalid_client"


# what is wrong: changed claims of the request object, the error, and a piece of the reason
REQUEST_OBJECTS = {
    "iss of another": ({"iss": "dc-2"}, "invalid_request_object", "iss"),
    "no iss": ({"iss": ...}, "invalid_request_object", "iss"),
    "aud of another": ({"aud": "https://other.example"}, "invalid_request_object", "aud"),
    "no aud": ({"aud": ...}, "invalid_request_object", "aud"),
    "no client_id": ({"client_id": ...}, "invalid_request_object", "client_id"),
    "client_id of another": ({"client_id": "dc-2", "iss": "dc-2"}, "invalid_request_object", "client_id"),
    "expired": ({"exp": Later(-1)}, "invalid_request_object", "expired"),
    "no exp": ({"exp": ...}, "invalid_request_object", "exp"),
    "no nbf": ({"nbf": ...}, "invalid_request_object", "nbf"),
    "nbf in the future": ({"nbf": Later(60)}, "invalid_request_object", "nbf"),
    "nbf long ago": ({"nbf": Later(-HOUR - 60)}, "invalid_request_object", "60 minutes"),
    "lives too long": ({"exp": Later(HOUR + 60)}, "invalid_request_object", "60 minutes"),
    "request inside": ({"request": "x"}, "invalid_request_object", "request"),
    "request_uri inside": ({"request_uri": "urn:x"}, "invalid_request_object", "request"),
    "RS256": ({"sign": {"alg": "RS256"}}, "invalid_request_object", "algorithms"),
    "typ of another JWT": ({"sign": {"header": {"typ": "at+jwt"}}}, "invalid_request_object", "typ"),
    "unknown kid": ({"sign": {"header": {"kid": "unknown"}}}, "invalid_request_object", "kid"),
    "no response_type": ({"response_type": ...}, "invalid_request", "response_type"),
    "response_type token": ({"response_type": "token"}, "unsupported_response_type", "code"),
    "unknown response_mode": ({"response_mode": "pigeon"}, "invalid_request", "response_mode"),
    "no redirect_uri": ({"redirect_uri": ...}, "invalid_request", "redirect_uri"),
    "another redirect_uri": ({"redirect_uri": 'https://app.example/"'}, "invalid_request", "registered"),
    "redirect_uri with more": (
        {"redirect_uri": "https://app.example/callback?keep=1&x"},
        "invalid_request",
        "registered",
    ),
    "redirect_uri is no text": ({"redirect_uri": 5}, "invalid_request", "text"),
    "no scope": ({"scope": ...}, "invalid_scope", "missing"),
    "unknown scope": ({"scope": "accounts payments"}, "invalid_scope", "payments"),
    "no code_challenge": ({"code_challenge": ...}, "invalid_request", "code_challenge"),
    "no PKCE at all": ({"code_challenge": ..., "code_challenge_method": ...}, "invalid_request", "code_challenge"),
    "no code_challenge_method": ({"code_challenge_method": ...}, "invalid_request", "code_challenge_method"),
    "plain code_challenge": ({"code_challenge_method": "plain"}, "invalid_request", "code_challenge_method"),
    "short code_challenge": ({"code_challenge": "short"}, "invalid_request", "code_challenge"),
    "unknown prompt": ({"prompt": "please"}, "invalid_request", "prompt"),
    "prompt none and more": ({"prompt": "none login"}, "invalid_request", "prompt"),
    "max_age below zero": ({"max_age": -1}, "invalid_request", "max_age"),
    "max_age is words": ({"max_age": "long"}, "invalid_request", "max_age"),
    "id_token_hint of nobody": ({"id_token_hint": "e30.e30."}, "invalid_request", "id_token_hint"),
    "claims is a list": ({"claims": []}, "invalid_request", "claims"),
    "claims is no JSON": ({"claims": "{"}, "invalid_request", "claims"),
}


@pytest.mark.parametrize("case", REQUEST_OBJECTS)
def test_request_object(consumer, tools, case):
    changed, error, reason = REQUEST_OBJECTS[case]
    changed = at_last(changed, tools.gone)
    answer = consumer.push(**changed)

    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert reason in answer.json()["error_description"]
    assert answer.json().keys() == {"error", "error_description"}
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.e30.", "é.é.é"])
def test_request_object_that_is_no_signed_jwt(consumer, text):
    answer = consumer.post("/par", {"request": text, **consumer.credentials()})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request_object")


def test_request_object_signed_with_an_unregistered_key(consumer):
    stranger = RSAKey.generate_key(2048, {"kid": consumer.key.kid})

    assert consumer.push(sign={"key": stranger}).json()["error"] == "invalid_request_object"


def test_a_client_that_must_sign_cannot_push_a_form(start):
    consumer = start(client={"require_signed_request_object": True})
    form = {name: value for name, value in consumer.params().items() if isinstance(value, str)}

    answer = consumer.post("/par", form | consumer.credentials())

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert consumer.push().status_code == 201


# what is wrong: changed members of the consent, and a piece of the reason
CONSENTS = {
    "unknown provider": ({"dp_id": "DP0000000000"}, "dp_id"),
    "blank provider": ({"dp_id": ""}, "dp_id"),
    "provider is a list": ({"dp_id": ["DP9876543210"]}, "dp_id"),
    "no dc_id": ({"dc_id": ...}, "dc_id"),
    "no purpose": ({"consent_purpose": ...}, "consent_purpose"),
    "another consent_type": ({"consent_type": "urn:other"}, "consent_type"),
    "no permissions": ({"permissions": ...}, "permissions"),
    "empty permissions": ({"permissions": []}, "permissions"),
    "unknown permission": ({"permissions": ["read_accounts", "move_money"]}, "move_money"),
    "permission is an object": ({"permissions": [{}]}, "unknown"),
    "expired": ({"expiration_datetime": "2020-01-01T00:00:00Z"}, "not in the future"),
    "no expiry": ({"expiration_datetime": ...}, "expiration_datetime"),
    "expiry without offset": ({"expiration_datetime": "2099-01-01T00:00:00"}, "offset"),
    "expiry is no time": ({"expiration_datetime": "tomorrow"}, "ISO 8601"),
    "expiry is a number": ({"expiration_datetime": 4070908800}, "ISO 8601"),
}


@pytest.mark.parametrize("case", CONSENTS)
def test_consent(consumer, tools, case):
    changed, reason = CONSENTS[case]
    members = at_last(changed, tools.gone)
    answer = consumer.push(authorization_details=consumer.consent(**members))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
    assert reason in answer.json()["error_description"]


@pytest.mark.parametrize("details", [[], {}, "x", "[", [1], [{}], [{"type": "urn:other", "consent": {}}], 5, None])
def test_authorization_details_that_are_none(consumer, details):
    assert consumer.push(authorization_details=details).json()["error"] == "invalid_authorization_details"


def test_authorization_details_without_a_consent(consumer, tools):
    answer = consumer.push(authorization_details=[{"type": tools.consent_type}])

    assert answer.json()["error"] == "invalid_authorization_details"


def test_a_request_uri_cannot_be_pushed(consumer):
    answer = consumer.post("/par", {"request_uri": consumer.pushed(), **consumer.credentials()})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_parameter_sent_twice(consumer):
    form = {"request": [consumer.request_object(), consumer.request_object()], **consumer.credentials()}

    assert consumer.post("/par", form).json()["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["/par", "/token", "/token/revoke", "/introspection"])
def test_a_body_that_is_no_form(consumer, path):
    answer = consumer.http.post(consumer.issuer + path, json={"grant_type": "authorization_code"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/par", 405), ("PUT", "/token", 405), ("GET", "/jwks/x", 404)]
)
def test_an_api_answers_json_to_a_wrong_method_or_path(consumer, method, path, status):
    answer = consumer.http.request(method, consumer.issuer + path)

    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


def test_a_request_that_is_too_large(consumer):
    answer = consumer.post("/par", {"request": "x" * 600_000})

    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")


def error_page(tools, answer, error, reason):
    assert answer.status_code == 400
    assert tools.heading(answer) == "Something went wrong"
    assert error in answer.text
    assert reason in answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("query", "error", "reason"),
    [
        ({"request_uri": ...}, "invalid_request", "pushed first"),
        ({"request_uri": "urn:unknown"}, "invalid_request_uri", "unknown"),
        ({"client_id": ...}, "invalid_request", "client_id"),
        ({"client_id": "nobody"}, "invalid_client", "client_id"),
        ({"client_id": "dc-2"}, "invalid_request_uri", "another client"),
        ({"client_id": ["dc-1", "dc-1"]}, "invalid_request", "2 times"),
    ],
)
def test_authorization_url(consumer, tools, query, error, reason):
    changed = {name: tools.gone if value is ... else value for name, value in query.items()}

    error_page(tools, consumer.authorize(changed.pop("request_uri", consumer.pushed()), **changed), error, reason)


def test_an_authorization_request_that_was_not_pushed(consumer, tools):
    query = {name: value for name, value in consumer.params().items() if isinstance(value, str)}
    answer = consumer.http.get(f"{consumer.issuer}/auth", params=query)

    error_page(tools, answer, "invalid_request", "pushed first")


def test_a_request_uri_that_has_expired(consumer, clock, tools):
    request_uri = consumer.pushed()
    clock.passed = 89
    assert tools.heading(consumer.authorize(request_uri)) == "Sign in"
    clock.passed = 91

    error_page(tools, consumer.authorize(request_uri), "invalid_request_uri", "expired")


def test_a_request_uri_may_be_reloaded_but_finishes_once(consumer, tools):
    request_uri = consumer.pushed()
    consumer.authorize(request_uri)
    assert consumer.approved(request_uri)["code"]

    error_page(tools, consumer.authorize(request_uri), "invalid_request_uri", "used before")


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_request_uri_cannot_finish_in_a_second_tab(consumer, tools, decision):
    request_uri = consumer.pushed()
    first = consumer.sign_in(consumer.authorize(request_uri))
    second = consumer.authorize(request_uri)
    tools.callback(consumer.send(first, decision=decision))

    error_page(tools, consumer.send(second, decision="approve"), "invalid_request_uri", "used before")


def test_a_page_that_does_not_exist(consumer, tools):
    answer = consumer.http.get(f"{consumer.issuer}/nowhere")

    assert (answer.status_code, tools.heading(answer)) == (404, "Something went wrong")


# what is wrong: changed parameters of the token request, and the error
EXCHANGES = {
    "no grant_type": ({"grant_type": ...}, "invalid_request"),
    "unknown grant_type": ({"grant_type": "password"}, "unsupported_grant_type"),
    "no code": ({"code": ...}, "invalid_request"),
    "unknown code": ({"code": "guess"}, "invalid_grant"),
    "no redirect_uri": ({"redirect_uri": ...}, "invalid_grant"),
    "another redirect_uri": ({"redirect_uri": "https://app.example/other"}, "invalid_grant"),
    "no code_verifier": ({"code_verifier": ...}, "invalid_request"),
    "another code_verifier": ({"code_verifier": "v" * 60}, "invalid_grant"),
    "short code_verifier": ({"code_verifier": "v"}, "invalid_request"),
}


@pytest.mark.parametrize("case", EXCHANGES)
def test_exchange(consumer, tools, case):
    changed, error = EXCHANGES[case]
    changed = at_last(changed, tools.gone)
    answer = consumer.exchange(consumer.approved(consumer.pushed())["code"], **changed)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_code_that_has_expired(consumer, clock):
    code = consumer.approved(consumer.pushed())["code"]
    clock.passed = 61

    assert consumer.exchange(code).json()["error"] == "invalid_grant"


def test_a_code_of_another_client(consumer, another):
    code = consumer.approved(consumer.pushed())["code"]

    assert another.exchange(code, code_verifier=consumer.verifier).json()["error"] == "invalid_grant"
    assert consumer.exchange(code).status_code == 200


def test_a_code_used_twice_ends_what_it_brought(consumer):
    code = consumer.approved(consumer.pushed())["code"]
    body = consumer.exchange(code).json()
    assert consumer.get("/accounts", body["access_token"]).status_code == 200

    assert consumer.exchange(code).json()["error"] == "invalid_grant"
    assert consumer.get("/accounts", body["access_token"]).status_code == 401
    assert consumer.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_of_another_client(consumer, another):
    refresh_token = consumer.tokens()["refresh_token"]

    assert another.refresh(refresh_token).json()["error"] == "invalid_grant"
    assert consumer.refresh(refresh_token).status_code == 200


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(consumer):
    body = consumer.tokens()

    assert consumer.refresh(body["access_token"]).json()["error"] == "invalid_grant"
    assert consumer.get("/accounts", body["refresh_token"]).status_code == 401


def test_a_refresh_cannot_widen_the_scope(consumer):
    refresh_token = consumer.tokens()["refresh_token"]

    assert consumer.refresh(refresh_token, scope="accounts openid").json()["error"] == "invalid_scope"


def test_a_refresh_token_ends_with_its_lifetime(consumer, clock):
    refresh_token = consumer.tokens()["refresh_token"]
    clock.passed = 181 * 86_400

    assert consumer.refresh(refresh_token).json()["error"] == "invalid_grant"


def test_another_client_cannot_revoke(consumer, another):
    body = consumer.tokens()
    answer = another.post("/token/revoke", {"token": body["refresh_token"], **another.credentials()})

    assert answer.json()["error"] == "invalid_grant"
    assert consumer.refresh(body["refresh_token"]).status_code == 200


def test_a_public_client_cannot_introspect(start):
    consumer = start(client={"token_endpoint_auth_method": "none"})
    answer = consumer.post("/introspection", {"token": "x", "client_id": "dc-1"})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/userinfo", "/accounts"])
@pytest.mark.parametrize("header", [None, "Basic eDp5", "Bearer", "Bearer guess", "Nonsense x"])
def test_a_resource_without_a_token(consumer, path, header):
    headers = {"Authorization": header} if header else {}
    answer = consumer.http.get(consumer.issuer + path, headers=headers | {"x-fapi-interaction-id": "id-7"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="sandbox"')
    assert ("invalid_token" in answer.headers["www-authenticate"]) == (header == "Bearer guess")
    assert answer.headers["x-fapi-interaction-id"] == "id-7"


@pytest.mark.parametrize(
    ("scope", "path"), [("openid", "/accounts"), ("accounts", "/userinfo"), ("profile offline_access", "/accounts")]
)
def test_a_resource_that_the_scope_does_not_open(consumer, scope, path):
    answer = consumer.get(path, consumer.tokens(scope=scope)["access_token"])

    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert "insufficient_scope" in answer.headers["www-authenticate"]


def test_accounts_need_their_permission(consumer):
    body = consumer.tokens(authorization_details=consumer.consent(permissions=["read_balances"]))

    assert consumer.get("/accounts", body["access_token"]).json()["error"] == "insufficient_scope"


def test_an_access_token_that_has_expired(consumer, clock):
    access_token = consumer.tokens()["access_token"]
    clock.passed = 599
    assert consumer.get("/accounts", access_token).status_code == 200
    clock.passed = 601

    answer = consumer.get("/accounts", access_token)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    introspected = consumer.post("/introspection", {"token": access_token, **consumer.credentials()})
    assert introspected.json() == {"active": False}


def test_no_refusal_repeats_what_was_sent(consumer):
    secret = str(uuid.uuid4())
    answer = consumer.exchange(secret, code_verifier=secret * 2)

    assert secret not in json.dumps(answer.json())
