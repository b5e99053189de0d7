"""Record: watch a person log in once, and write the pages that a walk needs to do the same."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.browser.cdp import Cdp, CdpGone, socket_address
from flowrun.browser.snapshot import Snapshot, read_snapshot
from flowrun.dataclass import dataclass
from flowrun.installed import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.browser.driver import Browser

BINDING = "flowrunRecord"
LOOK_SECONDS = 0.1
SETTLE_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person did: fill, choose, tick, untick, press or key.

    `page` is what was shown at that moment, `place` the control's index on it; `value` what was typed or chosen, None
    for a password; `hint` is what the code of the page says of the field (autocomplete, name, id).
    """

    deed: str
    place: int
    value: str | None
    hint: str
    page: Snapshot


@dataclass(slots=True)
class Recorder:
    """Watches every tab of a running Chromium over a socket of its own."""

    browser: Browser
    deeds: list[Deed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cdp: Cdp = field(init=False)
    _script: str = field(init=False)

    def __post_init__(self) -> None:
        """Begin to listen."""
        here = folder("flowrun.browser")
        finder = here.joinpath("finder.js").read_text("utf-8")
        self._script = here.joinpath("recorder.js").read_text("utf-8").replace("/* FINDER */", finder)
        self._cdp = Cdp(socket_address(self.browser.debugger_address), self._hear)
        self._cdp.call("Target.setDiscoverTargets", discover=True)

    def run(self, url: str, *, redirect_uri: str, seconds: float) -> str:
        """Open the URL and wait; return how it ended: `callback`, `error`, `closed` or `time`."""
        until = time.monotonic() + seconds
        self.browser.go(url, redirect_uri=redirect_uri)
        while time.monotonic() < until:
            callback = self.browser.callback
            if callback is not None:
                self._hear_out()
                return "error" if "error" in dict(callback.params) else "callback"
            if not self.browser.alive or not self.browser.windows:
                return "closed"
            time.sleep(LOOK_SECONDS)
        return "time"

    def _hear_out(self) -> None:
        """Wait for the press that led away: it is told on this socket, the callback on another one."""
        heard = -1
        while heard != len(self.deeds):
            heard = len(self.deeds)
            time.sleep(SETTLE_SECONDS)

    def close(self) -> None:
        """Stop listening. The browser itself goes on."""
        self._cdp.close()

    # What follows runs on the socket's thread.

    def _hear(self, method: str, _session: str, params: Mapping[str, Any]) -> None:
        match method:
            case "Target.targetCreated" if params["targetInfo"]["type"] == "page":
                self._cdp.send("Target.attachToTarget", targetId=params["targetInfo"]["targetId"], flatten=True)
            case "Target.attachedToTarget":
                self._watch(params["sessionId"])
            case "Runtime.bindingCalled" if params["name"] == BINDING:
                self._note(params["payload"])

    def _watch(self, session: str) -> None:
        send = self._cdp.send
        send("Runtime.enable", session)
        send("Page.enable", session)
        send("Runtime.addBinding", session, name=BINDING)
        send("Page.addScriptToEvaluateOnNewDocument", session, source=self._script, runImmediately=True)

    def _note(self, payload: str) -> None:
        try:
            told = json.loads(payload)
            deed = Deed(told["deed"], told["place"], told["value"], told["hint"], read_snapshot(told["page"]))
        except (ValueError, KeyError, TypeError):  # the page itself may call the binding, with anything
            return
        with self._lock:
            self.deeds.append(deed)


def watch(browser: Browser, url: str, *, redirect_uri: str, seconds: float) -> tuple[str, list[Deed]]:
    """Record a visit; return how it ended and what the person did. CdpGone when there is no browser any more."""
    recorder = Recorder(browser)
    try:
        ended = recorder.run(url, redirect_uri=redirect_uri, seconds=seconds)
    except CdpGone:
        ended = "closed"
    finally:
        recorder.close()
    return ended, recorder.deeds
