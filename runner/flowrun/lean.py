"""What only a process of our own may do to be quick: look for garbage less often, and import httpx alone.

httpx imports rich, for a command line of its own, and trio, for asynchronous code, where they are installed, and does
without where they are not. flowrun's environment has both for other reasons, and uses neither through httpx; they take
longer to import than httpx itself.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_LEFT_OUT: Final = frozenset({"pygments", "rich", "trio"})
# Python looks for rings of dead objects after each 700 new ones: a sixth of the time that reading and running a suite
# takes, to find next to nothing. What is in no ring goes at once, as ever.
_NEW_OBJECTS: Final = 20_000
_own_process = False


def own_process() -> None:
    """Say that this process is the command line's, where no code but ours could miss what is left out."""
    global _own_process  # noqa: PLW0603  a fact about the process
    _own_process = True
    gc.set_threshold(_NEW_OBJECTS, 20, 20)


@contextmanager
def building() -> Iterator[None]:
    """While all that is made is kept, nobody looks for garbage; what was made is not looked at again either."""
    if not _own_process:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load(name: str) -> None:
    """Import httpx, or httpcore that it uses for proxies, lean in a process of our own; elsewhere as it is."""
    if _own_process and name not in sys.modules:
        with _without():
            import_module(name)


class _NotInstalled:
    """Finds nothing of what is left out, for the thread that asked for that; another may be importing selenium."""

    def __init__(self) -> None:
        """Remember the thread."""
        self._thread = threading.get_ident()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  the interface's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Raise ImportError for what is left out; everything else is for the other finders."""
        if fullname in _LEFT_OUT and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{fullname} is left out here", name=fullname)
        return None


@contextmanager
def _without() -> Iterator[None]:
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
