"""The words that shape a run: use, wait, retry, when, flow, as, set, save, cases, needs, several --env."""

from __future__ import annotations

import textwrap
import time

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

LOGIN = """
scenario: A person signs in
inputs: {who: {type: text}, scope: openid offline_access}
authorization: {scope: "{{ scope }}"}
steps:
  - discover
  - push
  - browse: {user: "{{ who }}", answers: {consent: approve}}
  - exchange
"""


def steps_of(ran) -> list[tuple[str, str]]:
    return [(step["name"], step["status"]) for step in ran.scenario["steps"]]


def written(text: str) -> str:
    return "scenario: words\nauthorization: {scope: openid}\n" + textwrap.dedent(text)


def test_use_runs_the_other_files_steps_and_hands_back_its_outputs(flowrun_by_http, environment, scenario):
    scenario(LOGIN, "_login.yaml")
    file = scenario(
        "scenario: uses a login\n"
        "steps:\n"
        "  - use: {file: _login.yaml, inputs: {who: bob}, outputs: {lifetime: tokens.expires_in}}\n"
        "    name: login\n"
        "  - userinfo\n"
        "  - set: {twice: '{{ lifetime * 2 }}'}\n"
        "    expect: {twice: 1200}\n"
    )
    ran = flowrun_by_http(file, "--env", environment())
    assert ran.code == 0, ran.told
    assert steps_of(ran) == [
        ("login", "passed"),
        ("login/discover", "passed"),
        ("login/push", "passed"),
        ("login/browse", "passed"),
        ("login/exchange", "passed"),
        ("userinfo", "passed"),
        ("set", "passed"),
    ]


def test_each_case_begins_with_a_browser_that_knows_nobody(flowrun_by_http, environment, scenario):
    scenario(LOGIN, "_login.yaml")
    file = scenario(
        "scenario: two people\n"
        "cases: {product: {who: [alice, bob]}}\n"
        "inputs: {who: alice}\n"
        "steps:\n"
        "  - use: {file: _login.yaml, inputs: {who: '{{ who }}'}}\n"
    )
    ran = flowrun_by_http(file, "--env", environment())
    assert ran.code == 0, ran.told
    assert [one["case"] for one in ran.report["scenarios"]] == ["who=alice", "who=bob"]
    assert ran.out.count("login → consent → callback") == 2


@pytest.mark.parametrize(("session", "pages"), [("new", ["login", "consent"]), ("keep", ["consent"])])
def test_a_second_visit_is_a_strangers_unless_the_session_is_kept(
    flowrun_by_http, environment, scenario, session, pages
):
    file = scenario(
        written(
            f"""
            steps:
              - discover
              - push
              - browse: {{user: alice, answers: {{consent: approve}}}}
              - push:
                name: push_again
              - browse: {{user: alice, answers: {{consent: approve}}, session: {session}}}
                name: again
                expect: {{pages: {pages}}}
            """
        ).replace("scope: openid", "scope: openid offline_access")
    )
    ran = flowrun_by_http(file, "--env", environment())
    assert ran.code == 0, ran.told


def test_a_second_flow_has_a_transaction_of_its_own_and_another_client_in_it(
    flowrun_by_http, environment, scenario, repo
):
    second = {
        "like": "default",
        "client_id": "second-one",
        "keys": {"signing": {"file": str(repo / "keys.example" / "second-signing.pem"), "kid": "flowrun-example-2"}},
    }
    file = scenario(
        written(
            """
            steps:
              - discover
              - push
              - push:
                name: push_b
                flow: b
                as: second
                expect: {request_uri: {not: "{{ push.request_uri }}"}}
              - browse: {user: alice, answers: {consent: approve}}
              - browse: {user: bob, answers: {consent: approve}}
                name: browse_b
                flow: b
                as: second
                expect: {state: {not: "{{ browse.state }}"}}
              - exchange
              - exchange:
                name: exchange_b
                flow: b
                as: second
                expect: {id_token_claims.aud: second-one}
            """
        )
    )
    ran = flowrun_by_http(file, "--env", environment(clients={"second": second}))
    assert ran.code == 0, ran.told


def test_wait_takes_as_long_as_it_says(flowrun_by_http, environment, scenario):
    file = scenario(
        "scenario: waits\nsteps: [discover, {wait: 300ms}, {wait: {for: 100ms, plus: 200ms}, name: more}]\n"
    )
    started = time.monotonic()
    ran = flowrun_by_http(file, "--env", environment())
    assert ran.code == 0, ran.told
    assert time.monotonic() - started > 0.6


def test_wait_until_something_holds(flowrun_by_http, environment, scenario):
    file = scenario(
        written(
            """
            steps:
              - discover
              - set: {soon: "{{ now | plus('300ms') }}"}
              - wait: {until: now > soon, every: 50ms}
                expect: {waited: {between: [0.2, 10]}}
            """
        )
    )
    assert flowrun_by_http(file, "--env", environment()).code == 0


@pytest.mark.parametrize(
    ("wait", "code", "title"),
    [
        ("{for: push.expires_at, at_most: 5s}", "wait-too-long", "this would wait 30 s, more than the 5 s allowed"),
        ("{until: 1 > 2, at_most: 200ms, every: 50ms}", "wait-timed-out", "this did not come true within 0.2 s"),
        (
            "{for: push.nothing}",
            "no-moment",
            "'push.nothing' is no duration and no moment: push has no member 'nothing'",
        ),
        ("{for: push.request_uri}", "no-moment", "this is no moment in time"),
    ],
)
def test_a_wait_that_makes_no_sense_is_told(flowrun_by_http, environment, scenario, wait, code, title):
    ran = flowrun_by_http(scenario(written(f"steps: [discover, push, {{wait: {wait}}}]")), "--env", environment())
    [problem] = [one for one in ran.problems if one["code"] == code]
    assert problem["title"].startswith(title)
    assert problem["at"]["line"] == 3


def test_a_step_is_tried_again_and_only_the_last_attempt_counts(flowrun_by_http, stub, environment, scenario):
    answers = iter([(500, {}, "busy"), (503, {}, "busy")])
    stub.describe()
    ready = stub.answers["/.well-known/openid-configuration"]

    class Slow(dict):
        def get(self, *_):
            return next(answers, ready)

    stub.answers = Slow()
    file = scenario("scenario: patient\nsteps:\n  - discover:\n    retry: {times: 5, every: 10ms}\n")
    ran = flowrun_by_http(file, "--env", environment(issuer=stub.url, server=None, profile="oauth2"))
    assert "again: attempt 2 of 5: the server answered 503" in ran.out
    assert "server-error" not in ran.codes
    assert ran.scenario["steps"][0]["status"] in {"passed", "warned"}


def test_retry_until_a_condition_of_the_answer(flowrun_by_http, environment, scenario):
    file = scenario(
        written(
            """
            steps:
              - discover
              - set: {end: "{{ now | plus('1s') }}"}
              - push:
                retry: {at_most: 10s, every: 50ms, until: "now > end"}
            """
        )
    )
    ran = flowrun_by_http(file, "--env", environment())
    assert ran.code == 0, ran.told
    assert "again: attempt 1" in ran.out


def test_retry_ends_with_the_last_failure(flowrun_by_http, environment, scenario):
    steps = "steps:\n  - discover\n  - push:\n    retry: {times: 2, every: 1ms}\n    expect: {expires_in: 1}\n"
    ran = flowrun_by_http(scenario(written(steps)), "--env", environment())
    assert (ran.code, ran.codes) == (1, ["expectation"])


def test_when_leaves_a_step_out(flowrun_by_http, environment, scenario):
    steps = "inputs: {par: 'no'}\nsteps: [discover, {push: null, when: par == 'yes'}]"
    ran = flowrun_by_http(scenario(written(steps)), "--env", environment())
    assert (ran.code, steps_of(ran)) == (0, [("discover", "passed"), ("push", "skipped")])


def test_needs_that_are_not_met_are_counted_apart_and_never_as_passed(flowrun_by_http, environment, scenario):
    ran = flowrun_by_http(scenario(written("needs: [mtls]\nsteps: [discover]")), "--env", environment())
    assert (ran.code, ran.scenario["status"]) == (1, "not applicable")  # nothing at all was checked
    assert "needs mtls, which is not there" in ran.out


def test_the_suite_runs_once_in_each_environment(flowrun_by_http, environment, scenario):
    first, second = environment("one"), environment("two")
    ran = flowrun_by_http(scenario(written("steps: [discover]")), "--env", first, "--env", second)
    assert ran.code == 0, ran.told
    assert [one["environment"] for one in ran.report["scenarios"]] == ["one", "two"]


def test_values_of_inputs_come_in_the_order_of_precedence(flowrun_by_http, environment, scenario):
    text = written(
        """
        inputs: {a: default, b: default, c: default, d: default}
        cases: [{b: case, c: case}]
        steps:
          - discover
          - set: {all: "{{ a }} {{ b }} {{ c }} {{ d }}"}
            expect: {all: environment case set default}
        """
    )
    ran = flowrun_by_http(
        scenario(text),
        "--env",
        environment(inputs={"a": "environment", "b": "environment", "c": "x"}),
        "--set",
        "c=set",
    )
    assert ran.code == 0, ran.told


def test_all_failed_expectations_of_a_step_are_told_at_once(flowrun_by_http, environment, scenario):
    expect = "{expires_in: 1, nothing: {is: present}, that: [1 > 2, 2 > 1]}"
    steps = f"steps:\n  - discover\n  - push:\n    expect: {expect}\n"
    ran = flowrun_by_http(scenario(written(steps)), "--env", environment())
    assert ran.codes == ["expectation"] * 3
    titles = [problem["title"] for problem in ran.problems]
    assert titles == [f"{what} is not what was expected" for what in ("expires_in", "nothing", "that")]


def test_the_matcher_schema_takes_a_schema_or_its_file(flowrun_by_http, environment, scenario, tmp_path):
    (tmp_path / "number.json").write_text('{"type": "number", "minimum": 1000}', "utf-8")
    steps = """
    steps:
      - discover
      - push:
        expect:
          expires_in: {schema: number.json}
          request_uri: {schema: {type: string}}
    """
    ran = flowrun_by_http(scenario(written(textwrap.dedent(steps))), "--env", environment())
    [problem] = ran.problems
    assert dict(problem["facts"])["expected"].endswith("30 is less than the minimum of 1000")
