"""Each fault of the sandbox, seen by a whole run: which check or error it comes to, where it points, what it says.

A check that nobody has seen fail on a real server is a defect, and so is a fault that nobody sees.
"""

from __future__ import annotations

import functools
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

import flowrun.embedded
from flowrun import rows
from flowrun.checks import CHECKS
from flowrun.sandbox import FAULTS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("in_repo")]


# What test_check_faults.py runs: the rest of the faults and of the checks.
DATA = yaml.safe_load((Path(__file__).parent / "checks.yaml").read_text("utf-8"))
ROWS = DATA["rows"]


class Seen(NamedTuple):
    """One problem of a run: its code, what it says the server did, and the words of the line that it points at."""

    code: str
    says: str
    line: str


PAR_DP = "scenarios/par_dp.yaml"
SIGNED = "scenarios/par_signed.yaml"
PUSH, BROWSE, EXCHANGE = "- push:", "- browse: {user: alice", "- exchange:"
ISSUER, OTHER = "'http://127.0.0.1:PORT'", "'https://another-issuer.example'"
ELSEWHERE = "a redirect to http://127.0.0.1:PORT/login"

DISCOVERY = "scenario: The metadata is read\nsteps: [discover]\n"
REFUSED = "scenario: What is used twice is refused\nauthorization: {scope: openid}\n"
CODE_TWICE = f"""{REFUSED}
steps:
  - discover
  - push
  - browse: {{user: alice, answers: {{consent: approve}}}}
  - exchange
  - exchange: {{code: "{{{{ callback.code }}}}"}}
    name: again
outcome: {{refused: {{again: [invalid_grant]}}}}
"""
WRONG_VERIFIER = f"""{REFUSED}
steps:
  - discover
  - push
  - browse: {{user: alice, answers: {{consent: approve}}}}
  - exchange: {{code_verifier: a-verifier-that-belongs-to-no-challenge-of-ours}}
outcome: {{refused: {{exchange: [invalid_grant]}}}}
"""
REQUEST_TWICE = f"""{REFUSED}
steps:
  - discover
  - push
  - browse: {{user: alice, answers: {{consent: approve}}}}
  - browse: {{user: alice, answers: {{consent: approve}}}}
    name: again
outcome: {{refused: {{again: any}}}}
"""
OTHERS_REQUEST = f"""{REFUSED}
steps:
  - discover
  - push
  - browse:
      user: alice
      answers: {{consent: approve}}
      url: "{{{{ server.authorization_endpoint }}}}?client_id=somebody-else&request_uri={{{{ push.request_uri }}}}"
outcome: {{refused: {{page: any}}}}
"""
LATE_REQUEST = f"""{REFUSED}
steps: [discover, push, {{browse: {{user: alice, answers: {{consent: approve}}}}}}]
outcome: {{refused: {{page: any}}}}
"""
ASSERTION_TWICE = f"""{REFUSED}
steps:
  - discover
  - sign: client_assertion
    name: mine
  - push
  - call:
      method: POST
      url: "{{{{ server.revocation_endpoint }}}}"
      form:
        token: no-token-of-anybody
        client_id: flowrun-example
        client_assertion_type: urn:ietf:params:oauth:client-assertion-type:jwt-bearer
        client_assertion: "{{{{ mine.jwt }}}}"
outcome: {{refused: {{call: [invalid_client]}}}}
"""
NOT_REFUSED = [Seen("not-refused", "everything was accepted; a refusal was expected", "outcome:")]

# fault → the scenario that notices it (a file, or its text), the exit code, and every problem, in order
NOTICED: dict[str, tuple[str, int, list[Seen]]] = {
    "discover.wrong-issuer": (
        PAR_DP,
        1,
        [
            Seen("disc.issuer-match", f"the metadata says issuer {OTHER}, the environment {ISSUER}", "- discover"),
            Seen("cb.iss", f"the callback has iss {ISSUER}, the issuer is {OTHER}", BROWSE),
            Seen("idt.iss", f"the id_token's iss is {ISSUER}, the issuer is {OTHER}", EXCHANGE),
        ],
    ),
    "discover.html": (
        PAR_DP,
        1,
        [Seen("not-json", "the server answered with HTML to the question for its metadata", "- discover")],
    ),
    "discover.status-500": (
        PAR_DP,
        1,
        [Seen("server-error", "the server answered 500 to the question for its metadata", "- discover")],
    ),
    "discover.no-par": (
        DISCOVERY,
        1,
        [Seen("disc.par", "pushed_authorization_request_endpoint is not in the metadata", "[discover]")],
    ),
    "discover.no-s256": (
        DISCOVERY,
        1,
        [Seen("disc.s256", "code_challenge_methods_supported is not in the metadata", "[discover]")],
    ),
    "discover.no-iss-promise": (
        DISCOVERY,
        0,
        [Seen("disc.iss-param", "authorization_response_iss_parameter_supported is not true", "[discover]")],
    ),
    "discover.no-jwks-kid": (
        PAR_DP,
        1,
        [
            Seen(
                "idt.sig",
                "the id_token can't be trusted: the token names the key 'KID', which is not in the JWKS",
                EXCHANGE,
            )
        ],
    ),
    "push.status-200": (PAR_DP, 1, [Seen("push.status-201", "the server answered 200", PUSH)]),
    "push.redirect": (
        PAR_DP,
        1,
        [Seen("redirected", f"the server answered 302, {ELSEWHERE}, to the pushed request (RFC 9126 §2.2)", PUSH)],
    ),
    "push.html": (
        PAR_DP,
        1,
        [Seen("not-json", "the server answered with HTML to the pushed request (RFC 9126 §2.2)", PUSH)],
    ),
    "push.status-500": (
        PAR_DP,
        1,
        [Seen("server-error", "the server answered 500 to the pushed request (RFC 9126 §2.2)", PUSH)],
    ),
    "push.no-expires-in": (
        PAR_DP,
        1,
        [
            Seen("push.expires-in", "expires_in is not there", PUSH),
            Seen("expectation", "expires_in is not what was expected", "expires_in: {between: [5, 600]}"),
        ],
    ),
    "push.no-store-missing": (PAR_DP, 0, [Seen("push.no-store", "no Cache-Control", PUSH)]),
    "push.other-prefix": (
        PAR_DP,
        1,
        [
            Seen("expectation", "request_uri is not what was expected", "request_uri: {starts_with:"),
        ],
    ),
    "push.no-interaction-id": (
        PAR_DP,
        0,
        [Seen("push.interaction-id", "the answer has no x-fapi-interaction-id", PUSH)],
    ),
    "push.refuse": (
        PAR_DP,
        1,
        [
            Seen("par_error", "the server refused the pushed request: invalid_request", PUSH),
        ],
    ),
    "push.too-many": (
        PAR_DP,
        1,
        [Seen("par_error", "the server refused the pushed request: temporarily_unavailable", PUSH)],
    ),
    "clock.ahead": (PAR_DP, 1, [Seen("par_error", "the server refused the pushed request: invalid_client", PUSH)]),
    "par.reuse": (REQUEST_TWICE, 1, NOT_REFUSED),
    "par.any-client": (OTHERS_REQUEST, 1, NOT_REFUSED),
    "par.no-expiry": (LATE_REQUEST, 1, NOT_REFUSED),
    "page.error": (
        PAR_DP,
        1,
        [
            Seen("refused-page", "the browser ended on a page that refuses: server_error", BROWSE),
        ],
    ),
    "callback.no-iss": (PAR_DP, 0, [Seen("cb.iss", "the callback has no iss", BROWSE)]),
    "callback.wrong-iss": (
        PAR_DP,
        0,
        [Seen("cb.iss", f"the callback has iss {OTHER}, the issuer is {ISSUER}", BROWSE)],
    ),
    "callback.wrong-state": (
        PAR_DP,
        1,
        [Seen("cb.state", "the callback has another state than the one sent", BROWSE)],
    ),
    "code.reuse": (CODE_TWICE, 1, NOT_REFUSED),
    "code.any-verifier": (WRONG_VERIFIER, 1, NOT_REFUSED),
    "assertion.replay": (ASSERTION_TWICE, 1, NOT_REFUSED),
    "token.status-500": (
        PAR_DP,
        1,
        [Seen("server-error", "the server answered 500 to the token request (RFC 6749 §5.1)", EXCHANGE)],
    ),
    "token.type-missing": (PAR_DP, 1, [Seen("tok.members", "token_type is not there", EXCHANGE)]),
    "token.no-store-missing": (PAR_DP, 1, [Seen("tok.no-store", "no Cache-Control", EXCHANGE)]),
    "token.scope-wider": (PAR_DP, 0, [Seen("tok.scope", "granted without being asked for: payments", EXCHANGE)]),
    "token.no-consent-id": (
        PAR_DP,
        1,
        [
            Seen("tok.rar", "authorization_details have no consent.consent_id", EXCHANGE),
            Seen(
                "expectation",
                "authorization_details[0].consent.consent_id is not what was expected",
                "authorization_details[0].consent.consent_id: {is: present}",
            ),
            Seen(
                "nothing-to-save",
                "authorization_details[0].consent has no member 'consent_id'; did you mean 'consent_type'?",
                "consent_id: authorization_details[0].consent.consent_id",
            ),
        ],
    ),
    "token.rotate-refresh": (
        "scenarios/par_then_refresh.yaml",
        1,
        [Seen("ref.no-rotation", "the refresh was answered with another refresh token", "grant: refresh_token")] * 3,
    ),
    "token.bad-signature": (
        PAR_DP,
        1,
        [Seen("idt.sig", "the id_token can't be trusted: the signature does not match the key 'KID'", EXCHANGE)],
    ),
    "token.wrong-iss": (
        PAR_DP,
        1,
        [Seen("idt.iss", f"the id_token's iss is {OTHER}, the issuer is {ISSUER}", EXCHANGE)],
    ),
    "token.wrong-aud": (
        PAR_DP,
        1,
        [Seen("idt.aud", "the id_token's aud is 'another-client', our client_id is 'flowrun-example'", EXCHANGE)],
    ),
    "token.wrong-nonce": (PAR_DP, 1, [Seen("idt.nonce", "the id_token's nonce is not the one sent", EXCHANGE)]),
    "token.wrong-at-hash": (
        PAR_DP,
        1,
        [Seen("idt.at_hash", "the id_token's at_hash does not fit the access token", EXCHANGE)],
    ),
    "token.expired-id-token": (
        PAR_DP,
        1,
        [
            Seen("idt.exp", "the id_token expired 3600 s ago", EXCHANGE),
            Seen("idt.iat", "the id_token was issued 4200 s ago", EXCHANGE),
        ],
    ),
    "userinfo.wrong-sub": (
        SIGNED,
        1,
        [
            Seen("idt.sub-userinfo", "userinfo has another sub than the id_token", "- userinfo:"),
            Seen("expectation", "sub is not what was expected", 'sub: "{{ exchange.id_token_claims.sub }}"'),
        ],
    ),
}
# What a profile only reports (level info) is no problem: it is seen among the checks of the report.
ONLY_NOTED = {"push.other-prefix": "push.request-uri"}
# A second client for the scenarios that need somebody else.
CLIENTS = {
    "somebody_else": {"like": "default", "client_id": "somebody-else"},
}


@pytest.fixture
def late_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox's clock pass the end of a request_uri as soon as one was pushed."""
    passed = [0.0]

    def log(line: str) -> None:
        passed[0] += 100 if line == "POST /par 201" else 0

    settings = functools.partial(Settings, clock=lambda: time.time() + passed[0], log=log)
    monkeypatch.setattr(flowrun.embedded, "Settings", settings)


@pytest.fixture
def written(scenario: Callable[[str], str]) -> Callable[[str], str]:
    """The path of a scenario that is either a file or its text."""
    return lambda source: scenario(source) if "\n" in source else source


@pytest.mark.parametrize("fault", sorted(NOTICED))
def test_a_fault_is_noticed(fault, request, flowrun_by_http, environment, written):
    source, code, seen = NOTICED[fault]
    if source is LATE_REQUEST:
        request.getfixturevalue("late_clock")

    ran = flowrun_by_http(written(source), "--env", environment(faults=[fault], clients=CLIENTS))

    assert [(problem["code"], complaint(problem)) for problem in ran.problems] == [
        (code, says) for code, says, _ in seen
    ]
    assert ran.code == code
    for problem, (_, _, line) in zip(ran.problems, seen, strict=True):
        at = problem["at"]
        assert line in at["text"]
        assert at["file"].endswith(".yaml")
        assert f"--> {at['file']}:{at['line']}:{at['column']}" in ran.out
        assert problem["title"] in ran.out
    assert ran.checks("noted") == ({ONLY_NOTED[fault]} if fault in ONLY_NOTED else set())


@pytest.mark.parametrize("fault", sorted(fault for fault, (source, *_) in NOTICED.items() if "outcome" in source))
def test_what_only_a_lax_server_accepts_is_refused_by_a_good_one(fault, request, flowrun_by_http, environment, written):
    source, *_ = NOTICED[fault]
    if source is LATE_REQUEST:
        request.getfixturevalue("late_clock")

    ran = flowrun_by_http(written(source), "--env", environment(clients=CLIENTS))

    assert ran.problems == []
    assert ran.code == 0
    assert "refused as expected" in ran.out


@pytest.mark.browser
def test_the_healthy_sandbox_has_no_problem(flowrun_alone):
    ran = flowrun_alone("scenarios/")  # some of them want a browser that trusts the authority of their sandbox

    assert ran.problems == []
    assert ran.code == 0
    assert {scenario["status"] for scenario in ran.report["scenarios"]} == {"passed"}
    assert ran.checks("failed") == set()
    # What the servers of other systems do otherwise, as their environments say; nothing of our own.
    assert ran.checks("noted") == {"push.request-uri", "disc.ignore-request-uri-registration"}


def test_every_fault_is_in_the_table():
    of_checks = {row["fault"] for row in ROWS.values() if "fault" in row}
    of_the_pack = {yaml.safe_load(file.read_text("utf-8"))["proves"]["fault"] for file in rows.folder().rglob("*.yaml")}
    assert set(NOTICED) | of_checks | DATA["further"].keys() | of_the_pack == set(FAULTS)


def test_every_check_is_seen_to_fail():
    for check, fault in DATA["elsewhere"].items():
        assert check in {*(seen.code for seen in NOTICED[fault][2]), ONLY_NOTED.get(fault)}
    assert {check.id for check in CHECKS} == {*DATA["elsewhere"], *ROWS}


def complaint(problem):
    """Return what a problem says, without what is different in each run."""
    title = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", problem["title"])
    title = re.sub(r"key '[\w-]{43}'", "key 'KID'", title)
    return re.sub(r"(expired 36|issued 42)\d\d s", r"\g<1>00 s", title)
