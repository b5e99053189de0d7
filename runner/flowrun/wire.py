"""HTTP, recorded: what was sent, what came back, why nothing came back (the only home of httpx)."""

from __future__ import annotations

import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import unquote, urlencode, urlsplit

from flowrun import i_json, lean
from flowrun.errors import UNREACHABLE, WRONG_FILE, StepError

if TYPE_CHECKING:
    import ssl

    import httpx

    from flowrun.redact import Redactor

_ALWAYS: Final = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "flowrun"}
LARGEST_ANSWER: Final = 5 * 1024 * 1024  # bytes; more than that is no answer of an authorization server
Form = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server's certificate is judged and which certificate we show: files, never contents.

    `at_most` is the newest version that we offer, 1.0 to 1.3, empty: what this machine has.
    """

    ca: Path | None = None
    verify: bool = True
    certificate: Path | None = None
    key: Path | None = None
    at_most: str = ""


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
        lean.load()
        self._authority = authority
        self._redactor = redactor
        self._timeout = timeout
        self._transport = transport
        self._transports: dict[tuple[Tls, bool, str], httpx.BaseTransport] = {}
        self._proxies: dict[tuple[str, str, int | None], str] = {}

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
        import ssl  # noqa: PLC0415  a scenario that sends nothing must not pay for these

        import httpx  # noqa: PLC0415

        for name, value in form:
            self._redactor.learn_members({name: value})
        outgoing = {**_ALWAYS, **(headers or {})}
        if form:
            outgoing.setdefault("content-type", "application/x-www-form-urlencoded")
        elif content is not None:
            outgoing.setdefault("content-type", "application/json")
        body_sent = urlencode(form).encode() if form else content
        limit = timeout or self._timeout
        started = time.perf_counter()
        try:
            transport = self._transport_to(url, tls or Tls())
            outgoing = {**_login(url), **outgoing}
            lines = [*outgoing.items(), *((name, outgoing[name]) for name in twice)]
            times = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), limit)}
            request = httpx.Request(method, url, content=body_sent, headers=lines, extensions=times)
            response = transport.handle_request(request)
            try:
                seen = _seen_of(response)
                raw = _read(response, url, started + limit)
            finally:
                response.close()
        except UnicodeEncodeError as error:
            title = f"a header can't have the character {error.object[error.start : error.start + 1]!r}"
            raise StepError("bad-header", title, exit_code=WRONG_FILE) from error
        except httpx.LocalProtocolError as error:
            raise StepError("bad-header", "a header can't be sent as it is", exit_code=WRONG_FILE) from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, ValueError) as error:
            raise no_answer(url, error, limit) from error
        text = _decode(raw, response.charset_encoding)
        body = _json(text)
        self._redactor.learn_members(body)
        text_sent = content.decode("utf-8", errors="replace") if content and not form else ""
        shown = Sent(method, url, dict(request.headers.items()), tuple(form), text_sent)
        seconds = time.perf_counter() - started
        hide = self._redactor.text
        return Answer(response.status_code, dict(response.headers.items()), text, body, shown, seconds, hide, seen)

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
            wire._transport_to(call["url"], call["tls"])
        return wire

    def _trusting(self, tls: Tls) -> Tls:
        return replace(tls, ca=self._authority) if self._authority and tls.ca is None else tls

    def close(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()

    def _transport_to(self, url: str, tls: Tls) -> httpx.BaseTransport:
        """Return the connections that a request goes over.

        They are used without an `httpx.Client`, which looks for cookies, redirects, passwords in a file and event hooks
        that nobody here has asked for, and takes a third of the time of a request to do so.
        """
        import ssl  # noqa: PLC0415

        import httpx  # noqa: PLC0415

        if self._transport is not None:
            return self._transport
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("a URL without a host")
        where = (parts.scheme, parts.hostname, parts.port)
        if where not in self._proxies:
            self._proxies[where] = _proxy(*where)
        secure, proxy = parts.scheme == "https", self._proxies[where]
        found = self._transports.get((tls, secure, proxy))
        if found is None:
            # A bare context costs nothing and trusts nobody: plain http needs no list of authorities.
            context = context_for(self._trusting(tls)) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            found = httpx.HTTPTransport(verify=context, trust_env=False, proxy=proxy or None)
            self._transports[tls, secure, proxy] = found
        return found


def _login(url: str) -> dict[str, str]:
    """Return the header that a URL with a name and a password in it asks for (RFC 7617)."""
    parts = urlsplit(url)
    if not parts.username and not parts.password:
        return {}
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _proxy(scheme: str, host: str, port: int | None) -> str:
    """Return the URL of this machine's proxy for a host; empty for none, and for what goes to this machine itself."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  httpx has loaded it

    proxies = getproxies()
    if not proxies or host in {"localhost", "127.0.0.1", "::1"} or proxy_bypass(f"{host}:{port}" if port else host):
        return ""
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def context_for(tls: Tls) -> ssl.SSLContext:
    """Return the TLS context for these files; raises `StepError` where one can't be read."""
    import ssl  # noqa: PLC0415  who sends nothing needs none

    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise StepError(
            "ca-unreadable", f"the CA file {tls.ca} can't be read as PEM certificates", exit_code=WRONG_FILE
        ) from error
    if tls.at_most:
        _offer(context, tls.at_most)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ssl.SSLError) as error:
            raise StepError(
                "certificate-unreadable",
                f"the client certificate {tls.certificate.name} can't be used",
                label=_certificate_reason(error),
                exit_code=WRONG_FILE,
            ) from error
    return context


def _offer(context: ssl.SSLContext, newest: str) -> None:
    """Let a context offer nothing newer than a version of TLS; what is old is offered at all only then."""
    import ssl  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    version = {"1.0": "TLSv1", "1.1": "TLSv1_1", "1.2": "TLSv1_2", "1.3": "TLSv1_3"}[newest]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what is deprecated, which is the point
        if newest in {"1.0", "1.1"}:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL 3 signs nothing as these do at a higher level
        context.maximum_version = ssl.TLSVersion[version]


@lru_cache(maxsize=1)
def speaks_old_tls() -> bool:
    """Tell whether this machine's OpenSSL can still speak TLS 1.1: two ends of a connection in memory find it out."""
    import ssl  # noqa: PLC0415

    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = []
    for kind in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(kind)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            _offer(context, "1.1")
            context.set_ciphers("aNULL:@SECLEVEL=0")  # without certificates: there is nobody to trust here
        except (ssl.SSLError, ValueError):
            return False
        ends.append(context)
    client, server = ends[0].wrap_bio(there, back), ends[1].wrap_bio(back, there, server_side=True)
    for _ in range(_FLIGHTS):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return client.version() == "TLSv1.1"


def _seen_of(response: httpx.Response) -> dict[str, Any]:
    """Return version and cipher of a TLS connection, and how many days the server's certificate is still valid."""
    import ssl  # noqa: PLC0415

    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    if connection is None:
        return {}
    ends = (connection.getpeercert() or {}).get("notAfter")  # nothing is read of a certificate that nobody verifies
    left = {"days_left": (ssl.cert_time_to_seconds(ends) - time.time()) / 86400} if ends else {}
    return {"version": connection.version(), "cipher": connection.cipher()[0], **left}


def _certificate_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if "MISMATCH" in str(error) or "NO_CERTIFICATE_ASSIGNED" in str(error):
        return "the private key belongs to another certificate"
    return "it must be PEM, with its private key"


def _read(response: httpx.Response, url: str, deadline: float) -> bytes:
    import httpx  # noqa: PLC0415

    parts: list[bytes] = []
    size = 0
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  what a transport that waits gives
    for part in response.iter_bytes() if "content-encoding" in response.headers else response.stream:
        size += len(part)
        if size > LARGEST_ANSWER:
            raise StepError("answer-too-large", f"{url} answered with more than 5 MiB; the rest was not read")
        # The library's limit is for one read: a server that drips would never reach it.
        if time.perf_counter() > deadline:
            raise httpx.ReadTimeout("the answer took too long")
        parts.append(part)
    return b"".join(parts)


def _decode(raw: bytes, charset: str | None) -> str:
    try:
        return raw.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):  # no such charset, or one that is not for texts
        return raw.decode("utf-8", errors="replace")


def _json(text: str) -> Any:
    if text.lstrip()[:1] not in tuple('{["-0123456789tfn'):
        return None
    try:
        return i_json.parse(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Reason:
    """One way to get no answer: words to look for in the library's text, and ours instead."""

    code: str
    words: tuple[str, ...]
    title: str
    hint: str = field(default="")


_FLIGHTS: Final = 6  # of messages that a handshake takes at most
_REASONS: Final = (
    _Reason(
        "name-not-found",
        (
            "Name or service not known",
            "nodename nor servname",
            "getaddrinfo",
            "name resolution",
            "No address associated",
        ),
        "the host name {host} does not resolve",
        "check the spelling of the host, and that this machine may look it up (VPN, DNS)",
    ),
    _Reason(
        "connection-refused",
        ("Connection refused", "actively refused", "Errno 111"),
        "nothing listens at {host}",
        "is the server up? is the port right?",
    ),
    _Reason(
        "tls-name",
        ("Hostname mismatch", "IP address mismatch"),
        "the TLS certificate of {host} is for another name",
        "is the host of the URL right? the certificate must name it",
    ),
    _Reason(
        "tls-certificate",
        ("certificate has expired", "certificate is not yet valid"),
        "the TLS certificate of {host} is out of its time: it has expired, or is not valid yet",
        "tell the server's team; or is the clock of this machine wrong?",
    ),
    _Reason(
        "tls-certificate",
        ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"),
        "the TLS certificate of {host} is not trusted",
        "name its authority in the environment file: tls: {{ca: path/to/ca.pem}}",
    ),
    _Reason(
        "tls-client-certificate",
        (
            "CERTIFICATE_REQUIRED",
            "bad certificate",
            "BAD_CERTIFICATE",
            "HANDSHAKE_FAILURE",
            "handshake failure",
            "ALERT_UNKNOWN_CA",  # the alerts are about what the client showed (RFC 8446, section 6.2)
            "ALERT_CERTIFICATE",
            "ALERT_UNSUPPORTED_CERTIFICATE",
        ),
        "{host} refused the TLS handshake, most likely over the client certificate",
        "give the client a certificate: {{file, key}} that this server knows",
    ),
    _Reason("tls-failed", ("SSL", "TLS"), "no TLS connection with {host}", "does this port speak https?"),
    _Reason(
        "connection-dropped",
        ("disconnected without sending", "Connection reset", "peer closed connection", "Broken pipe"),
        "{host} dropped the connection without an answer",
        "a server that wants a client certificate, or one that is starting, does this",
    ),
    _Reason(
        "not-http",
        ("RemoteProtocolError",),
        "{host} answered with something that is no HTTP",
        "is the port right? does it speak https?",
    ),
)


# What the other side says as it hangs up (RFC 8446, section 6.2), in the words of OpenSSL.
_ALERT: Final = re.compile(r"alert ([a-z ]*[a-z])")


def no_answer(url: str, error: Exception, limit: float) -> StepError:
    """Return why nothing came, in our words: from an error of httpx, or of a socket. `limit` is in seconds."""
    import httpx  # noqa: PLC0415

    wrong_url = isinstance(error, ValueError) and not isinstance(error, OSError)  # ssl has errors that are both
    if wrong_url or isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return StepError("bad-url", f"'{url}' is no URL that can be called", exit_code=WRONG_FILE)
    host = urlsplit(url).netloc.rpartition("@")[2] or url
    facts = (("url", url.partition("?")[0]),)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return StepError(
            "timeout",
            f"no answer from {host} within {limit:g} s",
            facts=facts,
            hint="timeouts: {http: …} in the environment file sets the limit",
            exit_code=UNREACHABLE,
        )
    text = f"{error} {error.__cause__ or ''} {type(error).__name__}"
    alert = _ALERT.search(text)
    # Whoever ends the handshake refuses; most say why, with an alert, and some only hang up.
    hung_up = alert is not None or "UNEXPECTED_EOF" in text
    for reason in _REASONS:
        if any(word in text for word in reason.words):
            return StepError(
                reason.code,
                reason.title.format(host=host),
                facts=(*facts, ("TLS alert", alert[1])) if alert else facts,
                hint=reason.hint.format(),
                exit_code=UNREACHABLE,
                place="tls" if hung_up else "",
                error=alert[1].replace(" ", "_") if alert else "closed" if hung_up else "",
            )
    return StepError("network_error", f"no usable answer from {host}: {error}", facts=facts, exit_code=UNREACHABLE)
