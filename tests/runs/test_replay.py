"""A run is gone on with: what was kept is used again, what is over is refused before anything is sent."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun import environment as environments
from flowrun.cli import main
from flowrun.embedded import sandbox_for
from flowrun.errors import FAILED, HELD, WRONG_FILE
from flowrun.keyring import Keyring
from flowrun.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("here")]

SCENARIO = """\
scenario: Tokens of the client
id: tokens
inputs: {wanted: true}
authorization: {scope: accounts}
steps:
  - discover
  - push
  - exchange: {grant: client_credentials, scope: accounts}
    save: {kept: access_token}
  - set: {named: "{{ kept }}"}
  - introspect: {token: access_token}
    expect: {active: "{{ wanted }}"}
"""
STEPS = ["discover", "push", "exchange", "set", "introspect"]


@pytest.fixture
def standing(environment: Callable[..., str]) -> Iterator[str]:
    """Start a server that stays when a run is over; return an environment that names it."""
    embedded = environments.load(Path(environment()), Redactor())
    with sandbox_for(embedded, Keyring()) as sandbox:
        sandbox.start()
        yield environment("standing", server=None, issuer=sandbox.issuer)


@pytest.fixture
def kept(standing: str, scenario: Callable[..., str], flowrun_alone: Any, tmp_path: Path) -> Path:
    """Run once with --keep-state and return the folder of the run."""
    ran = flowrun_alone(scenario(SCENARIO), "--env", standing, "--keep-state")
    assert ran.code == HELD, ran.out
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"state, with secrets: runs/{folder.name}/state.json" in ran.out
    return folder


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str | Path) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["replay", *map(str, arguments)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def change(folder: Path, how: Callable[[dict[str, Any]], None]) -> None:
    """Change what was kept."""
    file = folder / "state.json"
    state = json.loads(file.read_text("utf-8"))
    how(state["scenarios"][0])
    file.write_text(json.dumps(state), "utf-8")


def test_the_state_is_for_its_owner_alone_and_the_report_has_no_secret(kept):
    file = kept / "state.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (kept / ".gitignore").read_text("utf-8") == "state.json\n"
    assert sorted(one.name for one in kept.iterdir()) == [".gitignore", "report.json", "state.json"]
    (state,) = json.loads(file.read_text("utf-8"))["scenarios"]
    assert [step["step"] for step in state["steps"]] == STEPS
    token = state["steps"][-1]["flows"][""]["tokens"]["access_token"]
    assert token not in (kept / "report.json").read_text("utf-8")


@pytest.mark.parametrize("first", ["introspect", "set", "exchange", "push", "discover"])
def test_a_run_goes_on_from_any_step(kept, replay, first):
    code, text = replay(kept, "--from", first)
    assert code == HELD, text
    kept_steps = STEPS[: STEPS.index(first)]
    for name in STEPS:
        assert (f"– {name} " in text) == (name in kept_steps)
    assert text.count("kept from the earlier run") == len(kept_steps)


def test_its_secrets_are_hidden_as_those_of_any_run(kept, replay):
    (state,) = json.loads((kept / "state.json").read_text("utf-8"))["scenarios"]
    flow = state["steps"][-1]["flows"][""]
    _, text = replay(kept, "--from", "set", "--verbose")
    assert "POST" in text
    for secret in (flow["tokens"]["access_token"], flow["code_verifier"], flow["callback_url"]):
        assert not secret or secret not in text


def test_the_inputs_of_the_run_are_used_and_so_is_what_the_files_say_now(kept, replay, scenario):
    change(kept, lambda state: state["inputs"].update(wanted=False))
    code, text = replay(kept, "--from", "introspect")
    assert code == FAILED
    assert "active is not what was expected" in text
    scenario(SCENARIO.replace('active: "{{ wanted }}"', "scope: accounts"))
    assert replay(kept, "--from", "introspect")[0] == HELD


def expire_tokens(state: dict[str, Any]) -> None:
    for step in state["steps"]:
        if step["flows"][""]["tokens"]:
            step["flows"][""]["tokens_at"] -= 86400


def lose_tokens(state: dict[str, Any]) -> None:
    for step in state["steps"]:
        step["flows"][""]["tokens"] = {}


REFUSED: dict[str, tuple[Any, str, str]] = {
    "expired token": (expire_tokens, "introspect", "can't be done again: the access token expired"),
    "no token": (lose_tokens, "introspect", "can't be done again: no token was kept"),
    "revoked": (lambda state: state["after"].append("revoke"), "introspect", "under after: have revoked a token"),
    "cut off": (lambda state: state["steps"].pop(0), "exchange", "did not come to the end of the step 'discover'"),
    "no such step": (lambda _: None, "exchagne", "the scenario has no step 'exchagne'"),
    "other case": (lambda state: state.update(case="b"), "push", "no case 'b' any more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_over_is_refused_before_anything_is_sent(kept, replay, name):
    spoil, first, words = REFUSED[name]
    change(kept, spoil)
    code, text = replay(kept, "--from", first)
    assert code == WRONG_FILE
    assert words in text
    assert "✓" not in text


def test_an_expired_token_can_be_fetched_anew(kept, replay):
    change(kept, expire_tokens)
    assert "--from exchange" in replay(kept, "--from", "introspect")[1]
    assert replay(kept, "--from", "exchange")[0] == HELD


def test_a_run_without_state_says_how_to_keep_one(standing, scenario, flowrun_alone, replay, tmp_path):
    flowrun_alone(scenario(SCENARIO), "--env", standing)
    (folder,) = (tmp_path / "runs").iterdir()
    assert not (folder / "state.json").exists()
    code, text = replay(folder, "--from", "push")
    assert code == WRONG_FILE
    assert "run with --keep-state" in text


def test_one_scenario_of_several_is_named(standing, scenario, flowrun_alone, replay, tmp_path):
    files = scenario(SCENARIO), scenario(SCENARIO.replace("Tokens of", "Others of"), "other.yaml")
    flowrun_alone(*files, "--env", standing, "--keep-state")
    (folder,) = (tmp_path / "runs").iterdir()
    assert "name one with -k: Tokens of the client; Others of the client" in replay(folder, "--from", "push")[1]
    assert replay(folder, "--from", "push", "-k", "others")[0] == HELD


def test_the_embedded_sandbox_is_gone_with_its_run(environment, scenario, flowrun_alone, replay, tmp_path):
    assert flowrun_alone(scenario(SCENARIO), "--env", environment(), "--keep-state").code == HELD
    (folder,) = (tmp_path / "runs").iterdir()
    code, text = replay(folder, "--from", "push")
    assert code == WRONG_FILE
    assert "the embedded sandbox ends with its run" in text


BROWSED = """\
scenario: With a person
id: person
authorization: {scope: openid}
steps:
  - discover
  - push
  - browse: {user: alice, answers: {consent: approve}}
  - exchange
"""


@pytest.mark.parametrize(
    ("first", "spoil", "words"),
    [
        ("browse", {"expires_at": -5}, "its request_uri expired"),
        ("browse", {"used": True}, "its request_uri was used already"),
        ("exchange", {"used": True}, "the code was used already"),
        ("exchange", {"callback": None}, "no callback was kept"),
    ],
)
def test_a_request_uri_and_a_code_are_used_once(first, spoil, words, standing, scenario, replay, tmp_path):
    """What was kept is written by hand: this is about what replay refuses, and that needs no browser."""
    names = ["discover", "push", "browse", "exchange"]
    now = time.time()
    flow: dict[str, Any] = dict.fromkeys(
        ("jwks", "code_verifier", "request_object", "callback", "callback_place", "callback_url", "first_refresh_token")
    )
    flow |= {"server": {}, "tokens": {}, "tokens_at": None, "callback_pairs": [], "request_uri": "urn:x"}
    flow |= {"parameters": {}, "id_token_claims": {}, "device": {}, "degraded": "", "expires_at": now + 60}
    flow |= {"expires_at": now + spoil["expires_at"]} if "expires_at" in spoil else {}
    browsed = flow | ({"callback": spoil["callback"]} if "callback" in spoil else {"callback": {"code": "x"}})
    flows = {"discover": flow, "push": flow, "browse": browsed, "exchange": browsed | {"tokens": {"access_token": "x"}}}
    if not spoil.get("used"):
        names = names[: names.index(first)]
    steps = [{"step": n, "at": now, "flows": {"": flows[n]}, "results": {}, "saved": {}} for n in names]
    state = {"title": "x", "file": scenario(BROWSED), "environment": standing, "case": "", "inputs": {}}
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"version": 1, "scenarios": [{**state, "steps": steps, "after": []}]}), "utf-8")
    code, text = replay(file, "--from", first)
    assert code == WRONG_FILE
    assert words in text
    assert "--from push" in text


def test_tokens_bound_to_a_key_of_that_run_alone_are_gone(environment, kept, replay):
    file = Path(environment("standing2"))
    named = json.loads((kept / "state.json").read_text("utf-8"))["scenarios"][0]["environment"]
    text = Path(named).read_text("utf-8").replace("sender_constraint: none", "sender_constraint: dpop")
    file.write_text(text, "utf-8")
    change(kept, lambda state: state.update(environment=str(file)))
    code, told = replay(kept, "--from", "introspect")
    assert code == WRONG_FILE
    assert "was made for that run" in told
