"""What a look at a deployment knows while it goes on, and what it has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun import endpoints
from flowrun.dataclass import dataclass
from flowrun.environment import written_at
from flowrun.errors import FlowrunError, Problem, StepError

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.errors import Span
    from flowrun.keyring import Keyring
    from flowrun.plan import Plan
    from flowrun.tls import Tls
    from flowrun.wire import Wire


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was looked at. `good` is False for what could not be judged; a problem is no `Seen`."""

    topic: str
    words: str
    good: bool = True


@dataclass(slots=True)
class Look:
    """One look at one environment. `server` is its metadata, empty until it is read; `tls` how its host is trusted.

    `plans` are the runs that it is looked at for; none means everything that the file names. `reached` and `lost`
    are hosts, as `name:port`, that were looked at already: nothing more is asked of a lost one.
    """

    environment: Environment
    issuer: str
    plans: tuple[Plan, ...]
    clients: tuple[Client, ...]
    wire: Wire
    keyring: Keyring
    tls: Tls
    server: Mapping[str, Any] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def good(self, topic: str, words: str) -> None:
        """Note what was looked at and found good; once, though two hosts share a name."""
        if Seen(topic, words) not in self.seen:
            self.seen.append(Seen(topic, words))

    def open(self, topic: str, words: str) -> None:
        """Note what could not be judged, and why."""
        self.seen.append(Seen(topic, words, good=False))

    def bad(self, *problems: Problem) -> None:
        """Note what is wrong, once."""
        self.problems += [one for one in dict.fromkeys(problems) if one not in self.problems]

    def failed(self, error: StepError | FlowrunError, at: Span | None) -> None:
        """Note an error of a call, at the line that made us call."""
        if isinstance(error, FlowrunError):
            self.bad(*error.problems)
            return
        self.bad(Problem(error.code, error.title, at, error.label, error.facts, error.hint, error.exit_code))

    @property
    def server_at(self) -> Span:
        """Where the file says which server it is."""
        return self.environment.document.at(("server",) if self.environment.embedded else ("issuer",))

    def endpoint(self, name: str, client: Client | None = None) -> str:
        """Return an endpoint's URL as a step would find it (RFC 8705 §5 for aliases), or an empty text."""
        return endpoints.url_of(name, self.environment, self.server, client) or ""

    def endpoint_at(self, name: str) -> Span:
        """Where the file names an endpoint, or the server whose metadata does."""
        if name in self.environment.endpoints:
            return self.environment.document.at(("endpoints", name))
        return self.server_at

    def client_at(self, client: Client, *path: str) -> Span:
        """Where the file sets something of a client, or the client where nothing does: a default, a profile."""
        document = self.environment.document
        where = written_at(self.environment, client.name, path) if path else None
        return document.at(where) if where else document.key_at(("clients", client.name))
