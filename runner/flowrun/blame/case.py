"""A failure, what was known when it happened, and the words for whose fault it can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from flowrun.blame.past import line_of
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowrun.blame.past import Done
    from flowrun.client import Client
    from flowrun.document import Document
    from flowrun.environment import Environment
    from flowrun.errors import Problem
    from flowrun.events import Called
    from flowrun.flow import Flow, Refusal, SignedJwt

OURS: Final = "your configuration"
THEIRS: Final = "their server"
ENVIRONMENT: Final = "the environment"
PAGE: Final = "the page changed"
UNCLEAR: Final = "unclear"


class Blame(NamedTuple):
    """Whose fault a failure is and why, in one line, and what to do about it, empty where that is not known."""

    words: str
    do: str = ""


def ours(words: str, do: str = "") -> Blame:
    """Blame a file of ours, a key, a registration."""
    return Blame(f"{OURS}: {words}", do)


def theirs(words: str, do: str = "give this report to the server's team") -> Blame:
    """Blame the server."""
    return Blame(f"{THEIRS}: {words}", do)


def elsewhere(words: str, do: str = "") -> Blame:
    """Blame what is between us and the server, or this machine."""
    return Blame(f"{ENVIRONMENT}: {words}", do)


def page_changed(words: str, do: str = "") -> Blame:
    """Blame the description of a page, which was right once."""
    return Blame(f"{PAGE}: {words}", do)


def unclear(words: str, do: str = "") -> Blame:
    """Blame nobody: say what can be the case."""
    return Blame(f"{UNCLEAR}: {words}", do)


_LONGEST: Final = 80
_MINUTES, _HOURS, _DAYS = 120, 7200, 172800  # seconds from which on a length is said in that unit


@dataclass(frozen=True, slots=True)
class Case:
    """A failure and what was known when it happened. `call` is the last request of the step with its answer.

    `kind` is the step's kind, `now` the time in seconds since 1970, `past` the steps before, `scenario` the file of
    the step. The words of a server are only ever looked at: what a rule says is made of our own words and of names.
    """

    problem: Problem
    kind: str
    flow: Flow
    client: Client
    environment: Environment
    now: float
    refusal: Refusal | None = None
    call: Called | None = None
    past: Sequence[Done] = ()
    scenario: Document | None = None

    def setting(self, *path: str) -> str:
        """Say where a setting of the client stands, or would stand: `env.yaml:14 (clients.default.assertion.aud)`."""
        from flowrun.environment import written_at  # noqa: PLC0415  only for a failure

        if self.client.name not in self.environment.document.data.get("clients", {}):
            return f"{self.environment.document.file} (clients)"
        found = written_at(self.environment, self.client.name, path)
        return self.in_environment(*(found or ("clients", self.client.name, *path)))

    def in_environment(self, *path: str | int) -> str:
        """Say where something stands in the environment file, or would stand."""
        document = self.environment.document
        there = "" if path in document.keys else ", not there yet"
        return f"{line_of(document.key_at(path))} ({'.'.join(map(str, path))}{there})"

    def in_scenario(self, *path: str) -> str:
        """Say where something stands in the scenario's file: ` (scenario.yaml:2)`; empty where it does not."""
        if self.scenario is None or path not in self.scenario.keys:
            return ""
        return f" ({line_of(self.scenario.key_at(path))})"

    def earlier(self, name: str, value: str = "") -> Done | None:
        """Return the last step that has sent the same code, request_uri, …: the one of this step, or `value`."""
        value = value or self.form.get(name, "")
        return next((one for one in reversed(self.past) if value and one.sent.get(name) == value), None)

    def signer(self, what: str) -> Done | None:
        """Return the step `sign` that made a JWT of this kind, None where flowrun made it by itself."""
        return next((one for one in reversed(self.past) if what in one.signed), None)

    @property
    def has_id(self) -> bool:
        """Tell whether the server can find the request by an interaction id."""
        return self.call is not None and "x-fapi-interaction-id" in {name.lower() for name in self.call.sent_headers}

    @property
    def error(self) -> str:
        """The OAuth error, empty where there was none."""
        return self.refusal.error if self.refusal else ""

    @property
    def said(self) -> str:
        """What the server said in its own words, in lower case."""
        return self.refusal.description.lower() if self.refusal else ""

    def says(self, pattern: str) -> bool:
        """Tell whether the server's own words have this pattern."""
        return re.search(pattern, self.said) is not None

    def fact(self, name: str) -> str:
        """Return a fact of the problem, empty where it has none of this name."""
        return dict(self.problem.facts).get(name, "")

    def signed(self, what: str) -> SignedJwt | None:
        """Return the last JWT of ours of this kind: made in the step, or made before and sent in it."""
        made = next((jwt for jwt in reversed(self.flow.signed) if jwt.what == what), None)
        return made or self._sent("request") if what == "request_object" else made

    def _sent(self, name: str) -> SignedJwt | None:
        from flowrun.flow import SignedJwt  # noqa: PLC0415  only for a failure
        from flowrun.jose import JoseError, peek  # noqa: PLC0415  light: the names alone load no JOSE library

        try:
            seen = peek(self.form.get(name, ""))
        except JoseError:
            return None  # there is none, it is encrypted, or the scenario sent anything at all
        return SignedJwt("request_object", seen.header, seen.claims)

    @property
    def form(self) -> dict[str, str]:
        """The form of the last request."""
        return dict(self.call.sent_form) if self.call else {}

    @property
    def issuer(self) -> str:
        """The server's issuer, empty where it is not known."""
        return str(self.flow.server.get("issuer") or self.environment.issuer)

    @property
    def url(self) -> str:
        """The address that was called last, without its parameters; empty for none."""
        return (self.call.url if self.call else self.fact("url")).partition("?")[0]

    @property
    def host(self) -> str:
        """The host, with its port, that was called last."""
        return urlsplit(self.url).netloc or "the server"

    def named_by(self) -> str:
        """Return who named the address that was called: `the metadata`, `FILE:LINE (…)`; empty for the scenario.

        The environment's word comes first, as it does when the address is looked up.
        """
        environment = self.environment
        aliases = ("mtls_endpoint_aliases",)
        for path, known in (((), environment.endpoints), (aliases, environment.mtls_endpoint_aliases)):
            name = next((name for name, url in known.items() if url == self.url), None)
            if name is not None:
                return self.in_environment("endpoints", *path, name)
        second = self.flow.server.get("mtls_endpoint_aliases")
        published = [*self.flow.server.values(), *(second.values() if isinstance(second, dict) else ())]
        return "the metadata" if self.url in published else ""

    @property
    def skew(self) -> float | None:
        """How many seconds our clock is ahead of the server's (RFC 9110, section 6.6.1); None when it does not say."""
        from datetime import UTC  # noqa: PLC0415  only for a failure
        from email.utils import parsedate_to_datetime  # noqa: PLC0415

        if self.call is None or not self.call.at:
            return None
        try:
            theirs = parsedate_to_datetime(self.call.headers.get("date", ""))
        except (TypeError, ValueError, OverflowError):
            return None
        if theirs.tzinfo is None:
            theirs = theirs.replace(tzinfo=UTC)
        return self.call.at + self.call.seconds / 2 - theirs.timestamp()


def short(value: Any) -> str:
    """Return a value as a message shows it: about a line."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def date_of(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a date of a JWT (RFC 7519 §2), None where there is none or it is no number."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def length(seconds: float) -> str:
    """Return a length of time in the unit that people would use: `95 s`, `10 minutes`, `3 hours`, `20 days`."""
    seconds = abs(seconds)
    for least, unit, word in ((_DAYS, 86400, "days"), (_HOURS, 3600, "hours"), (_MINUTES, 60, "minutes")):
        if seconds >= least:
            return f"{seconds / unit:.0f} {word}"
    return f"{seconds:.0f} s"
