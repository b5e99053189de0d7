from __future__ import annotations

import base64
import hashlib
import time

import httpx
import pytest

from flowrun.errors import WRONG_FILE, StepError
from flowrun.events import Told
from flowrun.flow import PROTECTED
from flowrun.jose import encrypt, load_key, sign
from flowrun.steps import exchange
from flowrun.steps.exchange import Exchange

ISSUER = "https://op.example"
SIGNING = "SIGNING"  # the fixture puts the example key there
TOKENS = {"access_token": "the-access-token", "token_type": "Bearer", "refresh_token": "the-refresh-token"}
CAME_BACK = {"callback": {"code": "the-code", "state": "s"}, "code_verifier": "the-verifier"}
ASKED = {"redirect_uri": "https://app.example/cb", "scope": "openid accounts", "nonce": "n"}


def run(tools, **step):
    return exchange.run(Exchange(**step), tools)


def after_browse(tools, **more):
    return tools(flow={**CAME_BACK, "parameters": dict(ASKED)}, **more)


def test_the_code_goes_with_its_redirect_uri_and_verifier(server, tools):
    server["/token"] = httpx.Response(200, json=TOKENS)
    ours = after_browse(tools)
    outcome = run(ours)
    assert server.forms == [
        [
            ("client_id", "flowrun"),
            ("grant_type", "authorization_code"),
            ("code", "the-code"),
            ("redirect_uri", "https://app.example/cb"),
            ("code_verifier", "the-verifier"),
        ]
    ]
    assert ours.flow.tokens == TOKENS
    assert ours.flow.first_refresh_token == "the-refresh-token"
    assert (outcome.kind, outcome.id_token, outcome.refusal) == ("authorization_code", None, None)
    assert outcome.values["access_token"] == "the-access-token"
    assert outcome.summary == "access_token, refresh_token"


def test_what_the_step_says_wins_over_what_the_flow_knows(server, tools):
    server["/other"] = httpx.Response(200, json=TOKENS)
    run(
        after_browse(tools),
        code="c",
        code_verifier="v",
        redirect_uri="r",
        scope=["a", "b"],
        url=f"{ISSUER}/other",
        extra={"scope": "replaced", "more": 1},
        headers={"X-A": "1"},
    )
    assert server.forms[0] == [
        ("client_id", "flowrun"),
        ("grant_type", "authorization_code"),
        ("code", "c"),
        ("redirect_uri", "r"),
        ("code_verifier", "v"),
        ("scope", "replaced"),
        ("more", "1"),
    ]
    assert server.requests[0].headers["x-a"] == "1"


def test_a_flow_without_pkce_or_redirect_uri_sends_none(server, tools):
    server["/token"] = httpx.Response(200, json=TOKENS)
    run(tools(flow={"callback": {"code": "c"}, "parameters": {}}))
    assert [name for name, _ in server.forms[0]] == ["client_id", "grant_type", "code"]


def test_each_call_has_its_own_assertion_with_the_audience_of_the_environment(server, tools, read):
    server["/token"] = [httpx.Response(200, json=TOKENS), httpx.Response(200, json=TOKENS)]
    ours = after_browse(tools, client="auth: private_key_jwt\n    assertion: {aud: endpoint}\n    SIGNING")
    run(ours)
    run(ours, grant="refresh_token")
    first, second = (read(dict(form)["client_assertion"])[1] for form in server.forms)
    assert (first["aud"], second["aud"]) == (f"{ISSUER}/token", f"{ISSUER}/token")
    assert first["jti"] != second["jti"]


def test_a_refresh_sends_the_latest_token_and_the_first_is_remembered(server, tools):
    rotated = {"access_token": "second", "token_type": "Bearer", "refresh_token": "rotated"}
    server["/token"] = [httpx.Response(200, json=body) for body in (TOKENS, rotated, rotated)]
    ours = after_browse(tools)
    run(ours)
    run(ours, grant="refresh_token", scope="accounts")
    run(ours, grant="refresh_token", refresh_token="own")
    assert server.forms[1][1:] == [
        ("grant_type", "refresh_token"),
        ("refresh_token", "the-refresh-token"),
        ("scope", "accounts"),
    ]
    assert dict(server.forms[2])["refresh_token"] == "own"
    assert ours.flow.first_refresh_token == "the-refresh-token"
    assert ours.flow.tokens["access_token"] == "second"


def test_a_token_that_does_not_come_again_stays(server, tools):
    server["/token"] = [httpx.Response(200, json=body) for body in (TOKENS, {"access_token": "second"})]
    ours = after_browse(tools)
    run(ours)
    run(ours, grant="refresh_token")
    assert ours.flow.tokens["refresh_token"] == "the-refresh-token"


def test_client_credentials_send_no_more_than_that(server, tools):
    server["/token"] = [httpx.Response(200, json=TOKENS), httpx.Response(200, json=TOKENS)]
    run(after_browse(tools), grant="client_credentials")
    run(after_browse(tools), grant="client_credentials", scope="accounts")
    assert server.forms == [
        [("client_id", "flowrun"), ("grant_type", "client_credentials")],
        [("client_id", "flowrun"), ("grant_type", "client_credentials"), ("scope", "accounts")],
    ]


@pytest.mark.parametrize(
    ("step", "code", "title"),
    [
        ({}, "no-code", "no step before has received a code"),
        ({"grant": "refresh_token"}, "no-token", "no step before has received a refresh_token"),
    ],
)
def test_without_a_code_or_a_token_nothing_is_sent(server, tools, step, code, title):
    with pytest.raises(StepError) as error:
        run(tools(), **step)
    assert (error.value.code, error.value.title) == (code, title)
    assert server.requests == []


@pytest.mark.parametrize("name", sorted(PROTECTED))
def test_extra_can_not_replace_what_is_protected(server, tools, name):
    with pytest.raises(StepError) as error:
        run(after_browse(tools), extra={"a": 1, name: "mine"})
    assert (error.value.code, error.value.field) == ("protected-parameter", ("extra", name))
    assert (error.value.exit_code, server.requests) == (WRONG_FILE, [])


# --- device code ----------------------------------------------------------------------------------------------------

PENDING = {"error": "authorization_pending"}
SLOW = {"error": "slow_down"}
DEVICE = {"device_code": "the-device-code", "interval": 2, "expires_in": 60}


def polled(server, tools, answers, device=DEVICE, **step):
    """Ask with a device code; return the outcome, how long was waited each time, and what was told."""
    server["/token"] = [httpx.Response(200 if "access_token" in body else 400, json=body) for body in answers]
    waited, told = [], []
    ours = tools(flow={"device": device}, pause=waited.append, tell=told.append)
    outcome = run(ours, grant="device_code", **step)
    return outcome, waited, [event.value for event in told if isinstance(event, Told)]


def test_a_device_asks_until_the_person_has_approved(server, tools):
    outcome, waited, told = polled(server, tools, [PENDING, PENDING, TOKENS])
    assert outcome.values["access_token"] == "the-access-token"
    assert (outcome.kind, waited) == ("device_code", [2, 2])
    assert told == ["nobody has approved yet; the server is asked again every 2 s"]
    assert (
        server.forms
        == [
            [
                ("client_id", "flowrun"),
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", "the-device-code"),
            ]
        ]
        * 3
    )


def test_slow_down_adds_five_seconds_for_good(server, tools):
    _, waited, _ = polled(server, tools, [SLOW, PENDING, SLOW, TOKENS])
    assert waited == [7, 7, 12]


@pytest.mark.parametrize("interval", [0, 1e-9, 0.5, 1])
def test_a_server_that_lets_itself_be_asked_without_end_is_asked_once_a_second(server, tools, interval):
    device = {**DEVICE, "interval": interval, "expires_in": 3}
    outcome, waited, _ = polled(server, tools, [PENDING] * 9, device)
    assert outcome.refusal.error == "authorization_pending"
    assert waited == [1.0, 1.0]


@pytest.mark.parametrize("interval", [None, "2", True, -1, 1e9, {}])
def test_an_interval_that_is_none_is_five_seconds(server, tools, interval):
    _, waited, _ = polled(server, tools, [PENDING, TOKENS], {**DEVICE, "interval": interval})
    assert waited == [5]


def test_the_step_may_say_how_often_and_how_long(server, tools):
    outcome, waited, _ = polled(server, tools, [PENDING] * 9, interval="10s", at_most="35s", device_code="own")
    assert waited == [10, 10, 10]
    assert (outcome.refusal.place, outcome.refusal.error) == ("exchange", "authorization_pending")
    assert dict(server.forms[0])["device_code"] == "own"


def test_a_dead_device_code_is_asked_for_no_longer(server, tools):
    outcome, waited, _ = polled(server, tools, [PENDING] * 99, {**DEVICE, "expires_in": 9})
    assert sum(waited) <= 9
    assert outcome.refusal.error == "authorization_pending"


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant"])
def test_any_other_error_ends_the_asking(server, tools, error):
    outcome, waited, _ = polled(server, tools, [PENDING, {"error": error}])
    assert (outcome.refusal.error, waited) == (error, [2])


def test_without_a_device_code_nothing_is_sent(server, tools):
    with pytest.raises(StepError) as error:
        run(tools(), grant="device_code")
    assert (error.value.code, error.value.title) == ("no-code", "no step before has received a device_code")
    assert "device_authorization_endpoint" in error.value.hint
    assert server.requests == []


# --- token exchange -------------------------------------------------------------------------------------------------

TYPE = "urn:ietf:params:oauth:token-type:"


@pytest.mark.parametrize(
    ("step", "form"),
    [
        ({}, [("subject_token", "the-access-token"), ("subject_token_type", f"{TYPE}access_token")]),
        (
            {"subject_token": "refresh_token", "requested_token_type": "urn:x"},
            [
                ("subject_token", "the-refresh-token"),
                ("subject_token_type", f"{TYPE}refresh_token"),
                ("requested_token_type", "urn:x"),
            ],
        ),
        (
            {
                "subject_token": "s",
                "subject_token_type": "urn:s",
                "actor_token": "a",
                "audience": ["one", "two"],
                "resource": "https://rs.example",
                "scope": "accounts",
            },
            [
                ("subject_token", "s"),
                ("subject_token_type", "urn:s"),
                ("actor_token", "a"),
                ("actor_token_type", f"{TYPE}access_token"),
                ("audience", "one"),
                ("audience", "two"),
                ("resource", "https://rs.example"),
                ("scope", "accounts"),
            ],
        ),
    ],
)
def test_a_token_is_exchanged_for_another_one(server, tools, step, form):
    server["/token"] = httpx.Response(200, json={"access_token": "other", "issued_token_type": f"{TYPE}access_token"})
    ours = tools(flow={"tokens": TOKENS})
    outcome = run(ours, grant="token_exchange", **step)
    assert server.forms == [
        [("client_id", "flowrun"), ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), *form]
    ]
    assert outcome.values["issued_token_type"] == f"{TYPE}access_token"
    assert ours.flow.tokens["access_token"] == "other"


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({"grant": "token_exchange"}, {"auth", "endpoint:token_endpoint", "tokens"}),
        ({"grant": "token_exchange", "subject_token": "{{ mine }}"}, {"auth", "endpoint:token_endpoint"}),
        ({"grant": "device_code"}, {"auth", "endpoint:token_endpoint"}),
    ],
)
def test_what_the_other_grants_need(written, needs):
    assert exchange.KIND.needs(written) == needs


def test_a_refusal_is_an_outcome_and_leaves_no_token(server, tools, refusal):
    server["/token"] = refusal.answer
    ours = after_browse(tools)
    outcome = run(ours)
    found = outcome.refusal
    assert (found.place, found.error, found.description, found.status) == ("exchange", *refusal.read)
    assert ours.flow.tokens == {}
    assert outcome.kind == "authorization_code"


def test_a_fault_is_told(server, tools, fault):
    server["/token"] = fault.answer
    with pytest.raises(StepError) as error:
        run(after_browse(tools))
    assert error.value.title == f"{fault.title}to the token request (RFC 6749 §5.1)"
    assert error.value.code == fault.code


@pytest.mark.parametrize(
    ("granted", "summary"),
    [
        ({"access_token": "a", "scope": "openid accounts"}, "access_token · scope openid accounts"),
        ({"access_token": "a", "scope": "openid"}, "access_token · scope openid · not granted: accounts"),
        (
            {"access_token": "a", "id_token": "x", "scope": "accounts"},
            "access_token, id_token · scope accounts",
        ),
        ({"scope": "openid accounts"}, "no tokens · scope openid accounts"),
        ({"access_token": "a", "id_token": 5}, "access_token, id_token"),
    ],
)
def test_the_summary_says_what_was_granted_and_what_was_not(server, tools, granted, summary):
    server["/token"] = httpx.Response(200, json=granted)
    assert run(after_browse(tools)).summary == summary


def test_tokens_are_hidden_wherever_they_come_up_again(server, tools):
    server["/token"] = httpx.Response(200, json=TOKENS)
    ours = after_browse(tools)
    run(ours)
    shown = ours.redactor.text("the-access-token the-refresh-token the-code the-verifier")
    assert shown == "‹access_token› ‹refresh_token› ‹code› ‹code_verifier›"


# --- id_token -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other_key():
    from pathlib import Path  # noqa: PLC0415

    return load_key(Path(__file__).parents[2] / "keys.example" / "second-signing.pem", kid="other")


@pytest.fixture
def id_token(key):
    """An id_token of the server, whose key is, for once, the example client's."""
    now = int(time.time())
    return lambda signer=key, alg="PS256", **header: sign(
        {"iss": ISSUER, "sub": "alice", "aud": "flowrun", "iat": now, "exp": now + 60}, signer, alg, header
    )


def jwks(*keys):
    return httpx.Response(200, json={"keys": [dict(key.public_jwk()) for key in keys]})


def granted(server, token):
    server["/token"] = httpx.Response(200, json={**TOKENS, "id_token": token})


def test_an_id_token_is_verified_with_the_servers_keys(server, tools, key, id_token):
    granted(server, id_token())
    server["/jwks"] = jwks(key)
    ours = after_browse(tools)
    outcome = run(ours)
    assert outcome.id_token.distrust == ""
    assert outcome.values["id_token_claims"]["sub"] == "alice"
    assert outcome.values["id_token_header"]["alg"] == "PS256"
    assert ours.flow.id_token_claims["sub"] == "alice"


def test_the_keys_are_fetched_once(server, tools, key, id_token):
    granted(server, id_token())
    server["/jwks"] = jwks(key)
    ours = after_browse(tools)
    run(ours)
    run(ours)
    assert [request.url.path for request in server.requests] == ["/token", "/jwks", "/token"]


def test_a_key_that_is_new_is_looked_for_again(server, tools, key, other_key, id_token):
    server["/jwks"] = [jwks(other_key), jwks(other_key, key)]
    granted(server, id_token())
    ours = after_browse(tools, metadata=None)
    assert run(ours).id_token.distrust == ""
    assert [request.url.path for request in server.requests] == ["/token", "/jwks", "/jwks"]


def test_a_key_that_nobody_knows_is_not_looked_for_forever(server, tools, other_key, id_token):
    server["/jwks"] = jwks(other_key)
    granted(server, id_token())
    outcome = run(after_browse(tools))
    assert outcome.id_token.distrust
    assert outcome.id_token.claims["sub"] == "alice"
    assert len(server.requests) == 3


def test_a_false_signature_is_not_trusted_and_still_shown(server, tools, key, other_key, id_token):
    granted(server, id_token(other_key, kid="flowrun-example-1"))
    server["/jwks"] = jwks(key)
    outcome = run(after_browse(tools))
    assert outcome.id_token.distrust
    assert outcome.values["id_token_claims"]["sub"] == "alice"
    assert outcome.id_token.verified is None


def hs256_with_public_key(key):
    """The attack of RFC 8725, section 2.1: the server's public key used as a shared secret."""
    from flowrun.jose import key_from_secret  # noqa: PLC0415

    return sign({"sub": "mallory"}, key_from_secret(str(key.public_jwk())), "HS256", {"kid": key.kid})


def none_signed():
    parts = (b'{"alg":"none"}', b'{"sub":"mallory"}')
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize("make", [hs256_with_public_key, lambda _: none_signed()], ids=["HS256", "none"])
def test_a_token_without_a_real_signature_is_not_trusted(server, tools, key, make):
    granted(server, make(key))
    server["/jwks"] = jwks(key)
    assert run(after_browse(tools)).id_token.distrust


def test_an_algorithm_that_the_server_does_not_offer_is_not_trusted(server, tools, key, id_token):
    granted(server, id_token(alg="RS256"))
    server["/jwks"] = jwks(key)
    metadata = {
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "id_token_signing_alg_values_supported": ["PS256", "HS256", "none"],
    }
    assert run(after_browse(tools, metadata=metadata)).id_token.distrust


def test_an_encrypted_id_token_is_opened_and_the_header_around_it_left(server, tools, key, id_token):
    granted(server, encrypt(id_token(), key, alg="RSA-OAEP", enc="A128GCM"))
    server["/jwks"] = jwks(key)
    outcome = run(after_browse(tools, client="auth: none\n    SIGNING"))
    assert (outcome.id_token.distrust, outcome.values["id_token_claims"]["sub"]) == ("", "alice")
    assert outcome.values["id_token_encrypted"]["alg"] == "RSA-OAEP"


def test_the_algorithm_that_the_client_is_set_to_is_the_only_one(server, tools, key, id_token):
    granted(server, id_token())
    server["/jwks"] = jwks(key)
    found = run(after_browse(tools, client="auth: none\n    id_token: {alg: ES256}")).id_token
    assert found.distrust == "the token is signed with PS256, which is not allowed here"


@pytest.mark.parametrize("token", ["no jwt", "a.b", "", "e30.e30.x.y.z"])
def test_what_is_no_jwt_is_told_by_the_check_and_does_not_end_the_step(server, tools, token):
    granted(server, token)
    outcome = run(after_browse(tools))
    assert outcome.id_token.distrust.startswith(("it is no signed JWT: ", "it can't be opened: "))
    assert outcome.values["id_token_claims"] == {}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(500), "its key could not be read: the server answered 500 to the question for its keys"),
        (httpx.Response(404), "its key could not be read: the server answered 404 to the question for its keys"),
    ],
)
def test_keys_that_can_not_be_read_are_told(server, tools, id_token, answer, why):
    granted(server, id_token())
    server["/jwks"] = answer
    assert run(after_browse(tools)).id_token.distrust == why


def test_a_server_without_keys_is_told(server, tools, id_token):
    granted(server, id_token())
    outcome = run(after_browse(tools, metadata={"token_endpoint": f"{ISSUER}/token"}))
    assert outcome.id_token.distrust == "its key could not be read: the server's metadata has no jwks_uri"


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({}, {"auth", "endpoint:token_endpoint", "callback"}),
        ({"code": "x"}, {"auth", "endpoint:token_endpoint"}),
        ({"url": "https://x"}, {"auth", "callback"}),
        ({"grant": "refresh_token"}, {"auth", "endpoint:token_endpoint", "tokens"}),
        ({"grant": "refresh_token", "refresh_token": "x"}, {"auth", "endpoint:token_endpoint"}),
        ({"grant": "client_credentials"}, {"auth", "endpoint:token_endpoint"}),
    ],
)
def test_what_it_needs(written, needs):
    assert exchange.KIND.needs(written) == needs


def test_the_verifier_that_is_sent_fits_the_challenge_that_was_sent(server, tools):
    server["/token"] = httpx.Response(200, json=TOKENS)
    ours = tools(flow={"callback": {"code": "c"}})
    challenge = ours.parameters()["code_challenge"]
    run(ours)
    digest = hashlib.sha256(dict(server.forms[0])["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


def test_a_race_sends_requests_that_are_made_each_by_itself(server, tools):
    server["/token"] = [httpx.Response(400, json={"error": "invalid_grant"}), httpx.Response(200, json=TOKENS)]
    ours = after_browse(tools, client=f"auth: private_key_jwt\n    {SIGNING}")
    outcome = run(ours, at_once=2)
    assertions = [dict(form)["client_assertion"] for form in server.forms]
    assert len(set(assertions)) == 2
    assert [dict(form)["code"] for form in server.forms] == ["the-code"] * 2
    assert (outcome.refusal, outcome.values["access_token"]) == (None, "the-access-token")
    race = outcome.values["race"]
    assert (race["accepted"], race["refused"], sorted(race["statuses"])) == (1, 1, [200, 400])


def test_a_race_that_nobody_wins_is_a_refusal_with_its_count(server, tools):
    server["/token"] = lambda _: httpx.Response(400, json={"error": "invalid_grant"})
    outcome = run(after_browse(tools), at_once=2)
    assert outcome.refusal.error == "invalid_grant"
    assert outcome.values["race"] == {"accepted": 0, "refused": 2, "statuses": [400, 400]}


def test_a_single_request_is_no_race(server, tools):
    server["/token"] = httpx.Response(200, json=TOKENS)
    assert "race" not in run(after_browse(tools)).values


def test_a_refusal_is_an_answer_where_the_step_says_which_status_it_wants(server, tools):
    server["/token"] = httpx.Response(400, json={"error": "invalid_grant"})
    ours = after_browse(tools, any_status=True)
    ours.flow.tokens = {"access_token": "before"}
    outcome = run(ours)
    assert (outcome.refusal, outcome.values["error"], outcome.summary) == (None, "invalid_grant", "400 invalid_grant")
    assert ours.flow.tokens == {"access_token": "before"}
