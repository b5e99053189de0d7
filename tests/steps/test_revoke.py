from __future__ import annotations

import httpx
import pytest

from flowrun.errors import StepError
from flowrun.steps import revoke
from flowrun.steps.revoke import Revoke

TOKENS = {"tokens": {"access_token": "the-access-token", "refresh_token": "the-refresh-token"}}


def run(tools, **step):
    return revoke.run(Revoke(**step), tools)


@pytest.mark.parametrize("answer", [httpx.Response(200), httpx.Response(204), httpx.Response(200, html="<p>done</p>")])
def test_the_body_of_an_accepted_revocation_has_no_meaning(server, tools, answer):
    server["/revoke"] = answer
    outcome = run(tools(flow=TOKENS), token="refresh_token")
    assert server.forms == [
        [("client_id", "flowrun"), ("token", "the-refresh-token"), ("token_type_hint", "refresh_token")]
    ]
    assert (outcome.refusal, outcome.summary) == (None, "revoked")


def test_a_refusal_is_an_outcome(server, tools, refusal):
    server["/revoke"] = refusal.answer
    outcome = run(tools(flow=TOKENS))
    found = outcome.refusal
    assert (found.place, found.error, found.description, found.status) == ("revoke", *refusal.read)
    assert outcome.summary == ""


@pytest.mark.parametrize(("status", "code"), [(500, "server-error"), (302, "redirected")])
def test_a_fault_is_told(server, tools, status, code):
    server["/revoke"] = httpx.Response(status)
    with pytest.raises(StepError) as error:
        run(tools(flow=TOKENS))
    assert error.value.code == code
    assert error.value.title.endswith("to the revocation") or ", to the revocation" in error.value.title
