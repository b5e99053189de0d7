"""Whatever a file holds, `check` ends: all is well, or problems that each have a place in the file.

`make test` tries a thousand files, the same ones each time; `make fuzz` tries tens of thousands, new ones each time,
and keeps what it finds in .cache/hypothesis.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from flowrun import document, environment, plan, scenario, validate
from flowrun.errors import TAB_WIDTH, WIDEST, FlowrunError, Problem, draw
from flowrun.keyring import Keyring
from flowrun.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowrun.environment import Environment

REPO = Path(__file__).parents[1]
LONG = int(os.environ.get("FLOWRUN_FUZZ") or 0)  # files for each test; the longer run of `make fuzz`
PATIENCE = 5.0  # CPU seconds for one file; a second is never needed

fuzz = settings(
    max_examples=LONG or 120,
    deadline=None,  # the clock says nothing on a busy machine; `ending` counts CPU time
    derandomize=not LONG,
    database=DirectoryBasedExampleDatabase(REPO / ".cache" / "hypothesis") if LONG else None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    print_blob=bool(LONG),
)


class Place(NamedTuple):
    """A folder with our scenarios and environments, and the sandbox's environment, read."""

    folder: Path
    sandbox: Environment
    keyring: Keyring

    def __repr__(self) -> str:
        return str(self.folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(REPO / "scenarios", root / "scenarios")
    (root / "keys.example").symlink_to(REPO / "keys.example")
    keyring = Keyring()
    sandbox = environment.load(root / "scenarios" / "environments" / "sandbox.yaml", Redactor(), {})
    assert list(plan.environment_problems(sandbox, keyring)) == []
    return Place(root / "scenarios", sandbox, keyring)


# What people write, and what editors and copying put into files.
OURS: Final = {
    kind: [file.read_text("utf-8") for file in sorted((REPO / "scenarios").glob(pattern))]
    for kind, pattern in (("scenario", "*.yaml"), ("environment", "environments/*.yaml"))
}
LINES: Final = sorted({line for texts in OURS.values() for text in texts for line in text.splitlines()})
BROKEN: Final = [  # what plan-* have wrong is in their environments, which are not here
    file.read_bytes()
    for file in sorted((REPO / "tests" / "broken").rglob("*.yaml"))
    if not file.name.startswith("plan-") and file.parent.name != "environments"
]
SIGNS: Final = (
    "{}[]:,-?!&*#|>'\"%@`\\ \t\n\r\0$~=<\u00a0“”äß中\u0308\U0001f600\x1b\ufeff\x85\u2028\u200b",
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{{ x }}",
        "{{ x.",
        "{#",
        ": ",
        "- ",
        "  ",
        "    ",
        "\r\n",
        "---\n",
        "...\n",
        "? ",
        "| \n",
    ],
    [
        "<<: *a",
        "&a ",
        "*a",
        "!!python/object:os.system ",
        "!!binary ",
        "%YAML 1.2\n",
        ">-\n",
        '"',
        "''",
        '"\\x41"',
        '"\\e[31m"',
    ],
    ["null", "~", "yes", "1e999", "0x10", "012", ".nan", "-.inf", "9" * 400, "2001-01-01", '"\\ud800"', "x" * 500],
    ["{{ [].append }}", "{{ 1/0 }}", "{% for x in y %}", "{{ 9 ** (9 ** 9) }}", "{{ 'x' * 99999999 }}", "{{ x | y }}"],
    [
        "{{ x is y }}",
        "{{ '{{' }}",
        "{{ x }}{{ y }}",
        "{{ " + "(" * 300 + " }}",
        "a" + "[0]" * 300,
        "[" * 200,
        "- " * 200,
    ],
)
PIECES: Final = [piece for signs in SIGNS for piece in signs]
NAMES: Final = ("scenario", "step", "expect", "environment", "pages")
KEYS: Final = sorted(
    {key for name in NAMES for key in re.findall(r'"([a-z_]+)": \{', json.dumps(validate.schema(name)))}
)
words = st.one_of(st.sampled_from(PIECES), st.sampled_from(KEYS), st.text(max_size=8))
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), words, st.just("{{ x }}")
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(words), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def damaged(draw_one: st.DrawFn, kind: str) -> str:
    """Return one of our files after some slips of hands and editors."""
    text = draw_one(st.sampled_from(OURS[kind]))
    for _ in range(draw_one(st.integers(1, 4))):
        lines = text.splitlines(keepends=True) or [""]
        row = draw_one(st.integers(0, len(lines) - 1))
        column = draw_one(st.integers(0, len(lines[row])))
        match draw_one(st.integers(0, 9)):
            case 0:
                del lines[row]
            case 1:
                lines.insert(row, lines[row])
            case 2:
                lines[row] = draw_one(st.sampled_from(LINES)) + "\n"
            case 3:
                other = draw_one(st.integers(0, len(lines) - 1))
                lines[row], lines[other] = lines[other], lines[row]
            case 4:
                lines[row] = " " * draw_one(st.integers(1, 5)) + lines[row]
            case 5:
                lines[row] = lines[row][draw_one(st.integers(1, 4)) :]
            case 6:
                lines[row] = lines[row][:column] + lines[row][column + draw_one(st.integers(1, 3)) :]
            case 7:
                found = re.search(r"[\w.-]+", lines[row])
                start, stop = found.span() if found else (0, 0)
                lines[row] = lines[row][:start] + draw_one(words) + lines[row][stop:]
            case 8:
                del lines[row + 1 :]
            case _:
                lines[row] = lines[row][:column] + draw_one(words) + lines[row][column:]
        text = "".join(lines)
    ends = draw_one(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]))
    return text if ends == "\n" else re.sub(r"\r?\n", ends, text)


@st.composite
def remade(draw_one: st.DrawFn, kind: str) -> str:
    """Return one of our files, well-formed, with other values or keys in some places."""
    text = draw_one(st.sampled_from(OURS[kind]))
    data = document.parse(text, "ours.yaml", Path("ours.yaml")).data
    for _ in range(draw_one(st.integers(1, 3))):
        branches = list(_branches(data))
        branch = draw_one(st.sampled_from(branches))
        if not branch:
            continue
        if isinstance(branch, list):
            branch[draw_one(st.integers(0, len(branch) - 1))] = draw_one(values)
            continue
        key = draw_one(st.sampled_from(list(branch)))
        match draw_one(st.integers(0, 3)):
            case 0:
                branch[draw_one(words)] = branch.pop(key)
            case 1:
                del branch[key]
            case 2:
                branch[draw_one(st.sampled_from(KEYS))] = draw_one(values)
            case _:
                branch[key] = draw_one(values)
    return json.dumps(data, ensure_ascii=False, indent=draw_one(st.sampled_from([None, 1])))


def _branches(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _branches(inner)


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Stop what takes too long, by its CPU time, so that a hang is a failure and not a suite that never ends."""

    def stop(*_: object) -> None:
        raise AssertionError(f"this took more than {PATIENCE} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def scenario_problems(place: Place, content: bytes) -> list[Problem]:
    """Return what `flowrun check` finds wrong with a scenario, in the sandbox's environment."""
    file = place.folder / "fuzzed.yaml"
    file.write_bytes(content)
    try:
        plan.make(scenario.load(file), place.sandbox, {}, place.keyring)
    except FlowrunError as error:
        return list(error.problems)
    return []


def environment_problems(place: Place, content: bytes) -> list[Problem]:
    """Return what `flowrun check` finds wrong with an environment."""
    file = place.folder / "environments" / "fuzzed.yaml"
    file.write_bytes(content)
    try:
        loaded = environment.load(file, Redactor(), {})
    except FlowrunError as error:
        return list(error.problems)
    return [*loaded.warnings, *plan.environment_problems(loaded, Keyring())]


def as_read(content: bytes) -> str:
    """Return the text of a file; what is not UTF-8 one character for each byte."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        return content[: error.start].decode() + content[error.start :].decode("latin-1")


def require_place(problem: Problem, content: bytes) -> None:
    """Fail unless the problem points at something that is there, and is drawn so."""
    at = problem.at
    assert at is not None, problem
    lines = re.split(r"\r\n|\n|\r", as_read(content))
    assert 1 <= at.line <= len(lines), problem
    line = lines[at.line - 1]
    assert 1 <= at.column <= len(line) + 1, problem
    assert at.column <= at.end_column <= len(line) + 2, problem
    assert not at.text or len(at.text) == len(line), problem
    require_carets(draw(problem), problem)


def require_carets(drawn: str, problem: Problem) -> None:
    """Fail unless the carets stand below the line, or one column after it."""
    assert problem.title.strip(), drawn
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", drawn.replace("\t", "")), drawn
    if problem.at is None or not problem.at.text:
        return
    rows = drawn.split("\n")
    number = next(row for row, line in enumerate(rows) if re.match(rf"{problem.at.line} \|", line))
    carets = re.match(r" *\^+", rows[number + 1].partition("|")[2][1:])
    assert carets, drawn
    line = problem.at.text.expandtabs(TAB_WIDTH)
    # Wide characters take two columns; a long line is cut to what is around the carets.
    assert carets.end() <= min(len(line) if line.isascii() else 2 * len(line), 2 * WIDEST) + 1, drawn


def check(kind: str, place: Place, content: bytes) -> None:
    """Check a file of a kind, and what is said of it."""
    with ending():
        found = (scenario_problems if kind == "scenario" else environment_problems)(place, content)
        for problem in found:
            require_place(problem, content)


BOTH = pytest.mark.parametrize("kind", ["scenario", "environment"])


@BOTH
@fuzz
@given(
    content=st.one_of(st.binary(max_size=200), st.builds(bytes.__add__, st.sampled_from(BROKEN), st.binary(max_size=9)))
)
@example(content="scenario: x\nsteps: [push]\n".encode("utf-16"))
@example(content=b"")
def test_any_bytes(kind: str, content: bytes, place: Place) -> None:
    check(kind, place, content)


@BOTH
@fuzz
@given(text=st.lists(words, max_size=30).map("".join))
def test_any_text(kind: str, text: str, place: Place) -> None:
    check(kind, place, text.encode("utf-8", "surrogatepass"))


@BOTH
@fuzz
@given(data=st.data())
def test_one_of_ours_after_some_slips(kind: str, data: st.DataObject, place: Place) -> None:
    check(kind, place, data.draw(damaged(kind)).encode("utf-8", "surrogatepass"))


@BOTH
@fuzz
@given(data=st.data())
def test_one_of_ours_with_other_values(kind: str, data: st.DataObject, place: Place) -> None:
    check(kind, place, data.draw(remade(kind)).encode("utf-8", "surrogatepass"))


def test_what_is_ours_is_right(place: Place) -> None:
    for text in OURS["scenario"]:
        if "\nenvironment: " not in text:  # those of the reference systems need their own; check sees to them elsewhere
            assert scenario_problems(place, text.encode()) == []
    assert environment_problems(place, (REPO / "scenarios/environments/sandbox.yaml").read_bytes()) == []


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: str(len(content)))
def test_what_is_broken_is_said_with_a_place(content: bytes, place: Place) -> None:
    check("scenario", place, content)
    assert scenario_problems(place, content)
