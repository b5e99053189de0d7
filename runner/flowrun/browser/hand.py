"""By hand: a person goes through the pages in a browser of their own; flowrun shows the address, takes the callback.

Needs neither selenium nor a browser on this machine. Where the redirect_uri is http on this machine (RFC 8252, section
7.3) a listener takes the callback; any other redirect_uri leads nowhere or to somebody else's page, and the person
pastes the address that the browser shows then.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import threading
import time
import webbrowser
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TextIO

from flowrun.browser import complaints
from flowrun.browser.listener import Listener
from flowrun.browser.model import PLAIN, BrowseError, Callback, Manner, Walk
from flowrun.browser.redirect import read_callback, same_place, without_parameters
from flowrun.errors import INTERRUPTED, NO_BROWSER, can_show

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

LOOK_SECONDS = 0.1
LEAST_SECONDS = 300.0  # a person reads, looks for the telephone, types
QUIET_ZONE = 2  # modules around a QR code; four are the rule, two are enough on a screen


class Hand:
    """Takes the place of a browser: `walk` asks a person. `close`, from any thread, ends the waiting."""

    def __init__(self, out: TextIO | None = None, into: TextIO | None = None) -> None:
        """Talk on standard error and listen on standard input, if nothing else is given."""
        self._out, self._in = out or sys.stderr, into or sys.stdin
        self._ended = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether somebody may still be asked."""
        return not self._ended.is_set()

    def clear(self) -> None:
        """Do nothing: what the person's browser remembers is the person's matter."""

    def close(self) -> None:
        """Stop waiting for the person."""
        self._ended.set()

    def walk(self, url: str, *, redirect_uri: str, total_seconds: float, manner: Manner = PLAIN, **_: Any) -> Walk:
        """Show the URL and wait for the callback; `pages`, answers and the other arguments of Browser.walk rest.

        `total_seconds` counts from 300 s upward: shorter limits are for machines. Raises BrowseError.
        """
        if replace(manner, pause=PLAIN.pause) != PLAIN:
            raise complaints.only_in_browser()
        seconds = max(total_seconds, LEAST_SECONDS)
        with Listener.at(redirect_uri) as listener:
            pasting = self._in.isatty()
            if listener is None and not pasting:
                raise _nobody(redirect_uri)
            self._show(url, redirect_uri, listening=listener is not None, pasting=pasting, seconds=seconds)
            callback = self._wait(redirect_uri, listener, pasting, time.monotonic() + seconds)
        if callback is None:
            raise BrowseError(
                "browse-timeout",
                f"nobody came back to the redirect_uri within {seconds:g} s",
                facts=(("redirect_uri", without_parameters(redirect_uri)),),
                hint="write how long a person may take: browse: {by: hand, at_most: 15m}",
            )
        self._say("flowrun has the callback.")
        return Walk(callback=callback, pages=(), refused=None, hops=())

    def _show(self, url: str, redirect_uri: str, *, listening: bool, pasting: bool, seconds: float) -> None:
        minutes = f"{seconds / 60:.3g} minutes"
        self._say("", f"Open this address, sign in and answer as the scenario says. There are {minutes}; Ctrl-C stops.")
        self._say("", f"  {url}", "")
        code = qr_code(url, shutil.get_terminal_size().columns) if self._out.isatty() else ""
        if code and can_show(self._out, code):
            self._say(code)
        if opens_browser(os.environ):
            self._say("It is being opened in your browser.")
            # On a thread: a browser that is started in the foreground would hold up Ctrl-C and the time limit.
            threading.Thread(target=webbrowser.open, args=(url,), name="system browser", daemon=True).start()
        if listening:
            self._say(f"flowrun waits for the browser at {without_parameters(redirect_uri)}.")
        if pasting:
            beginning = without_parameters(redirect_uri).removesuffix("?…")
            when = "If you used another device: c" if listening else "C"
            self._say(
                f"{when}opy the whole address that the browser shows at the end (it begins with {beginning};",
                "that the page itself can't be shown does not matter), paste it here, and press Enter:",
            )

    def _wait(self, redirect_uri: str, listener: Listener | None, pasting: bool, deadline: float) -> Callback | None:
        while time.monotonic() < deadline:
            if self._ended.is_set():
                raise BrowseError("interrupted", "stopped while a person was being waited for", exit_code=INTERRUPTED)
            if listener is not None and (callback := listener.callback) is not None:
                return callback
            if pasting and (line := self._line()):
                if callback := self._read(line, redirect_uri):
                    return callback
            elif not pasting:
                self._ended.wait(LOOK_SECONDS)
        return None

    def _line(self) -> str:
        ready, _, _ = select.select([self._in], [], [], LOOK_SECONDS)
        return self._in.readline().strip() if ready else ""

    def _read(self, line: str, redirect_uri: str) -> Callback | None:
        """Return the callback that a pasted address holds; say what is wrong with any other."""
        if not same_place(line, redirect_uri):
            begins = without_parameters(redirect_uri).removesuffix("?…")
            self._say(f"That is not an address of the redirect_uri. It has to begin with {begins}; paste it again:")
            return None
        callback = read_callback(line, redirect_uri)
        if not callback.params:
            self._say(
                "That address has no parameters: no code and no error. Copy all of it; if there is nothing more, the",
                "server answers with form_post, and then only a redirect_uri on this machine works by hand. Again:",
            )
            return None
        return callback

    def _say(self, *lines: str) -> None:
        for line in lines:
            encoding = self._out.encoding or "utf-8"
            self._out.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _nobody(redirect_uri: str) -> BrowseError:
    return BrowseError(
        "nobody-to-ask",
        "by hand somebody has to paste the address, and there is no terminal to paste it into",
        facts=(("redirect_uri", without_parameters(redirect_uri)),),
        hint="run it in a terminal, or give the client a redirect_uri on this machine: http://127.0.0.1:8400/callback",
        exit_code=NO_BROWSER,
    )


def opens_browser(environment: Mapping[str, str]) -> bool:
    """Tell whether there is a screen on which a browser could be opened, and a person before it."""
    if environment.get("CI"):
        return False
    if sys.platform != "linux":
        return True
    return bool(environment.get("BROWSER") or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def qr_code(url: str, columns: int) -> str:
    """Return the URL as a QR code for a terminal; empty when it would be wider than the terminal is."""
    import segno  # noqa: PLC0415  only by hand

    try:
        code = segno.make_qr(url, error="l")
    except segno.DataOverflowError:
        return ""
    rows = [[bool(cell) for cell in row] for row in code.matrix_iter(border=QUIET_ZONE)]
    if len(rows[0]) > columns:
        return ""
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    # Two rows to a line, light on dark: terminals are dark, and readers take both.
    signs = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    return "\n".join(
        "".join(signs[pair] for pair in zip(*rows[at : at + 2], strict=True)) for at in range(0, len(rows), 2)
    )
