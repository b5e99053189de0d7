from __future__ import annotations

import pytest

from flowrun.checks import push as module

ALWAYS = set()
ID = "x-fapi-interaction-id"


def body(status=201, **members):
    return {"status": status, "body": members}


def cache(*value):
    return {"status": 201, "body": {}, "headers": {"cache-control": value[0]} if value else {}}


REFUSED = {"status": 400, "body": {"error": "invalid_request"}}
NOT_ACCEPTED = "skipped: the request was not accepted"

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
    ("push.interaction-id", {"sent": {ID: "7"}, "headers": {ID: "7"}, "status": 400}, None),
    ("push.interaction-id", {"sent": {ID: "7"}}, "the answer has no x-fapi-interaction-id"),
    ("push.interaction-id", {"sent": {ID: "7"}, "headers": {ID: "8"}}, "the answer has another x-fapi-interaction-id"),
    ("push.interaction-id", {}, "skipped: no x-fapi-interaction-id was sent"),
    ("push.interaction-id", {"no_answer": True}, "skipped: no x-fapi-interaction-id was sent"),
]


@pytest.mark.parametrize(("check_id", "differs", "said"), ROWS)
def test_what_the_check_says(judge, check_id, differs, said):
    assert judge(check_id, **differs) == said


def test_the_table_covers_every_check_holding_failing_and_with_nothing_to_judge():
    ids = {check.id for check in module.CHECKS}
    assert {row[0] for row in ROWS if row[2] is None} == ids
    assert {row[0] for row in ROWS if row[2] and not row[2].startswith("skipped:")} == ids
    assert {row[0] for row in ROWS if row[2] and row[2].startswith("skipped:")} == ids - ALWAYS
