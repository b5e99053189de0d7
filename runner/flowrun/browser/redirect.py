"""Is this URL the redirect_uri? Scheme, host, port and path compared exactly (RFC 9700, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from flowrun.browser.model import Callback

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORTS = {"http": 80, "https": 443}
PATH_SAFE = "/%:@!$&'()*+,;=~-._|[]^"  # what Chromium leaves as it is in a path


def place_of(url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path the way a browser writes them; ValueError for a URL that cannot be read."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = _host(parts)
    port = parts.port
    if scheme in DEFAULT_PORTS:
        port = DEFAULT_PORTS[scheme] if port is None else port
        path = _without_dots(quote(parts.path or "/", safe=PATH_SAFE))
    else:
        path = parts.path
    return scheme, host, port, path


def same_place(url: str, redirect_uri: str) -> bool:
    """Tell whether a navigation to `url` is one to the redirect_uri, whatever query and fragment it carries."""
    try:
        return place_of(url) == place_of(redirect_uri)
    except ValueError:  # a URL that cannot be read leads nowhere
        return False


def is_web(url: str) -> bool:
    """Tell whether a browser goes there itself; every other scheme belongs to another program (RFC 8252, 7.1)."""
    return url.partition(":")[0].lower() in {"http", "https", "about", "blob", "data", "javascript", ""}


def pattern(redirect_uri: str) -> str:
    """Return the CDP Fetch pattern that lets nothing of the redirect_uri by; it also lets strangers in, see same_place.

    In such a pattern `*` and `?` are wildcards and a backslash takes their meaning away.
    """
    scheme, host, port, path = place_of(redirect_uri)
    at = "" if port is None or port == DEFAULT_PORTS.get(scheme) else f":{port}"
    base = f"{scheme}://{host}{at}{path}" if host else f"{scheme}:{path}"
    return "".join(f"\\{c}" if c in "*?\\" else c for c in base) + "*"


def read_callback(url: str, redirect_uri: str, *, method: str = "GET", body: str | None = None) -> Callback:
    """Read the response out of the navigation: a POST body, else the fragment, else the query.

    A server that answers in the fragment leaves the query to the registered members, so a fragment with pairs in it
    is where the response is, unless the query holds what only a response does.
    """
    parts = urlsplit(url)
    registered = parse_qsl(urlsplit(redirect_uri).query, keep_blank_values=True)
    query = parse_qsl(parts.query, keep_blank_values=True)
    dropped = tuple(name for name, value in registered if (name, value) not in query)
    place: Literal["query", "fragment", "form_post"] = "query"
    pairs = query
    if method.upper() == "POST":
        place, pairs = "form_post", parse_qsl(body or "", keep_blank_values=True)
    elif not _is_response(dict(query)):
        fragment = parse_qsl(parts.fragment, keep_blank_values=True)
        if fragment:
            place, pairs = "fragment", fragment
    return Callback(url, place, tuple(pairs), dropped)


def without_parameters(url: str) -> str:
    """Return the URL without query and fragment, where the secrets are; `?…` says that there was something."""
    parts = urlsplit(url)
    if not parts.netloc:
        return url.split("?", 1)[0].split("#", 1)[0]
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query or parts.fragment else "")


def _is_response(query: Mapping[str, str]) -> bool:
    return bool(query.keys() & {"code", "error", "response", "state"})


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if ":" in host:
        return f"[{host}]"
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _without_dots(path: str) -> str:
    out: list[str] = []
    pieces = path.split("/")
    for piece in pieces[1:]:
        if piece == "..":
            del out[-1:]
        elif piece != ".":
            out.append(piece)
    if pieces[-1] in {".", ".."}:
        out.append("")
    return "/" + "/".join(out)
