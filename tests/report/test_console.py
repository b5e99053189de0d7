from __future__ import annotations

import io
import re

import pytest

from flowrun.events import (
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
"""

VERBOSE = """\
  ✓ discover      0.50 s  https://op.example
      call: GET https://op.example/x → 200 in 0.012 s
        {"issuer": "i"}
      held: disc.par (RFC 9126 §5)
      failed: disc.s256 (RFC 7636 §4.2) no S256
      deviation: cb.iss: no iss (known since May)
  ! push         12.25 s  201 → ok
      call: POST https://op.example/par → 201 in 0.100 s
        client_id = flowrun
        scope = a
      page: login: Sign in (https://op.example/login)
      screenshot: runs/x/01.png
      authorization URL: https://op.example/auth
      expected: request_uri: held
"""

QUIET = """\
  ✓ PAR passes: passed in 12.8 s: 3 checks held

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


def test_a_terminal_gets_colours_and_the_same_words(events, monkeypatch):
    monkeypatch.setattr(Console, "_begin", lambda self, _: setattr(self, "_told", []))  # without the moving line
    text = written(events, terminal=True)
    assert COLOURS.sub("", text) == GOLDEN
    assert {"1", "2", "31", "32", "33", "0"} == set(COLOURS.findall(text))
    assert "\x1b[32m✓\x1b[0m discover" in text
    assert "\x1b[31m✗\x1b[0m push" in text
    assert "\x1b[33mwarning[push.no-store]: no Cache-Control\x1b[0m" in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_nobody_wants_them(events, monkeypatch, name, value):
    monkeypatch.setattr(Console, "_begin", lambda self, _: setattr(self, "_told", []))
    monkeypatch.setenv(name, value)
    assert written(events, terminal=True) == GOLDEN


def test_an_empty_no_color_asks_for_nothing(one, monkeypatch):
    monkeypatch.setattr(Console, "_begin", lambda self, _: setattr(self, "_told", []))
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[32m" in written(one, terminal=True)


def test_a_file_gets_no_colours(events):
    assert "\x1b" not in written(events)


def test_on_a_terminal_the_step_under_way_is_shown_and_taken_away():
    out = Out(terminal=True)
    console = Console(out)
    console.tell(StepStarted("discover", "discover"))
    assert console._status is not None
    console.tell(StepFinished("discover", "discover", "passed", 0.1))
    assert console._status is None
    console.tell(StepStarted("push", "push"))
    console.close()
    assert console._status is None
    assert "discover …" in out.text()
    out.close()


def test_quiet_and_files_have_no_moving_line():
    for out, quiet in ((Out(terminal=True), True), (Out(), False)):
        console = Console(out, quiet=quiet)
        console.tell(StepStarted("discover", "discover"))
        assert console._status is None
        assert out.text() == ""
        out.close()


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
