"""The HTTP of a run as a HAR 1.2 archive, which browsers and proxies open; secrets are out of it as everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from flowrun.report.record import FileReporter, Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.events import Called


_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}


class HarReport(FileReporter):
    """Writes an entry for each call; its page is the scenario."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        super().__init__(path)
        self._pages: list[dict[str, Any]] = []
        self._entries = 0
        self.file.write('{"log": {"version": "1.2", "creator": {"name": "flowrun", "version": "1"}, "entries": [')

    def scenario(self, scenario: Scenario) -> None:
        """Write its calls."""
        page = f"scenario-{len(self._pages) + 1}"
        began = _time(scenario.started.at)
        told = {"comment": f"tampered: {scenario.tampered}"} if scenario.tampered else {}
        self._pages.append({"id": page, "title": scenario.name, "startedDateTime": began, "pageTimings": {}, **told})
        for step in scenario.steps:
            comment = "; ".join([step.name, *(f"tampered: {words}" for words in step.tampered)])
            for call in step.calls:
                entry = {"pageref": page, "comment": comment, **_entry(call)}
                self.file.write(("," if self._entries else "") + "\n" + json.dumps(entry, ensure_ascii=False))
                self._entries += 1

    def finish(self) -> None:
        """Write the pages."""
        self.file.write(f'\n], "pages": {json.dumps(self._pages, ensure_ascii=False)}}}}}\n')


def _entry(call: Called) -> dict[str, Any]:
    milliseconds = call.seconds * 1000
    request: dict[str, Any] = {
        "method": call.method,
        "url": call.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(call.sent_headers),
        "queryString": _named(parse_qsl(urlsplit(call.url).query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": -1,
    }
    kind = call.sent_headers.get("content-type", "application/x-www-form-urlencoded")
    if call.sent_form:
        request["postData"] = {"mimeType": kind, "params": _named(call.sent_form)}
    elif call.sent_text:
        request["postData"] = {"mimeType": kind, "text": call.sent_text}
    answered = {
        "status": call.status,
        "statusText": _PHRASES.get(call.status, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(call.headers),
        "content": {
            "size": len(call.text.encode("utf-8", "replace")),
            "mimeType": call.headers.get("content-type", ""),
            "text": call.text,
        },
        "redirectURL": call.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": -1,
    }
    return {
        "startedDateTime": _time(call.at),
        "time": milliseconds,
        "request": request,
        "response": answered,
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _pairs(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return _named(headers.items())


def _named(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def open_report(path: Path) -> HarReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return HarReport(path)
