"""The whole way: discovery, PAR, the pages, tokens, and what the tokens open."""

import json
import uuid
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.sandbox


def test_the_metadata_is_complete_and_the_same_at_both_places(consumer):
    found = consumer.http.get(f"{consumer.issuer}/.well-known/openid-configuration").json()
    other = consumer.http.get(f"{consumer.issuer}/.well-known/oauth-authorization-server").json()

    assert found == other
    assert found["issuer"] == consumer.issuer
    assert found["pushed_authorization_request_endpoint"] == f"{consumer.issuer}/par"
    assert found["require_pushed_authorization_requests"] is True
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["id_token_signing_alg_values_supported"] == ["PS256", "ES256", "EdDSA", "RS256"]
    assert found["authorization_details_types_supported"] == ["urn:openfinance-ml:account-access-consent:v1.2"]


def test_every_endpoint_of_the_metadata_exists(consumer):
    found = consumer.http.get(f"{consumer.issuer}/.well-known/openid-configuration").json()
    endpoints = {name: url for name, url in found.items() if name.endswith(("_endpoint", "_uri"))}

    assert len(endpoints) == 8
    assert {name for name, url in endpoints.items() if consumer.http.get(url).status_code == 404} == set()


def test_the_published_keys_are_public_and_have_a_kid(consumer):
    signing, encryption = consumer.http.get(f"{consumer.issuer}/jwks").json()["keys"]

    assert (signing["kty"], signing["use"], signing["alg"]) == ("RSA", "sig", "PS256")
    assert (encryption["kty"], encryption["use"]) == ("RSA", "enc")
    for key in (signing, encryption):
        assert key["kid"]
        assert key.keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi"})


def test_a_push_is_answered_as_rfc_9126_says(consumer):
    answer = consumer.push()

    assert answer.status_code == 201
    assert answer.json()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert answer.json()["expires_in"] == 90
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["x-fapi-interaction-id"] == "73cac523"


def test_the_whole_flow_with_a_chosen_provider(consumer, tools):
    page = consumer.authorize(consumer.pushed())
    assert tools.heading(page) == "Sign in"
    page = consumer.sign_in(page)
    assert tools.heading(page) == "Approve access"
    assert all(
        words in page.text
        for words in ("Bank Seri Melati", "Account details", "Balances", "Transactions", "1 January 2099")
    )
    back = tools.callback(consumer.send(page, decision="approve"))
    assert back.keys() == {"keep", "code", "state", "iss"}
    assert (back["state"], back["iss"]) == ("the-state", consumer.issuer)

    answer = consumer.exchange(back["code"])

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {
        "access_token",
        "refresh_token",
        "id_token",
        "expires_in",
        "token_type",
        "scope",
        "authorization_details",
    }
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "accounts profile")
    asked, granted = consumer.consent()[0]["consent"], body["authorization_details"][0]["consent"]
    assert granted.items() >= asked.items()
    assert uuid.UUID(granted["consent_id"]).version == 4
    assert granted["status"] == "authorized"
    assert len(granted["account_ids"]) == 2
    for name in ("creation_datetime", "status_update_datetime"):
        assert abs((datetime.now(UTC) - datetime.fromisoformat(granted[name])).total_seconds()) < 30


def test_the_id_token_says_who_for_whom_and_when(consumer):
    before = int(consumer.clock())
    claims = consumer.id_token(consumer.tokens()["id_token"])

    assert claims["iss"] == consumer.issuer
    assert claims["aud"] == "dc-1"
    assert claims["nonce"] == "the-nonce"
    assert before <= claims["auth_time"] <= claims["iat"] < claims["exp"]
    assert claims["at_hash"]


def test_a_provider_that_was_not_pushed_is_chosen_on_a_page(consumer, tools):
    page = consumer.sign_in(
        consumer.authorize(consumer.pushed(authorization_details=consumer.consent(dp_id=tools.gone)))
    )
    assert tools.heading(page) == "Choose your bank"
    assert '<label for="dp_id">Data provider</label>' in page.text
    assert tools.heading(consumer.send(page, dp_id="DP0000000000")) == "Choose your bank"

    page = consumer.send(page, dp_id="DP9876543211")
    assert "Kinabalu Savings Bank" in page.text
    code = tools.callback(consumer.send(page, decision="approve"))["code"]

    assert consumer.exchange(code).json()["authorization_details"][0]["consent"]["dp_id"] == "DP9876543211"


def test_a_person_who_denies_comes_back_with_access_denied(consumer, tools):
    page = consumer.sign_in(consumer.authorize(consumer.pushed()))
    assert page.text.index(">Deny<") < page.text.index(">Approve<")

    back = tools.callback(consumer.send(page, decision="deny"))

    assert back.keys() == {"keep", "error", "error_description", "state", "iss"}
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "the-state", consumer.issuer)


def test_a_wrong_password_is_told_and_a_right_one_still_works(consumer, tools):
    page = consumer.sign_in(consumer.authorize(consumer.pushed()), password="mad hatter")
    assert tools.heading(page) == "Sign in"
    assert "Invalid credentials" in page.text
    assert "mad hatter" not in page.text

    assert tools.heading(consumer.sign_in(page)) == "Approve access"


def test_an_unsigned_push_works_when_the_client_need_not_sign(consumer):
    form = {name: value for name, value in consumer.params().items() if isinstance(value, str)}
    form["authorization_details"] = json.dumps(consumer.consent(expiration_datetime="2099-01-01T08:00:00+08:00"))
    answer = consumer.post("/par", form | {"claims": '{"userinfo": {"email": null}}', **consumer.credentials()})
    assert answer.status_code == 201

    tokens = consumer.exchange(consumer.approved(answer.json()["request_uri"])["code"]).json()

    assert consumer.get("/userinfo", tokens["access_token"]).json()["email"] == "alice@people.example"


def test_what_stands_beside_a_request_object_counts_for_nothing(consumer):
    form = {"client_id": "dc-1", "request": consumer.request_object(), "scope": "openid", "state": "forged"}
    answer = consumer.post("/par", form | consumer.credentials())

    assert consumer.approved(answer.json()["request_uri"])["state"] == "the-state"


def test_plain_openid_without_a_consent(consumer, tools):
    page = consumer.sign_in(
        consumer.authorize(consumer.pushed(authorization_details=tools.gone, scope="openid", claims=tools.gone))
    )
    assert "Your identity" in page.text
    body = consumer.exchange(tools.callback(consumer.send(page, decision="approve"))["code"]).json()

    assert body.keys() == {"access_token", "id_token", "expires_in", "token_type", "scope"}


def test_offline_access_brings_a_refresh_token(consumer, tools):
    body = consumer.tokens(authorization_details=tools.gone, scope="openid offline_access")

    assert body["refresh_token"]
    assert "authorization_details" not in body


def test_a_refresh_keeps_the_refresh_token_and_the_details(consumer):
    first = consumer.tokens()
    second = consumer.refresh(first["refresh_token"]).json()
    third = consumer.refresh(first["refresh_token"]).json()

    assert "refresh_token" not in second
    assert second["authorization_details"] == first["authorization_details"]
    assert len({first["access_token"], second["access_token"], third["access_token"]}) == 3
    assert consumer.refresh(first["refresh_token"], scope="accounts").json()["scope"] == "accounts"


def test_userinfo_tells_what_was_asked_for(consumer):
    body = consumer.tokens()
    found = consumer.get("/userinfo", body["access_token"]).json()

    assert found["sub"] == consumer.id_token(body["id_token"])["sub"]
    assert found["name"] == "Alice Example"  # the scope profile
    assert len(found["hashed_id_number"]) == 64  # the claims parameter
    assert "id_type" not in found


def test_accounts_are_those_of_the_consent(consumer):
    body = consumer.tokens()
    accounts = consumer.get("/accounts", body["access_token"]).json()["accounts"]

    granted = body["authorization_details"][0]["consent"]
    assert [account["account_id"] for account in accounts] == granted["account_ids"]
    assert all(account["balance"] for account in accounts)


def test_balances_need_their_permission(consumer):
    body = consumer.tokens(authorization_details=consumer.consent(permissions=["read_accounts"]))

    assert "balance" not in consumer.get("/accounts", body["access_token"]).json()["accounts"][0]


def test_introspection_tells_a_client_about_its_token(consumer):
    body = consumer.tokens()
    found = consumer.post("/introspection", {"token": body["access_token"], **consumer.credentials()}).json()

    assert found["active"] is True
    assert (found["client_id"], found["scope"]) == ("dc-1", "accounts profile")
    assert found["authorization_details"] == body["authorization_details"]


def test_introspection_tells_other_clients_nothing(consumer, another):
    body = consumer.tokens()
    found = another.post("/introspection", {"token": body["access_token"], **another.credentials()})

    assert found.json() == {"active": False}


def test_a_revoked_refresh_token_takes_everything_with_it(consumer):
    body = consumer.tokens()
    later = consumer.refresh(body["refresh_token"]).json()
    assert consumer.get("/accounts", later["access_token"]).status_code == 200

    gone = consumer.post("/token/revoke", {"token": body["refresh_token"], **consumer.credentials()})

    assert gone.status_code == 200
    assert consumer.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    assert consumer.get("/accounts", later["access_token"]).status_code == 401
    assert consumer.get("/userinfo", body["access_token"]).status_code == 401


def test_a_revoked_access_token_leaves_the_refresh_token(consumer):
    body = consumer.tokens()
    consumer.post("/token/revoke", {"token": body["access_token"], **consumer.credentials()})

    assert consumer.get("/accounts", body["access_token"]).status_code == 401
    assert consumer.refresh(body["refresh_token"]).status_code == 200


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_the_other_client_authentications(start, tools, method):
    secret = "s3cret with a space+"
    consumer = start(client={"token_endpoint_auth_method": method, "client_secret": secret})
    form = {name: value for name, value in consumer.params().items() if isinstance(value, str)}
    ways = {
        "client_secret_basic": ({}, ("dc-1", "s3cret+with+a+space%2B")),
        "client_secret_post": ({"client_id": "dc-1", "client_secret": secret}, None),
        "none": ({"client_id": "dc-1"}, None),
    }
    sent, auth = ways[method]
    pushed = consumer.post("/par", form | sent, auth=auth)
    assert pushed.status_code == 201, pushed.text

    back = consumer.approved(pushed.json()["request_uri"])
    nothing = {"client_assertion": tools.gone, "client_assertion_type": tools.gone}
    usual = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": tools.redirect_uri}
    answer = consumer.post("/token", usual | sent | nothing | {"code_verifier": consumer.verifier}, auth=auth)

    assert answer.status_code == 200, answer.text


def test_es256_is_as_good_as_ps256(consumer, ec_key):
    consumer.key = ec_key
    sign = {"alg": "ES256"}
    form = {"request": consumer.request_object(sign=sign), **consumer.credentials(sign=sign)}

    assert consumer.post("/par", form).status_code == 201
