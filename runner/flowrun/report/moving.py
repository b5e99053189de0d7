"""The last line of a terminal, which moves while a step is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.live import Live
    from rich.spinner import Spinner


class Moving:
    """A spinner and words that are asked for anew several times a second; it leaves nothing behind."""

    def __init__(self, out: TextIO, *, unicode: bool) -> None:
        """Show nothing yet; without `unicode` the spinner is made of plain characters."""
        self._out, self._unicode = out, unicode
        self._live: Live | None = None

    @property
    def shown(self) -> bool:
        """Tell whether the line is there."""
        return self._live is not None

    def start(self, words: Callable[[], str]) -> None:
        """Show the line; one that is there goes."""
        from rich.console import Console as Screen  # noqa: PLC0415  only a terminal has a moving line
        from rich.live import Live  # noqa: PLC0415
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        self.stop()
        spinner = Spinner("dots" if self._unicode else "line")

        def now() -> Spinner:
            spinner.update(text=Text(words(), no_wrap=True, overflow="ellipsis" if self._unicode else "crop"))
            return spinner

        screen = Screen(file=self._out)
        # Neither stream is taken over: what others write there must not wait for us.
        self._live = Live(
            get_renderable=now,
            console=screen,
            transient=True,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def stop(self) -> None:
        """Take the line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None
