"""Watch every tab: take the callback before any network is touched, and keep the chain of main documents."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from flowrun.browser.cdp import CdpGone
from flowrun.browser.events import body_of, console_words, headers_of, origin_of
from flowrun.browser.redirect import is_web, pattern, read_callback, same_place, without_parameters
from flowrun.browser.snapshot import CLIENT_ERROR
from flowrun.browser.watch import FOLLOW_SECONDS, REDIRECTS, Tab, Watch
from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

WAITED_FOR = frozenset({"Document", "Script", "XHR", "Fetch"})
# Fonts and counters that login pages load from elsewhere and that nobody reads; unreachable, they hold a page up.
NOT_LOADED = [
    f"*://{host}/*"
    for host in (
        "fonts.googleapis.com",
        "fonts.gstatic.com",
        "use.typekit.net",
        "use.fontawesome.com",
        "www.google-analytics.com",
        "www.googletagmanager.com",
    )
]
TAKEN_PAGE = base64.b64encode(b"<!doctype html><title>flowrun</title><p>flowrun took the callback here.").decode()
TAKEN_HEADERS = [
    {"name": "Content-Type", "value": "text/html; charset=utf-8"},
    {"name": "Cache-Control", "value": "no-store"},
]


@dataclass(slots=True, kw_only=True)
class CdpTab(Tab):
    """A tab with its CDP session."""

    session: str
    ready: bool = False


class Capture(Watch):
    """Watches Chromium; with `contexts` each tab of `open_tab` has a browser context of its own."""

    def __init__(self, address: str, *, contexts: bool = False) -> None:
        """Connect to the browser's websocket and follow the tabs it has and will have."""
        self._contexts = contexts
        self._context: dict[str, str] = {}  # by target
        self._tabs: dict[str, CdpTab] = {}  # by session
        self._order: list[str] = []  # targets, oldest first
        self._seen: set[str] = set()  # every target there ever was
        self._old: set[str] = set()  # those from before this walk
        self._spare_asked = False  # a context with its tab is made ahead, for the next scenario
        self._spare_context = self._spare = ""
        self._origins: set[str] = set()
        super().__init__(address)
        self._socket.call("Target.setDiscoverTargets", discover=True)  # not setAutoAttach: window.open would hang

    def begin(self, redirect_uri: str, target: str) -> None:
        """Forget the last walk, and watch for this redirect_uri in every tab."""
        with self._lock:
            self._redirect_uri = redirect_uri
            sessions = list(self._tabs)
        for session in sessions:
            self._socket.call("Fetch.enable", session, patterns=self._patterns())
        self.await_tab(target)
        with self._lock:
            self._old = set(self._seen)
            self._forget_walk(self._tabs.values())

    def await_tab(self, target: str) -> str:
        """Wait until a tab is watched, and return its session."""
        with self._lock:
            self._lock.wait_for(lambda: self._is_ready(target) or not self.alive, FOLLOW_SECONDS)
            tab = self._of(target)
        if tab is None:
            raise CdpGone("a tab could not be watched")
        return tab.session

    def await_gone(self, targets: Collection[str]) -> None:
        """Wait until these tabs are gone: the browser answers before it has closed them."""
        with self._lock:
            self._lock.wait_for(lambda: not set(targets) & set(self._order) or not self.alive, FOLLOW_SECONDS)

    def catch_up(self, target: str) -> None:
        """Wait until everything the browser had to say of a tab up to now was heard: answers come in order."""
        self._socket.call("Page.getNavigationHistory", self.await_tab(target))

    def targets(self) -> list[str]:
        """Return the open tabs and windows, oldest first."""
        with self._lock:
            return list(self._order)

    def go(self, target: str, url: str) -> None:
        """Send a tab to a URL; what comes of it is seen in `hops`, `failure` and `callback`."""
        self._socket.send("Page.navigate", self.await_tab(target), url=url)

    def take_origins(self) -> set[str]:
        """Return the origins that were visited since the last time."""
        with self._lock:
            taken, self._origins = self._origins, set()
        return taken

    def open_tab(self, beside: str = "") -> str:
        """Open an empty tab, with `contexts` in a browser context of its own, and return it once it is watched.

        `beside` is a tab whose context it shares.
        """
        if self._spare_asked and not beside:
            return self._take_spare()
        place = {}
        if beside and self._context.get(beside):
            place = {"browserContextId": self._context[beside]}
        elif self._contexts and not beside:
            place = {"browserContextId": self._socket.call("Target.createBrowserContext")["browserContextId"]}
        target = str(self._socket.call("Target.createTarget", url="about:blank", **place)["targetId"])
        if place:
            self._context[target] = place["browserContextId"]
        self.await_tab(target)
        return target

    def _take_spare(self) -> str:
        """Return the tab that was made ahead."""
        with self._lock:
            self._lock.wait_for(lambda: self._spare or not self.alive, FOLLOW_SECONDS)
            target, context = self._spare, self._spare_context
            self._spare_asked, self._spare, self._spare_context = False, "", ""
            if not target:
                raise CdpGone("a tab could not be made")
            self._order.append(target)
        self._context[target] = context
        self.await_tab(target)
        return target

    def _make_spare(self) -> None:
        """Begin to make the next tab in a context of its own: it is there when the next scenario wants it."""

        def made(result: Mapping[str, Any]) -> None:
            with self._lock:
                self._spare_context = str(result.get("browserContextId", ""))
            self._socket.send("Target.createTarget", url="about:blank", browserContextId=self._spare_context)

        self._spare_asked = True
        self._socket.send("Target.createBrowserContext", then=made)

    def forget(self, old: Collection[str], target: str) -> None:
        """Close the old tabs and forget what the browser knows of the sites it was on; `target` is the new tab."""
        if self._contexts:
            self._leave(old, target)
            self._make_spare()
            return
        session = self.await_tab(target)
        for tab in old:
            self._socket.call("Target.closeTarget", targetId=tab)
        self._socket.send("Storage.clearCookies")
        self._socket.send("Network.clearBrowserCache", session)
        for origin in self.take_origins():
            self._socket.send("Storage.clearDataForOrigin", session, origin=origin, storageTypes="all")
        self._socket.call("Network.clearBrowserCookies", session)  # answers come in order: all of it is done
        self.await_gone(old)

    def _leave(self, old: Collection[str], target: str) -> None:
        """Have the old tabs and their contexts closed, without waiting: nobody listens to what they still say."""
        with self._lock:
            for tab in old:
                self._destroyed(tab)
            left = {context for tab, context in self._context.items() if tab != target and context}
            self._context = {target: self._context[target]}
        for tab in old:
            self._socket.send("Target.closeTarget", targetId=tab)
        for context in left:
            self._socket.send("Target.disposeBrowserContext", browserContextId=context)

    def picture(self, target: str) -> bytes | None:
        """Return a PNG of what a tab shows; None when there is none to be had."""
        data = self._socket.call("Page.captureScreenshot", self.await_tab(target), format="png").get("data")
        return base64.b64decode(data) if data else None

    def insert_text(self, target: str, text: str) -> None:
        """Put a text where the cursor is: for characters that no key types."""
        self._socket.call("Input.insertText", self.await_tab(target), text=text)

    # What follows runs on the socket's thread: it may send, never call.

    def _hear(self, method: str, session: str, params: Mapping[str, Any]) -> None:
        with self._lock:
            match method:
                case "Target.targetCreated":
                    self._created(params["targetInfo"])
                case "Target.targetInfoChanged":
                    self._passed_by(params["targetInfo"])
                case "Target.attachedToTarget":
                    self._attached(params["sessionId"], params["targetInfo"]["targetId"])
                case "Target.targetDestroyed":
                    self._destroyed(params["targetId"])
                case "Inspector.targetCrashed" | "Target.targetCrashed" | "gone":
                    self.crashed = True
                case "Fetch.requestPaused":
                    self._paused(session, params)
                case _ if session in self._tabs:
                    self._network(method, self._tabs[session], params)
            self._lock.notify_all()

    def _created(self, info: Mapping[str, Any]) -> None:
        if info["type"] == "page" and info["targetId"] not in self._seen:
            self._seen.add(info["targetId"])
            if self._spare_context and info.get("browserContextId") == self._spare_context:
                self._spare = info["targetId"]
            else:
                self._order.append(info["targetId"])
            self._socket.send("Target.attachToTarget", targetId=info["targetId"], flatten=True)

    def _attached(self, session: str, target: str) -> None:
        tab = CdpTab(target, session=session)
        self._tabs[session] = tab
        self._socket.send("Fetch.enable", session, patterns=self._patterns())
        self._socket.send("Network.enable", session, maxPostDataSize=1 << 20)
        self._socket.send("Network.setBlockedURLs", session, urls=NOT_LOADED)
        for domain in ("Page", "Runtime", "Log"):  # dialogs and links to programs, exceptions, what failed to load
            self._socket.send(f"{domain}.enable", session)
        self._socket.send("Inspector.enable", session, then=lambda _: self._ready(tab))  # answers come in order

    def _ready(self, tab: CdpTab) -> None:
        with self._lock:
            tab.ready = True
            self._lock.notify_all()

    def _destroyed(self, target: str) -> None:
        self._order = [known for known in self._order if known != target]
        self._tabs = {session: tab for session, tab in self._tabs.items() if tab.target != target}

    def _patterns(self) -> list[dict[str, str]]:
        if not self._redirect_uri:
            return [{"urlPattern": "flowrun-nothing:*", "requestStage": "Request"}]
        if not is_web(self._redirect_uri):  # what leads there is the answer before it
            return [{"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}]
        return [{"urlPattern": pattern(self._redirect_uri), "requestStage": "Request"}]

    def _paused(self, session: str, params: Mapping[str, Any]) -> None:
        """Answer a redirect_uri ourselves; let everything else that the pattern caught go on."""
        request = params["request"]
        tab = self._tabs.get(session)
        main = tab is not None and params.get("frameId") == tab.target and params.get("resourceType") == "Document"
        if main and "responseStatusCode" in params:
            taken = self._sent_away(self._tabs[session], params)
        else:
            # Also what a tab that is being closed still asks for is kept from the network.
            taken = (main or tab is None) and same_place(request["url"], self._redirect_uri)
            if taken and main:
                self._take_request(request)
        if not taken:
            self._socket.send("Fetch.continueRequest", session, requestId=params["requestId"])
            return
        self._socket.send(
            "Fetch.fulfillRequest",
            session,
            requestId=params["requestId"],
            responseCode=200,
            responseHeaders=TAKEN_HEADERS,
            body=TAKEN_PAGE,
        )

    def _sent_away(self, tab: CdpTab, params: Mapping[str, Any]) -> bool:
        """Take a callback to a custom scheme, as of an app on a phone, out of the redirect: it gets no request."""
        status = params["responseStatusCode"]
        headers = {header["name"].lower(): header["value"] for header in params.get("responseHeaders", ())}
        location = headers.get("location", "")
        if status not in REDIRECTS or not location or is_web(urljoin(params["request"]["url"], location)):
            return False
        self._answered(tab, {"status": status, "headers": headers})
        tab.document = ""  # what comes now is our own answer
        if same_place(location, self._redirect_uri):
            self._take(location)
            self._goes_to(tab, without_parameters(location).removesuffix("?…"))
        else:
            tab.failure = (location, "net::ERR_UNKNOWN_URL_SCHEME")
        return True

    def _take_request(self, request: Mapping[str, Any]) -> None:
        url = request["url"] + request.get("urlFragment", "")
        self._take(url, method=request.get("method", "GET"), body=body_of(request))

    def _passed_by(self, info: Mapping[str, Any]) -> None:
        """Take a callback that a new window reached before it was watched; only its URL is left then."""
        url = info["url"]
        if self.callback is not None or info["type"] != "page" or info["targetId"] in self._old:
            return
        if self._redirect_uri and same_place(url, self._redirect_uri):
            found = read_callback(url, self._redirect_uri)
            if found.params:
                self.callback = found

    def _network(self, method: str, tab: CdpTab, params: Mapping[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self._sent(tab, params)
            case "Network.responseReceived":
                if params["requestId"] == tab.document:
                    self._answered(tab, params["response"])
                self._script(tab, params["requestId"], came=int(params["response"]["status"]) < CLIENT_ERROR)
            case "Network.loadingFinished":
                tab.waiting.discard(params["requestId"])
            case "Network.loadingFailed":
                tab.waiting.discard(params["requestId"])
                self._script(tab, params["requestId"], came=bool(params.get("canceled")))
                if params["requestId"] == tab.document and not params.get("canceled") and tab.hop is not None:
                    hop = self.hops[tab.hop]
                    if hop.status is None and params.get("errorText") != "net::ERR_ABORTED":
                        tab.failure = (hop.url, params.get("errorText", ""))
            case "Page.javascriptDialogOpening":
                self.dialogs.append((tab.target, str(params.get("message", ""))))
            case "Page.frameRequestedNavigation":
                self._leaving(tab, params)
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded":
                self._says_in_red(console_words(params))

    def _sent(self, tab: CdpTab, params: Mapping[str, Any]) -> None:
        number, request = params["requestId"], params["request"]
        kind = params.get("type")
        if kind in WAITED_FOR:
            tab.waiting.add(number)
            tab.asked += 1
        if kind == "Script":
            tab.scripts[number] = request["url"]
        if kind != "Document":
            return
        self._origins.add(origin_of(request["url"]))
        if params.get("frameId") != tab.target:
            return
        answer = params.get("redirectResponse")
        if answer is not None and number == tab.document:
            self._answered(tab, answer)
        else:
            tab.waiting = {number}  # a new document: what the old one waited for does not matter any more
            tab.scripts, tab.lost = {}, []
            self.dialogs = [said for said in self.dialogs if said[0] != tab.target]
        tab.document, tab.failure = number, None
        url = request["url"] + request.get("urlFragment", "")
        if self._redirect_uri and same_place(url, self._redirect_uri):
            # Also the way in for what Fetch does not show: a port that browsers refuse to call.
            if request.get("method") != "POST" or body_of(request) is not None:
                self._take_request(request)
            url = without_parameters(url).removesuffix("?…")
            tab.document = ""  # what comes now is our own answer
        self._goes_to(tab, url, request.get("method", "GET"))

    def _answered(self, tab: CdpTab, response: Mapping[str, Any]) -> None:
        """Note status and headers of the main document a tab asked for."""
        if tab.hop is not None:
            status, headers = int(response["status"]), headers_of(response["headers"])
            self.hops[tab.hop] = self.hops[tab.hop]._replace(status=status, headers=headers)

    def _leaving(self, tab: CdpTab, params: Mapping[str, Any]) -> None:
        """Take a callback that a script or a link gives to another program: it never becomes a request."""
        url = params["url"]
        if params.get("frameId") == tab.target and not is_web(url) and same_place(url, self._redirect_uri):
            self._take(url)
            self._goes_to(tab, without_parameters(url).removesuffix("?…"))
            tab.document = ""

    def _of(self, target: str) -> CdpTab | None:
        return next((tab for tab in self._tabs.values() if tab.target == target), None)

    def _is_ready(self, target: str) -> bool:
        tab = self._of(target)
        return tab is not None and tab.ready
