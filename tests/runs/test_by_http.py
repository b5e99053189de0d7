"""The stand-in for a browser (tests/http_browser.py) sees, does and says what Chromium does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.browser]

SCENARIO = """\
scenario: One visit
authorization:
  scope: accounts profile
  authorization_details:
    - type: urn:openfinance-ml:account-access-consent:v1.2
      consent:
        dc_id: "{{ client.dc_id }}"
        dp_id: DP9876543210
        consent_type: urn:openfinance-ml:account-access-consent:v1.2
        consent_purpose: pfm
        permissions: [read_accounts]
        expiration_datetime: "{{ now | plus('180d') | iso }}"
steps:
  - discover
  - sign: request_object
  - push
"""
LOGIN = {
    "shows": {"heading": "Sign in"},
    "do": [{"fill": {"User name": "alice", "Password": "sandbox-password"}}, {"press": "Sign in"}],
}
TIME = re.compile(r"\d\d:\d\dUTC")
VISITS = {
    "approve": "  - browse: {user: alice, answers: {consent: approve}}\n",
    "deny": "  - browse: {user: alice, answers: {consent: deny}}\n",
    "error page": "  - browse: {user: alice, url: 'AUTH?client_id=flowrun-example&request_uri=urn:x'}\n",
    "wrong password": "  - browse: {user: alice, answers: {consent: approve}}\n",
    "form_post": "  - browse: {user: alice, answers: {consent: approve}}\n",
    "reload, and a slow person": "  - browse: {user: alice, answers: {consent: approve}, reload: true, hold: 20ms}\n",
    "two tabs": """\
  - browse: {user: alice, stop: true}
  - {browse: {user: alice, answers: {consent: approve}, session: keep}, name: other}
  - {browse: {user: alice, resume: true, answers: {consent: approve}}, name: late}
""",
    "remembered": """\
  - browse: {user: alice, answers: {consent: approve}}
  - {push: , name: again}
  - {browse: {user: alice, answers: {consent: approve}, session: keep}, name: second}
""",
    "not described": "  - browse: {user: alice, answers: {consent: approve}}\n",
    "no such answer": "  - browse: {user: alice}\n",
}


def visits(ran: Ran) -> list[dict[str, Any]]:
    """What came of each browse step, without what is new in each run."""
    return [
        {
            "step": (step["name"], step["status"], step.get("summary")),
            "pages": [
                (page["name"], page["heading"], page["status"], TIME.sub("", "".join(page["text"].split())))
                for page in step.get("pages", ())
            ],
        }
        for step in ran.scenario["steps"]
        if step["kind"] == "browse"
    ]


def both(request: pytest.FixtureRequest, *arguments: str) -> tuple[Ran, Ran]:
    """Run it in Chromium, then by HTTP."""
    real: Callable[..., Ran] = request.getfixturevalue("flowrun_run")
    first = real(*arguments)
    by_http: Callable[..., Ran] = request.getfixturevalue("flowrun_by_http")
    return first, by_http(*arguments)


@pytest.mark.parametrize("visit", VISITS)
def test_it_goes_the_same_way_and_says_the_same(visit, request, scenario, environment):
    text = SCENARIO + VISITS[visit]
    changes: dict[str, Any] = {}
    if visit == "form_post":
        text = text.replace("authorization:\n", "authorization:\n  response_mode: form_post\n")
    if visit == "wrong password":
        wrong = [{"fill": {"User name": "alice", "Password": "not-hers"}}, {"press": "Sign in"}]
        changes["pages"] = {"login": {**LOGIN, "do": wrong, "failed_if": {"text": "Invalid credentials"}}}
    if visit == "not described":
        changes["pages"] = {"login": LOGIN}
    if visit == "error page":
        text = text.replace("AUTH", "{{ server.authorization_endpoint }}")
    real, by_http = both(request, scenario(text), "--env", environment(**changes))

    assert visits(by_http) == visits(real)
    assert visits(real)
    assert (by_http.code, by_http.codes) == (real.code, real.codes)
    assert [problem["title"] for problem in by_http.problems] == [problem["title"] for problem in real.problems]
    assert by_http.checks("failed") == real.checks("failed")


@pytest.mark.usefixtures("in_repo")
@pytest.mark.parametrize("name", ["par_dp", "par_deny", "par_choose_dp"])
def test_our_own_scenarios(name, request):
    real, by_http = both(request, f"scenarios/{name}.yaml", "--env", "sandbox")

    assert visits(by_http) == visits(real)
    assert (by_http.code, by_http.code) == (0, real.code)
    assert by_http.checks("held") == real.checks("held")


def test_it_verifies_the_authority_of_a_sandbox_with_tls(flowrun_by_http, scenario, environment):
    ran = flowrun_by_http(scenario(SCENARIO + VISITS["approve"]), "--env", environment(sandbox={"tls": "hosts"}))

    assert (ran.code, ran.codes) == (0, [])
    assert ran.scenario["steps"][-1]["pages"][0]["url"].startswith("https://")
