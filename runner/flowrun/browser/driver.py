"""The browser itself: one session, cleared between scenarios, ended without remains."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Self

from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import HTTPError

from flowrun.browser import complaints
from flowrun.browser.cdp import CdpGone
from flowrun.browser.model import PLAIN, BrowserMissing, BrowserSettings, Callback, Manner, PageVisit, Path, Walk
from flowrun.browser.router import Request, Walker
from flowrun.browser.screen import NotNowError, Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType, TracebackType
    from typing import Any

    from selenium.webdriver.remote.webdriver import WebDriver

    from flowrun.browser.launch import Launched
    from flowrun.browser.model import Hop
    from flowrun.browser.watch import Watch


HEADED = "leave out --headed (headed: true in the environment file), or run flowrun on a desktop"


WALK_ENDS_SECONDS = 2.0


def start(settings: BrowserSettings) -> Browser:
    """Start the browser; BrowserMissing when it is absent or does not start. Interrupted, it leaves nothing behind."""
    kind = _kind(settings)
    launched: Launched | None = None
    try:
        if settings.grid is not None:
            driver, watch = kind.connect_grid(settings, settings.grid)
            return Browser(None, driver, watch, settings.slow)
        require_screen(settings)
        launched = kind.launch(settings)
        driver, watch = kind.connect(settings, launched)
        return Browser(launched, driver, watch, settings.slow)
    except (CdpGone, OSError) as error:
        _end(launched)
        raise BrowserMissing("the browser ended right after its start", facts=(("it said", str(error)),)) from error
    except BaseException:
        _end(launched)
        raise


def _kind(settings: BrowserSettings) -> ModuleType:
    if settings.name == "firefox":
        from flowrun.browser import firefox  # noqa: PLC0415  each loads its own half of selenium

        return firefox
    from flowrun.browser import chromium  # noqa: PLC0415

    return chromium


def require_screen(settings: BrowserSettings, hint: str = HEADED) -> None:
    """Raise BrowserMissing where a browser is to be seen and there is no screen; the hint says what to do then."""
    if settings.headless or sys.platform != "linux" or os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}:
        return
    title = "a browser that is to be seen needs a screen, and there is none here (DISPLAY is not set)"
    raise BrowserMissing(title, hint=hint)


def _end(launched: Launched | None) -> None:
    if launched is not None:
        launched.close()


class Browser:
    """One running browser; use it as a context manager. `walk` and `clear` from one thread, `close` from any."""

    def __init__(self, launched: Launched | None, driver: WebDriver, capture: Watch, slow: float = 0.0) -> None:
        """Take over what `start` began; nothing was launched here when the browser is a Grid's."""
        self._launched = launched
        self._driver = driver
        self._capture = capture
        self._slow = slow
        self._closing = threading.Lock()
        self._walking = threading.Lock()
        self._closed = False
        self._stopped: tuple[str, tuple[Hop, ...]] | None = (
            None  # the tab in which a walk was to stop, and the way there
        )
        self._screen = Screen(driver, capture)
        capture.await_tab(self._screen.target)

    @property
    def alive(self) -> bool:
        """Whether the browser still runs; a dead one cannot be revived, open another."""
        return not self._closed and self._capture.alive

    @property
    def debugger_address(self) -> str:
        """Where Chromium's own protocol is to be had, `host:port`; BrowserMissing for any other browser."""
        address = (self._driver.capabilities.get("goog:chromeOptions") or {}).get("debuggerAddress")
        if not address or self._launched is None:
            raise BrowserMissing("recording needs a Chrome or Chromium on this machine")
        return str(address)

    @property
    def callback(self) -> Callback | None:
        """What the browser has set out for the redirect_uri with, if it has."""
        return self._capture.callback

    @property
    def windows(self) -> int:
        """How many tabs and windows are open."""
        return len(self._capture.targets())

    def go(self, url: str, *, redirect_uri: str) -> None:
        """Open a URL and leave the rest to somebody else; `callback` tells when the redirect_uri was reached."""
        self._capture.begin(redirect_uri, self._screen.target)
        self._capture.go(self._screen.target, url)

    def walk(
        self,
        url: str,
        *,
        redirect_uri: str,
        pages: Mapping[str, Mapping[str, Any]],
        fill: Callable[[object, Path], Any],
        answers: Mapping[str, str],
        page_seconds: float,
        total_seconds: float,
        tell: Callable[[PageVisit], None],
        keep: Callable[[str, str], None] = lambda _name, _text: None,
        pictures: bool = False,
        manner: Manner = PLAIN,
        personal: tuple[str, ...] = (),
    ) -> Walk:
        """Open `url` and do the pages until the browser is sent to the redirect_uri or a page `means: refused`.

        `pages` is the environment file's `pages` as written; `fill` fills the holes of a value, its second argument is
        the value's path inside `pages`, and it is called for actions only when their page is met. `answers` names the
        answer for each page that has some. `page_seconds` is how long a page may take to come, an action to succeed
        and a page to change; `total_seconds` bounds the walk. `tell` hears of each page that was done, `keep` of each
        name and text that `read` reads. `pictures` takes a screenshot of every page, not only of the one that it ends
        on. `manner` says what is done besides; words that are `personal` recognise no page that a message suggests.
        Raises BrowseError.
        """
        stopped = self._stopped if manner.resume else None
        request = Request(
            url=url,
            redirect_uri=redirect_uri,
            pages=pages,
            fill=fill,
            answers=answers,
            page_seconds=page_seconds,
            total_seconds=total_seconds,
            tell=tell,
            keep=keep,
            pictures=pictures,
            slow=self._slow,
            manner=manner,
            personal=personal,
            before=stopped[1] if stopped else (),
        )
        try:
            with self._walking:
                self._choose_tab(manner)
                walk = Walker(self._screen, request).run()
        except (CdpGone, NotNowError) as error:
            self._capture.crashed = True
            raise complaints.crashed() from error
        if manner.stop:
            self._stopped = (self._screen.target, walk.hops)
        return walk

    def _choose_tab(self, manner: Manner) -> None:
        """Go on in the tab where a walk was to stop, or beside it: it stays as it is until somebody resumes there."""
        if manner.resume:
            stopped, self._stopped = self._stopped, None
            if stopped is None or not self._screen.go_back_to(stopped[0]):
                raise complaints.no_tab()
        elif self._stopped:
            self._screen.open_beside()

    def clear(self) -> None:
        """Forget cookies, storage, cache and further windows, so that the next scenario meets a new browser.

        One that was just started has nothing to forget.

        The tab is replaced by a new one: what a page keeps for its tab goes with it. Raises BrowseError when the
        browser is gone.
        """
        if self._screen.fresh:
            return
        self._stopped = None
        try:
            self._screen.clear()
        except (CdpGone, NotNowError) as error:
            self._capture.crashed = True
            raise complaints.crashed() from error

    def close(self) -> None:
        """End the browser and everything it started. Twice does no harm; any thread may do it."""
        with self._closing:
            closed, self._closed = self._closed, True
            if self._launched is not None:
                self._launched.close()
            elif not closed:
                # A walk ends when it sees that nothing is watched any more. What it asks a Grid that is told to quit
                # meanwhile would never be answered.
                self._capture.close()
                if self._walking.acquire(timeout=WALK_ENDS_SECONDS):
                    self._walking.release()
                with contextlib.suppress(WebDriverException, HTTPError, OSError):
                    self._driver.quit()  # or its slot in the Grid stays taken
            self._capture.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
