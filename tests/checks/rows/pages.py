from __future__ import annotations

from flowrun.browser.model import Hop

ALWAYS = set()
AS = "https://op.example"
SAFE = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
UNSEEN = "skipped: the way of the browser was not seen"
BACK = Hop("https://app.example/cb")


def way(*hops, **more):
    return {"flow": {"hops": (*hops, BACK), "callback": {"code": "c"}, **more}}


def opened(query, **more):
    return way(Hop(f"{AS}/auth?{query}", 303), request_uri="urn:x", **more)


ROWS = [
    ("cb.no-307", way(Hop(f"{AS}/auth", 307), Hop(f"{AS}/login", 303, method="POST")), None),
    (
        "cb.no-307",
        way(Hop(f"{AS}/login?x=1", 307, method="POST")),
        "a form sent to https://op.example/login was answered with 307, so the browser sends it on",
    ),
    ("cb.no-307", {}, UNSEEN),
    ("cb.https", way(Hop(f"{AS}/auth", 200), Hop("http://127.0.0.1:99/x", 303), Hop("http://localhost/x", 303)), None),
    ("cb.https", way(Hop("http://op.example/auth?x=1", 303)), "the browser went through http://op.example/auth"),
    ("cb.https", {"flow": {"hops": (Hop(f"{AS}/auth", 303), Hop("http://app.example/cb")), "callback": {}}}, None),
    ("cb.https", {}, UNSEEN),
    ("cb.only-request-uri", opened("client_id=c&request_uri=urn:x"), None),
    (
        "cb.only-request-uri",
        opened("client_id=c&request_uri=urn:x&scope=openid&state="),
        "the authorization URL also carries scope, state",
    ),
    ("cb.only-request-uri", way(Hop(f"{AS}/auth?scope=x", 303)), "skipped: nothing was pushed"),
    ("cb.only-request-uri", opened("scope=x"), "skipped: the scenario opened a URL of its own"),
    ("page.headers", way(Hop(f"{AS}/auth", 303, {"x": "y"}), Hop(f"{AS}/login", 200, SAFE)), None),
    ("page.headers", way(Hop(f"{AS}/login", 200, {"x-frame-options": "DENY"})), None),
    (
        "page.headers",
        way(Hop(f"{AS}/login", 200, {"content-security-policy": "default-src 'none'"})),
        "any site may put https://op.example/login into a frame",
    ),
    ("page.headers", way(Hop(f"{AS}/login", 200)), "skipped: no page was shown, or its headers were not seen"),
    ("page.headers", {}, UNSEEN),
]
