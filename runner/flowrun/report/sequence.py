"""Who called whom: the messages of a scenario, laid out as a sequence diagram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flowrun.dataclass import dataclass
from flowrun.events import Called, PageSeen

if TYPE_CHECKING:
    from flowrun.report.record import Scenario

FLOWRUN, BROWSER = "flowrun", "browser"
COLUMN: Final = 190  # CSS pixels between two lifelines
ROW: Final = 30
TOP: Final = 44
MARGIN: Final = 80
_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class Message:
    """An arrow. `x1` to `x2` at height `y`; `anchor` is the id of what it stands for."""

    x1: int
    x2: int
    y: int
    text: str
    answer: str
    bad: bool
    anchor: str

    @property
    def middle(self) -> int:
        """Where the words stand."""
        return (self.x1 + self.x2) // 2


@dataclass(frozen=True, slots=True)
class Diagram:
    """Lifelines (name and x) and messages, in CSS pixels."""

    lifelines: tuple[tuple[str, int], ...]
    messages: tuple[Message, ...]
    width: int
    height: int


def diagram(scenario: Scenario, anchors: Mapping[int, str]) -> Diagram | None:
    """Return the diagram of a scenario, None where nothing was sent. `anchors` has an id for each moment's `id()`."""
    messages: list[tuple[str, str, str, str, bool, str]] = []
    for step in scenario.steps:
        for moment in step.moments:
            anchor = anchors.get(id(moment), "")
            if isinstance(moment, Called):
                parts = urlsplit(moment.url)
                words = _short(f"{moment.method} {parts.path or '/'}")
                bad = moment.status >= _ERROR
                messages.append((FLOWRUN, parts.netloc, words, str(moment.status), bad, anchor))
            elif isinstance(moment, PageSeen):
                host = urlsplit(moment.url).netloc or "page"
                status = str(moment.status or "")
                bad = (moment.status or 0) >= _ERROR
                messages.append((BROWSER, host, _short(f"page {moment.name or moment.heading}"), status, bad, anchor))
        if step.kind == "browse" and step.status in {"passed", "warned"}:
            messages.append((BROWSER, FLOWRUN, "callback", "", False, ""))
    if not messages:
        return None
    names = [FLOWRUN]
    if any(BROWSER in message[:2] for message in messages):
        names.append(BROWSER)
    names += [name for name in dict.fromkeys(message[1] for message in messages) if name not in names]
    x = {name: MARGIN + COLUMN * index for index, name in enumerate(names)}
    laid = tuple(
        Message(x[one], x[other], TOP + ROW * (row + 1), text, answer, bad, anchor)
        for row, (one, other, text, answer, bad, anchor) in enumerate(messages)
    )
    lines = tuple((name, x[name]) for name in names)
    return Diagram(lines, laid, 2 * MARGIN + COLUMN * (len(names) - 1), TOP + ROW * (len(laid) + 1))


def _short(text: str, longest: int = 26) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
