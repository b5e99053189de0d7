"""What the scenarios of one run share: connections, keys, one browser, embedded servers; all ended with the run."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from flowrun.dataclass import dataclass
from flowrun.errors import FlowrunError, StepError
from flowrun.keyring import Keyring
from flowrun.redact import Redactor
from flowrun.trust import browser_arguments
from flowrun.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType

    from flowrun.browser import BrowserSettings
    from flowrun.browser.driver import Browser
    from flowrun.browser.hand import Hand
    from flowrun.environment import Environment
    from flowrun.errors import Problem
    from flowrun.sandbox import Sandbox


class Turn:
    """A lock that is had in the order in which it was asked for: nobody waits longer than those before need."""

    def __init__(self) -> None:
        """Belong to nobody."""
        self._told = threading.Condition()
        self._next = self._now = 0

    def acquire(self) -> None:
        """Wait for one's turn."""
        with self._told:
            mine, self._next = self._next, self._next + 1
            self._told.wait_for(lambda: self._now == mine)

    def release(self) -> None:
        """Pass it on."""
        with self._told:
            self._now += 1
            self._told.notify_all()

    def __enter__(self) -> None:
        """Wait for one's turn."""
        self.acquire()

    def __exit__(self, *_: object) -> None:
        """Pass it on."""
        self.release()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An embedded server that another process of this run has started, or could not: then `problems` say why."""

    issuer: str = ""
    authority: Path | None = None
    problems: tuple[Problem, ...] = ()

    def stop(self) -> None:
        """Leave it to whoever has started it."""


class Session:
    """Starts what is needed when it is first needed; `close` ends it all, also after a crash or Ctrl-C."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        """Start nothing yet."""
        self.redactor = redactor or Redactor()
        self.keyring = Keyring()
        self.interrupted = threading.Event()
        self.turn: Turn | None = None  # whose turn it is, where scenarios run in turns
        self._pages_turn = threading.Lock()
        self.own_login = False  # the browser is signed in for a scenario that wants to be alone with its login
        self._wires: dict[str, Wire] = {}
        self._sandboxes: dict[str, Sandbox | Elsewhere] = {}
        self._browser: Future[Browser] | None = None
        self._hand: Hand | None = None
        self._starting: threading.Thread | None = None
        self._lock = threading.Lock()

    def wire(self, environment: Environment) -> Wire:
        """Return the connections to this environment's server."""
        name = str(environment.document.path)
        if name not in self._wires:
            authority = self.authority(environment)
            self._wires[name] = Wire(self.redactor, timeout=environment.timeouts.http, authority=authority)
        return self._wires[name]

    def issuer(self, environment: Environment) -> str:
        """Return the issuer; with `server: embedded` the sandbox is started for it. Raises `FlowrunError`."""
        return self._sandbox(environment).issuer if environment.embedded else environment.issuer

    def authority(self, environment: Environment) -> Path | None:
        """Return the CA file of the environment's sandbox, started for it; None without one, or without TLS.

        Raises `FlowrunError` when the sandbox can't be started.
        """
        with_tls = environment.embedded and environment.sandbox.get("tls", "none") != "none"
        return self._sandbox(environment).authority if with_tls else None

    def browser_arguments(self, environments: Iterable[Environment]) -> tuple[str, ...]:
        """Return the arguments that make Chromium trust what these environments' authorities vouch for."""
        trusted: list[tuple[Environment, Path | None]] = []
        for environment in environments:
            try:
                trusted.append((environment, self.authority(environment)))
            except FlowrunError:  # the scenario says it, when it asks for the sandbox
                continue
        return browser_arguments(trusted)

    def lend(self, environments: Iterable[Environment]) -> dict[str, Elsewhere]:
        """Start the embedded servers of these environments for other processes, which `borrow` what this returns."""
        lent: dict[str, Elsewhere] = {}
        for environment in environments:
            if environment.embedded:
                try:
                    made = Elsewhere(self.issuer(environment), self.authority(environment))
                except FlowrunError as error:
                    made = Elsewhere(problems=error.problems)
                lent[str(environment.document.path)] = made
        return lent

    def borrow(self, lent: Mapping[str, Elsewhere]) -> None:
        """Use servers that another process has started."""
        self._sandboxes |= lent

    def _sandbox(self, environment: Environment) -> Sandbox | Elsewhere:
        name = str(environment.document.path)
        if name not in self._sandboxes:
            from flowrun.embedded import sandbox_for  # noqa: PLC0415  most runs need no server of their own

            sandbox = sandbox_for(environment, self.keyring)
            sandbox.start()
            self._sandboxes[name] = sandbox
        found = self._sandboxes[name]
        if isinstance(found, Elsewhere) and found.problems:
            raise FlowrunError(*found.problems)
        return found

    def prepare_browser(self, settings: BrowserSettings) -> None:
        """Begin to start the browser, on a thread: it takes as long as discover, sign and push together."""
        from concurrent.futures import Future  # noqa: PLC0415

        with self._lock:
            if self._browser is not None:
                return
            future: Future[Browser] = Future()
            self._browser = future

        def start() -> None:
            from flowrun.browser import open_browser  # noqa: PLC0415  selenium takes longer to import than it may

            try:
                future.set_result(open_browser(settings))
            except BaseException as error:  # noqa: BLE001  whoever asks for the browser gets it
                future.set_exception(error)

        self._starting = threading.Thread(target=start, name="browser start", daemon=True)
        self._starting.start()

    def browser(self, settings: BrowserSettings) -> Browser:
        """Return the browser, a new one where the last has crashed; raises `StepError` with exit code 4."""
        self.prepare_browser(settings)
        assert self._browser is not None  # noqa: S101  prepare_browser has just seen to it
        browser = self._browser.result()
        if browser.alive or self.interrupted.is_set():
            return browser
        browser.close()  # what hangs still runs
        with self._lock:
            self._browser = None
        return self.browser(settings)

    def empty_browser(self, settings: BrowserSettings) -> Browser:
        """Return a browser that knows of no visit before; raises `StepError` with exit code 4."""
        browser = self.browser(settings)
        try:
            browser.clear()
        except StepError:
            if browser.alive or self.interrupted.is_set():
                raise
            browser = self.browser(settings)  # another one: the scenario before has left this one in pieces
        return browser

    def rest(self, seconds: float) -> bool:
        """Wait, and let other scenarios go on meanwhile; return at once, and True, when the person presses Ctrl-C."""
        if self.turn is None:
            return self.interrupted.wait(seconds)
        self.turn.release()
        try:
            return self.interrupted.wait(seconds)
        finally:
            self.turn.acquire()

    def take_pages(self) -> float:
        """Have the browser to oneself, until `give_pages`; return the seconds that this took, in which others went on.

        For scenarios that run in turns.
        """
        if self.turn is None or self._pages_turn.acquire(blocking=False):
            return 0.0
        since = time.monotonic()
        self.turn.release()
        self._pages_turn.acquire()
        self.turn.acquire()
        return time.monotonic() - since

    def give_pages(self) -> None:
        """Let the next one have the browser."""
        if self.turn is not None:
            self._pages_turn.release()

    def hand(self) -> Hand:
        """Return what takes the browser's place where a person goes through the pages."""
        from flowrun.browser.hand import Hand  # noqa: PLC0415  few runs ask a person

        if self._hand is None:
            self._hand = Hand()
            if self.interrupted.is_set():
                self._hand.close()
        return self._hand

    def interrupt(self) -> None:
        """End what is under way: whoever waits for the browser gets an error and winds up."""
        self.interrupted.set()
        self._close_browser()

    def close(self) -> None:
        """End everything that was started."""
        self._close_browser()
        for wire in self._wires.values():
            wire.close()
        for sandbox in self._sandboxes.values():
            sandbox.stop()
        self._wires.clear()
        self._sandboxes.clear()

    def _close_browser(self) -> None:
        if self._hand is not None:
            self._hand.close()
        future = self._browser
        if future is None:
            return
        if self._starting is not None:
            self._starting.join()
        if future.done() and future.exception() is None:
            future.result().close()

    def __enter__(self) -> Self:
        """Nothing happens yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.close()
