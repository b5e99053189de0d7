"""Ctrl-C as something to be counted: it must not end just anywhere what a run still has to put in order."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

LONGEST_WIND_UP: Final = 10.0  # seconds for the `after` steps once a person has pressed Ctrl-C
LONGEST_SILENCE: Final = 3.0  # seconds in which nothing happens meanwhile: a call that hangs can't be interrupted
_ENOUGH: Final = 3  # presses: whoever counts them seems to be stuck


class Presses:
    """How often Ctrl-C was pressed, and how long what was wound up then may still take."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self._deadline = math.inf
        self.heard()

    def heard(self) -> None:
        """Note that something has happened just now."""
        self._heard = time.monotonic()

    def first(self) -> bool:
        """Tell once that it was pressed: what is under way has to be wound up from now on."""
        if not self.count or self._deadline < math.inf:
            return False
        self._deadline = time.monotonic() + LONGEST_WIND_UP
        return True

    @property
    def enough(self) -> bool:
        """Whether nothing is waited for any more: it was pressed again, or winding up takes too long."""
        late = time.monotonic() > min(self._deadline, self._heard + LONGEST_SILENCE)
        return self.count > 1 or (self.count > 0 and late)


@contextmanager
def pressed() -> Iterator[Presses]:
    """Count Ctrl-C and SIGTERM from now on; the third raises KeyboardInterrupt, wherever the main thread is.

    Only the main thread can do so; in another one nothing is counted.
    """
    presses = Presses()

    def press(_: int, __: FrameType | None) -> None:
        presses.count += 1
        if presses.count >= _ENOUGH:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        # What a shell has told a background job to ignore stays ignored; None is a handler that Python can't put back.
        before = {number: one for number, one in heard.items() if one not in {signal.SIG_IGN, None}}
        for number in before:
            signal.signal(number, press)
    try:
        yield presses
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
