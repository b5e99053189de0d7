"""What the browser is asked for and what it gives back: plain frozen values, no library behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from flowrun.dataclass import dataclass
from flowrun.errors import NO_BROWSER, StepError

Path = tuple[str | int, ...]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Hop(NamedTuple):
    """One main document that the browser asked for, redirects included.

    `status` is None when no answer was seen; `headers` are the answer's, names in small letters, several of one name
    joined by a comma, without cookies; `method` is the request's. The redirect_uri, when it is reached, is a hop
    without parameters and answer.
    """

    url: str
    status: int | None = None
    headers: Mapping[str, str] = NO_HEADERS
    method: str = "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSettings:
    """Which browser, and how it is started.

    `name`: headless-shell is Chromium without what only a window needs. `window` is width and height in CSS pixels;
    `slow` are seconds to wait before each action, for people who watch; `isolation`: between scenarios Chromium is
    cleared of what it knows, or each has a context of its own, as it always has in Firefox; `proxy` is a URL (http or
    socks5); `arguments` are further switches, as written on the browser's command line; `insecure` accepts certificates
    that nobody vouches for. `grid` is the URL of a remote WebDriver, which then starts the browser on its machine.
    `by_hand`: no browser is driven, a person goes through the pages. `binary` and `driver` are paths, else the
    environment variables (FLOWRUN_CHROME, FLOWRUN_CHROMEDRIVER, FLOWRUN_FIREFOX, FLOWRUN_GECKODRIVER), else what the
    search path has.
    """

    name: Literal["chrome", "firefox", "headless-shell"] = "chrome"
    headless: bool = True
    window: tuple[int, int] = (1280, 900)
    slow: float = 0.0
    isolation: Literal["cleared", "context"] = "cleared"
    proxy: str | None = None
    arguments: tuple[str, ...] = ()
    insecure: bool = False
    grid: str | None = None
    by_hand: bool = False
    binary: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What a walk does besides going through: on its first page, before that page's actions, in this order.

    `hold` are seconds to stay there, waited with `pause`; `reload` loads the page anew; `stop` ends the walk there and
    leaves the tab open; `resume` goes on in that tab and opens nothing.
    """

    hold: float = 0.0
    reload: bool = False
    stop: bool = False
    resume: bool = False
    pause: Callable[[float], None] = time.sleep


PLAIN = Manner()


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
    """How a walk through the pages ended: with a callback, on a page that `means` an end, or where it was to stop.

    `hops` are the main documents in their order, every tab's; the redirect_uri, when it was reached, is the last.
    """

    callback: Callback | None
    pages: tuple[PageVisit, ...]
    refused: PageVisit | None
    hops: tuple[Hop, ...]
    done: PageVisit | None = None
    stopped: PageVisit | None = None


class BrowseError(StepError):
    """The walk could not go on. `page` is the page it stood on, with a screenshot, when there was one.

    `pages` and `hops` are the way up to there (as in Walk).
    """

    page: PageVisit | None = None
    pages: tuple[PageVisit, ...] = ()
    hops: tuple[Hop, ...] = ()


class BrowserMissing(StepError):  # noqa: N818 - the name says what is, as in the message
    """The browser or its driver is absent or does not start."""

    def __init__(self, title: str, *, label: str = "", hint: str = "", facts: tuple[tuple[str, str], ...] = ()) -> None:
        """Take the words; code and exit code are always the same."""
        super().__init__("no-browser", title, label=label, hint=hint, facts=facts, exit_code=NO_BROWSER)
