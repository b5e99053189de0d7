"""Ctrl-C as something to be counted: it must not end just anywhere what a run still has to put in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENOUGH: Final = 3  # presses: whoever counts them seems to be stuck


@contextmanager
def pressed() -> Iterator[Callable[[], int]]:
    """Count Ctrl-C and SIGTERM from now on; the third raises KeyboardInterrupt, wherever the main thread is.

    Only the main thread can do so; in another one nothing is counted.
    """
    presses: list[int] = []

    def press(number: int, _: FrameType | None) -> None:
        presses.append(number)
        if len(presses) >= _ENOUGH:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        # What a shell has told a background job to ignore stays ignored; None is a handler that Python can't put back.
        before = {number: one for number, one in heard.items() if one not in {signal.SIG_IGN, None}}
        for number in before:
            signal.signal(number, press)
    try:
        yield lambda: len(presses)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
