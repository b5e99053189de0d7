"""The tab that the person would look at: read it, get hold of what is on it, take its picture."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    InvalidSessionIdException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.action_chains import ActionChains
from urllib3.exceptions import HTTPError

from flowrun.browser.cdp import CdpGone
from flowrun.browser.finder import find_names, plain
from flowrun.browser.snapshot import (
    CLIENT_ERROR,
    Control,
    Listing,
    Snapshot,
    read_control,
    read_listing,
    read_snapshot,
    with_frame,
)
from flowrun.dataclass import dataclass
from flowrun.installed import folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

    from flowrun.browser.watch import Watch

CENTRE = "arguments[0].scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'})"
COVERED = "covered by: "
MOVED = "moved away"  # the click was made where the control had been, and has done nothing
EMPTIED = "a field has lost its text"
HOLDS = (folder("flowrun.browser") / "holds.js").read_text("utf-8")
LOST = "lost"  # it moved, or something else came of it, between button down and button up
# How the click went that finder.js was told to aim: null when the document is another one by now.
LANDED = """const aim = window[Symbol.for("flowrun.aim")];
if (!aim) return null;
aim.stop();
return aim.landed;"""
LANDINGS = {"beside": MOVED, "lost": LOST}
LEAVE_SECONDS = 0.02  # a click that leaves the page is heard of within this
OWN_PAGES = ("chrome-error:", "about:neterror")  # what a browser shows where there is no page
FRAME_DEPTH = 3
MOST_FRAMES = 8


# What finder.js makes an element ready for: {"type": text}, or {"click": [[index of a field, what it has to hold], …]}.
Ready = Mapping[str, object]


class NotNowError(Exception):
    """The page was in between, or changed under the hand: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A control with its element; `handle` is what to click on, the label where a box itself is not to be seen."""

    control: Control
    element: WebElement
    handle: WebElement
    typed: bool = False  # it was made ready to be typed into, and holds the text already
    row: bool = False  # it is the first of as many boxes for a character each as the text has


class Screen:
    """One at a time, used by one thread."""

    def __init__(self, driver: WebDriver, capture: Watch) -> None:
        """Look at the tab the driver is on."""
        self.driver = driver
        self.capture = capture
        self.target = driver.current_window_handle
        self.hangs = False  # a script on the page does not end: it answers nothing
        self._fresh: int | None = 0  # how many documents were seen when it was new; None once it was used
        self._statuses: dict[float, int | None] = {}  # of each document
        self._frames: list[tuple[int, ...]] = [()]  # the page and its iframes, as they were read last
        self._chosen: tuple[str, frozenset[str]] | None = None  # a window that was asked for, and those there were then
        self._script = HOLDS + (folder("flowrun.browser") / "finder.js").read_text("utf-8")

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Turn what selenium raises into NotNowError, or CdpGone when there is no browser any more."""
        try:
            yield
        except InvalidSessionIdException as error:
            raise self._gone(error.msg) from error
        except WebDriverException as error:
            text = error.msg or ""
            if not self.capture.alive or "disconnected" in text or "not reachable" in text or "crashed" in text:
                raise self._gone(text) from error
            self.hangs = isinstance(error, TimeoutException) and not self.waiting()
            raise NotNowError(text) from error
        except (HTTPError, OSError) as error:
            raise self._gone(str(error)) from error

    def _gone(self, words: str | None) -> CdpGone:
        self.capture.crashed = True
        return CdpGone(words)

    def waiting(self) -> str:
        """Return the URL of a main document that the window waits for, or an empty text."""
        target = self._window()
        return self.capture.answering(target) if target else ""

    def follow(self) -> None:
        """Look at the newest window; when it closes, at the one before. One that was asked for goes before both."""
        self._look_at(self._window())

    def _look_at(self, target: str) -> None:
        if target and target != self.target:
            with self.patient():
                self.driver.switch_to.window(target)
            self.target = target

    def _window(self) -> str:
        targets = self.capture.targets()
        if self._chosen is not None:
            target, others = self._chosen
            if target in targets and others.issuperset(targets):
                return target
            self._chosen = None  # it was closed, or a newer one came up
        return targets[-1] if targets else ""

    def choose_window(self, wanted: str) -> list[str]:
        """Go on in the window with this title, or in the `first`; return the titles when none or several have it."""
        targets = self.capture.targets()
        titles = {}
        for target in targets:
            self._look_at(target)
            with self.patient():
                titles[target] = str(self.driver.title)
        found = targets[:1] if plain(wanted) == "first" else find_names(wanted, titles)
        if len(found) != 1:
            return list(titles.values())
        self._chosen = (found[0], frozenset(targets))
        self.follow()
        return []

    def open_beside(self) -> None:
        """Go on in a new tab that shares cookies and storage with the one before, which stays."""
        self._look_at(self.capture.open_tab(self.target))
        self._chosen = None

    def go_back_to(self, target: str) -> bool:
        """Go on in a tab from before; False when it is not there any more."""
        targets = self.capture.targets()
        if target not in targets:
            return False
        self._chosen = (target, frozenset(targets))
        self.follow()
        return True

    def reload(self) -> None:
        """Load the page anew."""
        with self.patient():
            self.driver.refresh()

    def read(self) -> Snapshot | None:
        """Return what the page shows now; None while it is in between.

        While a server is being waited for the browser keeps scripts back, so none is sent: it would come back late.
        """
        try:
            if self.waiting():
                return None
            self.follow()
            self._frames = [()]
            with self.patient():
                page = self._with_status(self._read((), 0))
                self.hangs = False
                return page
        except NotNowError:
            return None

    def _with_status(self, page: Snapshot) -> Snapshot:
        """Add the status the document came with; it stays, also when a script gives the page another URL."""
        if page.document not in self._statuses:
            self.capture.catch_up(self.target)  # the page may be seen sooner than heard of: these are two sockets
            self._statuses[page.document] = self.capture.status(page.url)
        if page.url.startswith(OWN_PAGES):
            page = self._empty_error(page)
        said = [words for target, words in self.capture.dialogs if target == self.target and words]
        return replace(page, status=self._statuses[page.document], text="\n".join([page.text, *said]))

    def _empty_error(self, page: Snapshot) -> Snapshot:
        """Return what the server sent where the browser shows a page of its own: an error status and nothing else."""
        hop = self.capture.answered(self.target)
        if hop is None or (hop.status or 0) < CLIENT_ERROR:
            return page
        self._statuses[page.document] = hop.status
        return Snapshot(url=hop.url, document=page.document)

    def _read(self, frame: tuple[int, ...], depth: int) -> Snapshot:
        data = self._run("scan")
        if data is None:  # Firefox, of a document that goes away meanwhile
            raise NotNowError("in between")
        page = read_snapshot(data)
        if depth >= FRAME_DEPTH:
            return page
        for number in range(min(int(data["frames"]), MOST_FRAMES)):
            inner = self._read_frame(page, number, (*frame, number), depth)
            page = page if inner is None else with_frame(page, inner, (number,))
        return page

    def _read_frame(self, outer: Snapshot, number: int, frame: tuple[int, ...], depth: int) -> Snapshot | None:
        """Read an iframe; one that goes away meanwhile shows nothing."""
        element = self._run("frame", number)
        if element is None:
            return None
        try:
            self.driver.switch_to.frame(element)
            inner = self._read(frame, depth + 1)
        except WebDriverException:
            return None
        else:
            if inner.document == outer.document:
                return None  # it has no document yet, and the browser gave the one around it
            self._frames.append(frame)
            return inner
        finally:
            self._enter(frame[:-1])

    def _enter(self, frame: tuple[int, ...]) -> None:
        self.driver.switch_to.default_content()
        for number in frame:
            self.driver.switch_to.frame(self._run("frame", number))

    @contextmanager
    def hold(self, control: Control, ready: Ready | None = None) -> Iterator[Held]:
        """Give the element of a control of the last snapshot; NotNowError when it is not there any more.

        `ready` is what it is made ready for; NotNowError says then also that it is moving (MOVED), or that a field has
        lost its text (EMPTIED).
        """
        with self._inside(control.frame):
            yield self._held(self._run("pick", control.index, ready), control)

    @contextmanager
    def hold_css(self, selector: str, ready: Ready | None = None) -> Iterator[tuple[Held, ...]]:
        """Give the visible elements of a CSS selector: those of the page itself, else of an iframe."""
        for frame in tuple(self._frames):
            with self._inside(frame):
                held = tuple(self._held(data, None) for data in self._run("css", selector, ready))
                if held:
                    yield held
                    return
        yield ()

    def press(self, held: Held) -> None:
        """Click on what was aimed at, and know that it was hit: NotNowError (MOVED, LOST) when it was not.

        A page that is left by the click is not asked: it would answer only when the next one is there.
        """
        hops = len(self.capture.hops)
        self.click(held)
        until = time.monotonic() + LEAVE_SECONDS
        while len(self.capture.hops) == hops and (left := until - time.monotonic()) > 0:
            self.capture.pause(left)
        if self.capture.callback is not None or len(self.capture.hops) > hops or self._window() != self.target:
            return
        try:
            landed = self.driver.execute_script(LANDED)
        except WebDriverException:  # the page goes away
            return
        if landed in LANDINGS:
            raise NotNowError(LANDINGS[landed])

    def click(self, held: Held) -> None:
        """Click; from the middle of the window when a bar at its edge lies over the place.

        NotNowError with what lies over it. Words that a component shows from outside lie over nothing but itself.
        """
        try:
            held.handle.click()
        except ElementClickInterceptedException:
            self.driver.execute_script(CENTRE, held.handle)
            self._click_again(held.handle)

    def _click_again(self, handle: WebElement) -> None:
        try:
            handle.click()
        except ElementClickInterceptedException as error:
            over = self._run("cover", handle)
            if over is not True:
                raise NotNowError(f"{COVERED}{over}") from error
            ActionChains(self.driver, duration=0).move_to_element(handle).click().perform()

    def read_to_end(self) -> None:
        """Scroll everything to its end, as who reads all of it does."""
        for frame in tuple(self._frames):
            with self._inside(frame):
                self._run("end")

    def listings(self) -> tuple[Listing, ...]:
        """Return the lists that the page and its iframes show."""
        found: list[Listing] = []
        for frame in tuple(self._frames):
            with self._inside(frame):
                found += [read_listing(data) for data in self._run("lists")]
        return tuple(found)

    @contextmanager
    def _inside(self, frame: tuple[int, ...]) -> Iterator[None]:
        with self.patient():
            if not frame:
                yield
                return
            try:
                self._enter(frame)
                yield
            finally:
                self.driver.switch_to.default_content()

    def _held(self, data: Any, expected: Control | None) -> Held:
        if data is None or "control" not in data:
            raise NotNowError("gone" if data is None else MOVED if "moving" in data else EMPTIED)
        control = read_control(data["control"], expected.frame if expected else ())
        if expected is not None and not control.same_as(expected):
            raise NotNowError("another one")
        return Held(control, data["element"], data["handle"], data.get("typed", False), data.get("row", False))

    def sent(self) -> tuple[int, int]:
        """Return how many main documents, and how many things at all, were asked for up to now."""
        if self.target in self.capture.targets():
            self.capture.catch_up(self.target)  # what the page did is heard of later than it is seen
        return len(self.capture.hops), self.capture.asked(self.target)

    def _run(self, task: str, subject: object = None, ready: Ready | None = None) -> Any:
        return self.driver.execute_script(self._script, task, subject, ready)

    @property
    def fresh(self) -> bool:
        """Whether no page was opened since the start, or since it was cleared."""
        return self._fresh == len(self.capture.hops)

    def used(self) -> None:
        """Note that a page is going to be opened."""
        self._fresh = None

    def clear(self) -> None:
        """Go on in a new, empty tab, and forget what the browser knows of the sites it was on."""
        old = self.capture.targets()
        new = self.capture.open_tab()
        with self.patient():
            self.driver.switch_to.window(new)
        self.target, self._chosen = new, None
        self._statuses.clear()
        self.capture.forget(old, new)
        self._fresh = len(self.capture.hops)

    def picture(self) -> bytes | None:
        """Return a PNG of what the window shows, password fields masked; None when there is none to be had."""
        if self.waiting():
            return None
        try:
            with self.patient():
                self._run("mask")
            try:
                return self.capture.picture(self.target)
            finally:
                with self.patient():
                    self._run("unmask")
        except (NotNowError, CdpGone):
            return None
