"""flowrun record: a person logs in once, and the pages of an environment are written from it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowrun.cli.browsing import window_size
from flowrun.cli.common import fail, show_problems
from flowrun.errors import INTERRUPTED, FlowrunError, Problem, StepError

if TYPE_CHECKING:
    from flowrun.browser import BrowserSettings
    from flowrun.browser.record import Deed
    from flowrun.browser.written import Written

_NOTE: Final = "# Written by flowrun record. Add failed_if: {text: …} for what a page says of a wrong password.\n"
_NO_SCREEN: Final = (
    "a person has to see the window: run flowrun record on a desktop. Only where a program takes "
    "the person's place, write --headless"
)
_ENDS: Final = {
    "callback": "The redirect_uri was reached.",
    "error": "The server sent the browser back with an error.",
    "closed": "The window was closed.",
    "time": "The time is over.",
}


@click.command(name="record", short_help="Log in once; flowrun writes the environment's pages.")
@click.argument("url")
@click.option(
    "--redirect-uri", default="", metavar="URL", help="Where the recording ends; else when the window closes."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there; else to the terminal."
)
@click.option("--minutes", default=10.0, show_default=True, help="How long the recording may take.")
@click.option("--window", callback=window_size, metavar="1280x900", help="The size of the browser's window.")
@click.option("--insecure", is_flag=True, help="Accept certificates that nobody vouches for.")
@click.option("--headless", is_flag=True, help="Without a window, for a program that takes the person's place.")
def command(
    url: str,
    redirect_uri: str,
    out: Path | None,
    minutes: float,
    window: tuple[int, int] | None,
    insecure: bool,
    headless: bool,
) -> None:
    """Open URL in a browser and watch a person log in; write the `pages:` of an environment from it.

    URL is an authorization URL: `flowrun FILE --by-hand` shows one. Fields and buttons are written as people read
    them. Passwords and one-time codes are not written: a secret takes their place.

    With --out, an environment file that has no `pages:` yet gets them at its end; a file that is not there is made.

    Exit codes: 0 written · 2 an option is wrong, or nothing was recorded · 4 no browser · 130 interrupted.
    """
    from flowrun.browser import BrowserSettings, written  # noqa: PLC0415  `--help` needs no browser

    try:
        before = _before(out)
        settings = BrowserSettings(headless=headless, insecure=insecure)
        settings = settings if window is None else replace(settings, window=window)
        ended, deeds = _watch(url, redirect_uri, settings, minutes)
    except FlowrunError as error:
        fail(error)
    except StepError as error:
        show_problems([Problem(error.code, error.title, None, error.label, error.facts, error.hint, error.exit_code)])
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    made = written.write(deeds)
    if not made.pages:
        hint = "type and press in the window that opens, until the server sends you back"
        fail(FlowrunError(Problem("recorded-nothing", f"{_ENDS[ended]} Nobody typed or pressed anything", hint=hint)))
    _put(made, before, out)
    click.echo(f"{_ENDS[ended]} {made.pages.count('shows:')} pages were recorded.", err=True)
    for remark in made.remarks:
        click.echo(f"look at it: {remark}", err=True)
    if "secrets." in made.users:
        names = ", ".join(dict.fromkeys(re.findall(r"secrets\.(\w+)", made.users)))
        click.echo(f"set {names} in the process environment, or in a file .env beside the environment", err=True)


def _watch(url: str, redirect_uri: str, settings: BrowserSettings, minutes: float) -> tuple[str, list[Deed]]:
    from flowrun.browser import open_browser, record  # noqa: PLC0415
    from flowrun.browser.driver import require_screen  # noqa: PLC0415

    require_screen(settings, _NO_SCREEN)
    with open_browser(settings) as browser:
        click.echo("Log in, in the window that opens. flowrun watches until you are sent back.", err=True)
        return record.watch(browser, url, redirect_uri=redirect_uri, seconds=minutes * 60)


def _before(out: Path | None) -> str:
    """Return what the file holds that the pages are to be added to; raises `FlowrunError` where they can't be."""
    if out is None or not out.exists():
        return ""
    try:
        text = out.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FlowrunError(Problem("file-unreadable", f"{out} can't be read: {error}")) from error
    if re.search(r"^pages\s*:", text, re.MULTILINE):
        raise FlowrunError(
            Problem(
                "would-overwrite",
                f"{out} has pages already",
                hint="leave out --out, and put what is written to the terminal where you want it",
            )
        )
    return text if not text or text.endswith("\n") else f"{text}\n"


def _put(made: Written, before: str, out: Path | None) -> None:
    users = "" if re.search(r"^users\s*:", before, re.MULTILINE) else made.users
    text = f"{before}{users}{_NOTE}{made.pages}"
    if out is None:
        click.echo(text, nl=False)
        return
    beside = out.with_name(f"{out.name}.new")
    beside.write_text(text, "utf-8")
    if before:
        shutil.copymode(out, beside)
    os.replace(beside, out)  # noqa: PTH105  one step: never half a file
