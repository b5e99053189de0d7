"""Each automatic check, seen by a whole run to complain; the rows are in checks.yaml, older ones in test_faults.py."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowrun.checks import CHECKS

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("in_repo")]
HERE = Path(__file__).parent
PUBLIC = json.loads((HERE.parents[1] / "keys.example" / "client-public.jwks.json").read_text("utf-8"))["keys"][0]
JWK = json.dumps({name: PUBLIC[name] for name in ("kty", "n", "e")})
TEXT = (HERE / "checks.yaml").read_text("utf-8").replace("REPO", str(HERE.parents[1])).replace("PUBLIC_JWK", JWK)
DATA: dict[str, Any] = yaml.safe_load(TEXT)
ROWS: dict[str, dict[str, Any]] = DATA["rows"]
FURTHER: dict[str, dict[str, Any]] = DATA["further"]
HEALTHY = {
    (row["run"], str(row.get("environment"))): row
    for row in (*ROWS.values(), *FURTHER.values())
    if "fault" in row or "code" in row
}
EXIT = {"must": 1, "should": 0, "info": 0}


@pytest.mark.parametrize("check", sorted(ROWS))
def test_a_check_complains(check, flowrun_by_http, environment, scenario):
    row = ROWS[check]
    faults = [row["fault"]] if "fault" in row else []

    ran = flowrun_by_http(
        scenario(DATA["scenarios"][row["run"]]), "--env", environment(faults=faults, **row.get("environment", {}))
    )

    assert {check: row["says"]} == {name: said for name, said in complaints(ran, row["level"]).items() if name == check}
    wanted = {*row.get("also", ()), *([check] if row["level"] != "info" else ())}
    assert set(ran.codes) == wanted
    assert ran.code == max(EXIT[row["level"]], *(int(not p["warning"]) for p in ran.problems), 0)
    assert ran.checks("noted") == {*row.get("noted", ()), *([check] if row["level"] == "info" else ())}


@pytest.mark.parametrize("fault", FURTHER)
def test_a_fault_without_a_check_of_its_own_is_noticed(fault, flowrun_by_http, environment, scenario):
    row = FURTHER[fault]

    ran = flowrun_by_http(
        scenario(DATA["scenarios"][row["run"]]), "--env", environment(faults=[fault], **row.get("environment", {}))
    )

    assert [(problem["code"], normalised(problem["title"])) for problem in ran.problems] == [(row["code"], row["says"])]
    assert ran.code == 1


@pytest.mark.parametrize("row", list(HEALTHY.values()), ids=lambda row: row["run"])
def test_the_healthy_sandbox_has_no_problem_with_the_same_scenario(row, flowrun_by_http, environment, scenario):
    ran = flowrun_by_http(scenario(DATA["scenarios"][row["run"]]), "--env", environment(**row.get("environment", {})))

    assert ran.problems == []
    assert ran.code == 0
    assert ran.checks("noted") == set()


def test_every_check_holds_on_the_healthy_sandbox(flowrun_by_http, environment, scenario):
    held = flowrun_by_http("scenarios/par_then_refresh.yaml").checks("held")
    runs = [
        "userinfo",
        "tokens",
        "denied",
        "push-refused",
        "push-form-post",
        "exchange-refused",
        "revoke",
        "introspect",
        "signed-response",
    ]
    runs = [(name, {}) for name in runs]
    runs += [("bound", ROWS[check]["environment"]) for check in ("cnf.dpop", "cnf.mtls")]
    runs += [("signed-userinfo", ROWS["userinfo.sig"]["environment"])]
    runs += [("code", {"profile": "ksa"}), ("sign-typed-request", {"profile": "fapi2"})]
    for run, changes in runs:
        ran = flowrun_by_http(scenario(DATA["scenarios"][run]), "--env", environment(**changes))
        assert ran.code == 0, ran.told
        held |= ran.checks("held")

    assert held == {check.id for check in CHECKS} - DATA["never_held"].keys()


def test_every_check_has_its_fault_here_or_in_the_older_table():
    assert ROWS.keys() & DATA["elsewhere"].keys() == set()
    assert ROWS.keys() | DATA["elsewhere"].keys() == {check.id for check in CHECKS}


def complaints(ran, level):
    """Return what the checks of a level complained about, without what is different in each run."""
    steps = [step for scenario in ran.report["scenarios"] for step in scenario["steps"]]
    told = {
        check["check"]: check["complaint"]
        for step in steps
        for check in step.get("checks", ())
        if check["outcome"] in {"failed", "noted"} and check["level"] == level
    }
    return {name: normalised(said) for name, said in told.items()}


def normalised(text):
    text = re.sub(r"(127\.0\.0\.1|0\.0\.0\.0):\d+", r"\1:PORT", text)
    return re.sub(r"/auth/[\w-]{24}", "/auth/WALK", re.sub(r"key '[\w-]{43}'", "key 'KID'", text))


DEVIATION = {"check": "push.status-201", "reason": "their portal answers 200"}


def test_a_deviation_is_told_with_its_end_and_is_no_failure(flowrun_by_http, environment, scenario):
    deviations = [{**DEVIATION, "until": "2099-12-31"}]

    ran = flowrun_by_http(
        scenario(DATA["scenarios"]["push"]),
        "--env",
        environment(faults=["push.status-200"], deviations=deviations),
        "--strict",
    )

    assert ran.code == 0
    assert ran.checks("deviation") == {"push.status-201"}
    assert "the server answered 200 (their portal answers 200; until 2099-12-31)" in ran.out
    assert "1 known deviation" in ran.out


def test_a_deviation_that_has_ended_excuses_nothing_and_is_named(flowrun_by_http, environment, scenario):
    deviations = [{**DEVIATION, "until": "2020-01-31"}]

    ran = flowrun_by_http(
        scenario(DATA["scenarios"]["push"]), "--env", environment(faults=["push.status-200"], deviations=deviations)
    )

    assert ran.code == 1
    assert ran.codes == ["push.status-201"]
    assert "their portal answers 200; it ended on 2020-01-31" in ran.out


def test_with_strict_a_warning_fails(flowrun_by_http, environment, scenario):
    arguments = (scenario(DATA["scenarios"]["push"]), "--env", environment(faults=["push.no-store-missing"]))

    assert flowrun_by_http(*arguments).code == 0
    assert flowrun_by_http(*arguments, "--strict").code == 1
