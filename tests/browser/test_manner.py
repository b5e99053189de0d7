"""Stopping on a page and going on there later, loading it twice, staying on it for long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.conftest import REDIRECT

from flowrun.browser import BrowseError, BrowserSettings, Manner, open_browser
from flowrun.browser.hand import Hand
from flowrun.errors import INTERRUPTED, StepError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Server

    from flowrun.browser import Walk
    from flowrun.browser.driver import Browser

STATE = {"state": {"shows": {"heading": "State"}, "do": [{"press": "Go"}]}}
KINDS = {
    "cleared": BrowserSettings(),
    "context": BrowserSettings(isolation="context"),
    "firefox": BrowserSettings(name="firefox"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[Browser]:
    with open_browser(KINDS[request.param]) as browser:
        yield browser


@pytest.fixture
def browser(kind: Browser) -> Browser:
    kind.clear()
    return kind


def go(browser: Browser, url: str, *, pages: Any = STATE, **manner: Any) -> Walk:
    return browser.walk(
        url,
        redirect_uri=REDIRECT,
        pages=pages,
        fill=lambda value, _path: value,
        answers={},
        page_seconds=15.0,
        total_seconds=60.0,
        tell=lambda _visit: None,
        manner=Manner(**manner),
    )


def seen(walk: Walk) -> str:
    """How many of cookie, storage and the tab's own storage the page found when it was loaded."""
    return walk.pages[0].text.splitlines()[1]


@pytest.mark.browser
def test_a_walk_stops_and_another_goes_on_there(browser: Browser, server: Server) -> None:
    stopped = go(browser, server.page("state"), stop=True)
    assert (stopped.callback, stopped.refused, stopped.done) == (None, None, None)
    assert stopped.stopped is stopped.pages[0]
    assert (stopped.pages[0].name, seen(stopped)) == ("state", "seen:0")
    assert "/done" not in server.requests

    between = go(browser, server.page("state"))
    assert seen(between) == "seen:2"  # a tab of its own has the cookies, and no storage of the first tab
    assert between.callback is not None

    late = go(browser, "", resume=True)
    assert seen(late) == "seen:0"  # it was not loaded again
    assert late.callback is not None
    assert [hop.status for hop in late.hops] == [200, 302, None]
    assert late.pages[0].status == 200
    assert server.requests.count("/zoo/state") == 2


@pytest.mark.browser
def test_an_empty_browser_has_no_tab_to_go_on_in(browser: Browser, server: Server) -> None:
    go(browser, server.page("state"), stop=True)
    browser.clear()
    with pytest.raises(BrowseError, match="the tab that a browse with stop: true left open is not there") as caught:
        go(browser, "", resume=True)
    assert (caught.value.code, caught.value.field) == ("window-missing", ("resume",))
    assert seen(go(browser, server.page("state"))) == "seen:0"


@pytest.mark.browser
def test_a_page_is_loaded_twice_after_a_long_look(browser: Browser, server: Server) -> None:
    held: list[tuple[float, int]] = []
    walk = go(
        browser,
        server.page("state"),
        reload=True,
        hold=77.0,
        pause=lambda seconds: held.append((seconds, server.requests.count("/zoo/state"))),
    )
    assert walk.callback is not None
    assert held == [(77.0, 1)]
    assert server.requests.count("/zoo/state") == 2
    assert seen(walk) == "seen:3"
    assert [visit.name for visit in walk.pages] == ["state"]


@pytest.mark.browser
def test_a_page_that_means_an_end_ends_the_walk_that_was_to_stop(browser: Browser, server: Server) -> None:
    pages = {"no": {"shows": {"heading": "State"}, "means": "refused"}}
    walk = go(browser, server.page("state"), pages=pages, stop=True, hold=77.0, pause=pytest.fail)
    assert walk.refused is walk.pages[0]
    assert walk.stopped is None


@pytest.mark.browser
def test_ctrl_c_ends_a_long_look(browser: Browser, server: Server) -> None:
    def interrupted(_seconds: float) -> None:
        raise StepError("interrupted", "interrupted while waiting", exit_code=INTERRUPTED)

    with pytest.raises(StepError, match="interrupted while waiting"):
        go(browser, server.page("state"), hold=77.0, pause=interrupted)
    assert "/done" not in server.requests


@pytest.mark.parametrize("manner", [{"stop": True}, {"resume": True}, {"reload": True}, {"hold": 1.0}])
def test_by_hand_none_of_it_is_possible(manner: dict[str, Any]) -> None:
    with pytest.raises(BrowseError, match="need a browser that flowrun drives") as caught:
        go(Hand(), "https://as.example/auth", **manner)  # type: ignore[arg-type]
    assert caught.value.code == "wrong-value"
