"""Whole runs against the sandbox: DPoP, the device flow, token exchange, calls, and every way of doing without PAR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

BOUND = {"sender_constraint": "dpop"}
LOGIN = "browse: {user: alice, answers: {consent: approve}}"


@pytest.fixture
def run(flowrun_by_http, environment, scenario) -> Callable[..., Any]:
    """Run these steps in the sandbox; `client` is laid over its default client, `sandbox` over its settings."""

    def go(steps: str, *, client: dict[str, Any] | None = None, more: str = "", **changes: Any) -> Any:
        as_it_is = yaml.safe_load(Path(environment()).read_text("utf-8"))["clients"]["default"]
        environment(clients={"default": {**as_it_is, **(client or {})}}, **changes)
        scenario(f"scenario: A run\nauthorization: {{scope: openid profile}}\nsteps:\n{steps}\n{more}\n")
        return flowrun_by_http("scenario.yaml", "--env", "broken")

    return go


def names(ran: Any) -> list[tuple[str, str]]:
    return [(step["name"], step["status"]) for step in ran.scenario["steps"]]


# --- DPoP -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bind_code", ["none", "par", "jkt"])
def test_tokens_are_bound_from_the_push_to_the_resource(run, bind_code):
    ran = run(
        f"""
  - discover
  - push
  - {LOGIN}
  - exchange:
    expect: {{token_type: DPoP}}
  - userinfo:
    expect: {{sub: {{is: present}}}}
  - exchange: {{grant: client_credentials, scope: accounts}}
    name: own
    expect: {{token_type: DPoP}}
""",
        client={**BOUND, "dpop": {"bind_code": bind_code}},
        sandbox={"dpop_nonce": True},
    )
    assert (ran.code, ran.problems) == (0, []), ran.out
    assert ran.out.count("the server wants its nonce in the proof") == 1  # remembered for this origin from then on


def test_a_key_of_the_client_signs_the_proofs(run, repo):
    keys = {"proof": {"file": str(repo / "tests" / "broken" / "keys" / "ec.pem")}}
    signing = {"file": str(repo / "keys.example" / "client-signing.pem"), "kid": "flowrun-example-1"}
    ran = run(
        "  - discover\n  - exchange: {grant: client_credentials, scope: accounts}\n    expect: {token_type: DPoP}",
        client={**BOUND, "dpop": {"key": "proof"}, "keys": {**keys, "signing": signing}},
    )
    assert (ran.code, ran.problems) == (0, []), ran.out


def test_a_bound_token_without_its_proof_is_refused_by_the_resource(run):
    ran = run(
        """
  - discover
  - exchange: {grant: client_credentials, scope: accounts}
  - call:
      url: "{{ server.issuer }}/accounts"
      token: access_token
      headers: {dpop: not-a-proof}
""",
        client=BOUND,
        more="outcome: {refused: {call: [invalid_dpop_proof, invalid_token]}}",
    )
    assert (ran.code, ran.problems) == (0, []), ran.out


# --- grants ---------------------------------------------------------------------------------------------------------

BEGIN = """
  - discover
  - call: {method: POST, url: "{{ server.device_authorization_endpoint }}", authenticate: true, form: {scope: openid}}
    name: device
    expect: {user_code: {is: present}, body.device_code: {is: present}}
"""


def test_a_device_that_nobody_approves_gets_no_tokens(run):
    ran = run(
        f"{BEGIN}  - exchange: {{grant: device_code, at_most: 2s, interval: 3s}}",
        more="outcome: {refused: {exchange: [authorization_pending]}}",
    )
    assert (ran.code, ran.problems) == (0, []), ran.out


def test_a_device_code_that_is_none_is_refused(run):
    ran = run(
        "  - discover\n  - exchange: {grant: device_code, device_code: nobodys}",
        more="outcome: {refused: {exchange: [invalid_grant, invalid_request]}}",
    )
    assert (ran.code, ran.problems) == (0, []), ran.out


def test_a_token_is_exchanged_for_another_one(run):
    ran = run(
        f"""
  - discover
  - push
  - {LOGIN}
  - exchange
  - exchange: {{grant: token_exchange}}
    name: other
    expect:
      issued_token_type: urn:ietf:params:oauth:token-type:access_token
      access_token: {{not: "{{{{ exchange.access_token }}}}"}}
"""
    )
    assert (ran.code, ran.problems) == (0, []), ran.out


# --- calls ----------------------------------------------------------------------------------------------------------

NOWHERE = '  - call: "{{ server.issuer }}/there-is-nothing-here"\n'


def test_a_refused_call_fails_a_scenario_that_does_not_expect_it(run):
    ran = run(f"  - discover\n{NOWHERE}  - set: {{a: 1}}")
    assert ran.code == 1
    assert ran.codes == ["refused-call"]
    assert ran.problems[0]["title"] == "the server refused the call: HTTP 404"
    assert names(ran)[-1] == ("set", "not reached")


@pytest.mark.parametrize(("status", "code"), [(404, 0), (403, 1)])
def test_a_call_that_names_its_status_is_judged_by_it_alone(run, status, code):
    ran = run(f"  - discover\n{NOWHERE}    expect: {{http.status: {status}}}\n  - set: {{a: 1}}")
    assert ran.code == code
    assert ran.codes == ["expectation"] * code
    assert names(ran)[-1] == ("set", "passed")


def test_a_refusal_that_the_scenario_wants_stays_one(run):
    ran = run(f"  - discover\n{NOWHERE}    expect: {{http.status: 404}}", more="outcome: {refused: {call: any}}")
    assert (ran.code, ran.problems) == (0, []), ran.out


# --- with and without PAR -------------------------------------------------------------------------------------------


def test_where_par_is_required_browse_without_push_is_told(run):
    ran = run(f"  - discover\n  - {LOGIN}", sandbox={"par": "required"})
    assert ran.code == 1
    assert ran.codes == ["par_required"]
    assert ran.problems[0]["at"]["line"] == 5


def test_the_server_refuses_a_request_without_par_where_the_scenario_wants_to_see_it(run):
    ran = run(
        f"  - discover\n  - {LOGIN}",
        sandbox={"par": "required"},
        more="outcome: {refused: {callback: any, page: any}}",
    )
    assert (ran.code, ran.problems) == (0, []), ran.out


def test_fallback_goes_on_when_nothing_listens_at_the_endpoint(run):
    ran = run(
        f"  - discover\n  - push: {{par: fallback, url: 'http://127.0.0.1:1/par'}}\n  - {LOGIN}\n  - exchange",
        sandbox={"par": "optional"},
    )
    assert (ran.code, ran.problems) == (0, []), ran.out
    assert "the push failed: nothing listens at 127.0.0.1:1; went on without PAR" in ran.told


@pytest.mark.parametrize(("when", "status"), [("server.par_available", "passed"), ("server.par_required", "skipped")])
def test_a_step_can_depend_on_what_the_server_says_of_par(run, when, status):
    ran = run(f"  - discover\n  - push\n    when: {when}".replace("- push\n", "- push:\n"), sandbox={"par": "optional"})
    assert names(ran)[-1] == ("push", status)


def test_a_request_uri_that_died_before_the_browser_came_is_named_so(run):
    ran = run(
        f"  - discover\n  - push\n  - wait: {{for: push.expires_at, plus: 1s}}\n  - {LOGIN}",
        sandbox={"lifetimes": {"request_uri": "6s"}},
    )
    assert ran.code == 1
    assert "request_uri_expired" in ran.codes
