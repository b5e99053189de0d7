"""HTTP, recorded: what was sent and what came back; it says why, where nothing did."""

from __future__ import annotations

import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import unquote, urlencode, urlsplit

from flowrun import i_json
from flowrun.dataclass import dataclass
from flowrun.errors import WRONG_FILE, StepError
from flowrun.lane import TOKEN, BrokenError, Came, LateError, Target, joined, proxy_of, target_of
from flowrun.no_answer import no_answer
from flowrun.tls import Tls, context_for

if TYPE_CHECKING:
    import httpx

    from flowrun.lane import Lane
    from flowrun.redact import Redactor

_ALWAYS: Final = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "flowrun"}
LARGEST_ANSWER: Final = 5 * 1024 * 1024  # bytes; more than that is no answer of an authorization server
_WITH_A_BODY: Final = frozenset({"PATCH", "POST", "PUT"})  # which say that they have none
_PACKED: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # to zlib
_UNPACKED_AT_ONCE: Final = 1024 * 1024
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([^\s;"',]+)""", re.IGNORECASE)
_VALUE: Final = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")  # ASCII that one can see, no space around it
_PLAIN: Final = Tls()
Form = Sequence[tuple[str, str]]


class Sending(TypedDict):
    """A request that is ready to go out: the arguments of `Wire.send`."""

    method: str
    url: str
    form: Form
    content: bytes | None
    headers: Mapping[str, str]
    twice: Sequence[str]
    tls: Tls


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went out; `text` is a body that is no form."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: tuple[tuple[str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. `body` is the parsed JSON, or None where the text is no JSON.

    `headers` has lower-case names; of a header that came twice the values are joined with a comma. `seconds` runs from
    the call to the last byte. `tls` has version, cipher and days_left (of the certificate), where there was TLS. `hide`
    takes secrets out of a text: before it is cut, because half a secret is not found.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any
    sent: Sent
    seconds: float
    hide: Callable[[str], str] = field(default=str, repr=False, compare=False)
    tls: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty where there was none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def members(self) -> Mapping[str, Any]:
        """The JSON body if it is an object, else an empty mapping."""
        return self.body if isinstance(self.body, dict) else {}


class Wire:
    """Sends requests over connections that are kept; never follows a redirect, never keeps a cookie."""

    def __init__(
        self,
        redactor: Redactor,
        *,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        authority: Path | None = None,
    ) -> None:
        """Take the time limit of one request in seconds; `transport` stands in for the network in unit tests.

        `authority` (PEM) is trusted where a request names no `ca` of its own: the embedded sandbox's.
        """
        self._authority = authority
        self._redactor = redactor
        self._timeout = timeout
        self._transport = transport
        self._lanes: dict[tuple[Tls, bool, str], Lane] = {}
        self._proxies: dict[tuple[str, str, int], str] = {}

    def send(
        self,
        method: str,
        url: str,
        *,
        form: Form = (),
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        twice: Sequence[str] = (),
        tls: Tls | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        `content` is a body that is no form, JSON in UTF-8 unless `headers` say otherwise. `twice` names headers that
        are sent two times.
        Raises `StepError` (exit code 3) when there is no answer: name not found, refused, TLS, time-out.
        """
        for name, value in form:
            self._redactor.learn_members({name: value})
        outgoing = {**_ALWAYS, **(headers or {})}
        if form:
            outgoing.setdefault("content-type", "application/x-www-form-urlencoded")
        elif content is not None:
            outgoing.setdefault("content-type", "application/json")
        if "transfer-encoding" in outgoing:
            title = "the header transfer-encoding can't be sent: flowrun sends a body in one piece"
            raise StepError("bad-header", title, exit_code=WRONG_FILE)
        body_sent = urlencode(form).encode() if form else content or b""
        limit = timeout or self._timeout
        started = time.perf_counter()
        try:
            target = target_of(url)
            outgoing = {"host": target.netloc, **_login(url), **outgoing}
            if body_sent or method in _WITH_A_BODY:
                outgoing.setdefault("content-length", str(len(body_sent)))
            lines = [*outgoing.items(), *((name, outgoing[name]) for name in twice)]
            _require_sendable(method, lines)
            came = self._lane_to(target, tls or _PLAIN).exchange(method, target, lines, body_sent, limit)
            try:
                raw = _read(came, url, started + limit)
            finally:
                came.close()
        except (BrokenError, OSError, ValueError) as error:
            raise no_answer(url, error, limit) from error
        text = _decode(raw, came.headers.get("content-type", ""))
        body = _json(text)
        self._redactor.learn_members(body)
        text_sent = content.decode("utf-8", errors="replace") if content and not form else ""
        shown = Sent(method, url, joined(lines), tuple(form), text_sent)
        seconds = time.perf_counter() - started
        return Answer(came.status, came.headers, text, body, shown, seconds, self._redactor.text, _seen(came.tls))

    def send_at_once(self, calls: Sequence[Sending]) -> list[Answer]:
        """Send several requests at the same moment, each over a connection of its own; raises as `send` does."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  races are rare

        start = threading.Barrier(len(calls))
        wires: list[Wire] = []

        def sent(wire: Wire, call: Sending) -> Answer:
            start.wait()
            return wire.send(**call)

        try:
            wires += map(self._alone, calls)
            with ThreadPoolExecutor(len(calls)) as pool:
                return list(pool.map(sent, wires, calls))
        finally:
            for wire in wires:
                wire.close()

    def _alone(self, call: Sending) -> Wire:
        """Return a wire with no connection yet, and all that takes time before there is one."""
        wire = Wire(self._redactor, timeout=self._timeout, transport=self._transport, authority=self._authority)
        with suppress(ValueError):  # `send` says what is wrong with a URL
            wire._lane_to(target_of(call["url"]), call["tls"])
        return wire

    def _trusting(self, tls: Tls) -> Tls:
        return replace(tls, ca=self._authority) if self._authority and tls.ca is None else tls

    def close(self) -> None:
        """Close every connection."""
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()

    def _lane_to(self, target: Target, tls: Tls) -> Lane:
        """Return the connections that a request goes over."""
        where = target[:3]
        if where not in self._proxies:
            self._proxies[where] = "" if self._transport is not None else proxy_of(*where)
        key = (tls, target.scheme == "https", self._proxies[where])
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._lane(*key)
        return lane

    def _lane(self, tls: Tls, secure: bool, proxy: str) -> Lane:
        if self._transport is not None:
            from flowrun.proxied import Proxied  # noqa: PLC0415  unit tests' alone

            return Proxied(self._transport)
        context = context_for(self._trusting(tls)) if secure else None
        if proxy:
            from flowrun.proxied import through  # noqa: PLC0415  few need it

            return through(proxy, context)
        from flowrun.direct import Direct  # noqa: PLC0415  `check` sends nothing

        return Direct(context)


def _require_sendable(method: str, lines: Sequence[tuple[str, str]]) -> None:
    """Raise `StepError` for a method or a header that would break the request (RFC 9110, sections 5 and 9.1)."""
    if not TOKEN.fullmatch(method):
        raise StepError("bad-header", f"the method {method!r} can't be sent", exit_code=WRONG_FILE)
    for name, value in lines:
        if TOKEN.fullmatch(name) and _VALUE.fullmatch(value):
            continue
        strange = next((one for one in value if not (one == "\t" or " " <= one <= "~")), "")
        title = f"the header {name} can't begin or end with a space"
        if not TOKEN.fullmatch(name):
            title = f"'{name}' can't be the name of a header"
        elif strange:
            title = f"the header {name} can't have the character {strange!r}"
        raise StepError("bad-header", title, exit_code=WRONG_FILE)


@lru_cache(maxsize=256)
def _login(url: str) -> dict[str, str]:
    """Return the header that a URL with a name and a password in it asks for (RFC 7617)."""
    parts = urlsplit(url)
    if not parts.username and not parts.password:
        return {}
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _seen(tls: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return version and cipher of a TLS connection, and how many days the server's certificate is still valid."""
    if "ends" not in tls:
        return tls
    return {"version": tls["version"], "cipher": tls["cipher"], "days_left": (tls["ends"] - time.time()) / 86400}


def _read(came: Came, url: str, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in _whole(came):
        size += len(part)
        if size > LARGEST_ANSWER:
            raise StepError("answer-too-large", f"{url} answered with more than 5 MiB; the rest was not read")
        # A proxy's limit is for one wait: a server that drips would never reach it.
        if time.perf_counter() > deadline:
            raise LateError("the answer took too long")
        parts.append(part)
    return b"".join(parts)


def _whole(came: Came) -> Iterator[bytes]:
    """Return the body as it was before it was packed, the last packing undone first."""
    parts, how = came.parts, came.headers.get("content-encoding", "").lower().split(",")
    for one in reversed([word.strip() for word in how if word.strip() not in {"", "identity"}]):
        if one not in _PACKED:
            break
        parts = _unpacked(parts, one)
    return parts


def _unpacked(parts: Iterator[bytes], how: str) -> Iterator[bytes]:
    """Yield what was packed (RFC 9110, section 8.4.1); deflate comes with and without a header."""
    import zlib  # noqa: PLC0415  small answers come as they are

    unpack, begun = zlib.decompressobj(_PACKED[how]), False
    try:
        for part in parts:
            if not begun and part and how == "deflate" and part[0] & 0x0F != zlib.DEFLATED:
                unpack = zlib.decompressobj(-zlib.MAX_WBITS)
            begun = begun or bool(part)
            packed = part
            while packed:  # a small part may become a large one
                yield unpack.decompress(packed, _UNPACKED_AT_ONCE)
                packed = unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error as error:
        raise BrokenError(f"its body is no {how}: {error}") from error


def _decode(raw: bytes, content_type: str) -> str:
    named = _CHARSET.search(content_type)
    try:
        return raw.decode(named[1] if named else "utf-8", errors="replace")
    except (LookupError, ValueError):  # no such charset, or one that is not for texts
        return raw.decode("utf-8", errors="replace")


def _json(text: str) -> Any:
    if text.lstrip()[:1] not in tuple('{["-0123456789tfn'):
        return None
    try:
        return i_json.parse(text)
    except ValueError:
        return None
