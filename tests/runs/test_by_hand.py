"""A person goes through the pages; the person is a script that the system "browser" is."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.sandbox

PERSON = """
import re, sys, httpx
with httpx.Client(follow_redirects=True) as browser:
    page = browser.get(sys.argv[1])
    for answers in ({"username": "alice", "password": "sandbox-password"}, {"decision": DECISION}):
        number = re.search('name="page" value="([^"]*)"', page.text)[1]
        page = browser.post(page.url, data={"page": number, **answers})
    assert "You may close this window" in page.text, page.text
"""


@pytest.fixture
def by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo: Path) -> Callable[[str], str]:
    """Make a project whose redirect_uri is on this machine, and a person who decides so; return the scenario."""

    def make(decision: str) -> str:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            near = f"http://127.0.0.1:{one.getsockname()[1]}/callback"
        (tmp_path / "environments").mkdir()
        text = (repo / "scenarios/environments/sandbox.yaml").read_text("utf-8")
        text = text.replace("https://app.flowrun.example/callback", near).replace("../../keys", str(repo / "keys"))
        (tmp_path / "environments/sandbox.yaml").write_text(text.partition("pages:")[0], "utf-8")
        (tmp_path / "person.py").write_text(PERSON.replace("DECISION", repr(decision)), "utf-8")
        monkeypatch.setenv("BROWSER", f"{sys.executable} {tmp_path / 'person.py'} %s")
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.setattr("webbrowser._tryorder", None)
        monkeypatch.setattr("webbrowser._browsers", {})
        return (repo / "scenarios/par_dp.yaml").read_text("utf-8")

    return make


def test_a_run_by_hand(flowrun_alone: Any, by_hand: Any, scenario: Any) -> None:
    text = by_hand("approve").replace("    expect: {pages: {contains: consent}}", "    #")
    ran = flowrun_alone(scenario(text), "--by-hand")
    assert ran.code == 0, ran.out + ran.err
    assert "Open this address, sign in" in ran.err
    assert "It is being opened in your browser." in ran.err
    (browse,) = [step for step in ran.scenario["steps"] if step["kind"] == "browse"]
    assert browse["status"] == "passed"


def test_a_step_by_hand_and_a_person_who_says_no(flowrun_alone: Any, by_hand: Any, scenario: Any) -> None:
    text = by_hand("deny").replace("    expect: {pages: {contains: consent}}", "    #")
    text = text.replace("- browse: {", "- browse: {by: hand, ")
    text += "\noutcome: {refused: {callback: [access_denied]}}\n"
    ran = flowrun_alone(scenario(text))
    assert ran.code == 0, ran.out + ran.err
    assert "refused" in ran.last_line
    assert "sandbox-password" not in ran.out + ran.err
