from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from selenium.common.exceptions import WebDriverException
from tests.browser.conftest import wait_for

from flowrun.browser import BrowserSettings, open_browser
from flowrun.session import Session

if TYPE_CHECKING:
    from tests.browser.conftest import Server

    from flowrun.browser.driver import Browser

pytestmark = pytest.mark.browser

STATE = {"state": {"shows": {"heading": "State"}, "do": [{"press": "Go"}]}}


def seen(done: Any) -> str:
    return done.pages[0].text.splitlines()[1]


def test_cookies_and_storage_stay_until_they_are_cleared(walk: Any, browser: Browser, server: Server) -> None:
    assert seen(walk(server.page("state"), STATE)) == "seen:0"
    assert seen(walk(server.page("state"), STATE)) == "seen:3"
    browser.clear()
    assert seen(walk(server.page("state"), STATE)) == "seen:0"


def test_a_cleared_browser_has_one_tab(walk: Any, browser: Browser, server: Server) -> None:
    pages = {
        "start": {"shows": {"heading": "Start"}, "do": [{"press": "Sign in with the bank"}]},
        "login": {"shows": {"field": "User name"}, "do": [{"press": "Sign in"}]},
    }
    walk(server.page("popup"), pages)
    browser.clear()
    browser.clear()
    assert len(browser._driver.window_handles) == 1
    assert browser._driver.current_url == "about:blank"
    assert seen(walk(server.page("state"), STATE)) == "seen:0"


@pytest.mark.parametrize("how", ["crashed", "hangs"])
def test_a_browser_in_pieces_is_replaced_for_the_next_scenario(server: Server, how: str) -> None:
    session = Session()
    try:
        first = session.empty_browser(BrowserSettings())
        driver = first._driver
        driver.get(server.page("busy"))
        if how == "hangs":
            wait_for(driver, "css", "button").click()
        else:
            with contextlib.suppress(WebDriverException):
                driver.get("chrome://crash")
            until = time.monotonic() + 20
            while first.alive and time.monotonic() < until:
                first._screen.capture.pause(0.05)
        second = session.empty_browser(BrowserSettings())
        done = second.walk(
            server.page("state"),
            redirect_uri="https://app.invalid/cb",
            pages=STATE,
            fill=lambda value, _path: value,
            answers={},
            page_seconds=20.0,
            total_seconds=30.0,
            tell=lambda _visit: None,
        )
    finally:
        session.close()
    assert seen(done) == "seen:0"
    assert second.alive is False  # closed with the session, and the first with it
    assert first.alive is False


def test_passwords_are_masked_in_pictures_and_the_page_is_left_as_it_was(
    walk: Any, browser: Browser, server: Server
) -> None:
    walk(server.page("plain"), {"login": {"shows": {"field": "Password"}, "do": [{"press": "Sign in"}]}})
    browser.clear()  # the page that the walk ended on may still be on its way
    driver = browser._driver
    driver.get(server.page("plain"))
    field = wait_for(driver, "css", "[name=pw]")
    field.send_keys("12345678")
    before = driver.page_source
    short = browser._screen.picture()
    driver.execute_script("document.activeElement.blur()")
    field.send_keys("901234567890")
    driver.execute_script("document.activeElement.blur()")
    assert driver.page_source == before
    browser._screen._run("mask")
    colour = "return getComputedStyle(document.querySelector('[name=pw]')).webkitTextFillColor"
    assert driver.execute_script(colour) == "rgba(0, 0, 0, 0)"
    browser._screen._run("unmask")
    assert driver.execute_script(colour) == "rgb(0, 0, 0)"
    assert driver.page_source == before
    assert short


def test_a_context_is_made_ahead_and_is_no_window_until_it_is_needed(server: Server) -> None:
    pages = {
        "start": {"shows": {"heading": "Start"}, "do": [{"press": "Sign in with the bank"}]},
        "login": {"shows": {"field": "User name"}, "do": [{"press": "Sign in"}]},
        **STATE,
    }
    with open_browser(BrowserSettings(isolation="context")) as browser:

        def go(name: str) -> Any:
            return browser.walk(
                server.page(name),
                redirect_uri="https://app.invalid/cb",
                pages=pages,
                fill=lambda value, _path: value,
                answers={},
                page_seconds=20.0,
                total_seconds=30.0,
                tell=lambda _visit: None,
            )

        for _ in range(3):
            assert seen(go("state")) == "seen:0"
            assert seen(go("state")) == "seen:3"
            assert [visit.name for visit in go("popup").pages] == ["start", "login"]  # the newest window is followed
            assert browser.windows == 2
            browser.clear()
            assert browser.windows == 1
