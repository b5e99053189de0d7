"""Watch every tab: take the callback before any network is touched, and keep the chain of main documents."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from flowrun.browser.cdp import Cdp, CdpGone
from flowrun.browser.events import body_of, console_words, headers_of, origin_of
from flowrun.browser.model import Hop
from flowrun.browser.redirect import is_web, pattern, read_callback, same_place, without_parameters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from flowrun.browser.model import Callback

FOLLOW_SECONDS = 5.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
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


@dataclass(slots=True)
class Tab:
    """One tab or window: its CDP session and the main document it is on."""

    target: str
    session: str
    ready: bool = False
    hop: int | None = None  # index in Capture.hops of the main document it shows
    waiting: set[str] = field(default_factory=set)  # requests under way
    document: str = ""  # request id of the main document under way or shown
    failure: tuple[str, str] | None = None  # URL and network error of a main document that never came


class Capture:
    """Belongs to one browser, for its whole life; `begin` starts a new walk."""

    def __init__(self, address: str, *, contexts: bool = False) -> None:
        """Connect to the browser's websocket and follow the tabs it has and will have."""
        self._contexts = contexts
        self._context: dict[str, str] = {}  # by target
        self._lock = threading.Condition()
        self._tabs: dict[str, Tab] = {}  # by session
        self._order: list[str] = []  # targets, oldest first
        self._seen: set[str] = set()  # every target there ever was
        self._old: set[str] = set()  # those from before this walk
        self._redirect_uri = ""
        self.callback: Callback | None = None
        self.crashed = False
        self.hops: list[Hop] = []
        self.dialogs: list[tuple[str, str]] = []  # tab and words of the dialogs that its document has shown
        self.console: list[str] = []  # what the developer console showed in red during this walk
        self._origins: set[str] = set()
        self.cdp = Cdp(address, self._hear)
        self.cdp.call("Target.setDiscoverTargets", discover=True)  # not setAutoAttach: it makes window.open hang

    @property
    def alive(self) -> bool:
        """Whether the browser still answers."""
        return self.cdp.alive and not self.crashed

    def begin(self, redirect_uri: str, target: str) -> None:
        """Forget the last walk, and watch for this redirect_uri in every tab."""
        with self._lock:
            self._redirect_uri = redirect_uri
            sessions = list(self._tabs)
        for session in sessions:
            self.cdp.call("Fetch.enable", session, patterns=self._patterns())
        self.await_tab(target)
        with self._lock:  # only now: what was still to be said of the last walk has been said
            self._old = set(self._seen)
            self.callback, self.hops, self.dialogs, self.console = None, [], [], []
            for tab in self._tabs.values():
                tab.failure, tab.hop = None, None

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
        self.cdp.call("Page.getNavigationHistory", self.await_tab(target))

    def pause(self, seconds: float) -> None:
        """Wait until something happened in the browser, at most this long."""
        with self._lock:
            if self.callback is None:
                self._lock.wait(seconds)

    def targets(self) -> list[str]:
        """Return the open tabs and windows, oldest first."""
        with self._lock:
            return list(self._order)

    def go(self, target: str, url: str) -> None:
        """Send a tab to a URL; what comes of it is seen in `hops`, `failure` and `callback`."""
        self.cdp.send("Page.navigate", self.await_tab(target), url=url)

    def status(self, url: str) -> int | None:
        """Return the HTTP status that the main document of this URL had last; None when it was not seen."""
        wanted = url.partition("#")[0]
        with self._lock:
            known = (hop.status for hop in reversed(self.hops) if hop.status and hop.url.partition("#")[0] == wanted)
            return next(known, None)

    def failure(self, target: str) -> tuple[str, str] | None:
        """Return URL and network error when the main document of a tab never came."""
        with self._lock:
            tab = self._of(target)
            return tab.failure if tab else None

    def busy(self, target: str) -> bool:
        """Tell whether a tab still waits for a document, a script or data."""
        with self._lock:
            tab = self._of(target)
            return bool(tab and tab.waiting)

    def answering(self, target: str) -> str:
        """Return the main document that a tab asked for and that has not answered, or an empty text."""
        with self._lock:
            tab = self._of(target)
            if tab is None or tab.hop is None or tab.document not in tab.waiting:
                return ""
            hop = self.hops[tab.hop]
            return hop.url if hop.status is None else ""

    def take_origins(self) -> set[str]:
        """Return the origins that were visited since the last time."""
        with self._lock:
            taken, self._origins = self._origins, set()
        return taken

    def open_tab(self) -> str:
        """Open an empty tab, with `contexts` in a browser context of its own, and return it once it is watched."""
        place = {}
        if self._contexts:
            place = {"browserContextId": self.cdp.call("Target.createBrowserContext")["browserContextId"]}
        target = str(self.cdp.call("Target.createTarget", url="about:blank", **place)["targetId"])
        self._context[target] = place.get("browserContextId", "")
        self.await_tab(target)
        return target

    def forget(self, old: Collection[str], target: str) -> None:
        """Close the old tabs and forget what the browser knows of the sites it was on; `target` is the new tab."""
        session = self.await_tab(target)
        for tab in old:
            self.cdp.call("Target.closeTarget", targetId=tab)
        left = [context for tab, context in self._context.items() if tab != target and context]
        self._context = {target: self._context[target]}
        for context in left:
            self.cdp.call("Target.disposeBrowserContext", browserContextId=context)
        if self._contexts:
            self.await_gone(old)
            return
        self.cdp.send("Storage.clearCookies")
        self.cdp.send("Network.clearBrowserCache", session)
        for origin in self.take_origins():
            self.cdp.send("Storage.clearDataForOrigin", session, origin=origin, storageTypes="all")
        self.cdp.call("Network.clearBrowserCookies", session)  # answers come in order: all of it is done
        self.await_gone(old)

    def picture(self, target: str) -> bytes | None:
        """Return a PNG of what a tab shows; None when there is none to be had."""
        data = self.cdp.call("Page.captureScreenshot", self.await_tab(target), format="png").get("data")
        return base64.b64decode(data) if data else None

    def insert_text(self, target: str, text: str) -> None:
        """Put a text where the cursor is: for characters that no key types."""
        self.cdp.call("Input.insertText", self.await_tab(target), text=text)

    def close(self) -> None:
        """Stop watching."""
        self.cdp.close()

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
        if info["type"] == "page" and info["targetId"] not in self._order:
            self._seen.add(info["targetId"])
            self._order.append(info["targetId"])
            self.cdp.send("Target.attachToTarget", targetId=info["targetId"], flatten=True)

    def _attached(self, session: str, target: str) -> None:
        tab = Tab(target, session)
        self._tabs[session] = tab
        self.cdp.send("Fetch.enable", session, patterns=self._patterns())
        self.cdp.send("Network.enable", session, maxPostDataSize=1 << 20)
        self.cdp.send("Network.setBlockedURLs", session, urls=NOT_LOADED)
        for domain in ("Page", "Runtime", "Log"):  # dialogs and links to programs, exceptions, what failed to load
            self.cdp.send(f"{domain}.enable", session)
        self.cdp.send("Inspector.enable", session, then=lambda: self._ready(tab))  # answers come in order

    def _ready(self, tab: Tab) -> None:
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
            taken = main and same_place(request["url"], self._redirect_uri)
            if taken:
                self._take(request)
        if not taken:
            self.cdp.send("Fetch.continueRequest", session, requestId=params["requestId"])
            return
        self.cdp.send(
            "Fetch.fulfillRequest",
            session,
            requestId=params["requestId"],
            responseCode=200,
            responseHeaders=TAKEN_HEADERS,
            body=TAKEN_PAGE,
        )

    def _sent_away(self, tab: Tab, params: Mapping[str, Any]) -> bool:
        """Take a callback to a custom scheme, as of an app on a phone, out of the redirect: it gets no request."""
        status = params["responseStatusCode"]
        headers = {header["name"].lower(): header["value"] for header in params.get("responseHeaders", ())}
        location = headers.get("location", "")
        if status not in REDIRECTS or not location or is_web(urljoin(params["request"]["url"], location)):
            return False
        self._answered(tab, {"status": status, "headers": headers})
        tab.document = ""  # what comes now is our own answer
        if same_place(location, self._redirect_uri):
            self._take({"url": location})
            self._goes_to(tab, without_parameters(location).removesuffix("?…"))
        else:
            tab.failure = (location, "net::ERR_UNKNOWN_URL_SCHEME")
        return True

    def _take(self, request: Mapping[str, Any]) -> None:
        if self.callback is None:
            url = request["url"] + request.get("urlFragment", "")
            self.callback = read_callback(
                url, self._redirect_uri, method=request.get("method", "GET"), body=body_of(request)
            )

    def _passed_by(self, info: Mapping[str, Any]) -> None:
        """Take a callback that a new window reached before it was watched; only its URL is left then."""
        url = info["url"]
        if self.callback is not None or info["type"] != "page" or info["targetId"] in self._old:
            return
        if self._redirect_uri and same_place(url, self._redirect_uri):
            found = read_callback(url, self._redirect_uri)
            if found.params:
                self.callback = found

    def _network(self, method: str, tab: Tab, params: Mapping[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self._sent(tab, params)
            case "Network.responseReceived":
                if params["requestId"] == tab.document:
                    self._answered(tab, params["response"])
            case "Network.loadingFinished":
                tab.waiting.discard(params["requestId"])
            case "Network.loadingFailed":
                tab.waiting.discard(params["requestId"])
                if params["requestId"] == tab.document and not params.get("canceled") and tab.hop is not None:
                    hop = self.hops[tab.hop]
                    if hop.status is None and params.get("errorText") != "net::ERR_ABORTED":
                        tab.failure = (hop.url, params.get("errorText", ""))
            case "Page.javascriptDialogOpening":
                self.dialogs.append((tab.target, str(params.get("message", ""))))
            case "Page.frameRequestedNavigation":
                self._leaving(tab, params)
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded":
                self._grumbled(params)

    def _sent(self, tab: Tab, params: Mapping[str, Any]) -> None:
        number, request = params["requestId"], params["request"]
        kind = params.get("type")
        if kind in WAITED_FOR:
            tab.waiting.add(number)
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
            self.dialogs = [said for said in self.dialogs if said[0] != tab.target]
        tab.document, tab.failure = number, None
        url = request["url"] + request.get("urlFragment", "")
        if self._redirect_uri and same_place(url, self._redirect_uri):
            # Also the way in for what Fetch does not show: a port that browsers refuse to call.
            if request.get("method") != "POST" or body_of(request) is not None:
                self._take(request)
            url = without_parameters(url).removesuffix("?…")
            tab.document = ""  # what comes now is our own answer
        self._goes_to(tab, url, request.get("method", "GET"))

    def _goes_to(self, tab: Tab, url: str, method: str = "GET") -> None:
        self.hops.append(Hop(url, method=method))
        tab.hop = len(self.hops) - 1

    def _answered(self, tab: Tab, response: Mapping[str, Any]) -> None:
        """Note status and headers of the main document a tab asked for."""
        if tab.hop is not None:
            status, headers = int(response["status"]), headers_of(response["headers"])
            self.hops[tab.hop] = self.hops[tab.hop]._replace(status=status, headers=headers)

    def _leaving(self, tab: Tab, params: Mapping[str, Any]) -> None:
        """Take a callback that a script or a link gives to another program: it never becomes a request."""
        url = params["url"]
        if params.get("frameId") == tab.target and not is_web(url) and same_place(url, self._redirect_uri):
            self._take({"url": url})
            self._goes_to(tab, without_parameters(url).removesuffix("?…"))
            tab.document = ""

    def _grumbled(self, params: Mapping[str, Any]) -> None:
        """Keep what the developer console shows in red."""
        words = console_words(params)
        if words and words not in self.console:
            self.console.append(words)

    def _of(self, target: str) -> Tab | None:
        return next((tab for tab in self._tabs.values() if tab.target == target), None)

    def _is_ready(self, target: str) -> bool:
        tab = self._of(target)
        return tab is not None and tab.ready
