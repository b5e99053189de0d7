"""docs/tutorial.md, typed line by line: files are written, commands run, and outputs are those on the page."""

from __future__ import annotations

import configparser
import contextlib
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowrun.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"(?P<part>In )?`(?P<name>[\w./-]+)`:?")
SECTION = re.compile(r"^(\w+):.*\n(?:[ #\n].*\n|\n)*", re.MULTILINE)
PORT_ON_THE_PAGE = "9500"
# What is different in each run, and what stands for it.
DIFFERENT = (
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"/auth/[\w-]{24}"), "/auth/WALK"),
    (re.compile(r"(?<=request_uri%3A)[0-9a-f-]{36}"), "ID"),
    (re.compile(r" +\d+\.\d+ s\b"), " TIME"),
    (re.compile(r"runs/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?/"), "runs/WHEN/"),
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language and text, the file it names, the prose before it."""

    language: str
    text: str
    file: str
    is_part: bool
    before: str


def blocks() -> Iterator[Block]:
    page, end = PAGE.read_text("utf-8"), 0
    for match in BLOCK.finditer(page):
        before, end = page[end : match.start()].strip(), match.end()
        named = NAME.fullmatch(before.rpartition("\n")[2])
        yield Block(
            match["language"], match["text"], named["name"] if named else "", bool(named and named["part"]), before
        )


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a transcript, each with what it says."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def lines(text: str) -> list[str]:
    for pattern, word in DIFFERENT:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.strip().splitlines()]


HELD = re.compile(r"\d+ checks held")  # there are more checks in each version


def same(shown: str, got: str) -> bool:
    """Tell whether an output is the one on the page; there a line that ends with … is cut."""
    shown_lines, got_lines = lines(HELD.sub("N checks held", shown)), lines(HELD.sub("N checks held", got))
    return len(shown_lines) == len(got_lines) and all(
        mine.startswith(line.removesuffix("…")) if line.endswith("…") else mine == line
        for line, mine in zip(shown_lines, got_lines, strict=True)
    )


def with_section(file: str, part: str) -> str:
    """Put sections of YAML into a file, each in place of the one with its name."""
    for section in SECTION.finditer(part):
        there = [one for one in SECTION.finditer(file) if one[1] == section[1]]
        assert len(there) == 1, f"the file has no section {section[1]} to replace"
        file = file[: there[0].start()] + section[0] + file[there[0].end() :]
    return file


@dataclass
class Terminal:
    """Does what a reader types; a second terminal runs servers."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    port: int
    code: int = 0
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def type(self, line: str) -> str:
        """Run one line and return all it says."""
        first, *rest = shlex.split(line)
        match first, rest:
            case "flowrun", ["sandbox", *_]:
                self.serve(rest)
                return ""
            case "flowrun", _:
                return self.flowrun(rest)
            case "cd", [folder]:
                self.monkeypatch.chdir(folder)
                return ""
            case "echo", ["$?"]:
                return f"{self.code}\n"
        pytest.fail(f"the tutorial types something that this test can't: {line}")

    def flowrun(self, arguments: list[str]) -> str:
        self.capsys.readouterr()
        try:
            self.code = int(main(arguments) or 0)
        except SystemExit as ended:
            self.code = int(ended.code or 0)
        said = self.capsys.readouterr()
        return said.out + said.err

    def serve(self, arguments: list[str]) -> None:
        words = [str(self.port) if word == PORT_ON_THE_PAGE else word for word in arguments]
        server = subprocess.Popen([sys.executable, "-m", "flowrun", *words], stdout=subprocess.PIPE, text=True)
        self.servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline().startswith("issuer")

    def stop(self) -> None:
        for server in self.servers:
            server.send_signal(signal.SIGINT)
            with server:
                server.wait(10)
        self.servers.clear()


@pytest.fixture
def terminal(
    share_browser: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Terminal]:
    assert share_browser is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALICE_PASSWORD", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = signal.getsignal(signal.SIGTERM)
    terminal = Terminal(monkeypatch, capsys, port)
    yield terminal
    signal.signal(signal.SIGTERM, before)
    with contextlib.suppress(subprocess.TimeoutExpired):
        terminal.stop()
    for server in terminal.servers:
        server.kill()


def write(block: Block, port: int) -> None:
    file = Path(block.file)
    text = file.read_text("utf-8") if block.is_part else ""
    text = with_section(text, block.text) if block.is_part else block.text
    file.write_text(text.replace(f"127.0.0.1:{PORT_ON_THE_PAGE}", f"127.0.0.1:{port}"), "utf-8")


@pytest.mark.sandbox
@pytest.mark.browser
def test_the_tutorial_works_as_it_stands(terminal: Terminal) -> None:
    for block in blocks():
        if block.before.endswith("Ctrl-C:"):
            terminal.stop()
        if block.file:
            write(block, terminal.port)
        elif block.language == "text":
            for command, shown in commands(block.text):
                said = terminal.type(command)
                assert same(shown, said), f"$ {command}\n{said}\n--- but the page says ---\n{shown}"
        elif "pip install" not in block.text:
            for command in block.text.splitlines():
                said = terminal.type(command)
                assert terminal.code == 0, f"$ {command}\n{said}"


def test_it_installs_what_there_is_to_install(repo: Path) -> None:
    [block] = [block for block in blocks() if "pip install" in block.text]
    setup = configparser.ConfigParser()
    setup.read(repo / "setup.cfg")
    name, extra = re.findall(r"pip install '([\w-]+)\[(\w+)\]'", block.text)[0]
    assert name == setup["metadata"]["name"]
    assert extra in setup["options.extras_require"]
    packages = shlex.split(block.text.splitlines()[0])[3:]
    script = (repo / ".ci" / "browser").read_text("utf-8")
    assert [package for package in packages if package != "python3-venv" and f"({package})" not in script] == []
    least = setup["options"]["python_requires"].removeprefix(">=")
    assert f"Python {least} or later" in block.before


def test_every_block_of_yaml_is_a_file_or_a_part_of_one() -> None:
    assert [block.text for block in blocks() if block.language in {"yml", "ini"} and not block.file] == []
    assert sum(block.language == "yml" for block in blocks()) >= 8


@pytest.mark.parametrize(
    ("shown", "got", "held"),
    [
        ("✓ push   0.01 s  201", "✓ push   0.93 s  201\n", True),
        ("✓ push   0.01 s  201", "✓ push   0.93 s  200", False),
        ("passed in 1.0 s: 4 checks held", "failed in 2.0 s: 5 checks held", False),
        ("a URL: http://127.0.0.1:1/auth?client_id=…", "a URL: http://127.0.0.1:22/auth?client_id=a&b=c", True),
        ("a URL: http://127.0.0.1:1/auth?client_id=…", "a URL: http://127.0.0.1:22/token", False),
        ("one\ntwo", "one", False),
        ("", "something", False),
    ],
)
def test_an_output_that_differs_is_seen(shown, got, held) -> None:
    assert same(shown, got) is held


def test_a_section_takes_the_place_of_the_one_with_its_name() -> None:
    file = "a: 1\nb:\n  x: 1 # old\n\n  y: 2\nc: {z: 3}\n"
    assert with_section(file, "b:\n  new: 1\n") == "a: 1\nb:\n  new: 1\nc: {z: 3}\n"
    with pytest.raises(AssertionError, match="no section d"):
        with_section(file, "d: 1\n")
