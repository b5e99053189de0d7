"""What every call of a client carries, whichever endpoint it is for: authentication, certificate, DPoP proof."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import httpx
import pytest

from flowrun.errors import StepError
from flowrun.events import Called, Told
from flowrun.jose import sign
from flowrun.steps import exchange, introspect, push, revoke, userinfo
from flowrun.steps import kind as step_kind
from flowrun.steps.exchange import Exchange
from flowrun.steps.introspect import Introspect
from flowrun.steps.push import Push
from flowrun.steps.revoke import Revoke
from flowrun.steps.userinfo import Userinfo

KEYS = Path(__file__).parents[2] / "keys.example"
ISSUER = "https://op.example"
CREATED = {"request_uri": "urn:ietf:params:oauth:request_uri:1", "expires_in": 60}
TOKENS = {"access_token": "the-access-token", "token_type": "Bearer", "refresh_token": "the-refresh-token"}
PRIVATE = "auth: private_key_jwt\n    assertion: {{aud: {aud}}}\n    SIGNING"
CERTIFICATE = f"certificate: {{{{file: {KEYS}/tls.pem, key: {KEYS}/tls.key{{more}}}}}}"


def call(tools):
    kind = step_kind("call")
    return kind.run(kind.model(url=f"{ISSUER}/device", method="POST", form={"scope": "a"}, authenticate=True), tools)


ENDPOINTS = {
    "par": ("/par", CREATED, lambda tools: push.run(Push(), tools)),
    "token": ("/token", TOKENS, lambda tools: exchange.run(Exchange(grant="client_credentials"), tools)),
    "introspection": ("/introspect", {"active": True}, lambda tools: introspect.run(Introspect(token="t"), tools)),
    "revocation": ("/revoke", {}, lambda tools: revoke.run(Revoke(token="t"), tools)),
    "any other": ("/device", {"device_code": "d"}, call),
}


@pytest.fixture(params=ENDPOINTS.values(), ids=ENDPOINTS)
def endpoint(request, server):
    """An endpoint that asks who the client is: its path, and a function that calls it."""
    path, body, send = request.param
    server[path] = httpx.Response(200, json=body)
    return path, send


AUDIENCES = {
    "issuer": ISSUER,
    "token": f"{ISSUER}/token",
    "par": f"{ISSUER}/par",
    "https://sts.example": "https://sts.example",
    "[issuer, token]": [ISSUER, f"{ISSUER}/token"],
}


@pytest.mark.parametrize("aud", [*AUDIENCES, "endpoint", "[endpoint, issuer]"])
def test_an_assertion_is_for_whom_the_environment_says(server, tools, read, endpoint, aud):
    path, send = endpoint
    send(tools(client=PRIVATE.format(aud=aud)))
    (form,) = server.forms
    here = ISSUER + path
    assert (
        read(dict(form)["client_assertion"])[1]["aud"]
        == {
            **AUDIENCES,
            "endpoint": here,
            "[endpoint, issuer]": [here, ISSUER],
        }[aud]
    )


WAYS = {
    "none": (set(), False),
    "client_secret_basic": (set(), True),
    "client_secret_post": ({"client_secret"}, False),
    "client_secret_jwt": ({"client_assertion", "client_assertion_type"}, False),
    "private_key_jwt": ({"client_assertion", "client_assertion_type"}, False),
    "tls_client_auth": (set(), False),
    "self_signed_tls_client_auth": (set(), False),
}


@pytest.mark.parametrize("auth", WAYS)
def test_every_way_of_authentication_works_at_every_endpoint(server, tools, endpoint, auth):
    members, header = WAYS[auth]
    endpoint[1](tools(client=f"auth: {auth}\n    client_secret: {'s' * 40}\n    SIGNING"))
    (form,) = server.forms
    ours = {"client_secret", "client_assertion", "client_assertion_type"}
    assert {name for name, _ in form} & ours == members
    assert ("authorization" in server.requests[0].headers) is header
    # RFC 8705 §2 and OIDC Core §9: whom no header names is named in the form; at PAR client_id is a parameter anyway.
    assert [name for name, _ in form].count("client_id") == (0 if header and endpoint[0] != "/par" else 1)


def test_an_assertion_is_kept_as_one_that_was_sent(tools, endpoint):
    ours = tools(client=PRIVATE.format(aud="issuer"))
    endpoint[1](ours)
    (made,) = [one for one in ours.flow.signed if one.what == "client_assertion"]
    assert made.claims["aud"] == ISSUER
    assert made.header["alg"] == "PS256"


def test_an_assertion_of_the_scenario_is_kept_once_and_sent_once(server, tools, key, endpoint):
    mine = sign({"sub": "mine"}, key, "PS256")
    ours = tools(client=PRIVATE.format(aud="issuer"), flow={"assertion": mine})
    endpoint[1](ours)
    endpoint[1](ours)
    first, second = (dict(form)["client_assertion"] for form in server.forms)
    assert first == mine != second
    assert [one.claims["sub"] for one in ours.flow.signed if one.what == "client_assertion"] == ["mine", "flowrun"]


# --- the certificate ------------------------------------------------------------------------------------------------


def test_a_certificate_in_a_header_goes_with_every_call_and_not_in_tls(server, tools, endpoint):
    more = ", header: {name: X-Client-Cert, format: der}"
    ours = tools(client=f"auth: none\n    {CERTIFICATE.format(more=more)}")
    endpoint[1](ours)
    value = server.requests[0].headers["x-client-cert"]
    assert base64.b64decode(value)[:1] == b"\x30"
    assert ours.tls(True, ISSUER).certificate is None


def test_it_goes_with_userinfo_and_not_with_public_documents(server, tools):
    server["/userinfo"] = server["/jwks"] = httpx.Response(200, json={"sub": "a"})
    more = ", header: {name: X-Client-Cert}"
    ours = tools(client=f"auth: none\n    {CERTIFICATE.format(more=more)}", flow={"tokens": TOKENS})
    userinfo.run(Userinfo(), ours)
    ours.get(f"{ISSUER}/jwks")
    assert ["x-client-cert" in request.headers for request in server.requests] == [True, False]


@pytest.mark.parametrize(
    ("more", "certificate", "url", "shown"),
    [
        ("", True, f"{ISSUER}/token", True),
        ("", False, f"{ISSUER}/jwks", False),
        (", hosts: [as1.example, 'op.example:8443']", True, f"{ISSUER}/token", False),
        (", hosts: [as1.example, 'op.example:8443']", True, "https://op.example:8443/token", True),
        (", hosts: [as1.example, 'op.example:8443']", True, "https://as1.example/token", True),
    ],
)
def test_a_certificate_is_shown_to_the_hosts_that_get_it(tools, more, certificate, url, shown):
    ours = tools(client=f"auth: none\n    {CERTIFICATE.format(more=more)}")
    tls = ours.tls(certificate, url)
    assert (tls.certificate == KEYS / "tls.pem", tls.key == KEYS / "tls.key") == (shown, shown)


def test_a_certificate_in_a_header_goes_to_its_hosts_only(server, tools):
    server["/userinfo"] = httpx.Response(200, json={"sub": "a"})
    more = ", hosts: [as1.example], header: {name: X-Client-Cert}"
    userinfo.run(Userinfo(), tools(client=f"auth: none\n    {CERTIFICATE.format(more=more)}", flow={"tokens": TOKENS}))
    assert "x-client-cert" not in server.requests[0].headers


# --- DPoP -----------------------------------------------------------------------------------------------------------

EC = f"keys: {{proof: {{file: {KEYS.parent}/tests/broken/keys/ec.pem}}, signing: {{file: {KEYS}/client-signing.pem}}}}"
DPOP = f"sender_constraint: dpop\n    dpop: {{key: proof, bind_code: par}}\n    {EC}"
BOUND = {**TOKENS, "token_type": "DPoP"}


def wants_nonce(status=400, nonce="n-1"):
    """A server that wants its nonce."""
    challenge = 'DPoP error="use_dpop_nonce", error_description="Authorization server requires nonce in DPoP proof"'
    if status == 401:
        return httpx.Response(401, headers={"dpop-nonce": nonce, "www-authenticate": challenge})
    return httpx.Response(status, headers={"dpop-nonce": nonce}, json={"error": "use_dpop_nonce"})


def proofs(server, read):
    return [read(request.headers["dpop"])[1] for request in server.requests]


def test_a_nonce_that_the_server_wants_is_sent_at_once_and_remembered(server, tools, read):
    server["/token"] = [wants_nonce(), *[httpx.Response(200, json=BOUND) for _ in range(2)]]
    told = []
    ours = tools(client=f"auth: private_key_jwt\n    {DPOP}", tell=told.append)
    assert exchange.run(Exchange(grant="client_credentials"), ours).refusal is None
    exchange.run(Exchange(grant="refresh_token"), ours)
    sent = proofs(server, read)
    assert [claims.get("nonce") for claims in sent] == [None, "n-1", "n-1"]
    assert len({claims["jti"] for claims in sent}) == 3
    assert len({read(dict(form)["client_assertion"])[1]["jti"] for form in server.forms}) == 3
    assert [type(event) for event in told] == [Called, Told, Called, Called]
    assert [made.what for made in ours.flow.signed] == ["dpop", "client_assertion"] * 3


def test_a_second_demand_is_a_refusal(server, tools):
    server["/token"] = [wants_nonce(nonce="one"), wants_nonce(nonce="two")]
    outcome = exchange.run(Exchange(grant="client_credentials"), tools(client=f"auth: none\n    {DPOP}"))
    assert outcome.refusal.error == "use_dpop_nonce"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": "use_dpop_nonce"}),
        httpx.Response(400, headers={"dpop-nonce": "n"}, json={"error": "invalid_dpop_proof"}),
    ],
)
def test_without_a_nonce_or_a_demand_nothing_is_sent_again(server, tools, answer):
    server["/token"] = answer
    exchange.run(Exchange(grant="client_credentials"), tools(client=f"auth: none\n    {DPOP}"))
    assert len(server.requests) == 1


def test_a_resource_gets_its_own_nonce_and_the_hash_of_the_token(server, tools, read):
    server["/userinfo"] = [wants_nonce(401, "of-the-resource"), httpx.Response(200, json={"sub": "a"})]
    ours = tools(client=f"auth: none\n    {DPOP}", flow={"tokens": BOUND})
    assert userinfo.run(Userinfo(), ours).values["sub"] == "a"
    first, second = proofs(server, read)
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"the-access-token").digest()).decode().rstrip("=")
    assert first["ath"] == second["ath"] == digest
    assert (first["htm"], first["htu"]) == ("GET", f"{ISSUER}/userinfo")
    assert second["nonce"] == "of-the-resource"
    assert {request.headers["authorization"] for request in server.requests} == {"DPoP the-access-token"}


def test_the_nonce_of_any_answer_is_remembered(server, tools, read):
    server["/par"] = httpx.Response(201, headers={"DPoP-Nonce": "from-par"}, json=CREATED)
    server["/token"] = httpx.Response(200, json=BOUND)
    ours = tools(client=f"auth: none\n    {DPOP}")
    push.run(Push(), ours)
    exchange.run(Exchange(grant="client_credentials"), ours)
    assert [claims.get("nonce") for claims in proofs(server, read)] == [None, "from-par"]


@pytest.mark.parametrize(
    ("constraint", "token_type", "scheme"),
    [
        (DPOP, "DPoP", "DPoP"),
        (DPOP, "dpop", "DPoP"),
        (DPOP, "Bearer", "Bearer"),  # what the server says of its token is what counts; a check complains
        ("sender_constraint: none", "Bearer", "Bearer"),
    ],
)
def test_a_token_goes_the_way_that_the_server_says(server, tools, constraint, token_type, scheme):
    server["/userinfo"] = httpx.Response(200, json={"sub": "a"})
    tokens = {**TOKENS, "token_type": token_type}
    userinfo.run(Userinfo(), tools(client=f"auth: none\n    {constraint}", flow={"tokens": tokens}))
    (request,) = server.requests
    assert request.headers["authorization"] == f"{scheme} the-access-token"
    assert ("dpop" in request.headers) is (scheme == "DPoP")


def test_a_proof_of_the_scenario_is_sent_as_it_is_and_not_again(server, tools):
    server["/token"] = wants_nonce()
    ours = tools(client=f"auth: none\n    {DPOP}")
    outcome = exchange.run(Exchange(grant="client_credentials", headers={"DPoP": "mine"}), ours)
    assert outcome.refusal.error == "use_dpop_nonce"
    assert [request.headers["dpop"] for request in server.requests] == ["mine"]
    assert ours.flow.signed == []


def test_introspection_and_revocation_need_no_proof(server, tools):
    server["/introspect"] = server["/revoke"] = httpx.Response(200, json={"active": True})
    ours = tools(client=f"auth: none\n    {DPOP}")
    introspect.run(Introspect(token="t"), ours)
    revoke.run(Revoke(token="t"), ours)
    assert not any("dpop" in request.headers for request in server.requests)


def test_an_endpoint_that_nobody_names_is_told(tools):
    with pytest.raises(StepError) as error:
        tools(metadata={"issuer": ISSUER}).endpoint("token_endpoint")
    assert (error.value.code, error.value.title) == ("no-endpoint", "the server's metadata has no token_endpoint")


@pytest.mark.parametrize(
    "url", ["", "/token", "https://", "https://[bad", "https://op.example:99999/", "ftp://op.example/", "javascript:1"]
)
@pytest.mark.parametrize("client", ["auth: none", CERTIFICATE.format(more=""), f"auth: none\n    {DPOP}"])
def test_an_endpoint_that_is_no_url_is_told(server, tools, url, client):
    ours = tools(client=client, metadata={"token_endpoint": url})
    with pytest.raises(StepError) as error:
        exchange.run(Exchange(grant="client_credentials"), ours)
    assert (error.value.code, error.value.title) == ("bad-url", f"'{url}' is no URL that can be called")
    assert server.requests == []
