"""Start a driver (chromedriver, geckodriver) under a guard, and end it and its browser whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.browser.model import BrowserMissing
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

START_SECONDS = 20.0
ATTEMPTS = 3
END_SECONDS = 15.0
LONGEST_FOLDER = 50  # octets; Chromium makes sockets some 50 below it, and their path may have 107
# How a driver says its port: "… was started successfully on port 4444." and "Listening on 127.0.0.1:4444".
PORT_WORDS = re.compile(rb"(?:started successfully on port |Listening on [\d.]+:)(\d+)\D")

FREE_PORT = "FREE_PORT"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the two programs are."""

    browser: str
    driver: str


def named(given: str | None, variable: str, word: str, install: str) -> str:
    """Return the program somebody named, if anybody did; a wrong name is an error, not a guess."""
    for source, path in (("the browser settings", given), (variable, os.environ.get(variable))):
        if path:
            found = shutil.which(path)
            if found:
                return found
            raise BrowserMissing(
                f"{word} is not at {path}, which {source} names", hint=f"put the path right, or leave it out; {install}"
            )
    return ""


def first(names: Iterable[str]) -> str:
    """Return the first of these programs that the search path has."""
    return next((path for path in map(shutil.which, names) if path), "")


def _temporary() -> Path:
    """Return the folder for temporary files, or /tmp where that is too deep for Chromium: it would end at once."""
    folder = Path(tempfile.gettempdir())
    return folder if len(os.fsencode(folder)) <= LONGEST_FOLDER else Path("/tmp")  # noqa: S108  ours is made inside


def _facts(text: str) -> tuple[tuple[str, str], ...]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (("it said", "\n".join(lines[-3:])),) if lines else ()


def _with_port(arguments: Sequence[str]) -> list[str]:
    """Put a port that nobody has into the place of FREE_PORT: geckodriver refuses to be asked at one it chose."""
    if FREE_PORT not in arguments:
        return list(arguments)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    return [port if argument == FREE_PORT else argument for argument in arguments]


class EndedEarlyError(Exception):
    """The driver ended before it said its port; `facts` is what it said instead."""

    def __init__(self, facts: tuple[tuple[str, str], ...]) -> None:
        """Keep the facts."""
        super().__init__("the driver ended early")
        self.facts = facts


class Launched:
    """A running driver: its port, and the folder that holds everything the browser writes."""

    def __init__(self, driver: str, arguments: Sequence[str], install: str) -> None:
        """Start it; raise BrowserMissing, with how to `install` it, when it does not say its port in time.

        chromedriver takes one port for IPv4 and then the same for IPv6; where somebody else has that one it ends at
        once, and another attempt gets another port.
        """
        self._install = install
        self._reader: threading.Thread | None = None
        for attempts_left in reversed(range(ATTEMPTS)):
            self._start(driver, arguments)
            try:
                self.port = self._read_port(driver)
            except EndedEarlyError as error:
                self.close()
                if not attempts_left:
                    raise BrowserMissing(f"{driver} did not start", facts=error.facts, hint=install) from error
            except BaseException:
                self.close()
                raise
            else:
                self._reader = threading.Thread(target=self._drain, name="driver output", daemon=True)
                self._reader.start()
                return

    def _start(self, driver: str, arguments: Sequence[str]) -> None:
        self.folder = _temporary() / f"flowrun-{secrets.token_hex(6)}"
        guard = Path(__file__).with_name("guard.py")
        self._process = subprocess.Popen(  # noqa: S603 - the programs are the ones found or named by the person
            [sys.executable, "-I", "-S", str(guard), str(self.folder), driver, *_with_port(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on the terminal is for flowrun; it ends the browser itself
        )

    def _read_port(self, driver: str) -> int:
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError
        seen, until = b"", time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, until - time.monotonic())):
                piece = os.read(stdout.fileno(), 4096)
                seen += piece
                said = PORT_WORDS.search(seen)
                if said:
                    return int(said[1])
                if not piece:
                    raise EndedEarlyError(self.last_words() or _facts(seen.decode("utf-8", "replace")))
        raise BrowserMissing(f"{driver} did not start", facts=self.last_words(), hint=self._install)

    def _drain(self) -> None:
        """Read what the driver and the browser go on to say: a pipe that nobody reads fills up, and then they stop."""
        stdout = self._process.stdout
        while stdout is not None and os.read(stdout.fileno(), 1 << 16):
            pass

    def last_words(self) -> tuple[tuple[str, str], ...]:
        """Return what the programs said last on their standard error, as facts; empty when nothing."""
        try:
            text = (self.folder / "stderr").read_text("utf-8", "replace")
        except OSError:
            return ()
        return _facts(text)

    def close(self) -> None:
        """End the driver, the browser and whatever they started, and remove the folder. Twice does no harm."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(END_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
