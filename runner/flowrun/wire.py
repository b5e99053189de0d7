"""HTTP, recorded: what was sent, what came back, why nothing came back (the only home of httpx)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from flowrun import i_json
from flowrun.errors import UNREACHABLE, WRONG_FILE, StepError

if TYPE_CHECKING:
    import ssl

    import httpx

    from flowrun.redact import Redactor

LARGEST_ANSWER: Final = 5 * 1024 * 1024  # bytes; more than that is no answer of an authorization server
Form = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server's certificate is judged and which certificate we show: files, never contents."""

    ca: Path | None = None
    verify: bool = True
    certificate: Path | None = None
    key: Path | None = None


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
    the call to the last byte. `hide` takes secrets out of a text: before it is cut, because half a secret is not found.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any
    sent: Sent
    seconds: float
    hide: Callable[[str], str] = field(default=str, repr=False, compare=False)

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
        self._clients: dict[tuple[Tls, bool], httpx.Client] = {}

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
        outgoing = {"accept": "application/json", **(headers or {})}
        if form:
            outgoing.setdefault("content-type", "application/x-www-form-urlencoded")
        elif content is not None:
            outgoing.setdefault("content-type", "application/json")
        body_sent = urlencode(form).encode() if form else content
        limit = timeout or self._timeout
        started = time.perf_counter()
        try:
            client = self._client(self._trusting(tls or Tls()), secure=urlsplit(url).scheme == "https")
            client.cookies.clear()
            lines = [*outgoing.items(), *((name, outgoing[name]) for name in twice)]
            with client.stream(method, url, content=body_sent, headers=lines, timeout=limit) as response:
                raw = _read(response, url, started + limit)
        except UnicodeEncodeError as error:
            title = f"a header can't have the character {error.object[error.start : error.start + 1]!r}"
            raise StepError("bad-header", title, exit_code=WRONG_FILE) from error
        except httpx.LocalProtocolError as error:
            raise StepError("bad-header", "a header can't be sent as it is", exit_code=WRONG_FILE) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, ssl.SSLError, ValueError) as error:
            raise no_answer(url, error, limit) from error
        text = _decode(raw, response.charset_encoding)
        body = _json(text)
        self._redactor.learn_members(body)
        text_sent = content.decode("utf-8", errors="replace") if content and not form else ""
        shown = Sent(method, url, dict(response.request.headers), tuple(form), text_sent)
        seconds = time.perf_counter() - started
        return Answer(response.status_code, dict(response.headers), text, body, shown, seconds, self._redactor.text)

    def _trusting(self, tls: Tls) -> Tls:
        return replace(tls, ca=self._authority) if self._authority and tls.ca is None else tls

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, tls: Tls, *, secure: bool) -> httpx.Client:
        import ssl  # noqa: PLC0415

        import httpx  # noqa: PLC0415

        found = self._clients.get((tls, secure))
        if found is None:
            # A bare context costs nothing and trusts nobody: plain http needs no list of authorities.
            context = context_for(tls) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # A proxy of the machine must not get what goes to this machine itself.
            direct: dict[str, httpx.BaseTransport | None] = {
                "all://localhost": None,
                "all://127.0.0.1": None,
                "all://[::1]": None,
            }
            found = httpx.Client(
                verify=context,
                transport=self._transport,
                mounts={} if self._transport else direct,
                headers={"user-agent": "flowrun"},
                follow_redirects=False,
            )
            self._clients[tls, secure] = found
        return found


def context_for(tls: Tls) -> ssl.SSLContext:
    """Return the TLS context for these files; raises `StepError` where one can't be read."""
    import ssl  # noqa: PLC0415  who sends nothing needs none

    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise StepError(
            "ca-unreadable", f"the CA file {tls.ca} can't be read as PEM certificates", exit_code=WRONG_FILE
        ) from error
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
    for part in response.iter_bytes():
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
    for reason in _REASONS:
        if any(word in text for word in reason.words):
            return StepError(
                reason.code,
                reason.title.format(host=host),
                facts=(*facts, ("TLS alert", alert[1])) if alert else facts,
                hint=reason.hint.format(),
                exit_code=UNREACHABLE,
            )
    return StepError("network_error", f"no usable answer from {host}: {error}", facts=facts, exit_code=UNREACHABLE)
