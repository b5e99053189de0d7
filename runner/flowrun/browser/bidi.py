"""Watch every tab of Firefox over WebDriver BiDi: take the callback before any network is touched, keep the chain.

Each `open_tab` is a user context of its own:
cookies, storage and cache are those of a new browser.
"""

from __future__ import annotations

import base64
import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from flowrun.browser.cdp import CdpGone
from flowrun.browser.model import Hop
from flowrun.browser.redirect import is_web, place_of, same_place, without_parameters
from flowrun.browser.snapshot import CLIENT_ERROR
from flowrun.browser.watch import FOLLOW_SECONDS, REDIRECTS, Tab, Watch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LARGEST_BODY = 1 << 20
EVENTS = (
    "browsingContext.contextCreated",
    "browsingContext.contextDestroyed",
    "browsingContext.navigationStarted",
    "browsingContext.userPromptOpened",
    "log.entryAdded",
    "network.beforeRequestSent",
    "network.responseStarted",
    "network.responseCompleted",
    "network.fetchError",
)
WAITED_FOR = frozenset({"document", "script", "xmlhttprequest", "fetch", ""})
TAKEN_PAGE = b"<!doctype html><title>flowrun</title><link rel=icon href='data:,'><p>flowrun took the callback here."
# Firefox's words for a main document that never came, as Chromium has them; `network` knows what they mean.
ERRORS = {
    "NS_ERROR_UNKNOWN_HOST": "NAME_NOT_RESOLVED",
    "NS_ERROR_CONNECTION_REFUSED": "CONNECTION_REFUSED",
    "NS_ERROR_NET_RESET": "CONNECTION_RESET",
    "NS_ERROR_NET_INTERRUPT": "CONNECTION_CLOSED",
    "NS_ERROR_NET_EMPTY_RESPONSE": "EMPTY_RESPONSE",
    "NS_ERROR_NET_TIMEOUT": "TIMED_OUT",
    "NS_ERROR_OFFLINE": "INTERNET_DISCONNECTED",
    "NS_ERROR_REDIRECT_LOOP": "TOO_MANY_REDIRECTS",
    "NS_ERROR_PORT_ACCESS_NOT_ALLOWED": "UNSAFE_PORT",
    "NS_ERROR_PROXY_CONNECTION_REFUSED": "PROXY_CONNECTION_FAILED",
    "NS_ERROR_UNKNOWN_PROXY_HOST": "PROXY_CONNECTION_FAILED",
    "NS_ERROR_UNKNOWN_PROTOCOL": "UNKNOWN_URL_SCHEME",
    "SEC_ERROR_UNKNOWN_ISSUER": "CERT_AUTHORITY_INVALID",
    "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT": "CERT_AUTHORITY_INVALID",
    "SSL_ERROR_BAD_CERT_DOMAIN": "CERT_COMMON_NAME_INVALID",
    "SEC_ERROR_EXPIRED_CERTIFICATE": "CERT_DATE_INVALID",
    "SSL_ERROR_RX_RECORD_TOO_LONG": "SSL_PROTOCOL_ERROR",
    "SSL_ERROR_NO_CYPHER_OVERLAP": "SSL_VERSION_OR_CIPHER_MISMATCH",
    "SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT": "SSL_CLIENT_AUTH_CERT_NEEDED",
}


class BidiCapture(Watch):
    """Watches Firefox."""

    def __init__(self, address: str) -> None:
        """Connect to the session's websocket and follow the tabs it has and will have."""
        self._tabs: dict[str, Tab] = {}  # by browsing context, oldest first
        self._places: dict[str, str] = {}  # browsing context → user context
        self._intercept = ""
        super().__init__(address)
        self._socket.call("session.subscribe", events=list(EVENTS))
        self._socket.call("network.addDataCollector", dataTypes=["request"], maxEncodedDataSize=LARGEST_BODY)

    def begin(self, redirect_uri: str, target: str) -> None:
        """Forget the last walk, and watch for this redirect_uri in every tab."""
        if self._intercept:
            self._socket.call("network.removeIntercept", intercept=self._intercept)
            self._intercept = ""
        with self._lock:
            self._redirect_uri = redirect_uri
        if is_web(redirect_uri):  # any other is taken out of the redirect that leads there
            made = self._socket.call(
                "network.addIntercept", phases=["beforeRequestSent"], urlPatterns=[_pattern(redirect_uri)]
            )
            self._intercept = str(made.get("intercept", ""))
        self.await_tab(target)
        self.catch_up(target)
        with self._lock:
            self._forget_walk(self._tabs.values())

    def await_tab(self, target: str) -> str:
        """Wait until a tab is watched; its name is the same in every protocol of Firefox."""
        with self._lock:
            self._lock.wait_for(lambda: target in self._tabs or not self.alive, FOLLOW_SECONDS)
            if target not in self._tabs:
                raise CdpGone("a tab could not be watched")
        return target

    def catch_up(self, target: str) -> None:
        """Wait until everything the browser had to say of a tab up to now was heard: answers come in order."""
        self._socket.call("browsingContext.getTree", root=target, maxDepth=0)

    def targets(self) -> list[str]:
        """Return the open tabs and windows, oldest first."""
        with self._lock:
            return list(self._tabs)

    def go(self, target: str, url: str) -> None:
        """Send a tab to a URL; what comes of it is seen in `hops`, `failure` and `callback`."""
        self._socket.send("browsingContext.navigate", context=self.await_tab(target), url=url, wait="none")

    def open_tab(self, beside: str = "") -> str:
        """Open an empty tab in a user context of its own, or that of the tab `beside`; return it once it is watched."""
        place = self._places.get(beside) or str(
            self._socket.call("browser.createUserContext").get("userContext", "default")
        )
        made = self._socket.call("browsingContext.create", type="tab", userContext=place)
        return self.await_tab(str(made.get("context", "")))

    def forget(self, old: Collection[str], target: str) -> None:
        """Close the old tabs; a user context that is removed takes all it knew with it."""
        with self._lock:
            kept = self._places.get(target)
            places = dict.fromkeys(place for tab, place in self._places.items() if tab in old and place != kept)
        for tab in old:
            if self._places.get(tab) == "default":
                self._socket.call("browsingContext.close", context=tab)
        for place in places:
            if place != "default":
                self._socket.call("browser.removeUserContext", userContext=place)
        with self._lock:
            self._lock.wait_for(lambda: not set(old) & set(self._tabs) or not self.alive, FOLLOW_SECONDS)

    def picture(self, target: str) -> bytes | None:
        """Return a PNG of what a tab shows; None when there is none to be had."""
        data = self._socket.call("browsingContext.captureScreenshot", context=target).get("data")
        return base64.b64decode(data) if data else None

    def insert_text(self, target: str, text: str) -> None:
        """Put a text where the cursor is: BiDi has a key for every character."""
        strokes = [{"type": kind, "value": sign} for sign in text for kind in ("keyDown", "keyUp")]
        keys = {"type": "key", "id": "flowrun", "actions": strokes}
        self._socket.call("input.performActions", context=target, actions=[keys])

    # What follows runs on the socket's thread: it may send, never call.

    def _hear(self, method: str, _session: str, params: Mapping[str, Any]) -> None:
        with self._lock:
            match method:
                case "gone":
                    self.crashed = True
                case "browsingContext.contextCreated":
                    self._created(params)
                case "browsingContext.contextDestroyed":
                    self._tabs.pop(params["context"], None)
                    self._places.pop(params["context"], None)
                case "log.entryAdded":
                    self._grumbled(params)
                case _ if params.get("context") in self._tabs:
                    self._happened(method, self._tabs[params["context"]], params)
                case _ if params.get("isBlocked"):
                    self._let_go(params)
            self._lock.notify_all()

    def _created(self, info: Mapping[str, Any]) -> None:
        if info.get("parent") is None and info["context"] not in self._tabs:
            self._tabs[info["context"]] = Tab(info["context"])
            self._places[info["context"]] = info.get("userContext", "default")

    def _happened(self, method: str, tab: Tab, params: Mapping[str, Any]) -> None:
        match method:
            case "network.beforeRequestSent":
                self._sent(tab, params)
            case "network.responseStarted":
                self._answered(tab, params)
            case "network.responseCompleted":
                if params["response"]["status"] not in REDIRECTS:  # a redirect goes on under the same number
                    tab.waiting.discard(params["request"]["request"])
                    came = params["response"]["status"] < CLIENT_ERROR
                    self._script(tab, params["request"]["request"], came=came)
            case "network.fetchError":
                self._failed(tab, params)
            case "browsingContext.navigationStarted":
                if not is_web(params["url"]):
                    self._leaving(tab, params["url"])
            case "browsingContext.userPromptOpened":
                self.dialogs.append((tab.target, str(params.get("message", ""))))

    def _sent(self, tab: Tab, params: Mapping[str, Any]) -> None:
        request = params["request"]
        number, url = request["request"], request["url"]
        main = params.get("navigation") is not None
        if request.get("destination", "") in WAITED_FOR and not url.startswith("data:"):
            tab.waiting.add(number)
            tab.asked += 1
            if request["destination"] == "script":
                tab.scripts[number] = url
        if not main:
            self._let_go(params)
            return
        if number != tab.document:  # a new document: what the old one waited for does not matter any more
            tab.waiting, tab.scripts, tab.lost = {number}, {}, []
            self.dialogs = [said for said in self.dialogs if said[0] != tab.target]
        tab.document, tab.failure = number, None
        if not (self._redirect_uri and same_place(url, self._redirect_uri)):
            self._let_go(params)
            self._goes_to(tab, url)
            return
        self._goes_to(tab, without_parameters(url).removesuffix("?…"))
        tab.document = ""  # what comes now is our own answer
        tab.waiting.discard(number)
        self._answer(params)
        if request["method"] == "POST":
            threading.Thread(target=self._take_posted, args=(number, url), name="flowrun-bidi", daemon=True).start()
        else:
            self._take(url)

    def _let_go(self, params: Mapping[str, Any]) -> None:
        if params.get("isBlocked"):
            self._socket.send("network.continueRequest", request=params["request"]["request"])

    def _answer(self, params: Mapping[str, Any]) -> None:
        """Answer a redirect_uri ourselves. To fail the request instead would hold Firefox up for seconds."""
        if params.get("isBlocked"):
            self._socket.send(
                "network.provideResponse",
                request=params["request"]["request"],
                statusCode=200,
                reasonPhrase="OK",
                headers=[{"name": "Content-Type", "value": {"type": "string", "value": "text/html; charset=utf-8"}}],
                body={"type": "base64", "value": base64.b64encode(TAKEN_PAGE).decode()},
            )

    def _take_posted(self, number: str, url: str) -> None:
        """Fetch the body of a form_post; on a thread of its own, for it has to wait for the answer."""
        try:
            value = self._socket.call("network.getData", dataType="request", request=number).get("bytes", {})
        except CdpGone:
            return
        text = str(value.get("value", ""))
        if value.get("type") == "base64":
            text = base64.b64decode(text).decode("utf-8", "replace")
        with self._lock:
            self._take(url, method="POST", body=text)
            self._lock.notify_all()

    def _answered(self, tab: Tab, params: Mapping[str, Any]) -> None:
        """Note the status of the main document; look where a redirect leads that Firefox will not follow."""
        if params["request"]["request"] != tab.document or tab.hop is None:
            return
        response = params["response"]
        headers = _headers(response.get("headers", ()))
        url = self.hops[tab.hop].url
        self.hops[tab.hop] = Hop(url, int(response["status"]), headers)
        location = headers.get("location", "")
        if response["status"] not in REDIRECTS or not location:
            return
        to = urljoin(url, location)
        if same_place(to, self._redirect_uri) and (not is_web(to) or place_of(to)[2] in BLOCKED_PORTS):
            self._leaving(tab, to)

    def _leaving(self, tab: Tab, url: str) -> None:
        """Take a callback that never becomes a request: it is another program's, or its port is one browsers refuse."""
        if self._redirect_uri and same_place(url, self._redirect_uri):
            self._take(url)
            self._goes_to(tab, without_parameters(url).removesuffix("?…"))
            tab.document = ""
        elif not is_web(url):
            tab.failure = (url, "net::ERR_UNKNOWN_URL_SCHEME")

    def _failed(self, tab: Tab, params: Mapping[str, Any]) -> None:
        number, said = params["request"]["request"], str(params.get("errorText", ""))
        tab.waiting.discard(number)
        self._script(tab, number, came=said.startswith("NS_BINDING_"))
        if number != tab.document or tab.hop is None or said.startswith(("NS_BINDING_", "NS_ERROR_ABORT")):
            return
        hop = self.hops[tab.hop]
        if hop.status is None or hop.status in REDIRECTS:
            slug = ERRORS.get(said, re.sub(r"^(NS|SEC|SSL|MOZILLA_PKIX)_ERROR_", "", said))
            to = urljoin(hop.url, hop.headers.get("location", "")) if hop.status else hop.url
            tab.failure = (to, f"net::ERR_{slug}")

    def _grumbled(self, params: Mapping[str, Any]) -> None:
        if params.get("level") == "error":
            self._says_in_red(str(params.get("text", "")).split("\n", 1)[0])

    def _of(self, target: str) -> Tab | None:
        return self._tabs.get(target)


# Ports that Firefox refuses to call, those below 1024 that a redirect_uri might have; others are no web server's.
BLOCKED_PORTS = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 53, 79, 87, 95, 110, 111, 143, 389, 993}
)


def _pattern(redirect_uri: str) -> dict[str, str]:
    """Return the BiDi pattern of a redirect_uri; like CDP's it may also let strangers in."""
    scheme, host, port, path = place_of(redirect_uri)
    found = {"type": "pattern", "protocol": scheme, "hostname": _literal(host), "pathname": _literal(path)}
    return found if port in {80, 443} else {**found, "port": str(port)}


def _literal(text: str) -> str:
    return re.sub(r"([\\(){}*])", r"\\\1", text)


def _headers(given: Collection[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return an answer's headers as a Hop has them."""
    found: dict[str, str] = {}
    for header in given:
        name, value = str(header["name"]).lower(), str(header["value"].get("value", ""))
        if "cookie" not in name:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
