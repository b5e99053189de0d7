"""One whole transaction on each configuration of oidc-provider; whatever is not perfect there is listed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "a-secret-for-tests-only-0123456789abcdef"
pytestmark = [pytest.mark.peer, pytest.mark.browser]

KEY = {"auth": "private_key_jwt"}
FAPI = {"profile": "fapi2", **KEY, "sender_constraint": "dpop"}
SIGNED = {**FAPI, "client_id": "message-signing", "request_object": {"required": True}}


WARNED = {"page.headers"}  # the pages for development may be framed
NOTED_BY_FAPI = {"push.interaction-id"}  # an ecosystem's header: this server knows none


@pytest.fixture
def whole_run(flowrun_run, peer_scenario, deployment) -> Callable[..., Any]:
    """Run the whole transaction on a configuration; `given` are inputs, what else is named is the client's."""

    def run(peer: str, *, given: tuple[str, ...] = (), **client: Any) -> Any:
        inputs = [word for one in given for word in ("--set", one)]
        return flowrun_run(peer_scenario("whole"), "--env", deployment(peer, **client), *inputs)

    return run


def judged(ran: Any) -> tuple[int, set[str], set[str]]:
    """The exit code, the rules that were broken, and those that only say something."""
    return ran.code, ran.checks("failed"), ran.checks("noted")


@pytest.mark.parametrize(
    ("profile", "par"),
    [("oidc-basic", "auto"), ("oauth2", "never"), ("oauth2", "always"), ("oidc-basic", "fallback")],
)
def test_a_secret_in_the_header(whole_run, profile, par) -> None:
    ran = whole_run("open", given=(f"par={par}",), profile=profile)
    assert judged(ran) == (0, WARNED, set()), ran.told
    assert ("request_uri good for" in ran.told) == (par != "never")


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        pytest.param("open", {"auth": "client_secret_post", "client_id": "by-post"}, id="secret in the form"),
        pytest.param(
            "open",
            {"auth": "client_secret_jwt", "client_id": "by-secret-jwt", "assertion": {"alg": "HS256"}},
            id="secret signs",
        ),
        pytest.param("open", {"auth": "none", "client_id": "public"}, id="none"),
        pytest.param("open", {"client_id": "es256", "id_token": {"alg": "ES256"}}, id="id_token ES256"),
        pytest.param("no-par", {"client_id": "eddsa", "id_token": {"alg": "EdDSA"}}, id="id_token EdDSA"),
        pytest.param("no-par", {}, id="no PAR"),
        pytest.param("no-par", {"auth": "none", "client_id": "public"}, id="neither PAR nor secret"),
    ],
)
def test_other_ways_to_say_who_and_to_sign(whole_run, peer, client) -> None:
    ran = whole_run(peer, **client)
    assert judged(ran) == (0, WARNED, set()), ran.told
    assert ("request_uri good for" in ran.told) == (peer == "open")
    assert SECRET not in ran.out + ran.err + str(ran.report)


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        pytest.param("fapi", {}, id="bound by DPoP"),
        pytest.param("fapi", {"dpop": {"bind_code": "par"}}, id="code bound at the push"),
        pytest.param("fapi", {"dpop": {"bind_code": "jkt"}}, id="code bound by dpop_jkt"),
        pytest.param("fapi-nonce", {}, id="nonce demanded"),
    ],
)
def test_fapi_with_tokens_bound_by_dpop(whole_run, peer, client) -> None:
    ran = whole_run(peer, **FAPI, **client)
    assert judged(ran) == (0, WARNED, NOTED_BY_FAPI), ran.told


@pytest.mark.parametrize("alg", ["PS256", "ES256"])
def test_fapi_with_everything_signed(whole_run, material, alg) -> None:
    client = {**FAPI, "client_id": "message-signing", "request_object": {"required": True, "alg": alg}}
    if alg == "ES256":
        client |= {"client_id": "es256", "keys": {"signing": material.key("es256")}, "assertion": {"alg": alg}}
    ran = whole_run("fapi-nonce", given=("mode=jwt",), **client)
    assert judged(ran) == (0, WARNED, NOTED_BY_FAPI | {"sign.typ"}), ran.told


@pytest.mark.parametrize(
    ("mode", "client_id"),
    [
        ("query", "flowrun-example"),
        ("fragment", "flowrun-example"),
        ("form_post", "flowrun-example"),
        ("jwt", "flowrun-example"),
        ("query.jwt", "es256"),
        ("fragment.jwt", "eddsa"),
        ("form_post.jwt", "es256"),
    ],
)
def test_every_response_mode(whole_run, mode, client_id) -> None:
    ran = whole_run("open", given=(f"mode={mode}",), client_id=client_id)
    assert judged(ran) == (0, WARNED, set()), ran.told


def test_all_that_can_be_encrypted_is(whole_run) -> None:
    request = {"required": True, "encrypt": {"alg": "RSA-OAEP-256", "enc": "A256GCM"}}
    ran = whole_run("open", given=("mode=query.jwt",), **KEY, client_id="encrypted", request_object=request)
    assert judged(ran) == (0, WARNED, {"sign.typ"}), ran.told


@pytest.mark.parametrize("peer", ["mtls", "mtls-aliases"])
def test_mutual_tls(flowrun_alone, peer_scenario, deployment, material, peer) -> None:
    clients = {
        "with-key": ("flowrun-example", "private_key_jwt", "client"),
        "by-authority": ("by-authority", "tls_client_auth", "client"),
        "by-itself": ("self-signed", "self_signed_tls_client_auth", "self"),
    }
    environments = [
        deployment(
            peer,
            name=name,
            profile="fapi2",
            client_id=client_id,
            auth=auth,
            certificate=material.certificate(certificate),
            sender_constraint="mtls",
        )
        for name, (client_id, auth, certificate) in clients.items()
    ]
    ran = flowrun_alone(peer_scenario("whole"), *(word for one in environments for word in ("--env", one)))
    assert judged(ran) == (0, WARNED, NOTED_BY_FAPI | {"disc.algs-other"}), ran.told
    assert ran.report["counts"] == {"passed": 3}
