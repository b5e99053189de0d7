"""What an event of the Chrome DevTools Protocol says, as plain values. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowrun.browser.redirect import without_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping


def body_of(request: Mapping[str, Any]) -> str | None:
    """Return the POST body; None when the browser kept it back."""
    if "postData" in request:
        return str(request["postData"])
    entries = [entry.get("bytes") for entry in request.get("postDataEntries", ())]
    if entries and all(entries):
        return b"".join(base64.b64decode(entry) for entry in entries).decode("utf-8", "replace")
    return None if request.get("hasPostData") else ""


def headers_of(given: Mapping[str, str]) -> Mapping[str, str]:
    """Return an answer's headers as a Hop has them."""
    return {
        name.lower(): ", ".join(str(value).split("\n")) for name, value in given.items() if "cookie" not in name.lower()
    }


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def console_words(params: Mapping[str, Any]) -> str:
    """Return what the developer console shows in red for a log entry, a call or an exception; empty for the rest."""
    if "entry" in params:
        entry = params["entry"]
        words = f"{entry['text']} ({without_parameters(entry['url'])})" if entry.get("url") else str(entry["text"])
        icon = entry.get("url", "").endswith("/favicon.ico")  # asked for unasked
        return words if entry["level"] == "error" and not icon else ""
    if "args" in params:
        words = " ".join(str(arg.get("value", arg.get("description", ""))) for arg in params["args"])
        return words if params["type"] == "error" else ""
    details = params["exceptionDetails"]
    return str(details.get("exception", {}).get("description") or details.get("text", "")).split("\n", 1)[0]
