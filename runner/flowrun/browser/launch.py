"""Find Chromium and chromedriver, start chromedriver under a guard, and end both whatever happens."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from flowrun.browser.model import BrowserMissing, BrowserSettings

START_SECONDS = 20.0
ATTEMPTS = 3
END_SECONDS = 15.0
LONGEST_FOLDER = 50  # octets; Chromium makes sockets some 50 below it, and their path may have 107
PORT_WORDS = b"started successfully on port "
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
# Debian's launcher is a shell script that first asks what the machine is; the program behind it starts 60 ms sooner.
BEHIND_LAUNCHER = {"/usr/bin/chromium": "/usr/lib/chromium/chromium"}
INSTALL = "on Debian or Ubuntu, as root: apt-get install chromium chromium-driver"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the two programs are."""

    browser: str
    driver: str


def find_programs(settings: BrowserSettings) -> Programs:
    """Look for both programs; raise BrowserMissing naming every one that is not there."""
    browser = _named(settings.binary, "FLOWRUN_CHROME", "Chromium") or _first(BROWSERS)
    driver = _named(settings.driver, "FLOWRUN_CHROMEDRIVER", "chromedriver") or _first(("chromedriver",))
    if browser and driver:
        return Programs(browser, driver)
    missing = [word for word, found in (("Chromium", browser), ("chromedriver", driver)) if not found]
    raise BrowserMissing(
        f"the browse step needs {' and '.join(missing)}, not found on this machine",
        hint=f"{INSTALL}\nor say where they are: FLOWRUN_CHROME and FLOWRUN_CHROMEDRIVER",
    )


def _named(given: str | None, variable: str, word: str) -> str:
    """Return the program somebody named, if anybody did; a wrong name is an error, not a guess."""
    for source, path in (("the browser settings", given), (variable, os.environ.get(variable))):
        if path:
            found = shutil.which(path)
            if found:
                return found
            raise BrowserMissing(
                f"{word} is not at {path}, which {source} names", hint=f"put the path right, or leave it out; {INSTALL}"
            )
    return ""


def _first(names: tuple[str, ...]) -> str:
    found = next((path for path in map(shutil.which, names) if path), "")
    behind = BEHIND_LAUNCHER.get(found, "")
    return behind if os.access(behind, os.X_OK) else found


def _temporary() -> Path:
    """Return the folder for temporary files, or /tmp where that is too deep for Chromium: it would end at once."""
    folder = Path(tempfile.gettempdir())
    return folder if len(os.fsencode(folder)) <= LONGEST_FOLDER else Path("/tmp")  # noqa: S108  ours is made inside


def _facts(text: str) -> tuple[tuple[str, str], ...]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (("it said", "\n".join(lines[-3:])),) if lines else ()


class EndedEarlyError(Exception):
    """chromedriver ended before it said its port; `facts` is what it said instead."""

    def __init__(self, facts: tuple[tuple[str, str], ...]) -> None:
        """Keep the facts."""
        super().__init__("chromedriver ended early")
        self.facts = facts


class Launched:
    """A running chromedriver: its port, and the folder that holds everything the browser writes."""

    def __init__(self, driver: str) -> None:
        """Start it; raise BrowserMissing when it does not say its port in time.

        It takes one port for IPv4 and then the same for IPv6; where somebody else has that one it ends at once, and
        another attempt gets another port.
        """
        for attempts_left in reversed(range(ATTEMPTS)):
            self._start(driver)
            try:
                self.port = self._read_port(driver)
            except EndedEarlyError as error:
                self.close()
                if not attempts_left:
                    raise BrowserMissing(f"{driver} did not start", facts=error.facts, hint=INSTALL) from error
            except BaseException:
                self.close()
                raise
            else:
                return

    def _start(self, driver: str) -> None:
        self.folder = _temporary() / f"flowrun-{secrets.token_hex(6)}"
        guard = Path(__file__).with_name("guard.py")
        self._process = subprocess.Popen(  # noqa: S603 - the programs are the ones found or named by the person
            [sys.executable, "-I", "-S", str(guard), str(self.folder), driver, "--port=0"],
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
                _, words, rest = seen.partition(PORT_WORDS)
                if words and b"\n" in rest:
                    return int(rest.split(b"\n", 1)[0].strip().rstrip(b"."))
                if not piece:
                    raise EndedEarlyError(self.last_words() or _facts(seen.decode("utf-8", "replace")))
        raise BrowserMissing(f"{driver} did not start", facts=self.last_words(), hint=INSTALL)

    def last_words(self) -> tuple[tuple[str, str], ...]:
        """Return what the programs said last on their standard error, as facts; empty when nothing."""
        try:
            text = (self.folder / "stderr").read_text("utf-8", "replace")
        except OSError:
            return ()
        return _facts(text)

    def close(self) -> None:
        """End chromedriver, Chromium and whatever they started, and remove the folder. Twice does no harm."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
