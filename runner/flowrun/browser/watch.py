"""What is watched of a browser while it is walked through: what protocols have in common, and what each does its way.

`capture` speaks the Chrome DevTools Protocol with Chromium, `bidi` WebDriver BiDi with Firefox.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.browser.cdp import Cdp
from flowrun.browser.model import Callback, Hop
from flowrun.browser.redirect import read_callback
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FOLLOW_SECONDS = 5.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class Tab:
    """One tab or window, and the main document it is on. `target` is the driver's window handle."""

    target: str
    hop: int | None = None  # index in Watch.hops of the main document it shows
    waiting: set[str] = field(default_factory=set)  # requests under way
    scripts: dict[str, str] = field(default_factory=dict)  # URLs of those that are under way, by request
    lost: list[str] = field(default_factory=list)  # URLs of scripts that the document shown did not get
    asked: int = 0  # how many requests for documents, scripts and data there ever were
    document: str = ""  # request id of the main document under way or shown
    failure: tuple[str, str] | None = None  # URL and network error of a main document that never came


class Watch(ABC):
    """Belongs to one browser, for its whole life; a `target` is a tab or window, the driver's window handle.

    `callback` is there as soon as the browser sets out for the redirect_uri; `hops` are the main documents in their
    order; `dialogs` tab and words of what documents have asked or said; `console` what it showed in red.
    """

    def __init__(self, address: str) -> None:
        """Connect to the browser's websocket; CdpGone when nobody is there."""
        self._lock = threading.Condition()
        self._redirect_uri = ""
        self.callback: Callback | None = None
        self.crashed = False
        self.hops: list[Hop] = []
        self.dialogs: list[tuple[str, str]] = []
        self.console: list[str] = []
        self._socket = Cdp(address, self._hear)

    @property
    def alive(self) -> bool:
        """Whether the browser still answers."""
        return self._socket.alive and not self.crashed

    def pause(self, seconds: float) -> None:
        """Wait until something happened in the browser, at most this long."""
        with self._lock:
            if self.callback is None:
                self._lock.wait(seconds)

    def status(self, url: str) -> int | None:
        """Return the HTTP status that the main document of this URL had last; None when it was not seen."""
        wanted = url.partition("#")[0]
        with self._lock:
            known = (hop.status for hop in reversed(self.hops) if hop.status and hop.url.partition("#")[0] == wanted)
            return next(known, None)

    def failure(self, target: str) -> tuple[str, str] | None:
        """Return URL and network error (in Chromium's words) when the main document of a tab never came."""
        with self._lock:
            tab = self._of(target)
            return tab.failure if tab else None

    def busy(self, target: str) -> bool:
        """Tell whether a tab still waits for a document, a script or data."""
        with self._lock:
            tab = self._of(target)
            return bool(tab and tab.waiting)

    def lost(self, target: str) -> tuple[str, ...]:
        """Return the URLs of scripts that the document a tab shows asked for and did not get."""
        with self._lock:
            tab = self._of(target)
            return tuple(tab.lost) if tab else ()

    def asked(self, target: str) -> int:
        """Return how many documents, scripts and data a tab has asked for, all in all."""
        with self._lock:
            tab = self._of(target)
            return tab.asked if tab else 0

    def answering(self, target: str) -> str:
        """Return the main document that a tab asked for and that has not answered, or an empty text."""
        with self._lock:
            tab = self._of(target)
            if tab is None or tab.hop is None or tab.document not in tab.waiting:
                return ""
            hop = self.hops[tab.hop]
            return hop.url if hop.status is None else ""

    def answered(self, target: str) -> Hop | None:
        """Return the main document that a tab asked for last, once its answer has come."""
        with self._lock:
            tab = self._of(target)
            hop = self.hops[tab.hop] if tab is not None and tab.hop is not None else None
            return hop if hop is not None and hop.status is not None else None

    def close(self) -> None:
        """Stop watching."""
        self._socket.close()

    @abstractmethod
    def begin(self, redirect_uri: str, target: str) -> None:
        """Forget the last walk, and watch for this redirect_uri in every tab."""

    @abstractmethod
    def await_tab(self, target: str) -> str:
        """Wait until a tab is watched, and return what the protocol calls it. CdpGone when that does not happen."""

    @abstractmethod
    def catch_up(self, target: str) -> None:
        """Wait until everything the browser had to say of a tab up to now was heard: answers come in order."""

    @abstractmethod
    def targets(self) -> list[str]:
        """Return the open tabs and windows, oldest first."""

    @abstractmethod
    def go(self, target: str, url: str) -> None:
        """Send a tab to a URL; what comes of it is seen in `hops`, `failure` and `callback`."""

    @abstractmethod
    def open_tab(self, beside: str = "") -> str:
        """Open an empty tab, and return it once it is watched; it knows what the tab `beside` knows, or nothing."""

    @abstractmethod
    def forget(self, old: Collection[str], target: str) -> None:
        """Close the old tabs and forget what the browser knows of the sites it was on; `target` is the new tab."""

    @abstractmethod
    def picture(self, target: str) -> bytes | None:
        """Return a PNG of what a tab shows; None when there is none to be had."""

    @abstractmethod
    def insert_text(self, target: str, text: str) -> None:
        """Put a text where the cursor is: for characters that no key types."""

    # What follows runs on the socket's thread: it may send, never call.

    @abstractmethod
    def _hear(self, method: str, session: str, params: Mapping[str, Any]) -> None:
        """Take an event of the protocol."""

    @abstractmethod
    def _of(self, target: str) -> Tab | None:
        """Return what is known of a tab."""

    def _forget_walk(self, tabs: Collection[Tab]) -> None:
        """Begin anew; only now: what was still to be said of the last walk has been said."""
        self.callback, self.hops, self.dialogs, self.console = None, [], [], []
        for tab in tabs:
            tab.failure, tab.hop = None, None

    def _take(self, url: str, *, method: str = "GET", body: str | None = None) -> None:
        if self.callback is None:
            self.callback = read_callback(url, self._redirect_uri, method=method, body=body)

    def _goes_to(self, tab: Tab, url: str, method: str = "GET") -> None:
        self.hops.append(Hop(url, method=method))
        tab.hop = len(self.hops) - 1

    def _script(self, tab: Tab, number: str, *, came: bool) -> None:
        """Note that a request for a script is over."""
        url = tab.scripts.pop(number, "")
        if url and not came:
            tab.lost.append(url)

    def _says_in_red(self, words: str) -> None:
        if words and words not in self.console:
            self.console.append(words)
