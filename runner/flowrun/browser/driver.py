"""The browser itself: a session on chromedriver, cleared between scenarios, ended without remains."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Self

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError

from flowrun.browser.capture import Capture
from flowrun.browser.cdp import CdpGone, socket_address
from flowrun.browser.launch import Launched, find_programs
from flowrun.browser.model import BrowserMissing, BrowserSettings, PageVisit, Path, Walk
from flowrun.browser.router import Request, Walker
from flowrun.browser.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any

COMMAND_SECONDS = 30
SCRIPT_MILLISECONDS = 5_000  # a script is kept back while a navigation is under way; then look again
BLANK_START = {"session.restore_on_startup": 4, "session.startup_urls": ["about:blank"]}  # else a new-tab page is drawn
SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--disable-client-side-phishing-detection",
    "--disable-breakpad",
    "--disable-search-engine-choice-screen",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-features=Translate,OptimizationHints,MediaRouter,PasswordLeakDetection,HttpsUpgrades",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--mute-audio",
)


def start(settings: BrowserSettings) -> Browser:
    """Start Chromium; BrowserMissing when it is absent or does not start. Interrupted, it leaves nothing behind."""
    programs = find_programs(settings)
    launched = Launched(programs.driver)
    try:
        driver = _session(
            launched, _options(settings, programs.browser, str(launched.folder / "profile")), programs.browser
        )
        capture = Capture(socket_address(driver.capabilities["goog:chromeOptions"]["debuggerAddress"]))
        return Browser(launched, driver, capture)
    except (CdpGone, OSError) as error:
        launched.close()
        raise BrowserMissing("the browser ended right after its start", facts=(("it said", str(error)),)) from error
    except BaseException:
        launched.close()
        raise


def _session(launched: Launched, options: Options, browser: str) -> WebDriver:
    client = ClientConfig(
        f"http://127.0.0.1:{launched.port}",
        timeout=COMMAND_SECONDS,
        init_args_for_pool_manager={"init_args_for_pool_manager": {"retries": False}},  # it is there or it is gone
    )
    connection = RemoteConnection(client_config=client, ignore_proxy=True)
    connection.extra_headers = None
    try:
        return WebDriver(command_executor=connection, options=options)
    except (WebDriverException, HTTPError, OSError) as error:
        said = (getattr(error, "msg", None) or str(error)).splitlines() or [""]
        hint = "Chromium and chromedriver have to be of one version: apt-get install chromium chromium-driver"
        if "only supports Chrome version" not in said[0]:
            hint = f"try it by hand: {browser} --headless=new --no-sandbox --dump-dom about:blank"
        facts = (("it said", said[0]), *launched.last_words())
        raise BrowserMissing(f"{browser} does not start", facts=facts, hint=hint) from error


def _options(settings: BrowserSettings, browser: str, profile: str) -> Options:
    options = Options()
    options.binary_location = browser
    options.page_load_strategy = "none"  # pages are watched, not waited for
    options.unhandled_prompt_behavior = "accept"
    options.accept_insecure_certs = settings.insecure
    options.add_experimental_option("prefs", BLANK_START)
    options.timeouts = {"script": SCRIPT_MILLISECONDS}
    width, height = settings.window
    arguments = [*SWITCHES, f"--window-size={width},{height}", f"--user-data-dir={profile}"]
    if settings.headless:
        arguments.append("--headless=new")
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses its sandbox to root
    for argument in (*arguments, *settings.arguments):
        options.add_argument(argument)
    return options


class Browser:
    """One running browser; use it as a context manager. `walk` and `clear` from one thread, `close` from any."""

    def __init__(self, launched: Launched, driver: WebDriver, capture: Capture) -> None:
        """Take over what `start` began."""
        self._launched = launched
        self._driver = driver
        self._capture = capture
        self._closing = threading.Lock()
        self._closed = False
        self._screen = Screen(driver, capture)
        capture.await_tab(self._screen.target)

    @property
    def alive(self) -> bool:
        """Whether the browser still runs; a dead one cannot be revived, open another."""
        return not self._closed and self._capture.alive

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
        pictures: bool = False,
    ) -> Walk:
        """Open `url` and do the pages until the browser is sent to the redirect_uri or a page `means: refused`.

        `pages` is the environment file's `pages` as written; `fill` fills the holes of a value, its second argument is
        the value's path inside `pages`, and it is called for actions only when their page is met. `answers` names the
        answer for each page that has some. `page_seconds` is how long a page may take to come, an action to succeed
        and a page to change; `total_seconds` bounds the walk. `tell` hears of each page that was done. `pictures`
        takes a screenshot of every page, not only of the one that it ends on. Raises BrowseError.
        """
        request = Request(
            url=url,
            redirect_uri=redirect_uri,
            pages=pages,
            fill=fill,
            answers=answers,
            page_seconds=page_seconds,
            total_seconds=total_seconds,
            tell=tell,
            pictures=pictures,
        )
        return Walker(self._screen, request).run()

    def clear(self) -> None:
        """Forget cookies, storage, cache and further windows, so that the next scenario meets a new browser.

        The tab is replaced by a new one: what a page keeps for its tab goes with it. Raises BrowseError when the
        browser is gone.
        """
        self._screen.clear()

    def close(self) -> None:
        """End the browser and everything it started. Twice does no harm; any thread may do it."""
        with self._closing:
            self._closed = True
            self._launched.close()
            self._capture.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
