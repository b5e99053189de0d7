"""What the steps before have sent and received: a second use is known, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from flowrun.errors import Span
    from flowrun.events import Called
    from flowrun.flow import Flow

# What can be sent once, or for a short time only.
_SPENT: Final = ("client_assertion", "code", "refresh_token", "request_uri")


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is over. `at` is the time in seconds since 1970, `client` the name of the client that did it.

    `sent` are values that can be sent once; `signed` the kinds of JWT that the step made; `code` came to the browser.
    """

    kind: str
    name: str
    place: str
    at: float
    client: str
    sent: Mapping[str, str] = field(repr=False)
    signed: frozenset[str]
    code: str = field(repr=False)

    def __str__(self) -> str:
        """Name the step and its line: `the step 'push' (scenario.yaml:5)`."""
        return f"the step '{self.name}' ({self.place})"


def done(kind: str, name: str, place: str, client: str, flow: Flow, call: Called | None, now: float) -> Done:
    """Keep of a step what matters when a later one is refused; `place` is where it stands, `call` its last request."""
    form = dict(call.sent_form) if call is not None else {}
    if kind == "browse" and flow.hops:
        form = dict(parse_qsl(urlsplit(flow.hops[0].url).query))
    sent = {name: form[name] for name in _SPENT if form.get(name)}
    code = (flow.callback or {}).get("code", "") if kind == "browse" else ""
    signed = frozenset(jwt.what for jwt in flow.signed) if kind == "sign" else frozenset()
    at = call.at if call is not None and call.at and kind != "browse" else now
    return Done(kind, name, place, at, client, sent, signed, code)


def line_of(span: Span) -> str:
    """Return where something stands as people say it: `scenario.yaml:5`."""
    return f"{span.file}:{span.line}"
