"""One folder of scenarios, one command, three deployments: other pages, clients, inputs and secrets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.browser]

SECRET = "a-secret-for-tests-only-0123456789abcdef"
SCENARIOS = {
    "login.yaml": """
scenario: A person signs in and is who they say
inputs:
  who: {type: text}
  scope: openid
  name: {type: text}
authorization:
  scope: "{{ scope }}"
  claims: {userinfo: {name: null}}
steps:
  - discover
  - push: auto
  - browse: {user: "{{ who }}", answers: {consent: approve}}
    expect:
      pages: {contains: consent}
  - exchange:
    expect:
      id_token_claims.aud: "{{ client.client_id }}"
      scope: {subset_of: "{{ scope }}"}
  - userinfo:
    expect: {name: "{{ name }}"}
""",
    "denied.yaml": """
scenario: A person who says no is sent back
inputs: {who: {type: text}, scope: {type: text}}
cases: {file: scopes.csv}
authorization: {scope: "{{ scope }}"}
steps:
  - discover
  - push: auto
  - browse: {user: "{{ who }}", answers: {consent: deny}}
outcome: {refused: {callback: [access_denied]}}
""",
    "stolen.yaml": """
scenario: A code of one client is worth nothing to another
needs: [par, second_client]
inputs: {who: {type: text}}
authorization: {scope: openid}
steps:
  - discover
  - push
  - browse: {user: "{{ who }}", answers: {consent: approve}}
  - exchange:
    as: second
outcome: {refused: {exchange: [invalid_grant]}}
""",
    "environments/embedded.yaml": """
environment: embedded
profile: ofm
server: embedded
inputs: {who: bob, scope: openid accounts, name: Bob Example}
clients:
  default:
    client_id: at-the-sandbox
    redirect_uri: https://app.flowrun.example/callback
    sender_constraint: none
    keys: {signing: {file: ../../keys.example/second-signing.pem, kid: flowrun-example-2}}
  second:
    like: default
    client_id: another-at-the-sandbox
users:
  bob: {username: bob, password: another-password}
pages:
  login:
    shows: {heading: Sign in, field: User name}
    do:
      - fill: {User name: "{{ user.username }}", Password: "{{ user.password }}"}
      - press: Sign in
  consent:
    shows: {heading: Approve access}
    answers: {approve: [{press: Approve}], deny: [{press: Deny}]}
""",
    "environments/fapi.yaml": """
environment: fapi
profile: fapi2
issuer: ISSUER OF signed
inputs: {who: customer, name: Alice Archer}
clients:
  default:
    client_id: flowrun-example
    redirect_uri: https://app.flowrun.example/callback
    request_object: {required: true}
    keys: {signing: {file: ../../keys.example/client-signing.pem, kid: flowrun-example-1}}
users:
  customer: {username: alice, password: "{{ secrets.PASSWORD }}"}
pages:
  login:
    shows: {field: Enter any login}
    do:
      - fill: {Enter any login: "{{ user.username }}", and password: "{{ user.password }}"}
      - press: Sign-in
  consent:
    shows: {heading: Authorize}
    answers: {approve: [{press: Continue}], deny: [{press: "[ Cancel ]"}]}
""",
    "environments/plain.yaml": """
environment: plain
profile: oidc-basic
issuer: ISSUER OF plain
inputs: {who: tester, scope: openid email, name: Bob Baker}
clients:
  default:
    client_id: flowrun-example
    client_secret: "{{ secrets.CLIENT_SECRET }}"
    redirect_uri: https://app.flowrun.example/callback
users:
  tester: {username: bob, password: "{{ secrets.PASSWORD }}"}
pages:
  login:
    shows: {heading: Sign-in, button: Sign-in}
    do:
      - fill: {Enter any login: "{{ user.username }}"}
      - fill: {and password: "{{ user.password }}"}
      - press: Sign-in
  consent:
    shows: {button: Continue}
    answers: {approve: [{press: Continue}], deny: [{press: "[ Cancel ]"}]}
""",
    "environments/.env": "PASSWORD=any-password-will-do-in-all-of-them\n",
    "environments/.env.plain": f"CLIENT_SECRET={SECRET}\n",
    "scopes.csv": "case,scope\nidentity,openid\nlonger,openid offline_access\n",
}


@dataclass(frozen=True)
class Ran:
    """How the one command ended: exit code, all it said, what happened where."""

    code: int
    said: str
    report: dict[str, Any]

    @property
    def table(self) -> dict[tuple[str, str], dict[str, str]]:
        """The status of each scenario and case, by environment."""
        table: dict[tuple[str, str], dict[str, str]] = {}
        for one in self.report["scenarios"]:
            row = table.setdefault((Path(one["file"]).name, one["case"]), {})
            row[one["environment"]] = one["status"]
        return table


@pytest.fixture
def suite(repo: Path, tmp_path: Path, oidc_provider: Callable[..., str]) -> Callable[..., Ran]:
    """Write the folder and run it: `suite("--env", "fapi")`."""
    shutil.copytree(repo / "keys.example", tmp_path / "keys.example")
    for name, text in SCENARIOS.items():
        for configuration in ("signed", "plain"):
            if f"ISSUER OF {configuration}" in text:
                text = text.replace(f"ISSUER OF {configuration}", oidc_provider(configuration))  # noqa: PLW2901
        file = tmp_path / "suite" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip(), "utf-8")

    def run(*arguments: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "flowrun", "suite", *arguments, "--report", "json=report.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (tmp_path / "report.json").exists(), said
        return Ran(done.returncode, said, json.loads((tmp_path / "report.json").read_text("utf-8")))

    return run


def test_one_folder_runs_on_three_environments_in_one_command(suite) -> None:
    ran = suite("--env", "embedded", "--env", "fapi", "--env", "plain")
    assert ran.code == 0, ran.said
    everywhere = dict.fromkeys(("embedded", "fapi", "plain"), "passed")
    assert ran.table == {
        ("login.yaml", ""): everywhere,
        ("denied.yaml", "identity"): everywhere,
        ("denied.yaml", "longer"): everywhere,
        ("stolen.yaml", ""): {"embedded": "passed", "fapi": "not applicable", "plain": "not applicable"},
    }
    assert ran.report["counts"] == {"passed": 10, "not applicable": 2}
    assert SECRET not in ran.said
    assert SECRET not in json.dumps(ran.report)
    assert "any-password-will-do" not in ran.said


def test_what_is_wrong_in_one_environment_is_wrong_there_alone(suite, tmp_path) -> None:
    file = tmp_path / "suite" / "environments" / "plain.yaml"
    file.write_text(file.read_text("utf-8").replace("Bob Baker", "Somebody Else"), "utf-8")
    ran = suite("--env", "plain", "--env", "fapi", "-k", "login")
    assert ran.code == 1
    assert ran.table == {("login.yaml", ""): {"plain": "failed", "fapi": "passed"}}
    assert "Somebody Else" in ran.said
