from __future__ import annotations

import httpx
import pytest

from flowrun.errors import WRONG_FILE, StepError
from flowrun.jose import JoseError, decrypt
from flowrun.steps import push, revoke, sign
from flowrun.steps.sign import Sign

CLIENT = "auth: private_key_jwt\n    assertion: {lifetime: 310s}\n    SIGNING"


def run(tools, what, **step):
    return sign.run(Sign(what=what, **step), tools)


def test_a_request_object_is_kept_for_the_push_and_left_decoded(tools, read):
    ours = tools(client=CLIENT, request={"scope": "a"})
    outcome = run(ours, "request_object", lifetime="2m")
    header, claims = read(outcome.values["jwt"])
    assert ours.flow.request_object == outcome.values["jwt"]
    assert outcome.values["header"] == header
    assert outcome.values["claims"] == claims
    assert claims["exp"] - claims["nbf"] == 120
    assert outcome.summary == "request_object, PS256, kid flowrun-example-1"


@pytest.mark.parametrize("what", ["client_assertion", "private_key_jwt"])
def test_an_assertion_is_used_once_and_exactly_that_one_is_sent(server, tools, read, what):
    server["/revoke"] = [httpx.Response(200), httpx.Response(200)]
    ours = tools(client=CLIENT)
    made = run(ours, what).values["jwt"]
    for _ in range(2):
        revoke.run(revoke.Revoke(token="a-token"), ours)
    first, second = (dict(form)["client_assertion"] for form in server.forms)
    assert first == made
    assert second != made
    assert read(first)[1]["jti"] != read(second)[1]["jti"]
    assert ours.flow.assertion is None


def test_an_assertion_is_not_used_again_after_a_server_that_did_not_answer(server, tools):
    def dead(_):
        raise httpx.ConnectError("Connection refused")

    server["/par"] = [dead, httpx.Response(400, json={})]
    ours = tools(client=CLIENT)
    made = run(ours, "client_assertion").values["jwt"]
    with pytest.raises(StepError):
        push.run(push.Push(), ours)
    push.run(push.Push(), ours)
    first, second = (dict(form)["client_assertion"] for form in server.forms)
    assert (first == made, second == made) == (True, False)


def test_the_claims_of_an_assertion_are_the_six_and_may_be_replaced(tools, read):
    ours = tools(client=CLIENT)
    header, claims = read(run(ours, "client_assertion").values["jwt"])
    assert header == {"alg": "PS256", "kid": "flowrun-example-1"}
    assert set(claims) == {"iss", "sub", "aud", "jti", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == 310
    changed = read(run(ours, "client_assertion", aud="token", lifetime=5, claims={"sub": "x"}).values["jwt"])[1]
    assert (changed["aud"], changed["exp"] - changed["iat"], changed["sub"]) == ("https://op.example/token", 5, "x")


def test_each_assertion_is_fresh(tools, read):
    ours = tools(client=CLIENT)
    assert len({read(run(ours, "client_assertion").values["jwt"])[1]["jti"] for _ in range(5)}) == 5


def test_the_endpoint_called_is_not_known_before_the_call(tools):
    with pytest.raises(StepError) as error:
        run(tools(client=CLIENT), "client_assertion", aud="endpoint")
    assert (error.value.code, error.value.exit_code) == ("no-endpoint", WRONG_FILE)


def test_a_jwt_of_given_claims_has_nothing_added(tools, read):
    ours = tools(client=CLIENT)
    outcome = run(ours, "jwt", claims={"a": 1}, header={"b64": True}, typ="my+jwt", alg="RS256")
    assert read(outcome.values["jwt"]) == (
        {"alg": "RS256", "kid": "flowrun-example-1", "typ": "my+jwt", "b64": True},
        {"a": 1},
    )
    assert ours.flow.request_object is None
    assert ours.flow.assertion is None


@pytest.mark.parametrize("what", ["request_object", "client_assertion", "jwt"])
def test_a_key_that_the_client_does_not_have_is_told(tools, what):
    with pytest.raises(StepError) as error:
        run(tools(client=CLIENT), what, key="sining")
    assert (error.value.code, error.value.field, error.value.label) == (
        "unknown-key-name",
        ("key",),
        "keys here: signing",
    )


def test_an_algorithm_that_does_not_fit_the_key_is_told(tools):
    with pytest.raises(JoseError):
        run(tools(client=CLIENT), "jwt", claims={}, alg="ES256")


def test_a_jwt_is_hidden_wherever_it_is_shown(tools):
    ours = tools(client=CLIENT)
    token = run(ours, "jwt", claims={"a": 1}).values["jwt"]
    assert ours.redactor.text(f"x {token} y") == "x ‹jwt› y"


def test_an_encrypted_jwt_is_left_with_what_is_inside_and_the_header_around_it(server, tools, read, key):
    server["/jwks"] = httpx.Response(200, json={"keys": [{**key.public_jwk(), "use": "enc"}]})
    ours = tools(client=CLIENT, request={"scope": "a"})
    outcome = run(ours, "request_object", encrypt={"enc": "A128GCM"})
    made = outcome.values
    assert made["encrypted"] == {"alg": "RSA-OAEP-256", "enc": "A128GCM", "kid": key.kid, "cty": "JWT"}
    inside = decrypt(made["jwt"], key).plaintext.decode()
    assert read(inside) == (made["header"], made["claims"])
    assert ours.flow.request_object == made["jwt"]
    assert outcome.summary == "request_object, PS256, kid flowrun-example-1, encrypted with RSA-OAEP-256"
    assert ours.redactor.text(f"x {made['jwt']} y") == "x ‹jwt› y"


@pytest.mark.parametrize("what", ["jwt", "client_assertion"])
def test_any_jwt_can_be_encrypted(server, tools, what, key):
    server["/jwks"] = httpx.Response(200, json={"keys": [{**key.public_jwk(), "use": "enc"}]})
    values = run(tools(client=CLIENT), what, claims={"a": 1}, encrypt=True).values
    assert values["claims"]["a"] == 1
    assert values["jwt"].count(".") == 4
    assert "encrypted" not in run(tools(client=CLIENT), what, claims={"a": 1}).values


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({"what": "jwt"}, {"signing_key"}),
        ({"what": "request_object"}, {"issuer", "signing_key"}),
        ({"what": "client_assertion"}, {"issuer", "signing_key"}),
    ],
)
def test_what_it_needs(written, needs):
    assert sign.KIND.needs(written) == needs
