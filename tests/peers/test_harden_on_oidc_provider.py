"""The whole refusal pack on a server that nobody here wrote: every row that is not green has been looked at by hand.

What is behind each of them is told in docs/hardening.md. Its pages have no scripts, so they are gone through by HTTP.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Ran

pytestmark = pytest.mark.peer

PORT_IN_FILES = "http://127.0.0.1:9400"
ROWS = 160  # at least; a row that stops applying must not go unnoticed


def test_fapi_with_dpop_refuses_what_it_must(
    repo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    oidc_provider: Callable[..., str],
    flowrun_by_http: Callable[..., Ran],
) -> None:
    shutil.copytree(repo / "scenarios", tmp_path / "scenarios")
    shutil.copytree(repo / "keys.example", tmp_path / "keys.example")
    file = tmp_path / "scenarios" / "environments" / "oidc-provider-fapi.yaml"
    file.write_text(file.read_text("utf-8").replace(PORT_IN_FILES, oidc_provider("fapi-brief")), "utf-8")
    monkeypatch.chdir(tmp_path)

    waits = ("--set", "code_lifetime=11s", "--set", "refresh_after=1s")
    ran = flowrun_by_http("harden", "scenarios/par_signed.yaml", "--env", "oidc-provider-fapi", *waits)

    rows = ran.report["scenarios"]
    not_green = {one["id"]: one["status"] for one in rows if one["status"] != "passed"}
    judged = [check for one in rows for step in one["steps"] for check in step["checks"]]
    told = {one["check"]: (one["level"], one["outcome"]) for one in judged if one["outcome"] not in {"held", "skipped"}}
    assert not_green == {"rar-unknown-type": "not applicable"}
    assert told == {
        "page.headers": ("should", "failed"),
        "push.interaction-id": ("info", "noted"),
        "sign.typ": ("info", "noted"),
        "jar-typ-wrong": ("info", "noted"),
    }
    assert len(rows) > ROWS
    assert ran.code == 0
