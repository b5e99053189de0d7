"""Each automatic check on servers that nobody here wrote: it holds somewhere, or here stands why it can't.

Run with `-s` to see the table, which also says what the sandbox does (proved by tests/runs/test_check_faults.py). It is
kept as docs/checks.md; FLOWRUN_WRITE_TABLE=1 writes it anew.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from flowrun import profiles
from flowrun.checks import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.checks.base import Check

pytestmark = [pytest.mark.peer, pytest.mark.browser]

REFUSED_PUSH = """
scenario: A request for another place to come back to is refused
authorization: {scope: openid, redirect_uri: "https://elsewhere.example/callback"}
steps: [discover, push]
outcome: {refused: {push: [invalid_request]}}
"""
REFUSED_LOGIN = """
scenario: Nobody is signed in, and no page may be shown
authorization: {scope: openid, prompt: none}
steps: [discover, push, browse]
outcome: {refused: {callback: [login_required]}}
"""
REFUSED_CODE = """
scenario: A code that nobody has issued is worth nothing
authorization: {scope: openid}
steps: [discover, push, {exchange: {code: nobody-has-issued-this}}]
outcome: {refused: {exchange: [invalid_grant]}}
"""
NEVER_HELD = {
    "page.headers": "the pages for development may be framed, and the mock's too",
    "push.interaction-id": "an ecosystem's header that these servers don't know",
    "sign.typ": "about what we send; these scenarios send no typ",
    "idt.azp": "every id_token has one audience",
    "idt.c_hash": "only in an id_token that comes with the code",
    "idt.s_hash": "only in an id_token that comes with the code",
    "idt.acr": "the pages for development know no acr",
}
# Where a check does not hold, or has nothing to judge, on one of the two kinds of servers only.
WHY = {
    ("oidc-provider", "disc.algs-other"): "the configuration with the algorithms of the library has RS256 too",
    ("oidc-provider", "idt.at_hash"): "it puts none into an id_token that comes for a code",
    ("mocks", "disc.s256"): "oidc-provider-mock says nothing of PKCE",
    ("mocks", "tok.scope"): "oauth2-mock-server grants the scope dummy where the token request names none",
}


@pytest.fixture
def seen(flowrun_alone, scenario, peer_scenario, deployment, material, repo) -> dict[str, dict[str, set[str]]]:
    """What became of each check, on oidc-provider and on the mocks: a check, a server, and outcomes."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def run(server: str, files: list[str], *environments: str) -> None:
        ran = flowrun_alone(*files, *(word for one in environments for word in ("--env", one)))
        assert ran.code == 0, ran.told
        for step in (step for one in ran.report["scenarios"] for step in one["steps"]):
            for check in step.get("checks", ()):
                found[check["check"]][server].add(check["outcome"])

    fapi: dict[str, Any] = {"profile": "fapi2", "auth": "private_key_jwt"}
    signed = {**fapi, "request_object": {"required": True}, "inputs": {"mode": "jwt"}}
    run(
        "oidc-provider",
        [peer_scenario("whole")],
        deployment("open", name="basic", inputs={"mode": "form_post"}),
        deployment("fapi-nonce", name="fapi", **signed, client_id="message-signing", sender_constraint="dpop"),
        deployment("mtls", name="mtls", **fapi, sender_constraint="mtls", certificate=material.certificate("client")),
    )
    encrypted = {"auth": "private_key_jwt", "client_id": "encrypted", "inputs": {"mode": "query.jwt"}}
    encrypted["request_object"] = {"required": True, "encrypt": {"alg": "RSA-OAEP-256", "enc": "A256GCM"}}
    run("oidc-provider", [peer_scenario("whole")], deployment("open", name="encrypted", **encrypted))
    refused = [
        scenario(text, f"{number}.yaml") for number, text in enumerate((REFUSED_PUSH, REFUSED_LOGIN, REFUSED_CODE))
    ]
    run("oidc-provider", refused, deployment("open"))
    consents = {**signed, "profile": "ofm", "sender_constraint": "none", "inputs": {"scope": "openid accounts profile"}}
    environment = deployment("ofm", **consents, names={"dc_id": "DC1234567890"})
    run("oidc-provider", [str(repo / "scenarios" / "par_dp.yaml")], environment)
    run(
        "mocks",
        [peer_scenario("login")],
        deployment("oidc-provider-mock", name="one-page", inputs={"who": "alice", "pages": ["sign-in"]}),
        deployment("oauth2-mock-server", name="no-page", inputs={"who": "johndoe", "pages": []}),
    )
    return found


TITLE = """# What each check comes to

<!-- Written by tests/peers/test_every_check.py with FLOWRUN_WRITE_TABLE=1; do not edit. -->

Each automatic check on the sandbox when it is healthy, on the sandbox with the fault switch that breaks the rule, and
on oidc-provider and two small mock servers, which are not ours. What a check wants and where it comes from is in
[the reference](reference.md#checks).

| check | sandbox | sandbox with the fault | oidc-provider | mock servers |
|---|---|---|---|---|
"""
WORDS = {"must": "fails", "should": "warns", "info": "is noted"}


def row_of(check: Check, seen: dict[str, dict[str, set[str]]], ours: dict[str, Any]) -> str:
    """Return the line of a check; what the sandbox does is proved by the rows in `ours`."""
    row = ours["rows"].get(check.id, {"fault": ours["elsewhere"].get(check.id)})
    level = row.get("level") or profiles.load("ofm").level(check.id)
    broken = f"`{row['fault']}`" if row.get("fault") else "a scenario that sends it wrong"
    cells = [f"`{check.id}`", ours["never_held"].get(check.id, "holds"), f"{broken}: {WORDS[level]}"]
    for server in ("oidc-provider", "mocks"):
        outcomes = seen[check.id][server]
        why = NEVER_HELD.get(check.id) or WHY.get((server, check.id), "")
        reason = f": {why}" if why else ""
        if outcomes & {"failed", "noted"}:
            cells.append(f"does not always hold{reason}")
        elif "held" in outcomes:
            cells.append("holds")
        else:
            cells.append(
                f"{'nothing to judge' if outcomes else 'not judged (off in the profile, or no such step)'}{reason}"
            )
    return f"| {' | '.join(cells)} |"


def cells_without_a_reason(page: str) -> list[str]:
    """Return the lines where a check does not hold on a server that is not ours, and nobody says why."""
    return [line for line in page.splitlines() if "does not always hold |" in line]


def test_every_check_holds_on_a_real_server_or_says_why_not(seen, repo: Path) -> None:
    ours = yaml.safe_load((repo / "tests" / "runs" / "checks.yaml").read_text("utf-8"))
    page = TITLE + "".join(f"{row_of(check, seen, ours)}\n" for check in CHECKS)
    print(page)  # noqa: T201  the table is for people
    if os.environ.get("FLOWRUN_WRITE_TABLE"):
        (repo / "docs" / "checks.md").write_text(page, "utf-8")
    assert page == (repo / "docs" / "checks.md").read_text("utf-8")
    never = {check.id for check in CHECKS if not any("held" in outcomes for outcomes in seen[check.id].values())}
    assert never == NEVER_HELD.keys()
    for cell in cells_without_a_reason(page):
        raise AssertionError(f"{cell}: say why in WHY or NEVER_HELD")
    broken = {(server, check) for check in seen for server in seen[check] if "failed" in seen[check][server]}
    assert broken == {  # none of them a must
        ("oidc-provider", "page.headers"),
        ("oidc-provider", "push.interaction-id"),  # should, in ofm alone
        ("mocks", "page.headers"),
        ("mocks", "disc.s256"),
        ("mocks", "tok.scope"),
    }
