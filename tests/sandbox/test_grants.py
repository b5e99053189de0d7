"""The other grants, consents that end, signed resources, and clients of plain OAuth without PAR."""

import base64
import uuid

import pytest
from joserfc import jwe, jws, jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

pytestmark = pytest.mark.sandbox

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SECRET = "a secret that is long enough for HS256 0123456789"


def own_token(consumer, scope="consents"):
    form = {"grant_type": "client_credentials", "scope": scope, **consumer.credentials()}
    return consumer.post("/token", form)


def test_client_credentials(consumer):
    body = own_token(consumer).json()

    assert body.keys() == {"access_token", "expires_in", "token_type", "scope"}
    told = consumer.post("/introspection", {"token": body["access_token"], **consumer.credentials()}).json()
    assert (told["sub"], told["scope"]) == ("dc-1", "consents")


@pytest.mark.parametrize("scope", ["", "openid", "consents profile", "payments"])
def test_client_credentials_have_no_person(consumer, scope):
    assert own_token(consumer, scope).json()["error"] == "invalid_scope"


def test_a_token_of_the_client_opens_nobodys_accounts(consumer):
    assert consumer.get("/accounts", own_token(consumer, "accounts").json()["access_token"]).status_code == 403


def revoke(consumer, consent_id, token):
    headers = {"Authorization": f"Bearer {token}"}
    return consumer.http.post(f"{consumer.issuer}/consents/{consent_id}/revoke", headers=headers)


def test_a_revoked_consent_takes_its_tokens_with_it(consumer):
    body = consumer.tokens()
    consent_id = body["authorization_details"][0]["consent"]["consent_id"]

    answer = revoke(consumer, consent_id, own_token(consumer).json()["access_token"])

    assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
    assert consumer.get("/accounts", body["access_token"]).status_code == 401
    assert consumer.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    told = consumer.post("/introspection", {"token": body["access_token"], **consumer.credentials()}).json()
    assert told == {"active": False}


def test_who_may_revoke_a_consent(consumer, another):
    body = consumer.tokens()
    consent_id = body["authorization_details"][0]["consent"]["consent_id"]

    assert revoke(consumer, consent_id, body["access_token"]).status_code == 403
    assert revoke(consumer, consent_id, own_token(another).json()["access_token"]).status_code == 404
    assert revoke(consumer, consent_id, "unknown").status_code == 401
    assert consumer.get("/accounts", body["access_token"]).status_code == 200


def begun(consumer, **changed):
    return consumer.post("/device", {"scope": "openid profile", **consumer.credentials()} | changed)


def asked(consumer, device):
    consumer.clock.passed += 2
    form = {"grant_type": DEVICE, "device_code": device["device_code"], **consumer.credentials()}
    return consumer.post("/token", form)


def type_in(consumer, code):
    page = consumer.http.get(f"{consumer.issuer}/device/verify")
    return consumer.send(page, user_code=code)


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_the_device_grant(consumer, tools, decision):
    device = begun(consumer).json()
    assert device["verification_uri"] == f"{consumer.issuer}/device/verify"
    assert asked(consumer, device).json()["error"] == "authorization_pending"

    page = type_in(consumer, device["user_code"].replace("-", "").lower())
    done = consumer.send(consumer.sign_in(page), decision=decision)

    assert "You can go back to your device" in done.text
    body = asked(consumer, device).json()
    if decision == "deny":
        assert body["error"] == "access_denied"
        return
    assert tools.heading(done) == "Device connected"
    assert consumer.id_token(body["id_token"])["aud"] == "dc-1"
    assert consumer.get("/userinfo", body["access_token"]).json()["name"] == "Alice Example"
    assert asked(consumer, device).json()["error"] == "invalid_request"


def test_a_device_that_asks_too_often_or_too_late(consumer):
    device = begun(consumer).json()
    form = {"grant_type": DEVICE, "device_code": device["device_code"]}
    errors = [consumer.post("/token", form | consumer.credentials()).json()["error"] for _ in range(2)]
    assert errors == ["authorization_pending", "slow_down"]

    consumer.clock.passed += 601
    assert asked(consumer, device).json()["error"] == "expired_token"


def test_a_code_that_no_device_shows(consumer, tools):
    page = type_in(consumer, "AAAA-AAAA")

    assert tools.heading(page) == "Connect a device"
    assert "There is no device with this code" in page.text


def test_a_device_must_ask_for_something(consumer):
    assert begun(consumer, scope="").json()["error"] == "invalid_scope"


def exchanged(consumer, token, **changed):
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        **consumer.credentials(),
    }
    return consumer.post("/token", form | changed)


def test_token_exchange(consumer, another):
    token = consumer.tokens()["access_token"]
    body = exchanged(consumer, token, scope="accounts").json()

    assert (body["scope"], body["issued_token_type"], body["token_type"]) == ("accounts", ACCESS_TOKEN, "Bearer")
    assert consumer.get("/accounts", body["access_token"]).status_code == 200
    assert consumer.get("/userinfo", body["access_token"]).status_code == 403
    assert exchanged(consumer, token, scope="accounts openid").json()["error"] == "invalid_scope"
    assert exchanged(consumer, token, subject_token_type="x").json()["error"] == "invalid_request"
    assert exchanged(consumer, "unknown").json()["error"] == "invalid_request"
    assert exchanged(another, token).json()["error"] == "invalid_request"


@pytest.fixture(scope="module")
def encryption_key():
    return RSAKey.generate_key(2048, {"kid": "enc-1", "use": "enc"})


@pytest.fixture
def malaysian(start, rsa_key, encryption_key):
    jwks = {"keys": [rsa_key.as_dict(private=False), encryption_key.as_dict(private=False)]}
    return start(client={"jwks": jwks}, signed_resources=True)


def signature(consumer, **changed):
    now = int(consumer.clock())
    usual = {"iss": "DC1234567890", "sub": "DC1234567890", "aud": ["DP9876543210", "Paynet OFP"]}
    usual |= {"nbf": now, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    return consumer.jwt(usual | changed)


def accounts(consumer, token, written, query=""):
    headers = {"Authorization": f"Bearer {token}", **({"x-signature": written} if written else {})}
    return consumer.http.get(f"{consumer.issuer}/accounts{query}", headers=headers)


def test_accounts_are_signed_by_the_provider_and_encrypted_for_the_client(malaysian, encryption_key):
    token = malaysian.tokens()["access_token"]
    answer = accounts(malaysian, token, signature(malaysian))
    keys = KeySet.import_key_set(malaysian.http.get(f"{malaysian.issuer}/dp/jwks").json())

    outer = jws.deserialize_compact(answer.text, keys, algorithms=["PS256"])
    inner = jwe.decrypt_compact(outer.payload.decode(), encryption_key, algorithms=["RSA-OAEP-256", "A256GCM"])

    assert answer.headers["content-type"] == "application/jose"
    assert b'"account_id"' in inner.plaintext
    assert b'"iss": "DP9876543210"' in inner.plaintext


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "DC0"}, "iss"),
        ({"sub": "DC0"}, "sub"),
        ({"aud": "Paynet OFP"}, "aud"),
        ({"aud": ["DP9876543211", "Paynet OFP"]}, "aud"),
        ({"nbf": None}, "nbf"),
        ({"exp": 1}, "expired"),
        ({"iat": 1}, "iat"),
        ({"jti": None}, "jti"),
    ],
)
def test_a_bad_x_signature(malaysian, changed, reason):
    answer = accounts(malaysian, malaysian.tokens()["access_token"], signature(malaysian, **changed))

    assert answer.status_code == 400
    assert reason in answer.json()["error_description"]


def test_no_x_signature_and_parameters_that_it_leaves_out(malaysian):
    token = malaysian.tokens()["access_token"]

    assert accounts(malaysian, token, "").status_code == 400
    assert accounts(malaysian, token, signature(malaysian), "?page=2").status_code == 400
    assert accounts(malaysian, token, signature(malaysian, page="2"), "?page=2").status_code == 200


@pytest.mark.parametrize("way", ["parameters", "request object"])
def test_without_par(start, tools, way):
    consumer = start(par="none")
    server = consumer.http.get(f"{consumer.issuer}/.well-known/openid-configuration").json()
    gone = {"authorization_details": tools.gone, "claims": tools.gone}
    sent = consumer.params(**gone) if way == "parameters" else {"request": consumer.request_object(**gone)}

    page = consumer.follow(consumer.http.get(f"{consumer.issuer}/auth", params={**sent, "client_id": "dc-1"}))
    back = tools.callback(consumer.send(consumer.sign_in(page), decision="approve"))

    assert "pushed_authorization_request_endpoint" not in server
    assert server["require_pushed_authorization_requests"] is False
    assert consumer.push().status_code == 404
    assert back["state"] == "the-state"
    assert consumer.exchange(back["code"]).status_code == 200


def test_par_optional_takes_both(start, tools):
    consumer = start(par="optional")
    gone = {"authorization_details": tools.gone, "claims": tools.gone}

    assert consumer.push().status_code == 201
    page = consumer.follow(consumer.http.get(f"{consumer.issuer}/auth", params=consumer.params(**gone)))
    assert tools.heading(page) == "Sign in"


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"scope": "payments"}, "invalid_scope"), ({"response_type": "token"}, "unsupported_response_type")],
)
def test_a_bad_request_by_value_goes_back_to_the_client(start, tools, changed, error):
    consumer = start(par="none")
    sent = consumer.params(authorization_details=tools.gone, claims=tools.gone) | changed
    back = tools.callback(consumer.http.get(f"{consumer.issuer}/auth", params=sent))

    assert (back["error"], back["state"], back["iss"]) == (error, "the-state", consumer.issuer)


def test_a_bad_redirect_uri_by_value_is_told_on_a_page(start, tools):
    consumer = start(par="none")
    sent = consumer.params(redirect_uri="https://evil.example/", authorization_details=tools.gone, claims=tools.gone)
    page = consumer.http.get(f"{consumer.issuer}/auth", params=sent)

    assert page.status_code == 400
    assert "not registered" in page.text


def test_other_prefix_and_lifetimes(start):
    prefix = "urn:ietf:params:oauth:par:request_uri:"

    assert start(request_uri_prefix=prefix).pushed().startswith(prefix)


def test_a_plain_client_needs_neither_pkce_nor_the_encoding_of_basic(start, tools):
    secret = "s3cret+with%20plus"
    consumer = start(client={"token_endpoint_auth_method": "client_secret_basic", "client_secret": secret})
    raw = {"Authorization": "Basic " + base64.b64encode(f"dc-1:{secret}".encode()).decode()}
    form = {"client_id": "dc-1", "response_type": "code", "scope": "openid email", "redirect_uri": tools.redirect_uri}

    pushed = consumer.post("/par", form, headers=raw)
    assert pushed.status_code == 201, pushed.text
    page = consumer.sign_in(consumer.authorize(pushed.json()["request_uri"]))
    code = tools.callback(consumer.send(page, decision="approve"))["code"]
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": tools.redirect_uri}
    assert consumer.post("/token", sent | {"code_verifier": "v" * 43}, headers=raw).json()["error"] == "invalid_grant"
    assert consumer.post("/token", sent, headers=raw).status_code == 200


@pytest.mark.parametrize(("aud", "status"), [("issuer", 201), ("token", 201), ("elsewhere", 401)])
def test_client_secret_jwt(start, aud, status):
    consumer = start(client={"token_endpoint_auth_method": "client_secret_jwt", "client_secret": SECRET})
    audience = {"issuer": consumer.issuer, "token": f"{consumer.issuer}/token", "elsewhere": "https://x.example"}[aud]
    now = int(consumer.clock())
    claims = {"iss": "dc-1", "sub": "dc-1", "aud": audience, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
    key = OctKey.import_key(SECRET)
    assertion = jwt.encode({"alg": "HS256"}, claims, key, ["HS256"])
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }

    assert consumer.post("/par", {"request": consumer.request_object(), **form}).status_code == status
