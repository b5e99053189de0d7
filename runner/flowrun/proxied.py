"""Over httpx: through a proxy of this machine, and to what stands in for a server in unit tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowrun import lean
from flowrun.direct import seen_of
from flowrun.errors import WRONG_FILE, StepError
from flowrun.lane import BrokenError, Came, LateError, NotHttpError, Target, joined

if TYPE_CHECKING:
    import ssl

    import httpx


class Proxied:
    """The lane through a transport of httpx."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        """Take it over."""
        self._transport = transport

    def exchange(
        self, method: str, target: Target, headers: Sequence[tuple[str, str]], body: bytes, seconds: float
    ) -> Came:
        """Do what `Lane.exchange` says."""
        import httpx  # noqa: PLC0415  few need it

        times = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)}
        lines = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]
        with _told():
            request = httpx.Request(method, target.url, content=body, headers=lines, extensions=times)
            response = self._transport.handle_request(request)
        stream = response.extensions.get("network_stream")
        secure = stream.get_extra_info("ssl_object") if stream is not None else None
        seen = seen_of(secure) if secure is not None else {}
        came = joined(response.headers.multi_items())
        return Came(response.status_code, came, _parts(response), response.close, seen)

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()


def through(proxy: str, context: ssl.SSLContext | None) -> Proxied:
    """Return the lane through the proxy of this URL, `context` is for https; raises ValueError where it is none."""
    lean.load("httpx")
    lean.load("httpcore")
    import ssl  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a bare one costs nothing
    return Proxied(httpx.HTTPTransport(verify=context, trust_env=False, proxy=proxy))


def _parts(response: httpx.Response) -> Iterator[bytes]:
    import httpx  # noqa: PLC0415

    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  what a transport that waits gives
    with _told():
        yield from response.stream


@contextmanager
def _told() -> Iterator[None]:
    """Raise what a lane raises in place of what httpx raises."""
    import httpx  # noqa: PLC0415

    try:
        yield
    except httpx.TimeoutException as error:
        raise LateError(str(error)) from error
    except httpx.LocalProtocolError as error:
        raise StepError("bad-header", f"httpx does not send this: {error}", exit_code=WRONG_FILE) from error
    except httpx.RemoteProtocolError as error:
        hung_up = "disconnected" in str(error) or "closed" in str(error)
        raise (BrokenError if hung_up else NotHttpError)(str(error)) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ValueError(str(error)) from error
    except httpx.HTTPError as error:
        raise BrokenError(str(error)) from error
