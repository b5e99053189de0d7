from __future__ import annotations

import httpx
import pytest

from flowrun.errors import StepError
from flowrun.jose import encrypt, sign
from flowrun.steps import userinfo
from flowrun.steps.userinfo import Userinfo

PERSON = httpx.Response(200, json={"sub": "alice", "name": "Alice", "iss": "x", "aud": "y"})


def run(tools, **step):
    return userinfo.run(Userinfo(**step), tools)


def with_token(tools, **more):
    return tools(flow={"tokens": {"access_token": "the-access-token"}}, **more)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_access_token_goes_as_a_bearer(server, tools, method):
    server["/userinfo"] = PERSON
    outcome = run(with_token(tools), method=method)
    (request,) = server.requests
    assert request.method == method
    assert request.headers["authorization"] == "Bearer the-access-token"
    assert request.content == b""
    assert outcome.values["sub"] == "alice"
    assert outcome.summary == "sub, name"


def test_another_token_another_url_and_headers_of_the_step(server, tools):
    server["/own"] = [PERSON, PERSON]
    run(tools(), token="own-token", url="https://op.example/own", headers={"x-a": "1"})
    run(tools(), token="own-token", url="https://op.example/own", headers={"Authorization": "DPoP x"})
    assert server.requests[0].headers["authorization"] == "Bearer own-token"
    assert server.requests[0].headers["x-a"] == "1"
    assert server.requests[1].headers.get_list("authorization") == ["DPoP x"]


def test_a_refusal_is_an_outcome_also_when_only_a_header_says_why(server, tools, refusal):
    server["/userinfo"] = refusal.answer
    found = run(with_token(tools)).refusal
    assert (found.place, found.error, found.description, found.status) == ("userinfo", *refusal.read)


def test_a_fault_is_told(server, tools, fault):
    server["/userinfo"] = fault.answer
    with pytest.raises(StepError) as error:
        run(with_token(tools))
    assert (error.value.code, error.value.title) == (fault.code, f"{fault.title}to the question about the person")


def jwt(text):
    return httpx.Response(200, headers={"content-type": "application/jwt"}, text=text)


@pytest.mark.parametrize("nested", [False, True])
def test_a_jwt_is_read_and_its_claims_are_the_members(server, tools, key, nested):
    token = sign({"sub": "alice", "aud": "flowrun", "http": "own", "body": "own"}, key, "PS256")
    text = encrypt(token, key, alg="RSA-OAEP", enc="A128GCM") if nested else token
    server["/userinfo"] = jwt(text)
    server["/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk()]})
    outcome = run(with_token(tools, client="auth: none\n    SIGNING"))
    assert (outcome.values["sub"], outcome.answer.members["sub"]) == ("alice", "alice")
    assert outcome.values["body"]["body"] == "own"
    assert (outcome.values["http"]["status"], outcome.values["http"]["text"]) == (200, text)
    assert (outcome.jwt.distrust, outcome.jwt.claims["aud"]) == ("", "flowrun")
    assert (outcome.jwt.encrypted is not None) == nested
    assert outcome.summary == "sub, http, body"


def test_a_jwt_may_be_encrypted_only(server, tools, key):
    server["/userinfo"] = jwt(encrypt('{"sub": "alice"}', key, alg="RSA-OAEP", enc="A128GCM"))
    outcome = run(with_token(tools, client="auth: none\n    SIGNING"))
    assert (outcome.values["sub"], outcome.jwt.distrust) == ("alice", "")


def test_a_jwt_that_is_not_trusted_is_a_matter_of_the_checks(server, tools, key):
    server["/userinfo"] = jwt(sign({"sub": "alice"}, key, "PS256"))
    server["/jwks"] = httpx.Response(200, json={"keys": []})
    outcome = run(with_token(tools))
    assert outcome.values["sub"] == "alice"
    assert outcome.jwt.distrust.startswith("the token names the key")


def test_a_jwt_that_can_not_be_read_is_told(server, tools):
    server["/userinfo"] = jwt("opaque")
    with pytest.raises(StepError) as error:
        run(with_token(tools))
    assert (error.value.code, error.value.title.partition(":")[0]) == (
        "unreadable-jwt",
        "the userinfo JWT can't be read",
    )


def test_a_refusal_that_calls_itself_a_jwt_is_a_refusal(server, tools):
    server["/userinfo"] = httpx.Response(401, headers={"content-type": "application/jwt"}, text="no")
    assert run(with_token(tools)).refusal.status == 401


def test_without_a_token_nothing_is_sent(server, tools):
    with pytest.raises(StepError) as error:
        run(tools())
    assert error.value.title == "no step before has received an access_token"
    assert server.requests == []


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({}, {"endpoint:userinfo_endpoint", "tokens"}),
        ({"token": "x"}, {"endpoint:userinfo_endpoint"}),
        ({"url": "https://x"}, {"tokens"}),
    ],
)
def test_what_it_needs(written, needs):
    assert userinfo.KIND.needs(written) == needs
