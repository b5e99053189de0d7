from __future__ import annotations

import httpx
import pytest

from flowrun.errors import StepError
from flowrun.steps import introspect
from flowrun.steps.introspect import Introspect

TOKENS = {"tokens": {"access_token": "the-access-token", "refresh_token": "the-refresh-token"}}


def run(tools, **step):
    return introspect.run(Introspect(**step), tools)


@pytest.mark.parametrize(
    ("step", "form"),
    [
        ({}, [("token", "the-access-token"), ("token_type_hint", "access_token")]),
        ({"token": "refresh_token"}, [("token", "the-refresh-token"), ("token_type_hint", "refresh_token")]),
        ({"token": "own"}, [("token", "own")]),
        ({"token": "own", "hint": "x"}, [("token", "own"), ("token_type_hint", "x")]),
        (
            {"extra": {"token": "replaced", "a": 1}},
            [("token", "replaced"), ("token_type_hint", "access_token"), ("a", "1")],
        ),
    ],
)
def test_the_token_goes_with_the_clients_authentication(server, tools, step, form):
    server["/introspect"] = httpx.Response(200, json={"active": True})
    run(tools(flow=TOKENS), **step)
    assert server.forms == [[("client_id", "flowrun"), *form]]


@pytest.mark.parametrize(
    ("body", "summary"),
    [({"active": True, "sub": "a"}, "active"), ({"active": False}, "not active"), ({}, "not active")],
)
def test_what_the_server_knows_is_left(server, tools, body, summary):
    server["/introspect"] = httpx.Response(200, json=body)
    outcome = run(tools(flow=TOKENS))
    assert outcome.summary == summary
    assert outcome.values["body"] == body


def test_a_refusal_is_an_outcome(server, tools, refusal):
    server["/introspect"] = refusal.answer
    found = run(tools(flow=TOKENS)).refusal
    assert (found.place, found.error, found.description, found.status) == ("introspect", *refusal.read)


def test_a_fault_is_told(server, tools, fault):
    server["/introspect"] = fault.answer
    with pytest.raises(StepError) as error:
        run(tools(flow=TOKENS))
    assert (error.value.code, error.value.title) == (fault.code, f"{fault.title}to the introspection")
