"""The scenarios of the reference systems run as they stand, each in the sandbox that imitates its server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.browser, pytest.mark.usefixtures("in_repo")]

SCENARIOS = Path(__file__).parents[2] / "scenarios"
OURS = sorted(file.stem for file in SCENARIOS.glob("*.yaml") if not file.stem.startswith("par_"))
# The browser that tests share trusts no authority of a run; these start one that does.
WITH_TLS = [name for name in OURS if name.startswith("ofm_")]


@pytest.mark.parametrize("name", [name for name in OURS if name not in WITH_TLS])
def test_it_runs_as_it_stands_and_warns_of_nothing(flowrun_run: Callable[..., Ran], name: str) -> None:
    require_clean(flowrun_run(f"scenarios/{name}.yaml", "--strict"))


def test_those_with_tls_run_as_they_stand_and_warn_of_nothing(flowrun_alone: Callable[..., Ran]) -> None:
    ran = flowrun_alone(*(f"scenarios/{name}.yaml" for name in WITH_TLS), "--strict")

    require_clean(ran)
    written = yaml.safe_load((SCENARIOS / "environments" / "sandbox-portal.yaml").read_text("utf-8"))["deviations"]
    assert ran.checks("deviation") == {one["check"] for one in written}
    assert "no longer needed" not in ran.out


def require_clean(ran: Ran) -> None:
    assert (ran.problems, ran.code) == ([], 0), ran.out + ran.err
    assert ran.checks("failed") == set()


def test_without_its_deviations_the_portal_is_told_what_is_wrong(
    flowrun_alone: Callable[..., Ran], tmp_path: Path, repo: Path
) -> None:
    text = (SCENARIOS / "environments" / "sandbox-portal.yaml").read_text("utf-8").partition("\ndeviations:")[0]
    portal = tmp_path / "portal.yaml"
    portal.write_text(text.replace("../../keys.example", str(repo / "keys.example")) + "\n", "utf-8")

    ran = flowrun_alone("scenarios/ofm_portal_guide.yaml", "--env", str(portal))

    assert ran.codes == ["disc.iss-param", "push.status-201", "cb.iss", "tok.lifetime"]


def test_the_fallback_is_never_silent(flowrun_run: Callable[..., Ran]) -> None:
    ran = flowrun_run("scenarios/sdk_par_fallback.yaml")

    assert ran.code == 0
    assert "degraded: the server has no PAR endpoint; the request went through the browser instead" in ran.last_line


@pytest.mark.parametrize(
    ("environment", "pushed"),
    [("sandbox-par-optional", True), ("sandbox-par-required", True), ("sandbox-without-par", False)],
)
def test_one_scenario_serves_servers_with_and_without_par(
    flowrun_run: Callable[..., Ran], environment: str, pushed: bool
) -> None:
    ran = flowrun_run("scenarios/sdk_par_transparent.yaml", "--env", environment)

    assert ran.code == 0, ran.out + ran.err
    assert ("request_uri good for" in ran.out) == pushed
    assert ("not pushed: the server has no PAR endpoint" in ran.out) == (not pushed)


@pytest.mark.parametrize(
    ("name", "environment", "says"),
    [
        ("sdk_par_error_required", "sandbox-par-optional", "everything was accepted; a refusal was expected"),
        ("sdk_par_error_no_endpoint", "sandbox-par-optional", "everything was accepted; a refusal was expected"),
    ],
)
def test_an_error_that_does_not_come_fails(
    flowrun_run: Callable[..., Ran], name: str, environment: str, says: str
) -> None:
    ran = flowrun_run(f"scenarios/{name}.yaml", "--env", environment)

    assert ran.code == 1
    assert says in ran.out


def test_without_an_outcome_the_errors_keep_their_names(
    flowrun_run: Callable[..., Ran], scenario: Callable[..., str]
) -> None:
    for name, environment, code in (
        ("sdk_par_error", "sandbox-par-optional", "par_error"),
        ("sdk_par_error_required", "sandbox-par-required", "par_required"),
        ("sdk_par_error_no_endpoint", "sandbox-without-par", "no_par_endpoint"),
    ):
        text = (SCENARIOS / f"{name}.yaml").read_text("utf-8").partition("\noutcome:")[0]
        file = scenario(text + "\n", f"{name}.yaml")
        ran = flowrun_run(file, "--env", str(SCENARIOS / "environments" / f"{environment}.yaml"))
        assert (ran.codes, ran.code) == ([code], 1)


CHANGES = {  # what a server like this must not do, and where the scenario says so
    (
        "wso2_par_basic",
        "lifetimes: {request_uri: 60s}",
        "lifetimes: {request_uri: 90s}",
    ): "expires_in is not what was expected",
    (
        "wso2_par_basic",
        'request_uri_prefix: "urn:ietf:params:oauth:par:request_uri:"',
        'request_uri_prefix: "urn:other:"',
    ): "request_uri is not what was expected",
    ("wso2_par_basic", "auth: client_secret_basic", "auth: client_secret_post"): "http.sent.headers.authorization",
    (
        "ibm_verify_par",
        ", encrypt: {alg: RSA-OAEP-256, enc: A256GCM}",
        "",
    ): "http.sent.form.request is not what was expected",
    ("ibm_verify_par", "      header: {name: x-client-cert, format: url}\n", ""): "http.sent.headers.x-client-cert",
}


@pytest.mark.parametrize(("change", "says"), CHANGES.items(), ids=lambda one: one[0] if isinstance(one, tuple) else "")
def test_a_deployment_that_is_different_fails(
    flowrun_run: Callable[..., Ran], tmp_path: Path, repo: Path, change: tuple[str, str, str], says: str
) -> None:
    name, old, new = change
    original = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text("utf-8"))["environment"]
    text = (SCENARIOS / "environments" / f"{original}.yaml").read_text("utf-8")
    assert old in text
    other = tmp_path / "other.yaml"
    other.write_text(text.replace(old, new).replace("../../keys.example", str(repo / "keys.example")), "utf-8")

    ran = flowrun_run(f"scenarios/{name}.yaml", "--env", str(other))

    assert ran.code == 1, ran.out + ran.err
    assert says in ran.out
