"""The tab that the person would look at: read it, get hold of what is on it, take its picture."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
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
from flowrun.browser.snapshot import Control, Listing, Snapshot, read_control, read_listing, read_snapshot, with_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

    from flowrun.browser.watch import Watch

CENTRE = "arguments[0].scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'})"
COVERED = "covered by: "
FRAME_DEPTH = 3
MOST_FRAMES = 8


class NotNowError(Exception):
    """The page was in between, or changed under the hand: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A control with its element; `handle` is what to click on, the label where a box itself is not to be seen."""

    control: Control
    element: WebElement
    handle: WebElement


class Screen:
    """One at a time, used by one thread."""

    def __init__(self, driver: WebDriver, capture: Watch) -> None:
        """Look at the tab the driver is on."""
        self.driver = driver
        self.capture = capture
        self.target = driver.current_window_handle
        self.hangs = False  # a script on the page does not end: it answers nothing
        self._status: tuple[float, int | None] = (0.0, None)
        self._frames: list[tuple[int, ...]] = [()]  # the page and its iframes, as they were read last
        self._chosen: tuple[str, frozenset[str]] | None = None  # a window that was asked for, and those there were then
        self._script = files("flowrun.browser").joinpath("finder.js").read_text("utf-8")

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
        document, status = self._status
        if document != page.document:
            self.capture.catch_up(self.target)  # the page may be seen sooner than heard of: these are two sockets
            status = self.capture.status(page.url)
            self._status = (page.document, status)
        said = [words for target, words in self.capture.dialogs if target == self.target and words]
        return replace(page, status=status, text="\n".join([page.text, *said]))

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
    def hold(self, control: Control) -> Iterator[Held]:
        """Give the element of a control of the last snapshot; NotNowError when it is not there any more."""
        with self._inside(control.frame):
            yield self._held(self._run("pick", control.index), control)

    @contextmanager
    def hold_css(self, selector: str) -> Iterator[tuple[Held, ...]]:
        """Give the visible elements of a CSS selector: those of the page itself, else of an iframe."""
        for frame in tuple(self._frames):
            with self._inside(frame):
                held = tuple(self._held(data, None) for data in self._run("css", selector))
                if held:
                    yield held
                    return
        yield ()

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
        if data is None:
            raise NotNowError("gone")
        control = read_control(data["control"], expected.frame if expected else ())
        if expected is not None and not control.same_as(expected):
            raise NotNowError("another one")
        return Held(control, data["element"], data["handle"])

    def _run(self, task: str, subject: object = None) -> Any:
        return self.driver.execute_script(self._script, task, subject)

    def clear(self) -> None:
        """Go on in a new, empty tab, and forget what the browser knows of the sites it was on."""
        old = self.capture.targets()
        new = self.capture.open_tab()
        with self.patient():
            self.driver.switch_to.window(new)
        self.target, self._chosen = new, None
        self.capture.forget(old, new)

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
