"""Firefox walks through the same pages, and takes the callback the same ways."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.conftest import PASSWORD, REDIRECT
from tests.browser.test_processes import left, wait_until_gone

from flowrun.browser import BrowseError, BrowserMissing, BrowserSettings, open_browser
from flowrun.browser.firefox import find_programs
from flowrun.errors import NO_BROWSER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.conftest import Server

    from flowrun.browser import Walk
    from flowrun.browser.driver import Browser

LOGIN = {
    "login": {
        "shows": {"field": "User name"},
        "do": [{"fill": {"User name": "älice", "Password": PASSWORD}}, {"press": "Sign in"}],
    },
    "start": {"shows": {"heading": "Start"}, "do": [{"press": "Sign in with the bank"}]},
}
FIREFOX = BrowserSettings(name="firefox")
browser_test = pytest.mark.browser


@pytest.fixture(scope="module")
def firefox() -> Iterator[Browser]:
    with open_browser(FIREFOX) as browser:
        yield browser


def go(browser: Browser, url: str, pages: Any = LOGIN, **changes: Any) -> Walk:
    defaults: dict[str, Any] = {
        "redirect_uri": REDIRECT,
        "fill": lambda value, _path: value,
        "answers": {},
        "page_seconds": 15.0,
        "total_seconds": 60.0,
        "tell": lambda _visit: None,
    }
    browser.clear()
    return browser.walk(url, pages=pages, **{**defaults, **changes})


@browser_test
def test_an_error_without_a_body_is_a_page(firefox: Browser, server: Server) -> None:
    with pytest.raises(BrowseError) as caught:
        go(firefox, f"{server.url}/empty-400")
    assert (caught.value.code, caught.value.place) == ("page-error", "page")


@browser_test
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_the_callback_is_taken_before_any_network(firefox: Browser, server: Server, mode: str) -> None:
    server.mode = mode
    walk = go(firefox, server.page("plain"))
    assert walk.callback is not None
    assert (walk.callback.place, dict(walk.callback.params)["code"]) == (mode, "C0DE")
    assert [(hop.url.removeprefix(server.url), hop.status) for hop in walk.hops] == [
        ("/zoo/plain", 200),
        ("/done", 200 if mode == "form_post" else 302),
        (REDIRECT, None),
    ]
    assert server.received[0] == {"user": "älice", "pw": PASSWORD}


@browser_test
@pytest.mark.parametrize("to", ["myapp://cb", "http://127.0.0.1:9/cb", "http://localhost:47/cb?x=1"])
def test_a_redirect_that_firefox_would_not_follow_is_taken_too(firefox: Browser, server: Server, to: str) -> None:
    server.to = to
    walk = go(firefox, server.page("plain"), redirect_uri=to)
    assert walk.callback is not None
    assert dict(walk.callback.params)["code"] == "C0DE"


@browser_test
@pytest.mark.parametrize("page", ["iframe", "shadow", "popup", "rerender", "overlay"])
def test_pages_of_the_zoo(firefox: Browser, server: Server, page: str) -> None:
    assert go(firefox, server.page(page)).callback is not None
    assert server.received[-1]["pw"] == PASSWORD


@browser_test
def test_scenarios_do_not_see_each_other(firefox: Browser, server: Server) -> None:
    pages = {"state": {"shows": {"heading": "State"}, "do": [{"press": "Go"}]}}
    assert [go(firefox, server.page("state"), pages).pages[0].text.splitlines()[1] for _ in range(2)] == ["seen:0"] * 2
    assert len(firefox._driver.window_handles) == 1


@browser_test
def test_pictures_and_statuses(firefox: Browser, server: Server) -> None:
    (visit,) = go(firefox, server.page("plain"), pictures=True).pages
    assert visit.screenshot is not None
    assert visit.screenshot.startswith(b"\x89PNG")
    with pytest.raises(BrowseError) as caught:
        go(firefox, f"{server.url}/json")
    assert (caught.value.code, caught.value.error) == ("page-error", "invalid_request_uri")


@browser_test
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://nowhere.invalid/", "its name does not resolve"),
        ("http://127.0.0.1:44449/", r"nothing listens there \(connection refused\)"),
    ],
)
def test_what_cannot_be_reached_is_said_as_with_chromium(firefox: Browser, url: str, words: str) -> None:
    with pytest.raises(BrowseError, match=words) as caught:
        go(firefox, url)
    assert caught.value.code == "unreachable"


@browser_test
@pytest.mark.parametrize("victim", ["geckodriver", "firefox"])
def test_a_firefox_that_dies_is_noticed_and_leaves_nothing(server: Server, victim: str) -> None:
    with open_browser(FIREFOX) as browser:
        assert browser._launched is not None
        folder = str(browser._launched.folder)

        def kill(_visit: object) -> None:
            for line in left(folder):
                pid = int(line.split()[0])
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if victim.encode() in words[0] and b"-contentproc" not in words:
                    os.kill(pid, signal.SIGKILL)

        pages = {"dead": {"shows": {"heading": "Dead end"}, "do": [{"press": "Continue"}]}}
        with pytest.raises(BrowseError) as caught:
            go(browser, server.page("dead"), pages, tell=kill)
        assert (caught.value.code, caught.value.exit_code) == ("browser-crashed", NO_BROWSER)
        assert not browser.alive
    wait_until_gone(folder)


def test_a_missing_firefox_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FLOWRUN_FIREFOX", raising=False)
    monkeypatch.delenv("FLOWRUN_GECKODRIVER", raising=False)
    monkeypatch.setattr("flowrun.browser.firefox.find_spec", lambda _name: None)
    with pytest.raises(BrowserMissing) as caught:
        find_programs(FIREFOX)
    assert caught.value.title == "the browse step needs Firefox and geckodriver, not found on this machine"
    assert "pip install 'flowrun-oauth[firefox]'" in caught.value.hint


def test_the_driver_of_the_extra_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FLOWRUN_FIREFOX", "/bin/sh")
    monkeypatch.delenv("FLOWRUN_GECKODRIVER", raising=False)
    found: Callable[[BrowserSettings], Any] = find_programs
    assert Path(found(FIREFOX).driver).name.startswith("geckodriver_")
