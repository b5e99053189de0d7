"""Is a host there: its name, its port, its certificate; and does it take ours."""

from __future__ import annotations

import socket
from contextlib import closing
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from flowrun import certificates
from flowrun.auth.certificate import goes_to
from flowrun.errors import FAILED, Problem, StepError
from flowrun.lane import PORTS, proxy_of
from flowrun.no_answer import no_answer
from flowrun.steps.base import page_text
from flowrun.tls import Tls, context_for

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.errors import Span
    from flowrun.online.model import Look
    from flowrun.wire import Answer

_REFUSALS: Final = range(400, 500)
# How a host ends a connection over a certificate; some just hang up.
_OVER_CERTIFICATES: Final = frozenset({"tls-client-certificate", "tls-failed", "connection-dropped"})


def place(url: str) -> str:
    """Return `name:port` of a URL, the port also where it is not written."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme, 443)}"


def reach(look: Look, url: str, at: Span) -> bool:
    """Look up the name, connect, shake hands; return whether there is somebody. Notes what it finds, at `at`."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
    if proxy_of(parts.scheme, host, port):
        look.reached.add(place(url))
        look.open("DNS", f"{host} is reached through this machine's proxy, which does the rest")
        return True
    limit = look.environment.timeouts.http
    try:
        _look_up(look, host, port)
        with socket.create_connection((host, port), limit) as plain:
            if parts.scheme == "https":
                _shake_hands(look, plain, host, port, at)
            else:
                look.good("TCP", f"{host}:{port} takes connections")
    except (OSError, ValueError) as error:
        look.failed(no_answer(url, error, limit), at)
    except StepError as error:  # the environment's own files
        look.failed(error, at)
    else:
        look.reached.add(place(url))
        return True
    look.lost.add(place(url))
    return False


def _look_up(look: Look, host: str, port: int) -> None:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    try:
        ip_address(host)
    except ValueError:
        look.good("DNS", f"{host} is {', '.join(dict.fromkeys(str(entry[4][0]) for entry in found))}")


def _shake_hands(look: Look, plain: socket.socket, host: str, port: int, at: Span) -> None:
    with closing(context_for(look.tls).wrap_socket(plain, server_hostname=host)) as secure:
        der, version = secure.getpeercert(binary_form=True), secure.version()
    now = datetime.now(UTC)
    try:
        end = certificates.end_of(der or b"")
    except ValueError:  # one that this library can't read may still be one that OpenSSL trusts
        look.good("TLS", f"{host}:{port} speaks {version}")
        return
    valid = f"valid {certificates.until(end, now)}"
    look.good("TLS", f"{host}:{port} speaks {version}; its certificate is {valid}")
    if end - now < certificates.SOON:
        over = end < now  # this far only where the environment says `verify: false`
        look.bad(
            Problem(
                "server-certificate-ends-soon",
                f"the TLS certificate of {host}:{port} {'has expired' if over else 'ends soon'}",
                at,
                valid,
                hint="tell the server's team; when it ends, nothing works there",
                warning=True,
            )
        )


def show_certificate(look: Look, client: Client, url: str, at: Span) -> None:
    """Ask for the root of an API host, with the client's certificate and without; note what the host makes of it.

    In TLS 1.3 a server refuses a certificate only after the handshake, so that something has to be asked for.
    """
    parts = urlsplit(url)
    root = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
    without = _refuses(look, root, look.tls)
    if client.certificate is None or not goes_to(client.certificate, parts.hostname or "", parts.port):
        if without is not None:
            look.bad(_none_shown(look, client, place(url), without))
        return
    ours = Tls(look.tls.ca, look.tls.verify, client.certificate.file, client.certificate.key)
    refused = _refuses(look, root, ours)
    if refused is None:
        more = "; it answers without one as well" if without is None else ", and not without"
        look.good("mTLS", f"{place(url)} answers when '{client.name}' shows its certificate{more}")
    elif isinstance(refused, StepError) and refused.code not in _OVER_CERTIFICATES:
        look.failed(refused, at)
    else:
        look.bad(
            Problem(
                "client-certificate-refused",
                f"{place(url)} does not take the certificate of '{client.name}'",
                look.client_at(client, "certificate", "file"),
                facts=_said(refused),
                hint="is it the certificate that is registered there, and does the server know who issued it?",
                exit_code=FAILED,
            )
        )


def _refuses(look: Look, root: str, tls: Tls) -> Answer | StepError | None:
    """Return how a host refuses what we show it, None where it answers whatever it answers."""
    try:
        answer = look.wire.send("GET", root, tls=tls)
    except StepError as error:
        return error
    # A proxy that takes any handshake and judges afterwards says so in words: "No required SSL certificate was sent".
    return answer if answer.status in _REFUSALS and "certificate" in answer.text.lower() else None


def _none_shown(look: Look, client: Client, where: str, refused: Answer | StepError) -> Problem:
    if isinstance(refused, StepError) and refused.code not in _OVER_CERTIFICATES:
        return Problem(
            refused.code, refused.title, look.client_at(client), "", refused.facts, refused.hint, refused.exit_code
        )
    named = client.certificate is not None
    return Problem(
        "client-certificate-missing",
        f"{where} wants a client certificate, and '{client.name}' "
        + ("shows its own to other hosts only" if named else "has none"),
        look.client_at(client, *(["certificate", "hosts"] if named else [])),
        facts=_said(refused),
        hint="name the host under certificate: {hosts}" if named else "write certificate: {file: …, key: …}",
    )


def _said(refused: Answer | StepError) -> tuple[tuple[str, str], ...]:
    if isinstance(refused, StepError):
        return (("answer", "none: the TLS handshake was refused"),)
    return (("answer", f"{refused.status} {page_text(refused.hide(refused.text))}"),)
