from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowrun.client import Certificate, Client, KeyFile
from flowrun.needs import NEEDS, unmet


def environment(*, endpoints=(), clients=("default",), keys=(), certificate=None):
    client = Client("default", "one", keys={name: KeyFile(None) for name in keys}, certificate=certificate)
    return SimpleNamespace(endpoints=dict.fromkeys(endpoints, "https://x"), client_names=lambda: list(clients),
                           client=lambda: client)  # fmt: skip


FULL = {
    "pushed_authorization_request_endpoint": "https://x",
    "revocation_endpoint": "https://x",
    "introspection_endpoint": "https://x",
    "userinfo_endpoint": "https://x",
    "authorization_details_types_supported": ["a"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
}
BARE = {
    "issuer": "https://op.example",
    "authorization_details_types_supported": [],
    "grant_types_supported": ["authorization_code"],
}
OF_SERVER = ["par", "rar", "refresh_token", "revocation", "introspection", "userinfo"]
OF_ENVIRONMENT = ["signed_request", "mtls", "second_client"]


def test_the_lists_below_cover_every_need():
    assert sorted(OF_SERVER + OF_ENVIRONMENT) == sorted(NEEDS)


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
    ],
)
def test_a_need_of_the_environment_is_judged_before_anything_is_sent(need, able):
    assert unmet((need,), able, {}) == []
    assert unmet((need,), environment(), {}) == [need]
    assert unmet((need,), environment(clients=[]), {}) == [need]


def test_several_needs_are_told_in_their_order_and_unknown_words_are_somebody_elses_matter():
    assert unmet(("mtls", "userinfo", "odd", "par"), environment(), BARE) == ["mtls", "userinfo", "par"]
