"""Something to judge, made from what differs: flow, answer, id_token; a conftest is not for importing."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from flowrun import checks, profiles
from flowrun.checks.base import NotApplicable
from flowrun.client import Client
from flowrun.flow import Around, Flow, ReceivedJwt
from flowrun.wire import Answer, Sent

NOW = 1_800_000_000.0
ISSUER = "https://op.example"


def answer(body=None, status=200, headers=None, sent=None, form=(), url=f"{ISSUER}/x"):
    text = "" if body is None else json.dumps(body)
    return Answer(status, headers or {}, text, body, Sent("POST", url, sent or {}, tuple(form)), 0.1)


def around(
    *,
    flow=None,
    body=None,
    status=200,
    headers=None,
    sent=None,
    claims=None,
    header=None,
    distrust="",
    profile="oauth2",
    kind="authorization_code",
    issuer=ISSUER,
    no_answer=False,
    form=(),
    client=None,
    url=f"{ISSUER}/x",
    **more,
):
    """Return something to judge; `more` are further fields of Around: jwt, earlier, jkt, wants_refusal."""
    token = None if claims is None else ReceivedJwt("h.p.s", header or {"alg": "PS256"}, claims, distrust)
    return Around(
        flow=Flow(**{"server": {"issuer": ISSUER}, **(flow or {})}),
        client=Client("default", "flowrun", **(client or {})),
        environment=SimpleNamespace(profile=profiles.load(profile), endpoints={}),
        issuer=issuer,
        answer=None if no_answer else answer(body, status, headers, sent, form, url),
        id_token=token,
        kind=kind,
        now=NOW,
        **more,
    )


@pytest.fixture
def judge():
    """Judge with one check: None, the complaint, or `skipped: …` with the reason."""
    by_id = {check.id: check for check in checks.CHECKS}

    def judge(check_id, **differs):
        try:
            return by_id[check_id].judge(around(**differs))
        except NotApplicable as reason:
            return f"skipped: {reason}"

    return judge
