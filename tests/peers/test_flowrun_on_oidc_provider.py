"""The scenarios of this repository on a server that nobody here wrote; only the environment differs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.peer, pytest.mark.browser]

PORT_IN_FILES = "http://127.0.0.1:9400"


@pytest.fixture
def flowrun(repo: Path, tmp_path: Path, oidc_provider: Callable[..., str]) -> Callable[..., tuple[int, str, dict]]:
    """Run the command on copies of our files, with the running server as issuer: (exit code, output, report)."""

    def run(configuration: str, *arguments: str, change: Callable[[Path], None] | None = None) -> tuple[int, str, dict]:
        issuer = oidc_provider(configuration)
        folder = tmp_path / configuration
        shutil.copytree(repo / "scenarios", folder / "scenarios")
        shutil.copytree(repo / "keys.example", folder / "keys.example")
        for file in (folder / "scenarios" / "environments").glob("*.yaml"):
            file.write_text(file.read_text("utf-8").replace(PORT_IN_FILES, issuer), "utf-8")
        if change:
            change(folder / "scenarios")
        done = subprocess.run(
            [sys.executable, "-m", "flowrun", *arguments, "--report", "json=report.json"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        report = folder / "report.json"
        return done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.exists() else {}

    return run


@pytest.mark.parametrize(
    ("configuration", "environment"),
    [("signed", "oidc-provider"), ("fapi", "oidc-provider-fapi"), ("fapi-nonce", "oidc-provider-fapi")],
)
def test_the_signed_scenario_runs_unchanged(flowrun, configuration, environment):
    code, output, report = flowrun(configuration, "scenarios/par_signed.yaml", "--env", environment)
    assert code == 0, output
    [scenario] = report["scenarios"]
    assert [step["name"] for step in scenario["steps"]] == [
        "discover", "sign", "push", "browse", "exchange", "userinfo", "revoke"
    ]  # fmt: skip
    held = {check["check"] for step in scenario["steps"] for check in step["checks"] if check["outcome"] == "held"}
    assert {"push.status-201", "cb.state", "cb.iss", "idt.sig", "idt.nonce", "idt.sub-userinfo"} <= held


def test_the_malaysian_flow_brings_a_consent_id(flowrun):
    code, output, _ = flowrun("ofm", "scenarios/par_dp.yaml", "--env", "oidc-provider-ofm")
    assert code == 0, output
    assert "saved consent_id: " in output
    assert "scope openid accounts profile" in output


def test_tokens_are_refreshed_and_the_revoked_one_is_refused(flowrun):
    code, output, report = flowrun("ofm", "scenarios/par_then_refresh.yaml", "--env", "oidc-provider-ofm")
    assert code == 0, output
    assert [scenario["status"] for scenario in report["scenarios"]] == ["passed"] * 3
    assert output.count("invalid_grant (as expected)") == 3


def test_the_person_who_cancels_comes_back_with_access_denied(flowrun):
    code, output, _ = flowrun("ofm", "scenarios/par_deny.yaml", "--env", "oidc-provider-ofm")
    assert code == 0, output
    assert "refused as expected (the browser came back with an error: access_denied)" in output


def test_a_key_that_the_server_does_not_know_is_told_with_the_line(flowrun):
    def other_key(scenarios: Path) -> None:
        file = scenarios / "environments" / "oidc-provider.yaml"
        file.write_text(file.read_text("utf-8").replace("client-signing.pem", "second-signing.pem"), "utf-8")

    code, output, _ = flowrun("signed", "scenarios/par_signed.yaml", "--env", "oidc-provider", change=other_key)
    assert code == 1
    assert "error[par_error]: the server refused the pushed request: invalid_client" in output
    assert "scenarios/par_signed.yaml:13:5" in output
    assert "= blame" in output
    assert "flowrun-example-1" in output


PLAIN_ENVIRONMENT = """
environment: plain
profile: oidc-basic
issuer: {issuer}
clients:
  default:
    client_id: flowrun-example
    client_secret: "{{{{ secrets.PLAIN_SECRET }}}}"
    redirect_uri: https://app.flowrun.example/callback
users:
  bob: {{username: bob, password: whatever}}
pages:
  login:
    shows: {{heading: Sign-in}}
    do:
      - fill: {{Enter any login: "{{{{ user.username }}}}", and password: "{{{{ user.password }}}}"}}
      - press: Sign-in
  consent:
    shows: {{heading: Authorize}}
    do: [{{press: Continue}}]
"""

PLAIN_SCENARIO = """
scenario: No PAR, no signature, a client with a secret
authorization: {scope: openid email}
steps:
  - discover
  - push: {par: %s}
  - browse
  - exchange:
    expect: {id_token_claims.sub: bob}
  - userinfo:
    expect: {email: bob@flowrun.example, email_verified: false}
"""


@pytest.mark.parametrize(("par", "pushed"), [("never", False), ("always", True)])
def test_a_plain_client_with_a_secret(flowrun, oidc_provider, monkeypatch, par, pushed):
    monkeypatch.setenv("PLAIN_SECRET", "a-secret-for-tests-only-0123456789abcdef")

    def write(scenarios: Path) -> None:
        (scenarios / "plain.yaml").write_text(PLAIN_SCENARIO % par, "utf-8")
        text = PLAIN_ENVIRONMENT.format(issuer=oidc_provider("plain"))
        (scenarios / "environments" / "plain.yaml").write_text(text, "utf-8")

    code, output, _ = flowrun("plain", "scenarios/plain.yaml", "--env", "plain", change=write)
    assert code == 0, output
    assert ("request_uri=" in output) is pushed
    assert "a-secret-for-tests-only" not in output
