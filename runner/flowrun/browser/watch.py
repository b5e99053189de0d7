"""What is watched of a browser while it is walked through: one interface, a module for each protocol.

`capture` speaks the Chrome DevTools Protocol with Chromium, `bidi` WebDriver BiDi with Firefox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from flowrun.browser.model import Callback, Hop


class Watch(Protocol):
    """Belongs to one browser, for its whole life; a `target` is a tab or window, the driver's window handle.

    `callback` is there as soon as the browser sets out for the redirect_uri; `hops` are the main documents in their
    order; `dialogs` tab and words of what documents have asked or said; `console` what it showed in red.
    """

    callback: Callback | None
    crashed: bool
    hops: list[Hop]
    dialogs: list[tuple[str, str]]
    console: list[str]

    @property
    def alive(self) -> bool:
        """Whether the browser still answers."""
        ...

    def begin(self, redirect_uri: str, target: str) -> None:
        """Forget the last walk, and watch for this redirect_uri in every tab."""
        ...

    def await_tab(self, target: str) -> str:
        """Wait until a tab is watched, and return what the protocol calls it. CdpGone when that does not happen."""
        ...

    def catch_up(self, target: str) -> None:
        """Wait until everything the browser had to say of a tab up to now was heard."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait until something happened in the browser, at most this long."""
        ...

    def targets(self) -> list[str]:
        """Return the open tabs and windows, oldest first."""
        ...

    def go(self, target: str, url: str) -> None:
        """Send a tab to a URL; what comes of it is seen in `hops`, `failure` and `callback`."""
        ...

    def status(self, url: str) -> int | None:
        """Return the HTTP status that the main document of this URL had last; None when it was not seen."""
        ...

    def failure(self, target: str) -> tuple[str, str] | None:
        """Return URL and network error (in Chromium's words) when the main document of a tab never came."""
        ...

    def busy(self, target: str) -> bool:
        """Tell whether a tab still waits for a document, a script or data."""
        ...

    def answering(self, target: str) -> str:
        """Return the main document that a tab asked for and that has not answered, or an empty text."""
        ...

    def open_tab(self) -> str:
        """Open an empty tab that knows nothing of the others, and return it once it is watched."""
        ...

    def forget(self, old: Collection[str], target: str) -> None:
        """Close the old tabs and forget what the browser knows of the sites it was on; `target` is the new tab."""
        ...

    def picture(self, target: str) -> bytes | None:
        """Return a PNG of what a tab shows; None when there is none to be had."""
        ...

    def insert_text(self, target: str, text: str) -> None:
        """Put a text where the cursor is: for characters that no key types."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...
