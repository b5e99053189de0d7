from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowrun.client import Certificate, Client, KeyFile, RequestObject
from flowrun.needs import NEEDS, unmet


def environment(
    *,
    endpoints=(),
    clients=("default",),
    keys=(),
    auth="none",
    signs=False,
    certificate=None,
    bound="none",
    issuer="",
    tls=None,
):
    client = Client(
        "default",
        "one",
        auth=auth,
        keys={name: KeyFile(None) for name in keys},
        certificate=certificate,
        sender_constraint=bound,
        request_object=RequestObject(required=signs),
    )
    return SimpleNamespace(
        endpoints=dict.fromkeys(endpoints, "https://x"),
        client_names=lambda: list(clients),
        client=lambda: client,
        issuer=issuer,
        embedded=tls is not None,
        sandbox={"tls": tls},
    )


FULL = {
    "pushed_authorization_request_endpoint": "https://x",
    "revocation_endpoint": "https://x",
    "introspection_endpoint": "https://x",
    "userinfo_endpoint": "https://x",
    "authorization_details_types_supported": ["a"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "require_signed_request_object": True,
    "claims_parameter_supported": True,
    "id_token_signing_alg_values_supported": ["RS256"],
}
BARE = {
    "issuer": "https://op.example",
    "authorization_details_types_supported": [],
    "grant_types_supported": ["authorization_code"],
}
OF_SERVER = ["par", "rar", "refresh_token", "revocation", "introspection", "userinfo", "signed_request_required"]
OF_SERVER += ["claims_parameter", "openid", "rar_types"]
OF_ENVIRONMENT = ["signed_request", "mtls", "second_client", "private_key_jwt", "dpop", "mtls_bound"]
OF_ENVIRONMENT += ["client_credential", "client_secret"]
ELSEWHERE = ["https", "old_tls"]


def test_the_lists_below_cover_every_need():
    assert sorted(OF_SERVER + OF_ENVIRONMENT + ELSEWHERE) == sorted(NEEDS)


@pytest.mark.parametrize("need", OF_SERVER)
def test_a_need_of_the_server_is_judged_by_its_metadata_and_by_nothing_before(need):
    assert unmet((need,), environment(), {}) == []
    assert unmet((need,), environment(), FULL) == []
    assert unmet((need,), environment(), BARE) == [need]


@pytest.mark.parametrize(
    ("need", "endpoint"),
    [
        ("par", "pushed_authorization_request_endpoint"),
        ("revocation", "revocation_endpoint"),
        ("introspection", "introspection_endpoint"),
        ("userinfo", "userinfo_endpoint"),
    ],
)
def test_an_endpoint_that_the_environment_names_is_there_whatever_the_metadata_says(need, endpoint):
    assert unmet((need,), environment(endpoints=[endpoint]), BARE) == []


@pytest.mark.parametrize("silent", ["authorization_details_types_supported", "grant_types_supported"])
def test_a_server_that_says_nothing_is_given_a_try(silent):
    server = {key: value for key, value in BARE.items() if key != silent}
    need = "rar" if silent.startswith("authorization") else "refresh_token"
    assert unmet((need,), environment(), server) == []


@pytest.mark.parametrize(
    ("need", "able"),
    [
        ("signed_request", environment(keys=["signing"])),
        ("mtls", environment(certificate=Certificate("x.pem"))),
        ("second_client", environment(clients=["default", "second"])),
        ("private_key_jwt", environment(auth="private_key_jwt")),
        ("client_credential", environment(auth="client_secret_basic")),
        ("client_secret", environment(auth="client_secret_basic")),
        ("client_secret", environment(auth="client_secret_post")),
        ("dpop", environment(bound="dpop")),
        ("mtls_bound", environment(bound="mtls")),
    ],
)
def test_a_need_of_the_environment_is_judged_before_anything_is_sent(need, able):
    assert unmet((need,), able, {}) == []
    assert unmet((need,), environment(), {}) == [need]
    assert unmet((need,), environment(clients=[]), {}) == [need]


def test_a_client_that_is_registered_so_must_sign_whatever_the_metadata_says():
    assert unmet(("signed_request_required",), environment(signs=True), BARE) == []
    assert unmet(("signed_request_required",), environment(signs=True), {}) == []


@pytest.mark.parametrize("auth", ["none", "tls_client_auth", "self_signed_tls_client_auth"])
def test_who_shows_only_a_certificate_or_nothing_has_no_credential_to_leave_out(auth):
    assert unmet(("client_credential",), environment(auth=auth), FULL) == ["client_credential"]


@pytest.mark.parametrize("auth", ["none", "private_key_jwt", "client_secret_jwt"])
def test_a_secret_that_is_never_sent_can_not_be_sent_wrong(auth):
    assert unmet(("client_secret",), environment(auth=auth), FULL) == ["client_secret"]


@pytest.mark.parametrize(
    ("able", "server", "met"),
    [
        (environment(issuer="https://op.example"), {}, True),
        (environment(issuer="http://127.0.0.1:9400"), {}, False),
        (environment(issuer="http://op.example"), {"token_endpoint": "https://op.example/token"}, True),
        (environment(issuer="https://op.example"), {"token_endpoint": "http://op.example/token"}, False),
        (environment(endpoints=["token_endpoint"]), {"token_endpoint": "http://op.example/token"}, True),
        (environment(tls="none"), {}, False),
        (environment(tls="hosts"), {}, True),
    ],
)
def test_https_is_a_matter_of_the_token_endpoint(able, server, met):
    assert unmet(("https",), able, server) == ([] if met else ["https"])


@pytest.mark.parametrize("speaks", [True, False])
def test_whether_old_tls_can_be_tried_is_a_matter_of_this_machine(speaks, monkeypatch):
    monkeypatch.setattr("flowrun.tls.speaks_old_tls", lambda: speaks)

    assert unmet(("old_tls",), environment(), BARE) == ([] if speaks else ["old_tls"])


def test_several_needs_are_told_in_their_order_and_unknown_words_are_somebody_elses_matter():
    assert unmet(("mtls", "userinfo", "odd", "par"), environment(), BARE) == ["mtls", "userinfo", "par"]
