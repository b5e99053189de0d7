"""What the browser is asked for and what it gives back: plain frozen values, no library behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowrun.errors import NO_BROWSER, StepError

Path = tuple[str | int, ...]
Hop = tuple[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSettings:
    """How the browser is started.

    `window` is width and height in CSS pixels; `arguments` are further Chromium switches, as written on a command
    line; `insecure` accepts certificates that nobody vouches for; `binary` and `driver` are paths of Chromium and
    chromedriver, else FLOWRUN_CHROME and FLOWRUN_CHROMEDRIVER, else what the search path has.
    """

    headless: bool = True
    window: tuple[int, int] = (1280, 900)
    arguments: tuple[str, ...] = ()
    insecure: bool = False
    binary: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """The authorization response, taken at the navigation to the redirect_uri (RFC 6749, section 4.1.2).

    `params` are all pairs in their order, duplicates and members of the registered URI included; `dropped` names
    the query members of the registered redirect_uri that the server left out (RFC 6749, section 3.1.2).
    """

    url: str
    place: Literal["query", "fragment", "form_post"]
    params: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """One page as the person would have met it.

    `name` is the page's name in the environment file, empty for a page nobody described; `status` that of the main
    document, None when it was not seen; `text` the visible text without what fields hold; `screenshot` a PNG with
    password fields masked; `seconds` from leaving the page before until this one was done.
    """

    name: str
    url: str
    title: str
    heading: str
    status: int | None
    text: str
    screenshot: bytes | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a walk through the pages ended: with a callback, or on a page that `means: refused`.

    `hops` are the main documents in their order with their HTTP status, every tab's; the redirect_uri, when it was
    reached, is the last, without its parameters.
    """

    callback: Callback | None
    pages: tuple[PageVisit, ...]
    refused: PageVisit | None
    hops: tuple[Hop, ...]


class BrowseError(StepError):
    """The walk could not go on. `page` is the page it stood on, with a screenshot, when there was one.

    `pages` and `hops` are the way up to there (as in Walk).
    """

    page: PageVisit | None = None
    pages: tuple[PageVisit, ...] = ()
    hops: tuple[Hop, ...] = ()


class BrowserMissing(StepError):  # noqa: N818 - the name says what is, as in the message
    """Chromium or chromedriver is absent or does not start."""

    def __init__(self, title: str, *, label: str = "", hint: str = "", facts: tuple[tuple[str, str], ...] = ()) -> None:
        """Take the words; code and exit code are always the same."""
        super().__init__("no-browser", title, label=label, hint=hint, facts=facts, exit_code=NO_BROWSER)
