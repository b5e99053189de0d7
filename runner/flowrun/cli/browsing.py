"""The options that say which browser a run uses, and how they go together with what the environments say."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from flowrun.browser import BrowserSettings
    from flowrun.environment import Environment
    from flowrun.session import Session


class Visitor(Protocol):
    """What may need a browser: a plan, or what is known of one that another process has made."""

    @property
    def environment(self) -> Environment:
        """Where it runs."""

    @property
    def visits(self) -> tuple[bool, ...]:
        """For each browse step, whether a person goes through the pages."""


_SIZE: Final = re.compile(r"(\d{3,5})x(\d{3,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserOptions:
    """What the command line says of the browser; None and False leave it to the environments."""

    browser: str | None = None
    headed: bool = False
    slow: float | None = None
    window: tuple[int, int] | None = None
    grid: str | None = None
    by_hand: bool = False


def window_size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Return width and height; click calls it with what stands behind --window."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        raise click.BadParameter("write width and height like 1280x900")
    return int(found[1]), int(found[2])


def _address(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not re.match(r"https?://\S", text):
        raise click.BadParameter("write a URL like http://grid.example:4444")
    return text


def browser_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the browser; the command gets them as one argument, `browsing`."""

    @functools.wraps(function)
    def command(**given: Any) -> Any:
        names = [field.name for field in fields(BrowserOptions)]
        return function(browsing=BrowserOptions(**{name: given.pop(name) for name in names}), **given)

    options: list[Callable[..., Any]] = [
        click.option(
            "--browser", type=click.Choice(["chrome", "firefox", "headless-shell"]), help="Which browser to use."
        ),
        click.option("--headed", is_flag=True, help="Show the browser."),
        click.option(
            "--slow", type=click.FloatRange(min=0, max=60), metavar="SECONDS", help="Wait before each action, to watch."
        ),
        click.option("--window", callback=window_size, metavar="1280x900", help="The size of the browser's window."),
        click.option(
            "--grid", callback=_address, metavar="URL", help="Use a browser of this Selenium Grid, on its machine."
        ),
        click.option("--by-hand", is_flag=True, help="Go through the pages yourself; flowrun takes the callback."),
    ]
    wrapped: Callable[..., Any] = command
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def settings_of(plans: Sequence[Visitor], session: Session, options: BrowserOptions) -> BrowserSettings:
    """Return the browser that these plans would have, whether they need one or not.

    The command line goes first, then the first environment that says something. A run has one browser.
    """
    from flowrun.browser import BrowserSettings  # noqa: PLC0415  most commands need no browser

    environments = {id(plan.environment): plan.environment for plan in plans if plan.visits}
    plain, said = BrowserSettings(), [one.browser for one in environments.values()]
    merged = {
        field.name: next(
            (value for one in said if (value := getattr(one, field.name)) != getattr(plain, field.name)),
            getattr(plain, field.name),
        )
        for field in fields(BrowserSettings)
    }
    arguments = dict.fromkeys(argument for one in said for argument in one.arguments)
    settings = BrowserSettings(
        **{
            **merged,
            "arguments": (*arguments, *session.browser_arguments(environments.values())),
            "insecure": any(not one.tls.verify for one in environments.values()),
        }
    )
    changes: dict[str, Any] = {
        "name": options.browser,
        "slow": options.slow,
        "window": options.window,
        "grid": options.grid,
        "headless": False if options.headed else None,
        "by_hand": options.by_hand or None,
    }
    return replace(settings, **{name: value for name, value in changes.items() if value is not None})


def asks_a_person(plans: Sequence[Visitor], options: BrowserOptions) -> bool:
    """Tell whether a person has to do something during the run: then nothing on the terminal may move."""
    return any(options.by_hand or by_hand for plan in plans for by_hand in plan.visits)


def needs_browser(plans: Sequence[Visitor], options: BrowserOptions) -> bool:
    """Tell whether a browser is to be started for these plans."""
    return not options.by_hand and not all(by_hand for plan in plans for by_hand in plan.visits)
