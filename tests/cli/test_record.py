"""flowrun record against the sandbox, with Selenium commands for the person; then par_dp with what was written."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import yaml
from tests.browser.conftest import wait_for

import flowrun.browser
from flowrun import environment as environments
from flowrun.cli import main
from flowrun.embedded import sandbox_for
from flowrun.keyring import Keyring
from flowrun.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REDIRECT = "https://app.flowrun.example/callback"


@pytest.fixture
def environment(tmp_path: Path, repo: Path) -> Path:
    """An environment of the sandbox without pages and without users' passwords."""
    folder = tmp_path / "environments"
    folder.mkdir()
    text = (repo / "scenarios/environments/sandbox.yaml").read_text("utf-8").partition("pages:")[0]
    text = text.replace("../../keys", str(repo / "keys"))
    path = folder / "sandbox.yaml"
    path.write_text(text.replace("sandbox: {", "sandbox: {par: optional, "), "utf-8")
    return path


@pytest.fixture
def url(environment: Path) -> Iterator[str]:
    plain = environment.with_name("plain.yaml")  # the same server for a client that need not sign
    text = environment.read_text("utf-8").replace("environment: sandbox", "environment: plain")
    plain.write_text(text.replace("profile: ofm", "profile: oauth2"), "utf-8")
    loaded = environments.load(plain, Redactor())
    with sandbox_for(loaded, Keyring()) as sandbox:
        yield f"{sandbox.issuer}/auth?" + urlencode(
            {
                "client_id": "flowrun-example",
                "redirect_uri": REDIRECT,
                "response_type": "code",
                "scope": "accounts",
                "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
                "code_challenge_method": "S256",
            }
        )


def use(driver: Any, css: str, text: str | None = None) -> None:
    found = wait_for(driver, "css", css)
    found.click() if text is None else found.send_keys(text)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody who logs in as alice and approves, in whatever browser is opened first."""
    threads = []
    real = flowrun.browser.open_browser

    def opened(settings: Any) -> Any:
        browser = real(settings)

        def log_in() -> None:
            use(browser._driver, "#username", "alice")
            use(browser._driver, "#password", "sandbox-password")
            use(browser._driver, "button")
            use(browser._driver, "button[value=approve]")

        if not threads:
            threads.append(threading.Thread(target=log_in))
            threads[0].start()
        return browser

    monkeypatch.setattr(flowrun.browser, "open_browser", opened)
    yield
    threads[0].join()


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["record", *arguments])
    return int(caught.value.code or 0)


@pytest.mark.browser
@pytest.mark.sandbox
@pytest.mark.usefixtures("person")
def test_what_was_recorded_runs_unchanged(
    environment: Path, url: str, flowrun_alone: Any, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(url, "--redirect-uri", REDIRECT, "--out", str(environment), "--headless") == 0
    said = capsys.readouterr()
    assert "The redirect_uri was reached. 2 pages were recorded." in said.err
    text = environment.read_text("utf-8")
    pages = yaml.safe_load(text)["pages"]
    assert list(pages) == ["login", "consent"]
    assert "sandbox-password" not in text.partition("\npages:")[2]
    scenario = environment.parents[1] / "par_dp.yaml"
    scenario.write_text((repo / "scenarios/par_dp.yaml").read_text("utf-8"), "utf-8")
    ran = flowrun_alone(str(scenario))
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.browser
def test_nothing_is_overwritten_and_nothing_is_recorded(
    environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = environment.read_text("utf-8") + "pages: {}\n"
    environment.write_text(before, "utf-8")
    assert ended("http://127.0.0.1:9/", "--out", str(environment), "--headless") == 2
    assert "has pages already" in capsys.readouterr().err
    new = tmp_path / "new.yaml"
    assert ended("data:text/html,hello", "--out", str(new), "--headless", "--minutes", "0.01") == 2
    assert "Nobody typed or pressed anything" in capsys.readouterr().err
    assert not new.exists()
    assert environment.read_text("utf-8") == before


def test_without_a_screen_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert ended("https://as.example/authorize") == 4
    said = capsys.readouterr().err
    assert "a browser that is to be seen needs a screen" in said
    assert "run flowrun record on a desktop" in said
    assert "--headed" not in said  # an option that it does not have
