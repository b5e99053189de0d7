"""Whole runs on two servers that know nothing of PAR: one has a page of its own kind, the other has none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.peer, pytest.mark.browser]

DENY = """
scenario: A person says no
authorization: {scope: openid}
steps:
  - discover
  - push: auto
  - browse: {user: alice, answers: {sign-in: deny}}
outcome: {refused: {callback: [access_denied]}}
"""
PEERS = {
    "oidc-provider-mock": ("alice", '["sign-in"]'),
    "oauth2-mock-server": ("johndoe", "[]"),
}
WARNED = {
    "oidc-provider-mock": {"disc.s256", "page.headers"},  # it has no PKCE at all
    "oauth2-mock-server": {"tok.scope"},  # it grants "dummy", whatever was asked for
}


@pytest.fixture
def login(flowrun_run, peer_scenario, deployment) -> Callable[..., Any]:
    def run(peer: str, par: str, profile: str = "oidc-basic") -> Any:
        who, pages = PEERS[peer]
        given = [f"par={par}", f"who={who}", f"pages={pages}"]
        inputs = [word for one in given for word in ("--set", one)]
        return flowrun_run(peer_scenario("login"), "--env", deployment(peer, profile=profile), *inputs)

    return run


@pytest.mark.parametrize("par", ["auto", "never", "fallback"])
@pytest.mark.parametrize("peer", PEERS)
def test_a_login_without_par(login, peer, par) -> None:
    ran = login(peer, par, "oauth2" if par == "never" else "oidc-basic")
    assert ran.code == 0, ran.told
    assert ran.checks("failed") == WARNED[peer]
    assert ("degraded: the server has no PAR endpoint" in ran.told) == (par == "fallback")


@pytest.mark.parametrize("peer", PEERS)
def test_par_always_is_told_that_there_is_none(login, peer) -> None:
    ran = login(peer, "always")
    assert ran.code == 1
    assert "no_par_endpoint" in ran.codes


def test_no_on_a_page_comes_back_without_the_state(flowrun_run, scenario, deployment) -> None:
    ran = flowrun_run(scenario(DENY), "--env", deployment("oidc-provider-mock"))
    assert ran.checks("failed") == {"cb.state", *WARNED["oidc-provider-mock"]}, ran.told
    assert ran.code == 1
    assert "RFC 6749" in ran.told
