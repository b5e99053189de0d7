"""What an action works on: the page it was written for, its time limit, and finding a control on it."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from flowrun.browser import evidence
from flowrun.browser.finder import CSS, UNDER, WORD_OF, find, quoted
from flowrun.browser.model import BrowseError
from flowrun.browser.screen import COVERED, LOST, MOVED, Held, NotNowError, Ready, Screen
from flowrun.dataclass import dataclass
from flowrun.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowrun.browser.model import Path
    from flowrun.browser.snapshot import Control, Snapshot

    Among = Callable[[tuple[Control, ...]], tuple[Control, ...]]

OTHER_SECONDS = 0.5  # what is not there, covered or disabled for this long may stay so
TICK = 0.02  # seconds between two looks when the browser says nothing


class ArrivedError(Exception):
    """The callback came while an action was under way: there is nothing left to do on pages."""


class ControlAwayError(BrowseError):
    """A control that an action names is not there, or covered; the walk may find that another page is."""


@dataclass(slots=True)
class Scene:
    """One visit of a page. `filled` and `shown` remember what was typed, to see that it stays; it is in no message."""

    screen: Screen
    page: str
    seconds: float  # how long an action may wait
    until: float  # the end of the whole walk, on the monotonic clock
    snapshot: Snapshot
    where: Path = ()
    filled: dict[str, str] = field(default_factory=dict)
    shown: dict[Control, str] = field(default_factory=dict)  # what those fields held when they had been typed into
    gone: set[str] = field(default_factory=set)  # fields of which the page has sent the text by itself
    keep: Callable[[str, str], None] = lambda _name, _text: None  # hears of what `read` reads
    other: Callable[[Snapshot], str] = lambda _page: ""  # the name of another page that is there now

    def deadline(self) -> float:
        """Return when an action that begins now has to be done."""
        return min(time.monotonic() + self.seconds, self.until)

    def check(self) -> None:
        """Stop when the callback is there."""
        if self.screen.capture.callback is not None:
            raise ArrivedError

    def look(self) -> Snapshot:
        """Return what the page shows now, the last known state while it is in between."""
        self.check()
        self.snapshot = self.screen.read() or self.snapshot
        return self.snapshot

    def pause(self) -> None:
        """Wait for something to happen, a tick at most."""
        self.screen.capture.pause(TICK)

    def linger(self, seconds: float) -> None:
        """Let people look, and give the walk the time back; the callback ends it at once."""
        self.until += seconds
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self.screen.capture.alive:
            self.check()
            self.screen.capture.pause(left)

    def wait_until(self, test: Callable[[Snapshot], bool]) -> bool:
        """Look until the test holds; False when the time is over."""
        deadline = self.deadline()
        while not test(self.look()):
            if time.monotonic() > deadline:
                return False
            self.pause()
        return True

    def quiet(self, seconds: float) -> Snapshot:
        """Wait until the page has looked the same for so long, and return it."""
        deadline = self.deadline()
        seen, since = self.look(), time.monotonic()
        while time.monotonic() - since < seconds and time.monotonic() < deadline:
            self.pause()
            now = self.look()
            if now.content != seen.content:
                seen, since = now, time.monotonic()
        return seen

    def again(self, deed: Callable[[], None]) -> None:
        """Do something that names no control; when the page is in between, once more, until the time is over."""
        deadline = self.deadline()
        while True:
            self.check()
            try:
                with self.screen.patient():
                    deed()
            except NotNowError:
                if time.monotonic() > deadline:
                    raise self.error("control-stuck", "the page did not take what was done to it") from None
                self.pause()
            else:
                return

    def use(
        self,
        wanted: str,
        kinds: tuple[str, ...],
        deed: Callable[[Held], bool],
        *,
        among: Among | None = None,
        ready: Callable[[Control, str], Ready] | None = None,
    ) -> None:
        """Find the control and do something with it, again and again until the deed says that it is done.

        `ready` is given the control and why the last attempt failed; what it returns the control is made ready for.
        A click that was lost halfway was none where the control waits to be clicked on still; where it is gone or can't
        be used any more it was enough for the page.
        Raises BrowseError: control-missing, control-ambiguous, control-disabled, control-stuck.
        """
        deadline = self.deadline()
        patience = min(deadline, time.monotonic() + OTHER_SECONDS)
        reason = ""
        fresh = read_to_end = False
        while True:
            self.check()
            found = self._find(wanted, kinds, among)
            if reason == LOST and not (len(found) == 1 and found[0].enabled):
                return
            if len(found) == 1 and found[0].enabled:
                try:
                    if self._do(wanted, found[0], deed, ready(found[0], reason) if ready else None):
                        return
                    reason = ""
                except NotNowError as error:
                    reason = str(error)
            away = not found or COVERED in reason
            if time.monotonic() > deadline or (away and time.monotonic() > patience and self.other(self.snapshot)):
                raise self._cannot(wanted, kinds, found, reason)
            if len(found) == 1 and not found[0].enabled and not read_to_end and time.monotonic() > patience:
                read_to_end = True  # as of terms that have to be read before they can be agreed to
                self.again(self.screen.read_to_end)
            if fresh:
                self.pause()
            fresh = True
            self.look()

    def _find(self, wanted: str, kinds: tuple[str, ...], among: Among | None) -> tuple[Control, ...]:
        if wanted.startswith(CSS):
            try:
                with self.screen.hold_css(wanted.removeprefix(CSS).strip()) as held:
                    return tuple(one.control for one in held)
            except NotNowError as error:
                if "not a valid selector" in str(error):
                    title = f"'{wanted}' is not a CSS selector"
                    hint = "look for a quote or bracket that is missing; better, use the words that stand on the page"
                    raise self.error("bad-selector", title, hint=hint) from None
                return ()
        controls = self.snapshot.of(*kinds)
        return among(controls) if among else find(wanted, controls)

    def _do(self, wanted: str, control: Control, deed: Callable[[Held], bool], ready: Ready | None) -> bool:
        if wanted.startswith(CSS):
            with self.screen.hold_css(wanted.removeprefix(CSS).strip(), ready) as held:
                return len(held) == 1 and deed(held[0])
        with self.screen.hold(control, ready) as one:
            return deed(one)

    def _cannot(self, wanted: str, kinds: tuple[str, ...], found: tuple[Control, ...], reason: str) -> BrowseError:
        word = WORD_OF[kinds[0]]
        here = [control.name for control in self.snapshot.of(*kinds) if control.name]
        if not found:
            return self.error(
                "control-missing",
                f"no {word} '{wanted}'; {word}s here: {quoted(here)}",
                label=did_you_mean(wanted, here),
                kind=ControlAwayError,
            )
        if len(found) > 1:
            return self._ambiguous(wanted, word, found)
        if not found[0].enabled:
            return self.error("control-disabled", f"the {word} '{wanted}' is there, but it cannot be used")
        if COVERED in reason:
            over = quoted([reason.partition(COVERED)[2].strip()])
            return self.error(
                "control-covered",
                f"{'something' if over == 'none' else over} lies over the {word} '{wanted}'",
                hint="describe what lies over it as a page of its own, with the button that makes it go away",
                kind=ControlAwayError,
            )
        if MOVED in reason:
            hint = "the page moves it again and again; wait before it for words that are there when it has come to rest"
            return self.error("control-stuck", f"the {word} '{wanted}' moves away under every click", hint=hint)
        return self.error("control-stuck", f"the {word} '{wanted}' did not take what was done to it")

    def _ambiguous(self, wanted: str, word: str, found: tuple[Control, ...]) -> BrowseError:
        """Say where each of them stands, and how to say which one is meant."""
        places = [
            f"'{control.name}'"
            + (f" under '{control.under}'" if control.under else "")
            + (" in an iframe" if control.frame else "")
            + ("" if control.enabled else " (cannot be used)")
            for control in found
        ]
        apart = [control.under for control in found if control.under]
        told = (
            f"write the heading before it: {quoted([f'{apart[0]}{UNDER}{wanted}'])}; or " if len(set(apart)) > 1 else ""
        )
        return self.error(
            "control-ambiguous",
            f"{len(found)} {word}s are called '{wanted}': {', '.join(places)}",
            hint=f'{told}use words that only one of them has, or a CSS selector: "css:…"',
        )

    def error(
        self, code: str, title: str, *, label: str = "", hint: str = "", kind: type[BrowseError] = BrowseError
    ) -> BrowseError:
        """Return an error at the action, with what the page shows as facts."""
        return kind(
            code,
            title,
            field=self.where,
            label=label,
            facts=(("page", self.page), *evidence.facts(self.snapshot)),
            hint=hint,
        )
