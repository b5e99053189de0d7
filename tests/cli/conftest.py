"""The command line in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from flowrun.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


@pytest.fixture
def flowrun(repo: object, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command with these arguments, from the root of the checkout; what is typed is `input`."""
    monkeypatch.chdir(str(repo))

    def run(*args: object, input: str = "") -> Result:  # noqa: A002  click's own name
        return CliRunner().invoke(cli, [str(one) for one in args], input=input, prog_name="flowrun")

    return run
