from __future__ import annotations

import pytest

from flowrun.errors import StepError
from flowrun.steps.named_token import needs_token, token_form, token_named


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_a_name_stands_for_the_flows_own_token(tools, name):
    assert token_named(tools(flow={"tokens": {name: "value"}}), name) == "value"


@pytest.mark.parametrize(
    ("name", "tokens", "article"),
    [("access_token", {}, "an"), ("refresh_token", {}, "a"), ("id_token", {"id_token": 5}, "an")],
)
def test_a_token_that_never_came_is_told(tools, name, tokens, article):
    with pytest.raises(StepError) as error:
        token_named(tools(flow={"tokens": tokens}), name)
    assert (error.value.code, error.value.title) == ("no-token", f"no step before has received {article} {name}")


def test_anything_else_is_the_token_itself(tools):
    assert token_named(tools(), "eyJ.a.b") == "eyJ.a.b"
    assert token_form(tools(), "eyJ.a.b", None) == [("token", "eyJ.a.b")]


@pytest.mark.parametrize(
    ("written", "needs"),
    [
        ({}, {"auth", "endpoint:e", "tokens"}),
        ({"token": "own"}, {"auth", "endpoint:e"}),
        ({"token": "refresh_token", "url": "https://x"}, {"auth", "tokens"}),
    ],
)
def test_what_a_step_that_names_a_token_needs(written, needs):
    assert needs_token("e", written) == needs
