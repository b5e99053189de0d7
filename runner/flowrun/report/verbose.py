"""What `--verbose` tells of a step: requests and answers with their headers, JWTs decoded; lines with their indents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from flowrun.report.dates import human

if TYPE_CHECKING:
    from flowrun.events import Called, JwtSeen

LONGEST: Final = 2000  # characters of a body; the HTML report has more

Line = tuple[str, int]  # its text, and the column where it goes on when it is wrapped


def call_lines(event: Called) -> Iterator[Line]:
    """Yield a request (>) and its answer (<)."""
    yield f"      call: {event.method} {event.url} → {event.status} in {event.seconds:.3f} s", 8
    sent = [f"{name} = {value}" for name, value in event.sent_form] or [_one_line(event.sent_text)]
    for name, value in event.sent_headers.items():
        yield f"        > {name}: {value}", 12
    for line in filter(None, sent):
        yield f"        > {line}", 12
    for name, value in event.headers.items():
        yield f"        < {name}: {value}", 12
    if event.text.strip():
        yield f"        < {_one_line(event.text)}", 12


def jwt_lines(event: JwtSeen, began: float) -> Iterator[Line]:
    """Yield a JWT; dates as people write them, and how far they are from the start of the run."""
    distrust = f", not to be trusted: {event.distrust}" if event.distrust else ""
    yield f"      JWT: {event.what}, {'sent' if event.sent else 'received'}{distrust}", 8
    yield f"        header: {_shown(event.header)}", 12
    for name, value in event.claims.items():
        date = human(name, value, began)
        yield f"        {name}: {_shown(value)}{f' ({date})' if date else ''}", 12


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    more = f" … and {len(text) - LONGEST} characters more" if len(text) > LONGEST else ""
    return text[:LONGEST] + more


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
