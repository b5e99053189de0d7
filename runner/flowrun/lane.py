"""What lies between the wire and a server: where a request goes, how an answer comes in, and that none came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from flowrun.dataclass import dataclass

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a method, the name of a header (RFC 9110, section 5.6.2)
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS: Final = {"http": 80, "https": 443}
# What stands in a URL as it is (RFC 3986, appendix A), and what browsers leave alone besides; `%`: it is encoded.
_PATH: Final = "!$&'()*+,;=:@/%[]|^\\"
_UNSEEN: Final = re.compile(r"\A\s|\s\Z|[\x00-\x1f\x7f]")
_QUERY: Final = _PATH + "?`{}"


class BrokenError(Exception):
    """No answer, or only a part of one; the text is a library's."""


class LateError(BrokenError):
    """No answer in time."""


class NotHttpError(BrokenError):
    """What came is no HTTP."""


class Target(NamedTuple):
    """Where a request goes: `netloc` is what the header Host says, `path` has the query and is ASCII."""

    scheme: str
    host: str
    port: int
    netloc: str
    path: str

    @property
    def url(self) -> str:
        """All of it as a URL."""
        return f"{self.scheme}://{self.netloc}{self.path}"


@dataclass(slots=True)
class Came:
    """The beginning of an answer; `parts` are those of its body, as they were sent, and `close` ends the reading.

    `headers` have lower-case names; of one that came twice the values are joined with a comma. `tls` is what `seen_of`
    says of the connection.
    """

    status: int
    headers: Mapping[str, str]
    parts: Iterator[bytes]
    close: Callable[[], None]
    tls: Mapping[str, Any] = field(default_factory=dict)


class Lane(Protocol):
    """Connections to servers; any thread may use them."""

    def exchange(
        self, method: str, target: Target, headers: Sequence[tuple[str, str]], body: bytes, seconds: float
    ) -> Came:
        """Send a request and return what came, the body still to be read; `seconds` is the limit of each wait at least.

        Method and headers are such as can be sent: `wire` sees to it. Raises OSError and `BrokenError`.
        """
        ...

    def close(self) -> None:
        """Close every connection that is not in use."""
        ...


@lru_cache(maxsize=256)
def target_of(url: str) -> Target:
    """Take a URL apart; raises ValueError for one that can't be called."""
    if _UNSEEN.search(url):
        raise ValueError("a character that no URL has")
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.port == 0:
        raise ValueError("no URL that can be called")
    host = parts.hostname if parts.hostname.isascii() else _in_ascii(parts.hostname)
    port = parts.port or PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    path = quote(parts.path, safe=_PATH + "~") or "/"
    if "?" in url.partition("#")[0]:
        path += f"?{quote(parts.query, safe=_QUERY)}"
    return Target(parts.scheme, host, port, shown if port == PORTS[parts.scheme] else f"{shown}:{port}", path)


def _in_ascii(host: str) -> str:
    import idna  # noqa: PLC0415  few hosts need it

    return idna.encode(host, uts46=True).decode("ascii")  # its errors are ValueErrors


def proxy_of(scheme: str, host: str, port: int) -> str:
    """Return the URL of this machine's proxy for a host; empty for none, and for what goes to this machine itself."""
    if host in _HERE:
        return ""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  it loads much else

    proxies = getproxies()
    if not proxies or proxy_bypass(f"{host}:{port}"):
        return ""
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case names; of one that is there twice the values are joined with a comma."""
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found
