"""Serves the zoo under two names, and remembers what its pages were told."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import time
from base64 import b32decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SITE, NPM = HERE / "site", HERE / "node_modules"
OTP_SECRET = "JBSWY3DPEHPK3PXP"
ANSWER = "code=C0DE&state=S"
FORM_POST = (
    "<body onload='document.forms[0].submit()'><form method=post action='{}'><input name=code value=C0DE></form>"
)


@dataclass
class Zoo:
    """`here` and `other` are two hosts to a browser; `told` is what forms and scripts have sent since `begin`."""

    here: str = ""
    other: str = ""
    to: str = ""
    mode: str = "query"
    told: dict[str, str] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)

    def begin(self, to: str, mode: str) -> None:
        self.to, self.mode = to, mode
        self.told, self.visits = {}, {}


def totp(secret: str, moment: float) -> str:
    """The code of a moment (RFC 6238), worked out apart from the runner."""
    mac = hmac.new(b32decode(secret), int(moment / 30).to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[19] & 0xF
    return str(int.from_bytes(mac[at : at + 4], "big") % 2**31 % 10**6).zfill(6)


class Handler(loopback.Handler):
    """Each page is a file in site/; what needs more than a file has a method called like it."""

    protocol_version = "HTTP/1.1"
    zoo: Zoo

    def answer(self, body: str) -> None:
        told: dict[str, str] = {}
        for name, value in parse_qsl(body, keep_blank_values=True):
            told[name] = f"{told[name]} {value}" if name in told else value
        self.zoo.told.update(told)
        parts = urlsplit(self.path)
        name = parts.path.strip("/")
        self.zoo.visits[name] = self.zoo.visits.get(name, 0) + 1
        own = getattr(self, f"page_{name}", None)
        if own is not None:
            own(told, dict(parse_qsl(parts.query)))
        elif name.startswith("npm/"):
            self.file(NPM / name.removeprefix("npm/"), "text/javascript")
        else:
            self.page(name)

    def page(self, name: str) -> None:
        path = SITE / f"{name.partition('/')[0]}.html"
        if not path.is_file():
            return self.say(404, "<h1>Not found</h1>")
        text = path.read_text("utf-8").replace("%HERE%", self.zoo.here).replace("%OTHER%", self.zoo.other)
        return self.say(200, text)

    def file(self, path: Path, kind: str) -> None:
        self.say(200, path.read_text("utf-8"), kind=kind)

    def say(self, status: int, text: str, *, kind: str = "text/html", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.send(status, text, {"Content-Type": f"{kind}; charset=utf-8", **named})

    def page_done(self, _told: Any, _query: Any) -> None:
        to = self.zoo.to
        if self.zoo.mode == "form_post":
            self.say(200, FORM_POST.format(to))
        else:
            self.say(303, "", Location=to + {"query": "?", "fragment": "#"}[self.zoo.mode] + ANSWER)

    def page_note(self, _told: Any, _query: Any) -> None:
        self.say(204, "")

    def page_wait(self, _told: Any, query: dict[str, str]) -> None:
        time.sleep(int(query["ms"]) / 1000)
        self.say(204, "")

    def page_slow(self, told: dict[str, str], _query: Any) -> None:
        time.sleep(0.4)
        self.page("consent" if told else "plain_slow")

    def page_favicon(self, _told: Any, _query: Any) -> None:
        self.say(204, "")

    def page_otp(self, told: dict[str, str], _query: Any) -> None:
        self._code(told, "otp", told.get("otp", ""))

    def page_otp_boxes(self, told: dict[str, str], _query: Any) -> None:
        self._code(told, "otp_boxes", "".join(told.get(f"d{number}", "") for number in range(6)))

    def page_otp_sent(self, told: dict[str, str], query: dict[str, str]) -> None:
        """Takes a code once, as servers do; a second time it is wrong."""
        right = query["otp"] in {totp(OTP_SECRET, time.time() - late) for late in (0, 30)}
        if right and query["sent"] == "1" and self.zoo.visits["otp_sent"] == 1:
            self.page_done(told, {})
        else:
            self.say(400, "<h1>This code was used already</h1>")

    def _code(self, told: dict[str, str], name: str, code: str) -> None:
        if code in {totp(OTP_SECRET, time.time() - late) for late in (0, 30)}:
            self.zoo.told.clear()
            self.page_done(told, {})
        else:
            self.page(name)

    def page_twice(self, told: dict[str, str], _query: Any) -> None:
        """Asks for the password a second time, as some servers do before a consent."""
        if told and self.zoo.visits["twice"] > 2:
            self.page_done(told, {})
        else:
            self.page("twice")

    def page_sometimes(self, _told: dict[str, str], query: dict[str, str]) -> None:
        self.page("terms" if "terms" in query else "plain")

    def page_remembered(self, told: dict[str, str], _query: Any) -> None:
        if "known=1" in self.headers.get("Cookie", ""):
            self.page_done({}, {})
        elif told:
            self.say(303, "", Location="/done", Set_Cookie="known=1; Path=/")
        else:
            self.say(200, (SITE / "plain.html").read_text("utf-8").replace('"/done"', '"/remembered"'))

    def page_reload(self, told: dict[str, str], _query: Any) -> None:
        if self.zoo.visits["reload"] > 1:
            self.page_done(told, {})
        else:
            self.page("reload")

    def page_hops(self, _told: Any, query: dict[str, str]) -> None:
        left = int(query.get("left", 4))
        host = self.zoo.here if left % 2 else self.zoo.other
        status = (301, 302, 303, 307, 308)[left]
        to = f"{host}/hops?left={left - 1}" if left else f"{self.zoo.here}/plain"
        self.say(status, "", Location=to, Set_Cookie="secret=1", Referrer_Policy="no-referrer")

    def page_error_400(self, _told: Any, _query: Any) -> None:
        self.say(400, "<h1>oops! something went wrong</h1><pre>error: invalid_request_uri</pre>")

    def page_error_500(self, _told: Any, _query: Any) -> None:
        self.say(500, "<h1>Internal error</h1><script>console.error('it broke'); nobody.knows()</script>")

    def page_error_json(self, _told: Any, _query: Any) -> None:
        self.say(400, '{"error": "invalid_request", "error_description": "expired"}', kind="application/json")


@contextlib.contextmanager
def open_zoo() -> Iterator[Zoo]:
    """Serve until the block ends."""
    zoo = Zoo()
    with loopback.Loopback(type("ZooHandler", (Handler,), {"zoo": zoo})) as http:
        zoo.here, zoo.other = http.url, f"http://localhost:{http.port}"
        yield zoo
