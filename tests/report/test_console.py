from __future__ import annotations

import io
import re

import pytest

from flowrun.errors import Problem, Span
from flowrun.events import (
    Called,
    JwtSeen,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    Told,
)
from flowrun.report.console import Console


class Out(io.TextIOWrapper):
    """Standard output of some encoding, a terminal or not."""

    def __init__(self, encoding="utf-8", *, terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n", write_through=True)
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


def written(events, *, encoding="utf-8", terminal=False, **options):
    out = Out(encoding, terminal=terminal)
    console = Console(out, **options)
    for event in events:
        console.tell(event)
    console.close()
    text = out.text()
    out.close()
    return text


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


GOLDEN = """\
PAR passes
  par.yaml, environment uat

    warning[literal-secret]: the password stands in the file
     --> e.yaml:3:1

  ✓ discover      0.50 s  https://op.example
      deviation: cb.iss: no iss (known since May)
  ! push         12.25 s  201 → ok
      screenshot: runs/x/01.png
      authorization URL: https://op.example/auth

    warning[push.no-store]: no Cache-Control
      --> par.yaml:12:5
       |
    12 |   - push:
       |     ^^^^
       = rule  may not be stored

  – revoke                nothing to undo
  ✓ passed in 12.8 s: 3 checks held

PAR fails [dp=1]
  par.yaml, environment uat
  ✗ push                0.10 s

    error[par_error]: refused: invalid_scope
      --> par.yaml:12:5
       |
    12 |   - push:
       |     ^^^^
       = error  invalid_scope
       = help: ask for less

  · a_long_step_name            not reached

    error[not-refused]: everything was accepted
     --> par.yaml:1:1
      |
    1 | outcome:
      | ^

  ✗ failed in 0.2 s: refused: invalid_scope

Other
  o.yaml, environment uat
  – not applicable in 0.0 s: needs mtls

1 passed, 1 failed, 1 not applicable in 13.0 s
among them: 1 with warnings, 1 with known deviations

What to do first:
  1. refused: invalid_scope [par_error]
     do: ask for less
     see: par.yaml:12:5
  2. everything was accepted [not-refused]
     see: par.yaml:1:1
"""

VERBOSE = """\
  ✓ discover      0.50 s  https://op.example
      call: GET https://op.example/x → 200 in 0.012 s
        > a: b
        < c: d
        < {"issuer": "i"}
      held: disc.par (RFC 9126 §5)
      failed: disc.s256 (RFC 7636 §4.2) no S256
      deviation: cb.iss: no iss (known since May)
  ! push         12.25 s  201 → ok
      call: POST https://op.example/par → 201 in 0.100 s
        > client_id = flowrun
        > scope = a
      page: login: Sign in (https://op.example/login)
      screenshot: runs/x/01.png
      authorization URL: https://op.example/auth
      expected: request_uri: held
"""

QUIET = """\
  ! PAR passes: warned in 12.8 s: no Cache-Control [push.no-store]

    error[par_error]: refused: invalid_scope
      --> par.yaml:12:5
       |
    12 |   - push:
       |     ^^^^
       = error  invalid_scope
       = help: ask for less


    error[not-refused]: everything was accepted
     --> par.yaml:1:1
      |
    1 | outcome:
      | ^

  ✗ PAR fails [dp=1]: failed in 0.2 s: refused: invalid_scope
  – Other: not applicable in 0.0 s: needs mtls
1 passed, 1 failed, 1 not applicable in 13.0 s
among them: 1 with warnings, 1 with known deviations
"""


def test_a_run_as_a_person_reads_it(events):
    assert written(events) == GOLDEN


def test_one_scenario_alone_has_no_last_line(one):
    assert written(one) == GOLDEN[: GOLDEN.index("PAR fails")]


def test_verbose_tells_calls_pages_checks_and_expectations(events):
    assert VERBOSE.splitlines()[:6] == written(events, verbose=True).splitlines()[6:12]
    assert VERBOSE in written(events, verbose=True)


def test_quiet_tells_errors_and_one_line_a_scenario(events):
    assert written(events, quiet=True) == QUIET


def test_a_terminal_without_these_characters_gets_plain_ones(events):
    text = written(events, encoding="ascii")
    assert text.isascii()
    assert "  ok discover      0.50 s  https://op.example\n" in text
    assert "  ! push         12.25 s  201 -> ok\n" in text
    assert "  FAIL push                0.10 s\n" in text
    assert "  . a_long_step_name            not reached\n" in text
    assert "  - revoke                nothing to undo\n" in text
    assert "(RFC 9126 section 5)" in written(events, encoding="ascii", verbose=True)


def test_what_an_encoding_does_not_have_is_no_reason_to_crash():
    events = [ScenarioStarted("Größe 名前", "größe.yaml", "uat")]
    assert written(events, encoding="ascii") == "Gr\\xf6\\xdfe \\u540d\\u524d\n  gr\\xf6\\xdfe.yaml, environment uat\n"
    assert written(events, encoding="latin-1").startswith("Größe \\u540d")
    assert "half \\ud83d" in written([ScenarioStarted("half \ud83d", "x", "y")])


COLOURS = re.compile(r"\x1b\[(\d+)m")


def test_a_terminal_gets_colours_and_the_same_words(events):
    text = written(events, terminal=True, still=True)
    assert COLOURS.sub("", text) == GOLDEN
    assert {"1", "2", "31", "32", "33", "0"} == set(COLOURS.findall(text))
    assert "\x1b[32m✓\x1b[0m discover" in text
    assert "\x1b[31m✗\x1b[0m push" in text
    assert "\x1b[33mwarning[push.no-store]: no Cache-Control\x1b[0m" in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_nobody_wants_them(events, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert written(events, terminal=True, still=True) == GOLDEN


def test_an_empty_no_color_asks_for_nothing(one, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[32m" in written(one, terminal=True, still=True)


def test_a_file_gets_no_colours(events):
    assert "\x1b" not in written(events)


def moving(console):
    return console._moving.shown


def test_on_a_terminal_the_step_under_way_is_shown_and_taken_away():
    out = Out(terminal=True)
    console = Console(out)
    console.tell(StepStarted("discover", "discover"))
    assert moving(console)
    console.tell(StepFinished("discover", "discover", "passed", 0.1))
    assert not moving(console)
    console.tell(StepStarted("push", "push"))
    console.close()
    assert not moving(console)
    assert "discover … 0 s" in out.text()
    out.close()


def test_its_seconds_tick(monkeypatch):
    console = Console(Out(terminal=True), still=True)
    now = iter([100.0, 103.2])
    monkeypatch.setattr("flowrun.report.console.time.monotonic", lambda: next(now))
    console.tell(RunStarted(12))
    console.tell(ScenarioStarted("A", "a.yaml", "uat"))
    console.tell(StepStarted("browse", "browse"))
    assert console._progress() == "1/12 browse … 3 s"


def test_a_step_that_runs_others_is_shown_again_when_they_are_done():
    out = Out(terminal=True)
    console = Console(out)
    console.tell(StepStarted("use", "use"))
    console.tell(StepStarted("use/push", "push"))
    console.tell(StepFinished("use/push", "push", "passed", 0.1))
    assert moving(console)
    assert console._progress() == "use … 0 s"
    console.tell(ScenarioFinished("A", "interrupted", 0.1, "stopped", 130))
    assert not moving(console)
    console.close()
    out.close()


def test_nothing_moves_where_it_would_only_disturb(monkeypatch):
    for terminal, term, options in (
        (True, "xterm", {"quiet": True}),
        (True, "xterm", {"still": True}),
        (True, "dumb", {}),
        (False, "xterm", {}),
    ):
        monkeypatch.setenv("TERM", term)
        out = Out(terminal=terminal)
        console = Console(out, **options)
        console.tell(StepStarted("discover", "discover"))
        assert not moving(console)
        assert out.text() == ""
        out.close()


NARROW = """\
PAR passes
  par.yaml, environment uat

    warning[literal-secret]: the
      password stands in the file
     --> e.yaml:3:1

  ✓ discover      0.50 s
    https://op.example
      deviation: cb.iss: no iss (known
        since May)
  ! push         12.25 s  201 → ok
      screenshot: runs/x/01.png
      authorization URL:
        https://op.example/auth

    warning[push.no-store]: no
      Cache-Control
      --> par.yaml:12:5
       |
    12 |   - push:
       |     ^^^^
       = rule  may not be stored

  – revoke                nothing to
    undo
  ✓ passed in 12.8 s: 3 checks held

"""


def test_on_a_narrow_terminal_lines_go_on_under_their_column(one, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    assert written(one, terminal=True, still=True) == NARROW


@pytest.mark.parametrize("columns", [30, 40, 60, 80])
def test_no_line_is_wider_than_the_terminal_but_addresses(events, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = COLOURS.sub("", written(events, terminal=True, still=True, verbose=True))
    assert [line for line in text.splitlines() if len(line) > columns and "://" not in line] == []


def test_a_file_has_no_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    told = [StepStarted("a", "set"), StepFinished("a", "set", "passed", 0.1, "word " * 40)]
    assert len(written(told).splitlines()) == 1


def test_verbose_tells_jwts_with_dates_as_people_write_them():
    claims = {"iss": "https://op.example", "exp": 1700000300, "aud": ["a", "b"]}
    text = written(
        [
            RunStarted(1, at=1700000000.0),
            StepStarted("exchange", "exchange"),
            JwtSeen("id_token", False, {"alg": "PS256"}, claims, "no key fits"),
            JwtSeen("client_assertion", True, {}, {}),
            StepFinished("exchange", "exchange", "passed", 0.1),
        ],
        verbose=True,
    )
    assert text.splitlines()[1:] == [
        "      JWT: id_token, received, not to be trusted: no key fits",
        '        header: {"alg": "PS256"}',
        "        iss: https://op.example",
        "        exp: 1700000300 (14 Nov 2023, 22:18:20 UTC, 5 min after the start)",
        '        aud: ["a", "b"]',
        "      JWT: client_assertion, sent",
        "        header: {}",
    ]


def test_verbose_cuts_a_body_that_nobody_would_read():
    called = Called("POST", "https://a/b", 200, 0.1, {}, (), {}, "x" * 3000, '{"sent": 1}')
    text = written([StepStarted("a", "call"), called, StepFinished("a", "call", "passed", 0.1)], verbose=True)
    assert '        > {"sent": 1}\n' in text
    assert text.endswith("x … and 1000 characters more\n")


def test_a_warning_of_an_environment_is_told_once_a_run():
    warning = Problem("tls-not-verified", "TLS is not verified", warning=True)
    started = [ScenarioStarted(title, "a.yaml", "uat", warnings=(warning,)) for title in "ab"]
    assert written([RunStarted(2), *started]).count("TLS is not verified") == 1


def test_what_is_told_after_the_last_step_is_shown():
    told = [ScenarioStarted("A", "a.yaml", "uat"), Told("note", "no longer needed")]
    text = written([*told, ScenarioFinished("A", "passed", 0.1, "1 check held", 0)])
    assert "      note: no longer needed\n  ✓ passed" in text
    assert "note" not in written([*told, ScenarioFinished("A", "passed", 0.1, "", 0)], quiet=True)


def ended(title, *problems, told=()):
    code = 0 if all(problem.warning for problem in problems) else 1
    status = "failed" if code else "passed"
    return [
        ScenarioStarted(title, "a.yaml", "uat"),
        *told,
        ScenarioFinished(title, status, 0.1, "summary", code, problems=problems),
    ]


def test_the_end_of_a_suite_groups_what_is_wrong():
    refused = Problem(
        "par_error", "refused", Span("a.yaml", 1, 1, 2), hint="ask for\nless", exit_code=1, blame="yours: x"
    )
    others = [Problem(f"code-{number}", f"wrong {number}", exit_code=1) for number in range(4)]
    events = [
        *ended("0", others[0]),
        *(event for title in "12" for event in ended(title, refused, refused)),
        *ended("3", *others),
    ]
    text = written([RunStarted(4), *events, RunFinished({"failed": 4}, 1.0, 1)])
    assert text.partition("4 failed in 1.0 s\n")[2] == (
        "\nWhat to do first:\n"
        "  1. wrong 0 [code-0] (2 scenarios)\n"
        "  2. refused [par_error] (2 scenarios)\n"
        "     do: ask for less\n"
        "     blame: yours: x\n"
        "     see: a.yaml:1:1\n"
        "  3. wrong 1 [code-1]\n"
        "  and 2 more kinds of problem, told above\n"
    )


def test_the_end_of_a_suite_counts_what_the_outcomes_do_not_say():
    known = Problem("expectation", "x", facts=(("known failure", "ticket 7"),), warning=True)
    plain = Problem("push.no-store", "x", warning=True)
    events = [
        *ended("1", plain),
        *ended("2", known),
        *ended("3", told=(Told("degraded", "no PAR endpoint"),)),
        *ended("4", told=(Told("note", "the deviation cb.iss is no longer needed: the check held"),)),
    ]
    text = written([RunStarted(4), *events, RunFinished({"passed": 4}, 1.0, 0)])
    assert text.endswith(
        "4 passed in 1.0 s\n"
        "among them: 1 with warnings, 1 degraded, 1 with known deviations, "
        "1 with a deviation that is no longer needed\n"
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a\x1b[2Jb", "a [2Jb"),
        ("a\x1b]0;title\x07b", "a ]0;title b"),
        ("a\x1b[8mb", "a [8mb"),
        ("a\r\n  ✓ passed", "a    ✓ passed"),
        ("a\x9b31mb", "a 31mb"),
        ("a\u202eb\u2066c", "a b c"),
        ("a\x00\x08b", "a  b"),
    ],
)
def test_what_a_server_says_does_not_steer_the_terminal(said, shown):
    told = written([StepStarted("s", "push"), Told("label", said), StepFinished("s", "push", "passed", 0.1, said)])
    assert told == f"  ✓ s             0.10 s  {shown}\n      label: {shown}\n"


def test_a_refusal_that_was_expected_says_so():
    text = written([StepStarted("push", "push"), StepFinished("push", "push", "refused", 0.1, "refused: x")])
    assert text == "  ✓ push          0.10 s  refused: x (as expected)\n"


def test_a_run_of_nothing_says_so():
    assert written([RunStarted(2), RunFinished({}, 0.0, 1)]) == "nothing ran in 0.0 s\n"


def test_scenarios_that_were_not_run_are_counted_by_their_reason():
    left = [ScenarioFinished(title, "not run", 0.0, "stopped", 0) for title in "ab"]
    assert written([RunStarted(2), *left, RunFinished({"not run": 2}, 0.0, 1)]) == (
        "  · 2 not run: stopped\n2 not run in 0.0 s\n"
    )


def test_markup_of_others_is_shown_as_it_is():
    assert "[bold]x[/bold] <b>" in written([ScenarioStarted("[bold]x[/bold] <b>", "f", "e")])
