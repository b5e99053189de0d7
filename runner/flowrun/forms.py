"""Every form that a text takes on its way: encoded for URLs, JSON, HTML and in Base64, and back."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

SHORTEST: Final = 8  # characters: less of a value in Base64 could be anything
DEEPEST: Final = 3  # a URL in a URL in a JSON text
LONG: Final = 100_000  # characters; a longer text is decoded once only, for there time counts

_PERCENT = re.compile(r"%[0-9A-F]{2}")
# As JSON, JavaScript and Python write a character that they do not want to have in a text.
_ESCAPE = re.compile(r"""\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|U00([0-9A-Fa-f]{6})|(["'\\/abfnrtv]))""")
_SHORT = str.maketrans("abfnrtv", "\a\b\f\n\r\t\v")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def quote_plus(value: str, safe: str = "") -> str:
    """Return a value as forms have it; half a surrogate pair, which no server may send, is no reason to fail."""
    return quote(value, safe=f"{safe} ", errors="replace").replace(" ", "+")


def forms(value: str) -> Iterator[str]:
    """Yield the value as it may appear: raw, URL-encoded, in JSON or HTML, in Base64 alone and inside other Base64."""
    yield value
    inside = list(_in_json(value))
    percent = list(_in_urls(value))
    yield from percent
    for text in inside:
        yield text
        yield text.replace("/", "\\/")
    in_html = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for double, single in (("&quot;", "&#x27;"), ("&#34;", "&#39;"), ("&quot;", "&#039;")):  # Python, Jinja, PHP
        yield in_html.replace('"', double).replace("'", single)
    yield in_html
    for text in dict.fromkeys((value, *inside, *percent[:3])):
        yield from base64_forms(text)


def _in_json(value: str) -> Iterator[str]:
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1]


def _in_urls(value: str) -> Iterator[str]:
    # Python's way, a form's, that of JavaScript's encodeURIComponent, that of browsers' forms, and a query typed in.
    for encoded in (
        quote(value, safe="", errors="replace"),
        quote_plus(value),
        quote(value, safe="!'()*", errors="replace"),
        quote(value, safe="", errors="surrogatepass"),
        quote_plus(value, "*").replace("~", "%7E"),
        quote(value, safe="!$&'()*+,;=:@/?~", errors="replace"),
    ):
        yield encoded
        yield _PERCENT.sub(lambda found: found[0].lower(), encoded)


def base64_forms(value: str) -> Iterator[str]:
    """Yield a value in Base64 and base64url, alone and as it stands inside a longer text."""
    raw = value.encode("utf-8", "surrogatepass")
    alone = base64.b64encode(raw).decode().rstrip("=")
    yield from (alone, _url_safe(alone))
    # Inside a longer text (credentials, a JWT's payload) a value has three possible alignments. Only the characters
    # that hold nothing but bits of the value are always the same.
    for shift in (0, 1, 2):
        text = base64.b64encode(b"\0" * shift + raw).decode()
        core = text[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        if len(core) >= SHORTEST:
            yield from (core, _url_safe(core))


def _url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


def plainer(text: str) -> Iterator[str]:
    """Yield a text with what is encoded in it decoded: each encoding alone, and in any order up to three deep."""
    seen, layer = {text}, [text]
    for _ in range(DEEPEST if len(text) <= LONG else 1):
        further = []
        for one in layer:
            for decode in _DECODERS:
                plain = decode(one)
                if plain not in seen:
                    seen.add(plain)
                    further.append(plain)
                    yield plain
        layer = further


def _from_escapes(text: str) -> str:
    if "\\" not in text:
        return text
    halves = _ESCAPE.sub(_character, text)
    return _SURROGATES.sub(lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), halves)


def _character(found: re.Match[str]) -> str:
    number = found[1] or found[2] or found[3]
    if not number:
        return found[4].translate(_SHORT)
    return chr(int(number, 16)) if int(number, 16) <= sys.maxunicode else found[0]


def _from_html(text: str) -> str:
    if "&" not in text:
        return text
    from html import unescape  # noqa: PLC0415  it brings a table of two thousand names

    return unescape(text)


def _from_url(text: str) -> str:
    return unquote(text) if "%" in text else text


def _from_form(text: str) -> str:
    return unquote_plus(text) if "%" in text and "+" in text else text


_DECODERS: Final[tuple[Callable[[str], str], ...]] = (_from_escapes, _from_url, _from_form, _from_html)
