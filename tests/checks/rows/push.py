from __future__ import annotations

ALWAYS = set()
ID = "x-fapi-interaction-id"


def body(status=201, **members):
    return {"status": status, "body": members}


def cache(*value):
    return {"status": 201, "body": {}, "headers": {"cache-control": value[0]} if value else {}}


REFUSED = {"status": 400, "body": {"error": "invalid_request"}}
NOT_ACCEPTED = "skipped: the request was not accepted"

RANDOM, UUID = "bVJMdzV0a0Q4X3hQ-2ZfYTFRcQ", "7b7e0f0c-0f59-4a3c-9d4c-0f9f2f3f8b11"

ROWS = [
    ("push.status-201", body(), None),
    ("push.status-201", body(200), "the server answered 200"),
    ("push.status-201", REFUSED, NOT_ACCEPTED),
    ("push.status-201", {"no_answer": True}, NOT_ACCEPTED),
    ("push.request-uri", body(request_uri="urn:ietf:params:oauth:request_uri:1"), None),
    ("push.request-uri", body(request_uri="https://op.example/r/1"), "the request_uri starts with https:"),
    ("push.request-uri", body(request_uri="urn:example:1"), "the request_uri starts with urn:"),
    ("push.request-uri", body(request_uri="opaque"), "the request_uri is no URI"),
    ("push.request-uri", body(), "request_uri is not there"),
    ("push.request-uri", REFUSED, NOT_ACCEPTED),
    ("push.expires-in", body(expires_in=1), None),
    ("push.expires-in", body(), "expires_in is not there"),
    ("push.expires-in", body(expires_in=0), "expires_in is 0"),
    ("push.expires-in", body(expires_in=-5), "expires_in is -5"),
    ("push.expires-in", body(expires_in="60"), "expires_in is '60'"),
    ("push.expires-in", body(expires_in=60.5), "expires_in is 60.5"),
    ("push.expires-in", body(expires_in=True), "expires_in is True"),
    ("push.expires-in", REFUSED, NOT_ACCEPTED),
    ("push.no-store", cache("no-cache, no-store"), None),
    ("push.no-store", cache("No-Store"), None),
    ("push.no-store", cache("no-cache"), "Cache-Control is 'no-cache'"),
    ("push.no-store", cache(), "no Cache-Control"),
    ("push.no-store", REFUSED, NOT_ACCEPTED),
    ("push.interaction-id", {"sent": {ID: "7"}, "headers": {ID: "7"}}, None),
    ("push.interaction-id", {"sent": {ID: "7"}, "status": 400}, "skipped: the request was not accepted"),
    ("push.interaction-id", {"sent": {ID: "7"}}, "the answer has no x-fapi-interaction-id"),
    ("push.interaction-id", {"sent": {ID: "7"}, "headers": {ID: "8"}}, "the answer has another x-fapi-interaction-id"),
    ("push.interaction-id", {}, "skipped: no x-fapi-interaction-id was sent"),
    ("push.interaction-id", {"no_answer": True}, "skipped: no x-fapi-interaction-id was sent"),
    ("push.lifetime", {"body": {"expires_in": 599}, "profile": "fapi2"}, None),
    (
        "push.lifetime",
        {"body": {"expires_in": 600}, "profile": "fapi2"},
        "expires_in is 600; this profile wants less than 600",
    ),
    ("push.lifetime", {"body": {"expires_in": 6000}}, "skipped: the profile has no limit"),
    ("push.lifetime", {"body": {"expires_in": "6000"}, "profile": "ofm"}, "skipped: there is no expires_in"),
    ("push.json", {"body": {}, "headers": {"content-type": "Application/JSON; charset=utf-8"}}, None),
    (
        "push.json",
        {"body": {}, "headers": {"content-type": "text/html"}},
        "the content type is text/html, not application/json",
    ),
    ("push.json", {"status": 400}, "skipped: the request was not accepted"),
    ("push.entropy", {"body": {"request_uri": f"urn:ietf:params:oauth:request_uri:{RANDOM}"}}, None),
    (
        "push.entropy",
        {"body": {"request_uri": f"urn:uuid:{UUID}"}, "earlier": {"request_uri": [f"urn:uuid:{RANDOM}"]}},
        None,
    ),
    ("push.entropy", {"body": {"request_uri": f"https://op.example/r/{RANDOM}"}}, None),
    (
        "push.entropy",
        {"body": {"request_uri": "urn:ietf:params:oauth:request_uri:17"}},
        "the reference in the request_uri has 2 characters, which can hold 7 bits at most; 128 are asked for",
    ),
    (
        "push.entropy",
        {"body": {"request_uri": "https://a-very-long-host-name.op.example/r/17"}},
        "the reference in the request_uri has 2 characters, which can hold 7 bits at most; 128 are asked for",
    ),
    ("push.entropy", {"body": {"request_uri": f"https://[bad/{RANDOM}"}}, None),
    (
        "push.entropy",
        {"body": {"request_uri": f"urn:x:{RANDOM}"}, "earlier": {"request_uri": [f"urn:x:{RANDOM}"]}},
        "the reference in the request_uri is the same as one that came before",
    ),
    (
        "push.entropy",
        {"body": {"request_uri": "urn:ietf:params:oauth:request_uri:kZ8pQ2x/Tn4wLe/9uBv7aQ=="}},
        None,
    ),
    ("push.entropy", {"body": {}}, "skipped: there is no request_uri"),
    ("push.error-shape", {"status": 400, "body": {"error": "invalid_request", "error_description": "No."}}, None),
    ("push.error-shape", {"status": 401}, "the answer 401 has no JSON member 'error'"),
    ("push.error-shape", {"status": 400, "body": {"error": 5}}, "the answer 400 has no JSON member 'error'"),
    (
        "push.error-shape",
        {"status": 400, "body": {"error": "x", "error_description": ["y"]}},
        "error_description is no text",
    ),
    (
        "push.error-shape",
        {"status": 400, "body": {"error": "x", "error_description": "zu groß"}},
        "error_description has characters that are not allowed there",
    ),
    ("push.error-shape", {"status": 413}, "skipped: there was no refusal with an OAuth error"),
    ("push.error-shape", {"status": 201, "body": {}}, "skipped: there was no refusal with an OAuth error"),
]
