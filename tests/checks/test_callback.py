from __future__ import annotations

import pytest

from flowrun.checks import callback as module

ISSUER = "https://op.example"
ALWAYS = set()


def came(callback, *, parameters=None, server=None, **more):
    flow = {"callback": callback, "parameters": {"state": "s"} if parameters is None else parameters}
    return {"flow": {**flow, "server": {"issuer": ISSUER, **(server or {})}}, **more}


PROMISED = {"authorization_response_iss_parameter_supported": True}

ROWS = [
    ("cb.state", came({"code": "c", "state": "s"}), None),
    ("cb.state", came({"error": "access_denied", "state": "s"}), None),
    ("cb.state", came({"code": "c"}, parameters={"scope": "x"}), None),
    ("cb.state", came({"code": "c", "state": "5"}, parameters={"state": 5}), None),
    ("cb.state", came({"code": "c"}), "the callback has no state"),
    ("cb.state", came({"code": "c", "state": ""}), "the callback has another state than the one sent"),
    ("cb.state", came({"code": "c", "state": "S"}), "the callback has another state than the one sent"),
    ("cb.state", came({"code": "c", "state": "s"}, parameters={}), "the callback has another state than the one sent"),
    ("cb.state", came({"error": "access_denied"}), "the callback has no state"),
    (
        "cb.state",
        came({"error": "invalid_request_object"}),
        "skipped: an unreadable request may be answered without state",
    ),
    ("cb.state", {}, "skipped: there was no callback"),
    ("cb.iss", came({"iss": ISSUER}), None),
    ("cb.iss", came({"iss": ISSUER}, server={"issuer": None}), None),
    (
        "cb.iss",
        came({"iss": "https://evil.example"}),
        "the callback has iss 'https://evil.example', the issuer is 'https://op.example'",
    ),
    (
        "cb.iss",
        came({"iss": f"{ISSUER}/"}),
        "the callback has iss 'https://op.example/', the issuer is 'https://op.example'",
    ),
    ("cb.iss", came({"code": "c"}, server=PROMISED), "the callback has no iss"),
    ("cb.iss", came({"code": "c"}, profile="fapi2"), "the callback has no iss"),
    ("cb.iss", came({"code": "c"}), "skipped: the server does not promise iss"),
    ("cb.iss", {}, "skipped: there was no callback"),
]


@pytest.mark.parametrize(("check_id", "differs", "said"), ROWS)
def test_what_the_check_says(judge, check_id, differs, said):
    assert judge(check_id, **differs) == said


def test_the_table_covers_every_check_holding_failing_and_with_nothing_to_judge():
    ids = {check.id for check in module.CHECKS}
    assert {row[0] for row in ROWS if row[2] is None} == ids
    assert {row[0] for row in ROWS if row[2] and not row[2].startswith("skipped:")} == ids
    assert {row[0] for row in ROWS if row[2] and row[2].startswith("skipped:")} == ids - ALWAYS
