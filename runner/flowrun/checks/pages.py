"""Checks of the way that the browser went: redirects, addresses, and the headers of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from flowrun.checks.base import Check, NotApplicable, secure

if TYPE_CHECKING:
    from flowrun.browser.model import Hop
    from flowrun.flow import Around

_STEP = frozenset({"browse"})
_OK: Final = 200
_TEMPORARY: Final = 307
_ALLOWED: Final = frozenset({"client_id", "request_uri"})


def _hops(around: Around) -> tuple[Hop, ...]:
    """Return the main documents, without the redirect_uri at the end, which is the client's."""
    hops = around.flow.hops
    if not hops:
        raise NotApplicable("the way of the browser was not seen")
    return hops[:-1] if around.flow.callback is not None and len(hops) > 1 else hops


def no_307(around: Around) -> str | None:
    """Look for forms, which may hold a password, that are answered with 307, which sends them on."""
    for hop in _hops(around):
        if hop.status == _TEMPORARY and hop.method == "POST":
            return f"a form sent to {_bare(hop.url)} was answered with 307, so the browser sends it on"
    return None


def https(around: Around) -> str | None:
    """Every address on the way is https; on this machine http will do."""
    plain = [_bare(hop.url) for hop in _hops(around) if hop.url.startswith("http:") and not secure(hop.url)]
    return f"the browser went through {', '.join(dict.fromkeys(plain))}" if plain else None


def frames(around: Around) -> str | None:
    """Every page forbids to be put into somebody else's frame: frame-ancestors, or X-Frame-Options."""
    shown = [hop for hop in _hops(around) if hop.status == _OK and hop.headers]
    if not shown:
        raise NotApplicable("no page was shown, or its headers were not seen")
    open_ = [_bare(hop.url) for hop in shown if not _framed(hop)]
    return f"any site may put {open_[0]} into a frame" if open_ else None


def _framed(hop: Hop) -> bool:
    headers = {name.lower(): value.lower() for name, value in hop.headers.items()}
    return "frame-ancestors" in headers.get("content-security-policy", "") or "x-frame-options" in headers


def only_request_uri(around: Around) -> str | None:
    """After a push the authorization URL carries client_id and request_uri and nothing else."""
    if around.flow.request_uri is None:
        raise NotApplicable("nothing was pushed")
    query = dict(parse_qsl(urlsplit(_hops(around)[0].url).query, keep_blank_values=True))
    if around.wants_refusal or "request_uri" not in query:
        raise NotApplicable("the scenario opened a URL of its own")
    more = sorted(query.keys() - _ALLOWED)
    return f"the authorization URL also carries {', '.join(more)}" if more else None


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


CHECKS: Final = (
    Check("cb.no-307", _STEP, "a form is never answered with 307", "RFC 9700 §4.12", no_307),
    Check("cb.https", _STEP, "the browser stays on https", "RFC 6749 §3.1", https),
    Check(
        "cb.only-request-uri", _STEP, "after a push the URL holds only its reference", "RFC 9126 §4", only_request_uri
    ),
    Check("page.headers", _STEP, "no other site may frame the pages", "RFC 9700 §4.16", frames),
)
