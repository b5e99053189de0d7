"""The command line: arguments in, words and an exit code out; each command is imported when it is used."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from flowrun import __version__, lean

# A command's module is imported when it is named: `flowrun --version` must not pay for a browser.
COMMANDS: Final = {
    "run": "flowrun.cli.run",
    "check": "flowrun.cli.check",
    "plan": "flowrun.cli.plan",
    "list": "flowrun.cli.listing",
    "describe": "flowrun.cli.describe",
    "explain": "flowrun.cli.explain",
    "new": "flowrun.cli.new",
    "report": "flowrun.cli.report",
    "harden": "flowrun.cli.harden",
    "coverage": "flowrun.cli.coverage",
    "diff": "flowrun.cli.diff",
    "replay": "flowrun.cli.replay",
    "sandbox": "flowrun.cli.sandbox",
    "record": "flowrun.cli.record",
}


class _Commands(click.Group):
    """`flowrun FILE…` means `flowrun run FILE…`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Name the commands for `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before anything that names no command: a file, a folder, an option of a run."""
        if args and args[0] not in {*COMMANDS, "--help", "--version"}:
            _require_no_typo(args[0])
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _require_no_typo(word: str) -> None:
    """Tell a misspelt command from a file: `chek` is no file, and looks like `check`."""
    near = get_close_matches(word, COMMANDS, n=1, cutoff=0.7)
    if near and not Path(word).exists():
        raise click.UsageError(f"there is no command and no file '{word}'; did you mean '{near[0]}'?")


@click.group(cls=_Commands, invoke_without_command=False, context_settings={"help_option_names": ["--help"]})
@click.version_option(__version__, prog_name="flowrun")
def cli() -> None:
    """Run OAuth 2.0, OpenID Connect and FAPI authorization flows written as YAML scenarios.

    \b
    flowrun scenarios/par_dp.yaml             run one scenario
    flowrun scenarios/ --env uat              run a folder in another environment
    flowrun check scenarios/                  look for mistakes, send nothing
    flowrun run --help                        all options of a run
    """  # noqa: D301  \b is click's mark for text that keeps its lines


def main(args: list[str] | None = None) -> Any:
    """Run the command line; the console script and `python -m flowrun` come here."""
    from flowrun.cli.fault import told  # noqa: PLC0415  `--version` comes first

    if args is None:
        lean.own_process()
    with told():
        return cli(args=args, prog_name="flowrun")
