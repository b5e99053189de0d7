"""What an automatic check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowrun.flow import Around


class NotApplicable(Exception):  # noqa: N818  it is no error; it says why there is nothing to judge
    """Raised by a check that has nothing to judge here; the check counts as skipped, never as passed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `judge` returns None when it holds, or a complaint that says what the server did.

    `id` is stable; `sentence` says the rule in plain words; `clause` names the text it comes from; its level is the
    profile's matter. A check never sends anything.
    """

    id: str
    steps: frozenset[str]
    sentence: str
    clause: str
    judge: Callable[[Around], str | None]
