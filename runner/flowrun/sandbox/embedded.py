"""Start and stop the server; light until it is started."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Self

from flowrun.errors import FlowrunError, Problem

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from flowrun.sandbox.listener import Listener
    from flowrun.sandbox.settings import Settings

EXTRA: Final = ("flask", "authlib", "joserfc")


class Sandbox:
    """An authorization server on a loopback port of this process, for as long as it is started.

    >>> with Sandbox(Settings(clients=(), users=())) as sandbox:  # doctest: +SKIP
    ...     print(sandbox.issuer)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._listener: Listener | None = None

    @property
    def issuer(self) -> str:
        """`http://127.0.0.1:PORT`, `https://localhost:PORT` with TLS; RuntimeError before `start()`."""
        if self._listener is None:
            raise RuntimeError("the sandbox has not been started")
        return self._listener.issuer

    @property
    def authority(self) -> Path | None:
        """The PEM file of the authority that vouches for this sandbox; None without TLS, or when not started."""
        return self._listener.authority if self._listener else None

    def start(self) -> None:
        """Listen and serve; does nothing when already started.

        Raises FlowrunError with `sandbox-extra-missing` when the libraries of the extra are not installed, and with
        `sandbox-port-taken` when the port of the settings cannot be listened on.
        """
        if self._listener is not None:
            return
        require_extra()
        from flowrun.sandbox.listener import Listener  # noqa: PLC0415 - brings Flask and Authlib

        self._listener = Listener(self.settings)

    def stop(self) -> None:
        """Stop serving and end every thread; does nothing when not started."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


def require_extra() -> None:
    """Raise FlowrunError that names the extra when one of its libraries is missing."""
    missing = []
    for name in EXTRA:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            missing.append(name)
    if missing:
        raise FlowrunError(
            Problem(
                "sandbox-extra-missing",
                "the embedded sandbox needs libraries that are not installed: the extra 'sandbox'",
                facts=(("missing", ", ".join(missing)),),
                hint="pip install 'flowrun-oauth[sandbox]'",
            )
        )
