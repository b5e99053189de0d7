"""Where an endpoint is: who is asked first, and which aliases mean something."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowrun.endpoints import PUBLIC, url_of

TOKEN = "token_endpoint"
PLAIN, MUTUAL = SimpleNamespace(certificate=None), SimpleNamespace(certificate="client.pem")


def environment(endpoints=(), aliases=()):
    return SimpleNamespace(endpoints=dict(endpoints), mtls_endpoint_aliases=dict(aliases))


def test_the_environment_comes_before_the_metadata_and_an_alias_before_both():
    server = {TOKEN: "https://op/token", "mtls_endpoint_aliases": {TOKEN: "https://mtls.op/token"}}
    own = environment({TOKEN: "https://own/token"})
    both = environment({TOKEN: "https://own/token"}, {TOKEN: "https://mtls.own/token"})
    assert url_of(TOKEN, environment(), server) == "https://op/token"
    assert url_of(TOKEN, environment(), server, PLAIN) == "https://op/token"
    assert url_of(TOKEN, environment(), server, MUTUAL) == "https://mtls.op/token"
    assert url_of(TOKEN, own, server, MUTUAL) == "https://own/token"
    assert url_of(TOKEN, both, server, MUTUAL) == "https://mtls.own/token"
    assert url_of(TOKEN, both, server, PLAIN) == "https://own/token"
    assert url_of(TOKEN, environment(), {}) is None


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_an_alias_for_what_is_public_has_no_meaning(name):
    server = {name: "https://op/public", "mtls_endpoint_aliases": {name: "https://mtls.op/public"}}
    assert url_of(name, environment(), server, MUTUAL) == "https://op/public"


@pytest.mark.parametrize("said", [None, [], "https://op", 5, {TOKEN: 5}])
def test_aliases_that_are_none_are_passed_over(said):
    server = {TOKEN: "https://op/token", "mtls_endpoint_aliases": said}
    assert url_of(TOKEN, environment(), server, MUTUAL) == "https://op/token"
    assert url_of(TOKEN, environment(), {TOKEN: said}, PLAIN) == (said if isinstance(said, str) else None)
