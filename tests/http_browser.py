"""A stand-in for `flowrun.browser.driver.Browser`, for tests: goes through pages without scripts by HTTP, in no time.

The walk itself is the real one (`router`, `scene`, `actions`, `conditions`, `complaints`); what is another is the tab:
`_Tab` takes the places of `Screen` and of `Watch`. Nothing on such a page changes by itself, so nothing is waited for.
"""

from __future__ import annotations

import itertools
import math
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

import httpx
from tests.html_page import Element, Page, successful

from flowrun.browser import PageVisit, Walk, complaints
from flowrun.browser.actions import CHOSEN, IS_ON, READ_VALUE
from flowrun.browser.events import headers_of
from flowrun.browser.finder import find_names, plain
from flowrun.browser.model import PLAIN, Callback, Hop, Manner
from flowrun.browser.reading import READ_WORDS
from flowrun.browser.redirect import is_web, read_callback, same_place, without_parameters
from flowrun.browser.router import Request, Walker
from flowrun.browser.screen import Held, NotNowError
from flowrun.browser.snapshot import FIELD, Control, Listing, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MOST_REDIRECTS = 20
SECONDS = 30.0
NO_CONTENT = 204


class HttpBrowser:
    """Cookies that all its tabs share, and the tab that is looked at."""

    alive = True

    def __init__(self, *, verify: bool = True) -> None:
        """Trust nobody yet; without `verify` everybody."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not verify:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._client = httpx.Client(verify=self._context, trust_env=False, timeout=SECONDS)
        self._tab = _Tab(self._client)
        self._stopped: tuple[_Tab, tuple[Hop, ...]] | None = None

    def trust(self, authority: Path) -> None:
        """Accept certificates that this authority vouches for; a file, PEM."""
        self._context.load_verify_locations(authority)

    def walk(
        self,
        url: str,
        *,
        tell: Callable[[PageVisit], None],
        manner: Manner = PLAIN,
        **given: Any,
    ) -> Walk:
        """Go through the pages as `Browser.walk` does. Raises BrowseError."""
        before: tuple[Hop, ...] = ()
        if manner.resume:
            if self._stopped is None:
                raise complaints.no_tab()
            (self._tab, before), self._stopped = self._stopped, None
        elif self._stopped is not None:
            self._tab = _Tab(self._client)
        request = Request(url=url, tell=tell, manner=manner, before=before, **given)
        walk = _Walker(self._tab, request).run()  # type: ignore[arg-type]
        if manner.stop:
            self._stopped = (self._tab, walk.hops)
        return walk

    def clear(self) -> None:
        """Forget cookies and tabs."""
        self._client.cookies.clear()
        self._tab, self._stopped = _Tab(self._client), None

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class _Walker(Walker):
    """What is not there at once never comes."""

    @property
    def action_seconds(self) -> float:
        return 0.0

    def _is_final(self, *_: Any, **__: Any) -> bool:
        return True

    def _check_stuck(self, page: Snapshot) -> None:
        self.done_at = -math.inf
        super()._check_stuck(page)


class _Tab:
    """One tab: what the walk asks of a `Screen`, of the `Watch` behind it, and of selenium's driver."""

    alive = True
    hangs = False
    fresh = False
    target = "tab"

    def __init__(self, client: httpx.Client) -> None:
        self.capture = self.driver = self  # one thing is all three here
        self.callback: Callback | None = None
        self.hops: list[Hop] = []
        self.console: list[str] = []
        self._client = client
        self._page: Page | None = None
        self._loaded = 0.0
        self._count = itertools.count(1.0)
        self._past: list[str] = []
        self._redirect_uri = ""
        self._failure: tuple[str, str] | None = None

    # --- going somewhere

    def begin(self, redirect_uri: str, _target: str) -> None:
        self._redirect_uri = redirect_uri
        self.callback, self._failure = None, None
        self.hops = []

    def go(self, _target: str, url: str) -> None:
        self._open("GET", url)

    def used(self) -> None:
        """Nothing changes by that."""

    def reload(self) -> None:
        assert self._page is not None
        self._open("GET", self._page.url)

    def back(self) -> None:
        if len(self._past) > 1:
            self._past.pop()
            self._open("GET", self._past.pop())

    def _open(self, method: str, url: str, pairs: list[tuple[str, str]] | None = None) -> None:
        """Go to a URL and on from there, until a document comes or the redirect_uri is reached."""
        for _ in range(MOST_REDIRECTS):
            body = urlencode(pairs) if pairs is not None else None
            if same_place(url, self._redirect_uri):
                self.hops.append(Hop(without_parameters(url).removesuffix("?…"), method=method))
                self.callback = read_callback(url, self._redirect_uri, method=method, body=body)
                return
            if not is_web(url):
                self._failure = (url, "net::ERR_UNKNOWN_URL_SCHEME")
                return
            self.hops.append(Hop(url, method=method))
            answer = self._send(method, url, body)
            if answer is None:
                return
            self.hops[-1] = self.hops[-1]._replace(
                status=answer.status_code, headers=headers_of(dict(answer.headers.items()))
            )
            if not answer.has_redirect_location:
                self._show(url, answer)
                return
            url = urljoin(url, answer.headers["location"])
            if answer.status_code not in {307, 308}:
                method, pairs = "GET", None
        self._failure = (url, "net::ERR_TOO_MANY_REDIRECTS")

    def _send(self, method: str, url: str, body: str | None) -> httpx.Response | None:
        headers = {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
        try:
            return self._client.request(method, urldefrag(url).url, content=body, headers=headers)
        except httpx.ConnectError as error:
            kind = "CERT_AUTHORITY_INVALID" if "CERTIFICATE_VERIFY_FAILED" in str(error) else "CONNECTION_REFUSED"
        except httpx.TimeoutException:
            kind = "TIMED_OUT"
        except httpx.HTTPError:
            kind = "EMPTY_RESPONSE"
        self._failure = (url, f"net::ERR_{kind}")
        return None

    def _show(self, url: str, answer: httpx.Response) -> None:
        if answer.status_code == NO_CONTENT:
            return
        kind = answer.headers.get("content-type", "text/html").partition(";")[0]
        self._page = Page(url, answer.text, status=answer.status_code, kind=kind)
        self._loaded = next(self._count)
        self._past.append(url)
        form = self._page.sends_itself
        if form is not None:
            self._submit(form, None)

    def _submit(self, form: Element, pressed: Element | None) -> None:
        assert self._page is not None
        pairs = successful(form, pressed)
        url = urljoin(self._page.url, form.get("action"))
        if form.get("method").lower() == "post":
            self._open("POST", url, pairs)
        else:
            self._open("GET", urlsplit(url)._replace(query=urlencode(pairs)).geturl())

    # --- looking

    def read(self) -> Snapshot | None:
        page = self._page
        if page is None:
            return None
        return Snapshot(
            url=page.url,
            title=page.title,
            document=self._loaded,
            type=page.kind,
            status=page.status,
            text="\n".join(page.root.lines),
            controls=page.controls(),
        )

    def listings(self) -> tuple[Listing, ...]:
        return self._page.listings() if self._page is not None else ()

    def failure(self, _target: str) -> tuple[str, str] | None:
        return self._failure

    def waiting(self) -> str:
        return ""

    def sent(self) -> tuple[int, int]:
        return len(self.hops), 0

    def lost(self, _target: str) -> tuple[str, ...]:
        return ()

    def busy(self, _target: str) -> bool:
        return False

    def pause(self, _seconds: float) -> None:
        """Nothing is on its way."""

    def picture(self) -> None:
        """There is none to be had."""

    def read_to_end(self) -> None:
        """All of it is in sight."""

    def choose_window(self, wanted: str) -> list[str]:
        title = self._page.title if self._page is not None else ""
        return [] if plain(wanted) == "first" or find_names(wanted, {title: title}) else [title]

    # --- using what is there

    @contextmanager
    def patient(self) -> Iterator[None]:
        yield

    @contextmanager
    def hold(self, control: Control, ready: Any = None) -> Iterator[Held]:
        if self._page is None or control.index >= len(self._page.usable):
            raise NotNowError("gone")
        element: Any = self._page.usable[control.index]
        typed = bool(ready and "type" in ready and element.value == ready["type"])
        yield Held(self._page.controls()[control.index], element, element, typed)

    def hold_css(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("this browser has no CSS")

    def press(self, held: Held) -> None:
        element: Any = held.handle
        assert self._page is not None
        if element.tag == "a":
            self._open("GET", urljoin(self._page.url, element.get("href")))
            return
        form = element.above("form")
        if form is None or element.type != "submit":
            return
        if not any("required" in one.attributes and not _holds(one) for one in form if one.kind == FIELD):
            self._submit(form, element)

    def click(self, held: Held) -> None:
        element: Any = held.handle
        if element.type == "radio":
            assert self._page is not None
            for one in self._page.usable:
                one.on = one.on and (one.type, one.get("name")) != ("radio", element.get("name"))
        element.on = element.type == "radio" or not element.on

    def execute_script(self, script: str, element: Element, _text: str = "") -> Any:
        """Do what the scripts of the actions do."""
        deeds: Mapping[str, Callable[[], Any]] = {
            READ_VALUE: lambda: element.value,
            IS_ON: lambda: element.on,
            CHOSEN: lambda: next((n for n, option in enumerate(element.options) if option.on), -1),
            READ_WORDS: lambda: element.value if element.kind == FIELD else element.words,
        }
        return deeds[script]()


def _holds(element: Element) -> bool:
    if element.tag == "select":
        return any(option.on and option.get("value", option.words) for option in element.options)
    return element.on if element.type in {"checkbox", "radio"} else bool(element.value)
