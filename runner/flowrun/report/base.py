"""What a reporter is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flowrun.events import Event


class Reporter(Protocol):
    """Is told each event, in order, redacted already; `close` comes once, whatever happened."""

    def tell(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """Finish and let go of files and screen."""
