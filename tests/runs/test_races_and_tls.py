"""Whole runs against the sandbox: two requests at the same moment, refusals that are answers, old TLS, bound codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun.tls import speaks_old_tls

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

SIGN_IN = """
  - discover
  - push
  - browse: {user: alice, answers: {consent: approve}}
"""


@pytest.fixture
def run(flowrun_by_http: Callable[..., Any], environment: Callable[..., str], scenario: Callable[..., str]) -> Any:
    """Run these steps with a login by HTTP; `changes` are those of the environment."""

    def go(steps: str, *, outcome: str = "passed", ask: str = "", bound: bool = False, **changes: Any) -> Any:
        path = Path(environment(**changes))
        if bound:
            written = path.read_text("utf-8")
            path.write_text(written.replace("sender_constraint: none", "sender_constraint: dpop"), "utf-8")
        text = f"scenario: A run\nauthorization: {{scope: openid offline_access{ask}}}\nsteps:\n{steps}\n"
        scenario(f"{text}outcome: {outcome}\n")
        return flowrun_by_http("scenario.yaml", "--env", "broken")

    return go


@pytest.mark.parametrize(("faults", "accepted"), [([], 1), (["code.race"], 2)])
def test_a_code_that_is_sent_twice_at_the_same_moment(run, faults, accepted):
    refused = 2 - accepted
    ran = run(
        f"""{SIGN_IN}
  - exchange: {{at_once: 2}}
    expect:
      race.accepted: {accepted}
      race.refused: {refused}
      race.statuses: {{same_items: {[200] * accepted + [400] * refused}}}
      access_token: {{is: present}}
""",
        faults=faults,
    )

    assert (ran.code, ran.problems) == (0, []), ran.out
    calls = [call for step in ran.scenario["steps"] if step["name"] == "exchange" for call in step["calls"]]
    assert len(calls) == 2  # both are told


def test_a_code_that_comes_twice_one_after_the_other_is_refused_by_a_server_that_only_loses_races(run):
    again = "  - exchange\n  - exchange:\n    name: again\n"

    ran = run(SIGN_IN + again, outcome="{refused: {again: [invalid_grant]}}", faults=["code.race"])

    assert (ran.code, ran.problems) == (0, []), ran.out


def test_a_race_that_everybody_loses_is_a_refusal(run):
    steps = f"{SIGN_IN}  - exchange: {{at_once: 3, code: nobody's}}\n"

    ran = run(steps, outcome="{refused: {exchange: [invalid_grant]}}")

    assert (ran.code, ran.problems) == (0, []), ran.out


def test_a_step_that_says_which_status_it_wants_goes_on_after_a_refusal(run):
    ran = run(
        f"""{SIGN_IN}
  - exchange
  - exchange:
    name: again
    expect: {{http.status: 400, error: invalid_grant}}
  - introspect:
    expect: {{active: false}} # the tokens are those of the first
""",
    )

    assert (ran.code, ran.problems) == (0, []), ran.out
    assert "400 invalid_grant" in ran.out


def test_another_status_than_the_one_that_was_wanted_is_told(run):
    ran = run(f"{SIGN_IN}  - exchange: {{code: nobody's}}\n    expect: {{http.status: 200}}\n")

    assert ran.codes == ["expectation"]
    assert dict(ran.problems[0]["facts"])["got"] == "400"


@pytest.mark.parametrize("how", ["push: {proof: true}", "push"])
@pytest.mark.parametrize("key", ["ours", "fresh"])
def test_a_code_that_is_bound_to_a_key_needs_a_proof_of_that_key(run, how, key):
    ask = "" if "proof" in how else ', dpop_jkt: "{{ client.jkt }}"'
    tamper = "" if key == "ours" else "    tamper: {sign: {jwt: proof, key: fresh}}\n"
    outcome = "passed" if key == "ours" else "{refused: {exchange: [invalid_grant]}}"
    steps = SIGN_IN.replace("- push\n", f"- {how}\n") + f"  - exchange:\n{tamper}    name: exchange\n"

    ran = run(steps, outcome=outcome, ask=ask, bound=True)

    assert (ran.code, ran.problems) == (0, []), ran.out


# --- TLS ---

CALL = '  - discover\n  - call: {url: "{{ server.token_endpoint }}", tls: {at_most: "%s"}}\n%s'


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_tls_is_refused_at_its_own_place(run, version):
    if not speaks_old_tls():
        pytest.skip("this machine's OpenSSL has no old TLS")

    ran = run(CALL % (version, ""), outcome="{refused: {tls: any}}", sandbox={"tls": "hosts"})
    broken = run(
        CALL % (version, "    expect: {http.status: 405, http.tls.version: {one_of: [TLSv1, TLSv1.1]}}\n"),
        sandbox={"tls": "hosts"},
        faults=["tls.old-versions"],
    )

    assert (ran.code, ran.problems) == (0, []), ran.out
    assert "the server broke off the TLS handshake: protocol_version" in ran.out
    assert (broken.code, broken.problems) == (0, []), broken.out


def test_a_refusal_of_tls_that_nobody_wanted_says_what_it_was_before(run):
    if not speaks_old_tls():
        pytest.skip("this machine's OpenSSL has no old TLS")

    ran = run(CALL % ("1.1", ""), sandbox={"tls": "hosts"})

    assert (ran.code, ran.codes) == (3, ["tls-failed"])


@pytest.mark.parametrize(("faults", "days"), [([], [89, 91]), (["tls.certificate-ends"], [9, 11])])
def test_a_call_knows_how_long_the_certificate_is_good(run, faults, days):
    steps = f"""
  - discover
  - call: {{url: "{{{{ server.jwks_uri }}}}", tls: {{at_most: "1.2"}}}}
    expect: {{http.tls.version: TLSv1.2, http.tls.cipher: {{is: text}}, http.tls.days_left: {{between: {days}}}}}
"""

    ran = run(steps, sandbox={"tls": "hosts"}, faults=faults)

    assert (ran.code, ran.problems) == (0, []), ran.out


def test_without_tls_nothing_is_told_of_it(run):
    ran = run('  - discover\n  - call: {url: "{{ server.jwks_uri }}"}\n    expect: {http.tls: {is: empty}}\n')

    assert (ran.code, ran.problems) == (0, []), ran.out
