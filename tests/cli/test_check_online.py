"""`flowrun check --online` on the embedded sandbox, which is looked at like any server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

pytestmark = pytest.mark.sandbox


def test_the_sandbox_is_what_its_environment_says(flowrun: Callable[..., Result]) -> None:
    done = flowrun("check", "--online", "scenarios/par_dp.yaml")

    assert (done.exit_code, done.stderr) == (0, "")
    for topic in ("TCP", "metadata", "clock", "endpoints", "offered"):
        assert f"  ✓ {topic} " in done.stdout
    assert done.stdout.endswith("1 scenario in sandbox: nothing wrong found, no request of a scenario was sent\n")


def test_without_online_nothing_is_looked_at(flowrun: Callable[..., Result]) -> None:
    done = flowrun("check", "scenarios/par_dp.yaml")

    assert done.stdout == "1 scenario in sandbox: nothing wrong found, nothing was sent\n"


def test_a_sandbox_that_describes_another_server_is_seen(flowrun: Callable[..., Result], repo, tmp_path) -> None:
    text = (repo / "scenarios" / "environments" / "sandbox.yaml").read_text("utf-8")
    file = tmp_path / "faulty.yaml"
    file.write_text(
        text.replace("../../keys.example", str(repo / "keys.example")) + "faults: [discover.wrong-issuer]\n"
    )

    done = flowrun("check", "--online", file)

    assert done.exit_code == 2
    assert done.stderr.startswith("error[issuer-differs]: the server's metadata is of another issuer than the file's\n")
