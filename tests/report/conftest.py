"""One list of events in which everything happens; a conftest is not for importing."""

from __future__ import annotations

import pytest

from flowrun.errors import Problem, Span
from flowrun.events import (
    Called,
    Expected,
    Judged,
    PageSeen,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    Told,
)

LINE = Span("par.yaml", 12, 5, 9, "  - push:")
WARNING = Problem("literal-secret", "the password stands in the file", Span("e.yaml", 3, 1, 2), warning=True)
SHOULD = Problem("push.no-store", "no Cache-Control", LINE, "", (("rule", "may not be stored"),), warning=True)
FAILED = Problem("par_error", "refused: invalid_scope", LINE, "", (("error", "invalid_scope"),), "ask for less", 1)
CLOSING = Problem("not-refused", "everything was accepted", Span("par.yaml", 1, 1, 2, "outcome:"))
SENT = (("client_id", "flowrun"), ("scope", "a"))


def passing():
    return [
        ScenarioStarted("PAR passes", "par.yaml", "uat", "", "why", ("discover", "push", "revoke"), (WARNING,)),
        StepStarted("discover", "discover"),
        Called("GET", "https://op.example/x", 200, 0.0123, {"a": "b"}, (), {"c": "d"}, '{"issuer":  "i"}\n'),
        Judged("disc.par", "must", "held", "names a PAR endpoint", "RFC 9126 §5"),
        Judged("disc.s256", "must", "failed", "offers S256", "RFC 7636 §4.2", "no S256", "known since May"),
        Judged("cb.iss", "should", "deviation", "names its issuer", "RFC 9207 §2", "no iss", "known since May"),
        StepFinished("discover", "discover", "passed", 0.5, "https://op.example", (), {"issuer": "i", "n": [1]}),
        StepStarted("push", "push"),
        Called("POST", "https://op.example/par", 201, 0.1, {}, SENT, {}, ""),
        PageSeen("login", "https://op.example/login?code=1", "Sign in", 200, "text", 0.2, b"PNG", "runs/x/01.png"),
        Told("authorization URL", "https://op.example/auth"),
        Expected("request_uri", held=True),
        StepFinished("push", "push", "warned", 12.25, "201 → ok", (SHOULD,)),
        StepFinished("revoke", "revoke", "skipped", 0.0, "nothing to undo"),
        ScenarioFinished("PAR passes", "passed", 12.75, "3 checks held", 0, "uat", "par.yaml", problems=(SHOULD,)),
    ]


def failing():
    return [
        ScenarioStarted("PAR fails", "par.yaml", "uat", "dp=1", "", ("push", "a_long_step_name")),
        StepStarted("push", "push"),
        Expected("status", held=False),
        StepFinished("push", "push", "failed", 0.1, "", (FAILED,)),
        StepFinished("a_long_step_name", "browse", "not reached", 0.0),
        ScenarioFinished(
            "PAR fails", "failed", 0.25, "refused: invalid_scope", 1, "uat", "par.yaml", "dp=1",
            problems=(FAILED, CLOSING),
        ),
    ]  # fmt: skip


@pytest.fixture
def events():
    """All that can happen, twice over: one scenario passes, one fails, one does not apply."""
    return [
        RunStarted(3),
        *passing(),
        *failing(),
        ScenarioStarted("Other", "o.yaml", "uat"),
        ScenarioFinished("Other", "not applicable", 0.0, "needs mtls", 0, "uat", "o.yaml"),
        RunFinished({"passed": 1, "failed": 1, "not applicable": 1}, 13.0, 1),
    ]


@pytest.fixture
def one():
    """The scenario that passes, alone."""
    return [RunStarted(1), *passing(), RunFinished({"passed": 1}, 12.75, 0)]
