"""What a used file leaves to the scenario that uses it: its refusal, its client, its flow, its exit code."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

REFUSED = """
scenario: Tokens for a code that nobody issued
steps:
  - discover
  - exchange: {code: not-a-code, code_verifier: not-a-verifier-of-any-challenge-we-have-ever-made}
"""


def test_a_refusal_inside_is_the_refusal_of_the_scenario(flowrun_by_http, environment, scenario):
    scenario(REFUSED, "_inner.yaml")
    file = scenario(
        "scenario: outer\nsteps: [{use: _inner.yaml}, push]\noutcome: {refused: {exchange: [invalid_grant]}}\n"
    )
    ran = flowrun_by_http(file, "--env", environment())
    assert (ran.code, ran.codes) == (0, [])
    assert [step["status"] for step in ran.scenario["steps"]] == ["refused", "passed", "refused", "not reached"]


def test_a_refusal_inside_that_nobody_wanted_is_told_once(flowrun_by_http, environment, scenario):
    scenario(REFUSED, "_inner.yaml")
    ran = flowrun_by_http(scenario("scenario: outer\nsteps: [{use: _inner.yaml}]\n"), "--env", environment())
    assert (ran.code, ran.codes) == (1, ["refused-exchange"])


def test_a_used_file_takes_client_and_flow_of_the_step(flowrun_by_http, environment, scenario, repo):
    second = {
        "like": "default",
        "client_id": "second-one",
        "keys": {"signing": {"file": str(repo / "keys.example" / "second-signing.pem"), "kid": "flowrun-example-2"}},
    }
    scenario("scenario: pushed\nauthorization: {scope: openid}\nsteps: [discover, push]\n", "_inner.yaml")
    file = scenario("scenario: outer\nsteps: [{use: _inner.yaml, as: second, flow: b}]\n")
    ran = flowrun_by_http(file, "--env", environment(clients={"second": second}))
    assert ran.code == 0, ran.told
    [call] = [call for step in ran.scenario["steps"] for call in step.get("calls", ()) if call["method"] == "POST"]
    assert dict(call["sent_form"])["client_id"] == "second-one"


def test_nothing_was_sent_is_not_said_after_a_used_file_sent_something(flowrun_by_http, environment, scenario):
    scenario(
        "scenario: inner\nsteps:\n  - discover\n  - set: {x: '{{ server.nothing_of_that_name }}'}\n", "_inner.yaml"
    )
    ran = flowrun_by_http(scenario("scenario: outer\nsteps: [{use: _inner.yaml}]\n"), "--env", environment())
    assert ran.code == 1, ran.told


def test_tokens_with_another_status_than_200_are_judged(flowrun_by_http, stub, environment, scenario):
    stub.describe()
    stub.answers["/token"] = (201, {"Content-Type": "application/json"}, '{"hello": 1}')
    file = scenario("scenario: odd\nsteps: [discover, {exchange: {grant: client_credentials, scope: openid}}]\n")
    ran = flowrun_by_http(file, "--env", environment(issuer=stub.url, server=None))
    assert ran.code == 1
    assert "tok.members" in ran.codes


@pytest.mark.parametrize("written", ["password: pw12", "client_secret: 'short'"])
def test_a_literal_secret_is_starred_in_any_excerpt_however_short(flowrun_by_http, tmp_path, scenario, written):
    folder = tmp_path / "environments"
    folder.mkdir()
    clients = f"{{default: {{client_id: a, {written}, wrong_word: 1}}}}"
    text = f"environment: uat\nissuer: https://x.example\nclients: {clients}\n"
    (folder / "uat.yaml").write_text(text, "utf-8")
    ran = flowrun_by_http(scenario("scenario: x\nsteps: [discover]\n"), "--env", "uat")
    assert ran.code == 2
    assert "wrong_word" in ran.err
    assert "pw12" not in ran.err
    assert "short" not in ran.err


@pytest.mark.parametrize("url", ["https://[x", "https://a.example:port/cb"])
def test_a_url_that_is_none_is_told_at_its_line(flowrun_by_http, environment, scenario, url):
    ran = flowrun_by_http(scenario("scenario: x\nsteps: [discover]\n"), "--env", environment(issuer=url, server=None))
    assert ran.code == 2
    assert "error[bad-url]" in ran.err
    assert "environments/broken.yaml:" in ran.err
