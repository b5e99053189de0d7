"""A WebDriver session: on a driver that flowrun has started, or on a Selenium Grid."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError

from flowrun.browser.model import BrowserMissing, BrowserSettings

if TYPE_CHECKING:
    from selenium.webdriver.common.options import ArgOptions

    from flowrun.browser.launch import Launched

COMMAND_SECONDS = 30
QUEUE_SECONDS = 120  # a Grid whose slots are taken lets a session wait
SCRIPT_MILLISECONDS = 5_000  # a script is kept back while a navigation is under way; then look again


def prepare(options: ArgOptions, settings: BrowserSettings) -> None:
    """Set what every browser is told alike."""
    options.page_load_strategy = "none"  # pages are watched, not waited for
    options.unhandled_prompt_behavior = "accept"
    options.accept_insecure_certs = settings.insecure
    options.timeouts = {"script": SCRIPT_MILLISECONDS}
    if settings.proxy:
        options.proxy = _proxy(settings.proxy)


def _proxy(url: str) -> Proxy:
    parts = urlsplit(url)
    raw: dict[str, object] = {"proxyType": ProxyType.MANUAL}
    if parts.scheme == "socks5":
        raw |= {"socksProxy": parts.netloc, "socksVersion": 5}
    else:
        raw |= {"httpProxy": parts.netloc, "sslProxy": parts.netloc}
    return Proxy(raw)


def local(launched: Launched, options: ArgOptions, browser: str, *, wrong_version: str, by_hand: str) -> WebDriver:
    """Open a session on a driver of ours; BrowserMissing when the browser does not start.

    `wrong_version` is what to do when driver and browser do not fit, `by_hand` a command line to try.
    """
    try:
        return _session(f"http://127.0.0.1:{launched.port}", options, COMMAND_SECONDS, ignore_proxy=True)
    except (WebDriverException, HTTPError, OSError) as error:
        said = _words(error)
        hint = wrong_version if "only supports Chrome version" in said else f"try it by hand: {by_hand}"
        raise BrowserMissing(
            f"{browser} does not start", facts=(("it said", said), *launched.last_words()), hint=hint
        ) from error


def on_grid(url: str, options: ArgOptions) -> WebDriver:
    """Open a session on a Grid; BrowserMissing when it is not there or has no such browser."""
    try:
        return _session(url, options, QUEUE_SECONDS, ignore_proxy=False)
    except (HTTPError, OSError) as error:
        raise BrowserMissing(
            f"no Selenium Grid answers at {url}",
            facts=(("it said", _words(error)),),
            hint="is it running, and is the address right? It looks like http://grid.example:4444",
        ) from error
    except WebDriverException as error:
        raise BrowserMissing(
            f"the Grid at {url} gives no browser",
            facts=(("it said", _words(error)),),
            hint="look at the Grid's own page, which lists its browsers; one asks for another with --browser",
        ) from error


def socket_of(driver: WebDriver, capability: str, grid: str) -> list[str]:
    """Return the addresses at which a Grid's websocket may be reached: as it says, then at the Grid's own address.

    A Grid in a container names its own side of the network.
    """
    said = str(driver.capabilities.get(capability) or "")
    if not said:
        raise BrowserMissing(
            f"the Grid at {grid} offers no websocket ({capability}) for this browser",
            hint="flowrun needs Selenium Grid 4 with Chromium or Firefox, started without --no-cdp",
        )
    parts, ours = urlsplit(said), urlsplit(grid)
    other = parts._replace(scheme="wss" if ours.scheme == "https" else "ws", netloc=ours.netloc.rpartition("@")[2])
    return list(dict.fromkeys((said, other.geturl())))


def _session(url: str, options: ArgOptions, seconds: int, *, ignore_proxy: bool) -> WebDriver:
    client = ClientConfig(
        url,
        timeout=seconds,
        init_args_for_pool_manager={"init_args_for_pool_manager": {"retries": False}},  # it is there or it is gone
    )
    connection = RemoteConnection(client_config=client, ignore_proxy=ignore_proxy)
    connection.extra_headers = None
    return WebDriver(command_executor=connection, options=options)


def _words(error: Exception) -> str:
    return ((getattr(error, "msg", None) or str(error)).splitlines() or [""])[0]
