from __future__ import annotations

from flowrun.flow import ReceivedJwt

ALWAYS = set()
REFUSED = "skipped: the request was not accepted"


def signed(distrust="", /, **claims):
    return {"body": claims, "jwt": ReceivedJwt("h.p.s", {}, claims, distrust)}


ROWS = [
    ("rev.200", {}, None),
    ("rev.200", {"status": 204}, "the server answered 204, not 200"),
    ("rev.200", {"status": 400, "body": {"error": "unsupported_token_type"}}, REFUSED),
    ("intro.shape", {"body": {"active": False}}, None),
    ("intro.shape", {"body": {"active": "true"}}, "active is 'true', not true or false"),
    ("intro.shape", {"body": {}}, "active is not there"),
    ("intro.shape", {"status": 401}, REFUSED),
    ("userinfo.type", {"body": {}, "headers": {"content-type": "application/json"}}, None),
    ("userinfo.type", {"headers": {"content-type": "application/jwt"}}, None),
    ("userinfo.type", {"body": {}}, "the answer has no content type"),
    (
        "userinfo.type",
        {"body": {}, "headers": {"content-type": "text/html"}},
        "the content type is text/html, not application/json or application/jwt",
    ),
    ("userinfo.type", {"status": 401}, REFUSED),
    ("userinfo.sig", signed(sub="a"), None),
    ("userinfo.sig", signed(iss="https://op.example", aud=["x", "flowrun"]), None),
    ("userinfo.sig", signed("its key is unknown"), "userinfo can't be trusted: its key is unknown"),
    ("userinfo.sig", signed(iss="x"), "the iss of userinfo is 'x', the issuer is 'https://op.example'"),
    ("userinfo.sig", signed(aud="x"), "the aud of userinfo is 'x', our client_id is 'flowrun'"),
    ("userinfo.sig", {"body": {}}, "skipped: userinfo came as plain JSON"),
    ("userinfo.sig", {"status": 401}, REFUSED),
]
