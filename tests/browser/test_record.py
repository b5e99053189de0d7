"""A recording: Selenium commands take the place of the person; the pages that are written are then walked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.browser.conftest import PASSWORD, REDIRECT, wait_for

from flowrun.browser import BrowserSettings, open_browser, record, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webdriver import WebDriver
    from tests.browser.conftest import Server

    from flowrun.browser.driver import Browser
    from flowrun.browser.written import Written

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def own() -> Iterator[Browser]:
    with open_browser(BrowserSettings()) as browser:
        yield browser


@pytest.fixture
def recorded(own: Browser) -> Callable[..., Written]:
    """Record what a person does who starts at a URL."""

    def run(url: str, person: Callable[[WebDriver], None], *, ends: str = "callback") -> Written:
        own.clear()
        result: list[tuple[str, list[record.Deed]]] = []
        thread = threading.Thread(
            target=lambda: result.append(record.watch(own, url, redirect_uri=REDIRECT, seconds=20))
        )
        thread.start()
        person(own._driver)
        thread.join()
        assert result[0][0] == ends
        return written.write(result[0][1])

    return run


def fill(value: str) -> str:
    return value.replace("{{ user.username }}", "alice").replace("{{ user.password }}", PASSWORD)


def filled(value: Any, _path: object = None) -> Any:
    if isinstance(value, dict):
        return {name: filled(item) for name, item in value.items()}
    return fill(value) if isinstance(value, str) else value


def test_two_pages_and_a_consent_after_a_wrong_password(
    recorded: Callable[..., Written], walk: Any, server: Server
) -> None:
    def person(driver: WebDriver) -> None:
        wait_for(driver, "css", "[name=user]").send_keys("alice")
        wait_for(driver, "css", "button").click()
        wait_for(driver, "css", "[name=pw]").send_keys("wrong-Pa55word")
        wait_for(driver, "css", "button").click()
        wait_for(driver, "xpath", "//p[contains(., 'Invalid')]")
        wait_for(driver, "css", "[name=pw]").send_keys(PASSWORD)
        wait_for(driver, "css", "button").click()
        wait_for(driver, "xpath", "//button[.='Approve']").click()

    made = recorded(f"{server.url}/login", person)

    assert PASSWORD not in made.pages + made.users
    assert "wrong" not in made.pages + made.users
    assert made.remarks == ()
    assert yaml.safe_load(made.users) == {
        "users": {"alice": {"username": "alice", "password": "{{ secrets.ALICE_PASSWORD }}"}}
    }
    pages = yaml.safe_load(made.pages)["pages"]
    assert pages == {
        "login": {
            "shows": {"heading": "Sign in", "field": "User name"},
            "do": [{"fill": {"User name": "{{ user.username }}"}}, {"press": "Next"}],
        },
        "password": {
            "shows": {"heading": "Sign in", "field": "Password"},
            "do": [{"fill": {"Password": "{{ user.password }}"}}, {"press": "Sign in"}],
        },
        "consent": {
            "shows": {"heading": "Approve access"},
            "answers": {"approve": [{"press": "Approve"}], "deny": [{"press": "Deny"}]},
        },
    }
    done = walk(f"{server.url}/login", pages, fill=filled, answers={"consent": "approve"})
    assert [visit.name for visit in done.pages] == ["login", "password", "consent"]


def test_what_only_looks_like_a_button(recorded: Callable[..., Written], walk: Any, server: Server) -> None:
    def person(driver: WebDriver) -> None:
        wait_for(driver, "css", "[name=user]").send_keys("alice")
        wait_for(driver, "css", "#go b").click()

    pages = yaml.safe_load(recorded(server.page("clickable"), person).pages)["pages"]

    assert pages == {
        "login": {
            "shows": {"heading": "Sign on", "field": "User name"},
            "do": [{"fill": {"User name": "{{ user.username }}"}}, {"press": "Sign on"}],
        }
    }
    assert walk(server.page("clickable"), pages, fill=filled).callback is not None


def test_boxes_lists_and_radio_buttons(recorded: Callable[..., Written], walk: Any, server: Server) -> None:
    def person(driver: WebDriver) -> None:
        wait_for(driver, "css", "option[value=DP2]").click()
        wait_for(driver, "css", "input[value=a2]").click()
        wait_for(driver, "xpath", "//label[contains(., 'accept the terms')]").click()
        wait_for(driver, "css", "[name=news]").click()
        wait_for(driver, "css", "button").click()

    made = recorded(server.page("choices"), person)

    pages = yaml.safe_load(made.pages)["pages"]
    assert pages["choose"]["do"] == [
        {"choose": {"Data provider": "Second Bank"}},
        {"tick": "Current"},
        {"tick": "I accept the terms"},
        {"untick": "News by mail"},
        {"press": "Continue"},
    ]
    assert made.users == ""
    server.received.clear()
    walk(server.page("choices"), pages)
    assert server.received[-1] == {"dp": "DP2", "acc": "a2", "terms": "yes", "born": ""}


@pytest.mark.parametrize("page", ["spa", "shadow", "iframe"])
def test_pages_that_are_no_plain_documents(
    recorded: Callable[..., Written], walk: Any, server: Server, page: str
) -> None:
    def person(driver: WebDriver) -> None:
        if page == "spa":
            wait_for(driver, "css", "#u").send_keys("alice")
            wait_for(driver, "css", "button").click()
            wait_for(driver, "css", "#p").send_keys(PASSWORD)
            wait_for(driver, "css", "button").click()
            wait_for(driver, "xpath", "//button[.='Approve']").click()
            return
        inside = None
        if page == "shadow":
            inside = wait_for(driver, "css", "bank-login").shadow_root
        else:
            driver.switch_to.frame(wait_for(driver, "css", "iframe"))
        wait_for(driver, "css", "[name=user]", inside).send_keys("alice")
        wait_for(driver, "css", "[name=pw]", inside).send_keys(PASSWORD)
        wait_for(driver, "css", "button", inside).click()

    made = recorded(server.page(page), person)
    assert PASSWORD not in made.pages
    done = walk(server.page(page), yaml.safe_load(made.pages)["pages"], fill=filled, answers={"consent": "approve"})
    assert next(visit.name for visit in done.pages) == "login"


def test_the_enter_key_and_a_window_that_is_closed(server: Server) -> None:
    def person(driver: WebDriver) -> None:
        wait_for(driver, "css", "[name=user]").send_keys("alice\n")
        wait_for(driver, "css", "[name=pw]")
        driver.close()

    with open_browser(BrowserSettings()) as browser:
        thread = threading.Thread(target=person, args=(browser._driver,))
        thread.start()
        ended, deeds = record.watch(browser, f"{server.url}/login", redirect_uri=REDIRECT, seconds=20)
        thread.join()
    assert ended == "closed"
    assert yaml.safe_load(written.write(deeds).pages)["pages"]["login"]["do"] == [
        {"fill": {"User name": "{{ user.username }}"}},
        {"press": "Next"},
    ]
