"""By hand, with a person whose hands are a thread here."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, TextIO

import pytest

from flowrun.browser import BrowseError
from flowrun.browser.hand import Hand, opens_browser, qr_code
from flowrun.browser.listener import FRAGMENT
from flowrun.errors import INTERRUPTED, NO_BROWSER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL = "https://as.example/authorize?client_id=c&request_uri=urn:x"
FAR = "https://app.example/callback"


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test opens a browser of whoever runs it."""
    monkeypatch.setenv("CI", "yes")


@pytest.fixture
def near() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/callback"


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, Callable[[str], None]]]:
    """A terminal to read from, and what types into it."""
    master, slave = pty.openpty()
    with contextlib.closing(os.fdopen(slave)) as typed:
        yield typed, lambda text: void(os.write(master, text.encode()))
    os.close(master)


def void(_: object) -> None:
    return


def send(url: str, body: bytes | None = None, **headers: str) -> str:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})
    for _ in range(200):
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.02)
    raise AssertionError("nobody listens")


def later(deed: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=deed)
    thread.start()
    return thread


@pytest.mark.parametrize("place", ["query", "form_post", "fragment"])
def test_the_listener_takes_the_callback(near: str, place: str) -> None:
    pages: list[str] = []

    def person() -> None:
        if place == "query":
            pages.append(send(f"{near}?code=C0DE&state=a%20b"))
        elif place == "form_post":
            pages.append(send(near, b"code=C0DE&state=a+b"))
        else:
            pages.append(send(near))
            pages.append(send(near, b"code=C0DE&state=a+b", **{FRAGMENT: "1"}))

    thread = later(person)
    out = io.StringIO()
    walk = Hand(out, io.StringIO()).walk(URL, redirect_uri=near, total_seconds=90)
    thread.join()
    assert walk.callback is not None
    assert (walk.callback.place, dict(walk.callback.params)) == (place, {"code": "C0DE", "state": "a b"})
    assert (walk.pages, walk.refused, walk.hops) == ((), None, ())
    assert "You may close this window" in pages[-1]
    assert URL in out.getvalue()
    assert f"waits for the browser at {near}" in out.getvalue()
    assert "C0DE" not in out.getvalue()


def test_another_path_and_an_empty_visit_are_no_callback(near: str) -> None:
    def person() -> None:
        assert "nothing came with you" in send(near)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            send(near.replace("/callback", "/favicon.ico"))
        send(f"{near}?error=access_denied")

    thread = later(person)
    walk = Hand(io.StringIO(), io.StringIO()).walk(URL, redirect_uri=near, total_seconds=90)
    thread.join()
    assert walk.callback is not None
    assert dict(walk.callback.params) == {"error": "access_denied"}


def test_a_port_that_is_taken_is_said(near: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(near.rpartition(":")[2].partition("/")[0])))
        other.listen()
        with pytest.raises(BrowseError, match="flowrun can't listen at") as caught:
            Hand(io.StringIO(), io.StringIO()).walk(URL, redirect_uri=near, total_seconds=1)
    assert caught.value.code == "port-taken"


def test_the_address_is_pasted_and_wrong_ones_are_explained(
    terminal: tuple[TextIO, Callable[[str], None]],
) -> None:
    typed, person = terminal
    person("https://as.example/consent?x=1\n")
    person(f"{FAR}\n\n")
    person(f"  {FAR}?code=C0DE&state=s\n")
    out = io.StringIO()
    walk = Hand(out, typed).walk(URL, redirect_uri=FAR, total_seconds=90)
    assert walk.callback is not None
    assert dict(walk.callback.params) == {"code": "C0DE", "state": "s"}
    said = out.getvalue()
    assert f"Copy the whole address that the browser shows at the end (it begins with {FAR};" in said
    assert f"It has to begin with {FAR}; paste it again" in said
    assert "That address has no parameters" in said
    assert "There are 5 minutes" in said


def test_without_terminal_and_listener_there_is_nobody_to_ask() -> None:
    with pytest.raises(BrowseError, match="there is no terminal to paste it into") as caught:
        Hand(io.StringIO(), io.StringIO()).walk(URL, redirect_uri=FAR, total_seconds=90)
    assert (caught.value.code, caught.value.exit_code) == ("nobody-to-ask", NO_BROWSER)
    assert "http://127.0.0.1" in caught.value.hint


def test_closing_ends_the_waiting(near: str) -> None:
    hand = Hand(io.StringIO(), io.StringIO())
    timer = threading.Timer(0.3, hand.close)
    timer.start()
    with pytest.raises(BrowseError) as caught:
        hand.walk(URL, redirect_uri=near, total_seconds=90)
    timer.join()
    assert (caught.value.code, caught.value.exit_code) == ("interrupted", INTERRUPTED)
    assert not hand.alive


def test_a_person_who_does_not_come_back(near: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrun.browser.hand.LEAST_SECONDS", 0.2)
    with pytest.raises(BrowseError, match=r"nobody came back to the redirect_uri within 0.2 s") as caught:
        Hand(io.StringIO(), io.StringIO()).walk(URL, redirect_uri=near, total_seconds=0.1)
    assert "at_most: 15m" in caught.value.hint


@pytest.mark.parametrize(
    ("environment", "opens"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"DISPLAY": ":0", "CI": "true"}, False), ({"BROWSER": "w3m"}, True)],
)
def test_a_browser_is_opened_only_before_a_person(environment: dict[str, str], opens: bool) -> None:
    assert opens_browser(environment) is opens


def test_a_qr_code_fits_the_terminal_or_is_left_out() -> None:
    code = qr_code(URL, 80)
    lines = code.splitlines()
    assert 15 < len(lines) < 40
    assert len({len(line) for line in lines}) == 1
    assert set(code) <= set("█▀▄ \n")
    assert lines[0] == "█" * len(lines[0])  # the quiet zone
    assert qr_code(URL, 20) == ""
    assert qr_code(URL * 100, 10_000) == ""


def test_it_loads_no_browser_library() -> None:
    code = "import sys, flowrun.browser.hand; sys.exit(bool({'selenium', 'websocket', 'segno'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
