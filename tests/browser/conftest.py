# ruff: noqa: E501 - pages are read as pages
"""One browser for the tests of a worker, and a server of pages that misbehave in one way each."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from selenium.common.exceptions import WebDriverException
from tests import loopback

from flowrun.browser import BrowserMissing, Walk, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.shadowroot import ShadowRoot
    from selenium.webdriver.remote.webdriver import WebDriver

    from flowrun.browser.driver import Browser

REDIRECT = "https://app.invalid/cb"
PASSWORD = "s3cret-Pa55word"


def form(inside: str, *, to: str = "/done", more: str = "") -> str:
    return f"<!doctype html><title>Bank</title><h1>Sign in</h1><form method=post action='{to}' {more}>{inside}</form>"


LABELLED = "<label for=u>User name</label><input id=u name=user><label>Password <input type=password name=pw></label>"
PAGES = {
    "plain": form(LABELLED + "<button>Sign in</button>"),
    "placeholder": form(
        "<input name=user placeholder='Enter any login'><input type=password name=pw placeholder='and password'>"
        "<button>Sign-in</button><a href='/done?cancelled=1'>[ Cancel ]</a>"
    ),
    "aria": form(
        "<span id=l>User name</span><input name=user aria-labelledby=l><input type=password name=pw aria-label=Password>"
        "<div role=button tabindex=0 onclick='document.forms[0].submit()' aria-label='Sign in'>&gt;</div>"
    ),
    "table": form(
        "<table><tr><td>User name:<td><input name=user><tr><td>Password:<td><input type=password name=pw></table>"
        "<button>Sign in</button>"
    ),
    "deny_first": "<!doctype html><h1>Approve access</h1><p>Account details, Balances<form method=post action=/done>"
    "<button name=choice value=deny>Deny</button><button name=choice value=approve>Approve</button></form>",
    "value": form(LABELLED + "<input type=submit name=choice value='Log me in'>"),
    "rerender": form(LABELLED + "<button>Sign in</button>")
    + """<script>let n = 0; document.addEventListener("input", (e) => { if (n++ === 0) setTimeout(() => {
      const old = document.getElementById("u"), fresh = old.cloneNode(); fresh.value = ""; old.replaceWith(fresh); }, 30); });
      </script>""",
    "decoy": form(
        "<input name=trap1 placeholder='User name' style='position:absolute;left:-9999px'>"
        "<input name=trap2 aria-label='User name' style='opacity:0'><div style='display:none'><label>User name"
        "<input name=trap3></label></div><div aria-hidden=true><input name=trap4 tabindex=-1 placeholder='User name'></div>"
        + LABELLED
        + "<button>Sign in</button>"
    ),
    "late": form(LABELLED + "<p id=here></p>")
    + """<script>setTimeout(() => { here.innerHTML = "<button disabled>Sign in</button>"; }, 250);
      setTimeout(() => { document.querySelector("button").disabled = false; }, 500);</script>""",
    "spa": """<!doctype html><title>app</title><div id=app></div><script>
      const draw = (html) => { app.innerHTML = html; };
      setTimeout(() => draw("<h1>Sign in</h1><label>User name <input id=u></label><button onclick=two()>Next</button>"), 150);
      function two() { window.user = u.value; draw("<p>Loading"); setTimeout(() => { history.pushState({}, "", "/zoo/spa/2");
        draw("<h1>Password</h1><label>Password <input id=p type=password></label><button onclick=three()>Sign in</button>"); }, 150); }
      function three() { const b = new URLSearchParams({user: window.user, pw: p.value}); draw("<p>Loading");
        fetch("/note", {method: "POST", body: b}).then(() => draw("<h1>Approve access</h1><button onclick=deny()>Deny</button>" +
        "<button onclick=four()>Approve</button>")); }
      function four() { location.href = "https://app.invalid/cb?code=C0DE&state=S"; }</script>""",
    "refresh": "<!doctype html><meta http-equiv=refresh content='1;url=/zoo/plain'><h1>One moment</h1>",
    "iframe": "<!doctype html><h1>Outer</h1><iframe src='/zoo/framed' width=600 height=300></iframe>",
    "framed": form(LABELLED + "<button>Sign in</button>", more="target=_top"),
    "shadow": """<!doctype html><h1>Outer</h1><bank-login></bank-login><script>
      const root = document.querySelector("bank-login").attachShadow({mode: "open"});
      root.innerHTML = `<form method=post action=/done><h2>Inside</h2><label for=u>User name</label><input id=u name=user>
        <label>Password <input name=pw type=password></label><button>Sign in</button></form>`;</script>""",
    "choices": "<!doctype html><h1>Choose</h1><form method=post action=/done>"
    "<label>Data provider <select name=dp><option value=''>Choose…<option value=DP1>First Bank<option value=DP2>Second Bank"
    "</select></label><fieldset><legend>Account</legend><label><input type=radio name=acc value=a1> Savings</label>"
    "<label><input type=radio name=acc value=a2> Current</label></fieldset>"
    "<label><input type=checkbox name=terms value=yes style='opacity:0;position:absolute'> I accept the terms</label>"
    "<label><input type=checkbox name=news value=yes checked> News by mail</label>"
    "<label>Born <input type=date name=born></label><button>Continue</button></form>",
    "overlay": form(LABELLED + "<button>Sign in</button>")
    + "<div id=over style='position:fixed;inset:0;background:#fff8'></div><script>setTimeout(() => over.remove(), 400)</script>",
    "popup": "<!doctype html><h1>Start</h1><button onclick=\"window.open('/zoo/plain')\">Sign in with the bank</button>",
    "popup_home": "<!doctype html><h1>Start</h1><button onclick=\"window.open('https://app.invalid/cb?code=C0DE&state=S')\">Go</button>",
    "popup_redirect": "<!doctype html><h1>Start</h1><button onclick=\"window.open('/done')\">Go</button>",
    "dead": "<!doctype html><h1>Dead end</h1><button type=button>Continue</button><input type=hidden value=x>",
    "clickable": "<!doctype html><h1>Sign on</h1><form action=/done method=post><div>User name</div><div><input name=user>"
    "</div></form><a onclick='location = \"/oops\"'>Cancel</a><div style='cursor: pointer' id=go><b>Sign on</b></div>"
    "<script>go.addEventListener('click', () => document.forms[0].submit())</script>",
    "to_empty": "<!doctype html><h1>Start</h1><form action=/empty-403><button>Go</button></form>",
    "polling": form(LABELLED + "<button>Sign in</button>") + "<script>fetch('/never')</script>",
    "frame": "<!doctype html><title>App</title><p>Loading...<script src='/gone.js?v=SECRET'></script>",
    "slow": "<!doctype html><h1>Slow</h1><form action=/never><button>Continue</button></form>",
    "loop": form(LABELLED + "<button>Sign in</button>", to="/zoo/loop"),
    "twins": "<!doctype html><h1>Twins</h1><button>Go</button><button>Go</button>",
    "confirm": "<!doctype html><h1>Approve access</h1><form action=/done method=post><button>Confirm</button>"
    "<button>Cancel</button></form>",
    "noisy": "<!doctype html><h1>Noisy</h1><script>nobody.knows()</script><form><button>Go</button></form>",
    "busy": "<!doctype html><h1>Busy</h1><button onclick='setTimeout(() => { for (;;); })'>Go</button>",
    "welcome": "<!doctype html><title>Hi</title><h1>Welcome back</h1><form action=/done method=post>"
    "<label>Nick name <input name=nick value=TYPED-BEFORE></label><textarea name=t>TYPED-AREA</textarea><button>On: go</button></form>",
    "state": "<!doctype html><h1>State</h1><p id=s></p><script>s.textContent = 'seen:' + [document.cookie, localStorage.x,"
    "sessionStorage.x].filter(Boolean).length; document.cookie = 'x=1'; localStorage.x = 1; sessionStorage.x = 1;</script>"
    "<form action=/done method=post><button>Go</button></form>",
    "fonts": "<!doctype html><link rel=stylesheet href='https://fonts.googleapis.com/css?family=Roboto'><script></script>"
    + form(LABELLED + "<button>Sign in</button>"),
    "unfinished": form(LABELLED + "<button>Sign in</button>")
    + "<script src='/never'></script><p>what comes after a script that never arrives",
    "auto": "<!doctype html><h1>Sign in</h1><form method=post action=/done><label>Code <input name=code6"
    ' oninput="if (this.value.length === 6) this.form.submit()"></label><button>Verify</button></form>',
}
FORM_POST = (
    "<body onload='document.forms[0].submit()'><form method=post action='{to}'><input type=hidden name=code value=C0DE>"
    "<input type=hidden name=state value='S &amp; +'></form>"
)


@dataclass
class Server:
    """What the pages were told, and where they send the browser."""

    url: str = ""
    mode: str = "query"
    to: str = REDIRECT
    received: list[dict[str, str]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def page(self, name: str) -> str:
        return f"{self.url}/zoo/{name}"


def handler(server: Server) -> type[loopback.Handler]:
    stop = threading.Event()

    class Handler(loopback.Handler):
        protocol_version = "HTTP/1.1"

        def answer(self, body: str) -> None:
            told = dict(parse_qsl(body, keep_blank_values=True))
            path = urlsplit(self.path).path
            server.requests.append(path)
            name = path.removeprefix("/zoo/").split("/")[0]
            if told:
                server.received.append(told)
            if path == "/wrong":
                self.say(
                    200,
                    form(
                        "<p>Welcome" * (not told)
                        + "<p>Please enter the correct password" * bool(told)
                        + "<p>On line: 3"
                        + LABELLED
                        + "<button>Sign in</button>",
                        to="/wrong",
                    ),
                )
            elif path == "/done":
                self.callback()
            elif path == "/login":
                self.login(told)
            elif path == "/never":
                stop.wait(8)
                self.say(200, "")
            elif path == "/json":
                body = '{"error": "invalid_request_uri", "error_description": "expired"}'
                self.say(400, body, kind="application/json")
            elif path == "/oops":
                self.say(400, "<h1>oops! something went wrong</h1><pre>error: invalid_request_uri</pre>")
            elif path.startswith("/empty-"):
                self.say(int(path[-3:]), "")
            elif path in {"/favicon.ico", "/gone.js"}:
                self.say(404, "")
            elif path == "/broken":
                self.say(500, "<h1>Internal error</h1>")
            elif path == "/moved":
                self.say(302, "", Location=f"{server.url}/zoo/noisy?code=SECRET")
            elif path == "/two-hops":
                self.say(302, "", Location=f"{server.url}/zoo/plain")
            else:
                self.say(200 if name in PAGES else 204, PAGES.get(name, ""))

        def login(self, told: dict[str, str]) -> None:
            """User name, then password on a page of its own, then consent."""
            words = ""
            if "user" not in told and "pw" not in told:
                self.say(200, form("<label>User name <input name=user></label><button>Next</button>", to="/login"))
            elif told.get("pw") == PASSWORD:
                self.say(303, "", Location="/zoo/deny_first")
            else:
                words = "<p>Invalid credentials" if "pw" in told else ""
                inside = "<label>Password <input name=pw type=password></label><button>Sign in</button>"
                self.say(200, form(words + inside, to="/login"))

        def callback(self) -> None:
            to, pairs = server.to, "code=C0DE&state=S"
            if server.mode == "form_post":
                self.say(200, FORM_POST.format(to=quote(to, safe=":/?&=")))
            elif server.mode == "fragment":
                self.say(302, "", Location=f"{to}#{pairs}")
            else:
                self.say(302, "", Location=f"{to}{'&' if '?' in to else '?'}{pairs}")

        def say(self, status: int, text: str, *, kind: str = loopback.HTML, **headers: str) -> None:
            self.send(status, text, {"Content-Type": kind, **headers})

    return Handler


FIND = """const [how, what, inside] = arguments, root = inside || document;
if (how === "xpath") return document.evaluate(what, root, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null).singleNodeValue;
return root.querySelector(what);"""


def wait_for(driver: WebDriver, how: str, what: str, inside: ShadowRoot | None = None) -> Any:
    """Return what is to be seen on the page; `how` is css or xpath.

    It is found by a script, as flowrun does: chromedriver's own search, when it has run while the empty page was left,
    may go on in that one for as long as somebody asks, while scripts and the picture are those of the new page.
    """
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with contextlib.suppress(WebDriverException):  # the page comes, or goes
            found = driver.execute_script(FIND, how, what, inside)
            if found is not None and found.is_displayed() and found.is_enabled():  # the driver knows it too
                return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come: {driver.page_source}")


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()
    with loopback.Loopback(handler(told)) as http:
        told.url = http.url
        yield told


@pytest.fixture(scope="session")
def one_browser() -> Iterator[Browser]:
    try:
        browser = open_browser()
    except BrowserMissing as error:
        pytest.fail(f"{error.title}\n{error.facts}\n{error.hint}")
    with browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Browser:
    one_browser.clear()
    return one_browser


@pytest.fixture
def walk(browser: Browser) -> Any:
    """Walk with the defaults that most tests want; `pages` is the environment's."""

    def run(url: str, pages: Any, **changes: Any) -> Walk:
        defaults: dict[str, Any] = {
            "redirect_uri": REDIRECT,
            "fill": lambda value, _path: value,
            "answers": {},
            "page_seconds": 6.0,
            "total_seconds": 25.0,
            "tell": lambda _visit: None,
        }
        return browser.walk(url, pages=pages, **{**defaults, **changes})

    return run
