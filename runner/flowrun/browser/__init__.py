"""A real browser: opens the authorization URL, goes through the pages, takes the callback at the redirect_uri.

Nothing heavy is imported here; selenium and the websocket client come with the first browser that is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.browser.model import BrowseError, BrowserMissing, BrowserSettings, Callback, Manner, PageVisit, Walk

if TYPE_CHECKING:
    from flowrun.browser.driver import Browser

__all__ = [
    "BrowseError",
    "BrowserMissing",
    "BrowserSettings",
    "Callback",
    "Manner",
    "PageVisit",
    "Walk",
    "open_browser",
]


def open_browser(settings: BrowserSettings | None = None) -> Browser:
    """Start a browser and return it; it is a context manager, and closing it leaves no process behind.

    Raises BrowserMissing (exit code 4) when the browser or its driver is absent or does not start.
    """
    from flowrun.browser.driver import start  # noqa: PLC0415 - selenium is loaded only when a browser is wanted

    return start(settings or BrowserSettings())
