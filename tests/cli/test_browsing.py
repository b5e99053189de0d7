"""How the options of the browser and the environments go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowrun.browser import BrowserSettings
from flowrun.cli import main
from flowrun.cli.browsing import BrowserOptions, asks_a_person, needs_browser, settings_of
from flowrun.cli.common import read_plans
from flowrun.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENVIRONMENT = """
environment: {name}
issuer: https://as.example.com
clients: {{default: {{client_id: c, auth: none, redirect_uri: "https://app.example/cb"}}}}
users: {{alice: {{username: alice, password: "{{{{ 'x' }}}}"}}}}
pages: {{login: {{shows: {{heading: Sign in}}, do: [{{press: Next}}]}}}}
browser: {browser}
tls: {{verify: {verify}}}
"""


@pytest.fixture
def plans(tmp_path: Path) -> Callable[..., Any]:
    """Plans of one scenario in environments with these `browser:`."""

    def make(session: Session, *browsers: str, step: str = "browse: {user: alice}", verify: str = "true") -> Any:
        (tmp_path / "environments").mkdir(exist_ok=True)
        names = [f"env{number}" for number in range(len(browsers))]
        for name, browser in zip(names, browsers, strict=True):
            text = ENVIRONMENT.format(name=name, browser=browser, verify=verify).replace("{{ 'x' }}", "x")
            (tmp_path / "environments" / f"{name}.yaml").write_text(text, "utf-8")
        scenario = tmp_path / "a.yaml"
        scenario.write_text(f"scenario: A\nsteps:\n  - discover\n  - {step}\n", "utf-8")
        return read_plans(session, [scenario], names, [])

    return make


def test_without_any_word_it_is_chrome_without_a_window(plans: Any) -> None:
    with Session() as session:
        made = plans(session, "{}")
        assert settings_of(made, session, BrowserOptions()) == BrowserSettings()
        assert needs_browser(made, BrowserOptions())
        assert not asks_a_person(made, BrowserOptions())


def test_the_first_environment_that_says_something_counts_and_arguments_add_up(plans: Any) -> None:
    browsers = (
        "{arguments: [--a, --b]}",
        '{name: firefox, slow: 500ms, window: 800x600, proxy: "socks5://p:1", arguments: [--b, --c]}',
        "{name: headless-shell, headed: true, binary: /opt/x, grid: http://g:4444, isolation: context}",
    )
    with Session() as session:
        made = plans(session, *browsers, verify="false")
        assert settings_of(made, session, BrowserOptions()) == BrowserSettings(
            name="firefox",
            headless=False,
            window=(800, 600),
            slow=0.5,
            isolation="context",
            proxy="socks5://p:1",
            arguments=("--a", "--b", "--c"),
            insecure=True,
            grid="http://g:4444",
            binary="/opt/x",
        )


def test_the_command_line_goes_first(plans: Any) -> None:
    options = BrowserOptions(
        browser="chrome", headed=True, slow=2.0, window=(700, 500), grid="http://h:1", by_hand=True
    )
    with Session() as session:
        made = plans(session, "{name: firefox, slow: 1s, window: 800x600, grid: http://g:4444}")
        assert settings_of(made, session, options) == BrowserSettings(
            headless=False, slow=2.0, window=(700, 500), grid="http://h:1", by_hand=True
        )
        assert not needs_browser(made, options)
        assert asks_a_person(made, options)


@pytest.mark.parametrize(("step", "needed", "asked"), [("browse: {by: hand}", False, True), ("push", False, False)])
def test_no_browser_is_started_for_nothing(plans: Any, step: str, needed: bool, asked: bool) -> None:
    with Session() as session:
        made = plans(session, "{}", step=step)
        assert needs_browser(made, BrowserOptions()) is needed
        assert asks_a_person(made, BrowserOptions()) is asked


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--window", "12", "write width and height like 1280x900"),
        ("--grid", "grid.example:4444", "write a URL like http://grid.example:4444"),
        ("--browser", "netscape", "is not one of 'chrome', 'firefox', 'headless-shell'"),
        ("--slow", "-1", "not in the range"),
    ],
)
def test_a_wrong_option_says_what_to_write(
    option: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "a.yaml", option, value])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
