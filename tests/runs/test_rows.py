"""What a row of the refusal pack comes to on servers that do not say no as one would like, or that break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}
ROW = """\
scenario: A push that is wrong is refused
id: wrong
proves: {level: must, clause: RFC 9126 §2.1}
authorization: {scope: openid}
steps: [discover, push]
outcome: {refused: {push: [invalid_request]}}
"""
ON_A_PAGE = """\
scenario: Who asks for something wrong is refused
id: wrong
proves: {level: must, clause: RFC 9126 §4}
authorization: {scope: openid}
steps: [discover, push, {browse: {user: alice}}]
outcome: {refused: {callback: [invalid_request], page: any}}
"""


@pytest.fixture
def row(flowrun_by_http: Callable[..., Ran], environment: Any, scenario: Any, stub: Any) -> Callable[..., Ran]:
    """Run a row against the stub, whose answers are given by path."""

    def run(text: str, answers: dict[str, Any]) -> Ran:
        stub.describe()
        stub.answers |= answers
        scenario(text)
        environment(server=None, profile="oauth2", issuer=stub.url, clients={"default": CLIENT})
        return flowrun_by_http("scenario.yaml", "--env", "broken", "--runs", "none")

    return run


CLIENT = {"client_id": "a", "auth": "none", "redirect_uri": "https://app.flowrun.example/callback"}
PUSHED = (
    201,
    JSON,
    '{"request_uri": "urn:ietf:params:oauth:request_uri:0123456789abcdefghijklmnop", "expires_in": 60}',
)


def outcome(ran: Ran) -> dict[str, Any]:
    [judged] = [one for step in ran.scenario["steps"] for one in step["checks"] if one["check"] == "wrong"]
    return judged


def test_the_error_that_belongs_there_is_a_refusal_without_more(row):
    ran = row(ROW, {"/par": (400, JSON, '{"error": "invalid_request"}')})

    assert (ran.code, ran.codes, outcome(ran)["outcome"]) == (0, [], "held")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, {}, ""), "refused, with 401 and none of the errors invalid_request"),
        ((403, HTML, "<h1>No</h1>"), "refused, with 403 and none of the errors invalid_request"),
        ((400, JSON, '{"error": "invalid_code"}'), "refused, with invalid_code instead of invalid_request"),
    ],
)
def test_another_way_to_say_no_is_a_refusal_and_a_warning(row, answer, says):
    ran = row(ROW, {"/par": answer})

    assert (ran.code, ran.codes, outcome(ran)["outcome"]) == (0, ["other-error"], "held")
    assert says in ran.out
    assert "RFC 6749 §5.2" in ran.out


@pytest.mark.parametrize("answer", [(500, HTML, "<h1>Oops</h1>"), PUSHED])
def test_a_server_that_breaks_or_accepts_has_not_refused(row, answer):
    ran = row(ROW, {"/par": answer})

    assert (ran.code, outcome(ran)["outcome"]) == (1, "failed")
    assert "wrong" in ran.codes
    assert ("everything was accepted" in ran.out) == (answer is PUSHED)


def test_a_page_that_nobody_described_leaves_the_rule_open(row):
    ran = row(ON_A_PAGE, {"/par": PUSHED, "/auth": (200, HTML, "<h1>Unauthorized URL</h1><p>Go away.</p>")})

    judged = outcome(ran)
    assert (ran.code, ran.codes) == (1, ["page-unknown"])
    assert judged["outcome"] == "skipped"
    assert "no page of the environment describes this one" in judged["complaint"]
    assert "everything was accepted" not in ran.out


def test_a_page_of_a_server_that_broke_is_no_refusal(row):
    ran = row(ON_A_PAGE, {"/par": PUSHED, "/auth": (500, HTML, "<h1>Oops</h1>")})

    assert (ran.code, ran.codes, outcome(ran)["outcome"]) == (1, ["wrong"], "failed")
    assert "everything was accepted" not in ran.out


def test_a_server_that_is_gone_leaves_the_rule_open(row):
    ran = row(ON_A_PAGE, {"/par": "drop"})

    assert (ran.code, outcome(ran)["outcome"]) == (3, "skipped")
