"""Chromium, Chrome, and Chromium's headless shell: where they are, how they are started, how they are watched."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from selenium.webdriver.chrome.options import Options

from flowrun.browser import remote
from flowrun.browser.capture import Capture
from flowrun.browser.cdp import CdpGone, socket_address
from flowrun.browser.launch import Launched, Programs, first, named
from flowrun.browser.model import BrowserMissing, BrowserSettings

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
# Debian's launchers are shell scripts that first ask what the machine is. The programs behind them start 60 ms sooner,
# and a script leaves the headless shell behind when the driver ends.
BEHIND_LAUNCHER = {
    "/usr/bin/chromium": "/usr/lib/chromium/chromium",
    "/usr/bin/chromium-headless-shell": "/usr/lib/chromium/chromium-headless-shell",
}
INSTALL = "on Debian or Ubuntu, as root: apt-get install chromium chromium-driver"
INSTALL_SHELL = "on Debian, as root: apt-get install chromium-headless-shell chromium-driver"
BLANK_START = {"session.restore_on_startup": 4, "session.startup_urls": ["about:blank"]}  # else a new-tab page is drawn
FEATURES_OFF = (
    "Translate",
    "OptimizationHints",
    "MediaRouter",
    "PasswordLeakDetection",
    "HttpsUpgrades",
    "WebUIOmniboxPopup",  # else every window loads the list of the address bar, which takes longer than any page
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",  # else a process is started for each tab that nobody uses
    "NetworkTimeServiceQuerying",  # else it asks its maker what time it is
)
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
    f"--disable-features={','.join(FEATURES_OFF)}",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--mute-audio",
)


def find_programs(settings: BrowserSettings) -> Programs:
    """Look for both programs; raise BrowserMissing naming every one that is not there."""
    shell = settings.name == "headless-shell"
    word, install = ("Chromium's headless shell", INSTALL_SHELL) if shell else ("Chromium", INSTALL)
    browser = named(settings.binary, "" if shell else "FLOWRUN_CHROME", word, install)
    browser = browser or _behind(first(SHELLS if shell else BROWSERS))
    driver = named(settings.driver, "FLOWRUN_CHROMEDRIVER", "chromedriver", install) or first(("chromedriver",))
    if browser and driver:
        return Programs(browser, driver)
    missing = [word for word, found in ((word, browser), ("chromedriver", driver)) if not found]
    variables = "browser: {binary: …} in the environment file" if shell else "FLOWRUN_CHROME and FLOWRUN_CHROMEDRIVER"
    raise BrowserMissing(
        f"the browse step needs {' and '.join(missing)}, not found on this machine",
        hint=f"{install}\nor say where they are: {variables}",
    )


def _behind(launcher: str) -> str:
    behind = BEHIND_LAUNCHER.get(launcher, "")
    return behind if os.access(behind, os.X_OK) else launcher


def launch(settings: BrowserSettings) -> Launched:
    """Start chromedriver."""
    return Launched(find_programs(settings).driver, ["--port=0"], INSTALL)


def connect(settings: BrowserSettings, launched: Launched) -> tuple[WebDriver, Capture]:
    """Start the browser on our driver, and watch it."""
    browser = find_programs(settings).browser
    options = _options(settings)
    options.binary_location = browser
    if settings.name != "headless-shell":  # given a profile of ours, that one hangs for a minute
        options.add_argument(f"--user-data-dir={launched.folder / 'profile'}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses its sandbox to root
    driver = remote.local(
        launched,
        options,
        browser,
        wrong_version="Chromium and chromedriver have to be of one version: apt-get install chromium chromium-driver",
        by_hand=f"{browser} --headless=new --no-sandbox --dump-dom about:blank",
    )
    return driver, Capture(
        socket_address(driver.capabilities["goog:chromeOptions"]["debuggerAddress"]), contexts=_contexts(settings)
    )


def connect_grid(settings: BrowserSettings, grid: str) -> tuple[WebDriver, Capture]:
    """Start the browser on a Grid, and watch it through the websocket that the Grid gives."""
    if settings.name == "headless-shell":
        raise BrowserMissing("a Grid has chrome and firefox, no headless-shell", hint="leave out one of the two")
    driver = remote.on_grid(grid, _options(settings))
    try:
        return driver, _watch(remote.socket_of(driver, "se:cdp", grid), contexts=_contexts(settings))
    except BaseException:
        driver.quit()  # or its slot stays taken
        raise


def _watch(addresses: list[str], *, contexts: bool) -> Capture:
    for address in addresses[:-1]:
        with contextlib.suppress(CdpGone):
            return Capture(address, contexts=contexts)
    return Capture(addresses[-1], contexts=contexts)


def _contexts(settings: BrowserSettings) -> bool:
    return settings.isolation == "context"


def _options(settings: BrowserSettings) -> Options:
    options = Options()
    remote.prepare(options, settings)
    preferences: dict[str, Any] = dict(BLANK_START)
    options.add_experimental_option("prefs", preferences)
    width, height = settings.window
    for argument in (*SWITCHES, f"--window-size={width},{height}"):
        options.add_argument(argument)
    if settings.headless and settings.name != "headless-shell":
        options.add_argument("--headless=new")
    for argument in settings.arguments:
        options.add_argument(argument)
    return options
