"""flowrun sandbox: the embedded authorization server, standing alone."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from flowrun import environment as environments
from flowrun.cli.common import fail
from flowrun.errors import FlowrunError


@click.command(name="sandbox", short_help="Start the embedded authorization server alone.")
@click.option(
    "--env", "name", default=environments.DEFAULT, show_default=True, help="Whose clients and users it knows."
)
@click.option("--port", default=0, help="The port on 127.0.0.1; a free one if not given.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="Break one rule; repeat it for several.")
@click.option("--faults", "show", is_flag=True, help="List the faults and stop.")
def command(name: str, port: int, faults: tuple[str, ...], show: bool) -> None:
    """Start a server that behaves like an open-finance portal's sandbox; Ctrl-C ends it."""
    from flowrun.embedded import sandbox_for  # noqa: PLC0415  `--help` needs none of these
    from flowrun.sandbox import FAULTS  # noqa: PLC0415
    from flowrun.session import Session  # noqa: PLC0415

    if show:
        for fault, sentence in sorted(FAULTS.items()):
            click.echo(f"{fault:<24} {sentence}")
        return
    with Session() as session:
        try:
            path = _find(name)
            environment = environments.load(path, session.redactor)
            sandbox = sandbox_for(environment, session.keyring, faults=faults, port=port)
            sandbox.start()
        except FlowrunError as error:
            fail(error, session)
        with sandbox:
            click.echo(f"issuer    {sandbox.issuer}")
            if sandbox.authority:
                click.echo(f"CA        {sandbox.authority} (PEM, for this run)")
            click.echo(f"clients   {', '.join(environment.client(c).client_id for c in environment.client_names())}")
            click.echo(f"users     {', '.join(environment.user_names())}")
            if faults:
                click.echo(f"broken    {', '.join(faults)}")
            click.echo("Ctrl-C ends it")
            _wait()


def _find(name: str) -> Path:
    here = Path()
    # The clone keeps its environments in scenarios/; a project of one's own may keep them beside its scenarios.
    start = here / "scenarios" if (here / "scenarios").is_dir() else here
    return environments.find(name, start)


def _wait() -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        ended.wait()
    except KeyboardInterrupt:
        click.echo("")
