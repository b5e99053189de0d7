"""What the settings of a browser change: the headless shell, contexts, a proxy, slowness, the size of the window."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.test_processes import left, wait_until_gone

from flowrun.browser import BrowserMissing, BrowserSettings, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Server

    from flowrun.browser import Walk
    from flowrun.browser.driver import Browser

STATE = {"state": {"shows": {"heading": "State"}, "do": [{"press": "Go"}]}}


def go(browser: Browser, url: str, pages: Any = STATE) -> Walk:
    return browser.walk(
        url,
        redirect_uri="https://app.invalid/cb",
        pages=pages,
        fill=lambda value, _path: value,
        answers={},
        page_seconds=20,
        total_seconds=60,
        tell=lambda _visit: None,
    )


@pytest.mark.browser
@pytest.mark.parametrize(
    "settings",
    [BrowserSettings(name="headless-shell"), BrowserSettings(isolation="context")],
    ids=["headless-shell", "contexts"],
)
def test_scenarios_do_not_see_each_other_and_nothing_is_left(server: Server, settings: BrowserSettings) -> None:
    with open_browser(settings) as browser:
        assert browser._launched is not None
        folder = str(browser._launched.folder)
        for _ in range(3):
            browser.clear()
            assert go(browser, server.page("state")).pages[0].text.splitlines()[1] == "seen:0"
            assert browser.windows == 1
        assert go(browser, server.page("state")).pages[0].text.splitlines()[1] == "seen:3"
        assert left(folder)
    wait_until_gone(folder)


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers everything itself with a page; the addresses that it was asked for."""
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            form = b"<form action=https://app.invalid/cb><input name=code value=C><button>Go</button></form>"
            body = b"<h1>State</h1><p>by proxy" + form
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.browser
@pytest.mark.parametrize("name", ["chrome", "firefox"])
def test_the_browser_goes_through_the_proxy_at_its_pace_in_its_window(proxy: tuple[str, list[str]], name: Any) -> None:
    address, asked = proxy
    settings = BrowserSettings(name=name, proxy=address, slow=0.7, window=(900, 700))
    with open_browser(settings) as browser:
        browser.clear()
        before = time.monotonic()
        walk = go(browser, "http://bank.invalid/login")
        assert time.monotonic() - before > 0.7
        width = browser._driver.get_window_size()["width"]
    assert "by proxy" in walk.pages[0].text
    assert asked[0] == "http://bank.invalid/login"
    assert width == 900


def test_a_window_needs_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(BrowserMissing, match="needs a screen, and there is none here"):
        open_browser(BrowserSettings(headless=False))
