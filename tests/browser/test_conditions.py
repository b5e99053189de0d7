import pytest

from flowrun.browser.conditions import Choice, choose, judge, what_holds
from flowrun.browser.snapshot import Control, Snapshot

PAGE = Snapshot(
    url="https://auth.example/u/login?state=1",
    text="Sign in to your bank\nForgot?",
    controls=(
        Control(kind="heading", names=(("Sign in to your bank", "text"),)),
        Control(kind="field", names=(("User name", "label"), ("user", "name"))),
        Control(kind="button", names=(("Next", "value"),)),
    ),
)


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"heading": "Sign in"}, True),
        ({"heading": "Sign in", "field": "User name"}, True),
        ({"heading": "Sign in", "field": "Password"}, False),
        ({"field": ["Password", "User name"]}, True),
        ({"field": []}, False),
        ({"button": "next"}, True),
        ({"text": "forgot"}, True),
        ({"text": "Next"}, True),
        ({"text": "user"}, False),
        ({"url": "/u/login"}, True),
        ({"url": "https://auth.example/*/login*"}, True),
        ({"url": "https://auth.example/*/consent*"}, False),
        ({"url": "login?state=*"}, True),
        ({"colour": "red"}, False),
        ({}, False),
    ],
)
def test_conditions(conditions: dict[str, object], holds: bool) -> None:
    assert judge(conditions, PAGE).holds is holds


def test_most_conditions_met_wins() -> None:
    pages = {
        "a": {"heading": "Sign in"},
        "b": {"heading": "Sign in", "field": "User name"},
        "c": {"heading": "Nothing"},
    }
    assert choose(pages, PAGE) == Choice("b")


def test_a_tie_names_both() -> None:
    assert choose({"a": {"heading": "Sign in"}, "b": {"text": "Forgot"}}, PAGE) == Choice(tied=("a", "b"))
    same = {"heading": "Sign in to your bank"}
    assert choose({"a": same, "b": same}, PAGE) == Choice(tied=("a", "b"))


def test_a_whole_name_decides_between_pages_of_one_kind() -> None:
    pages = {"a": {"heading": "Sign in"}, "b": {"heading": "Sign in to your bank"}}
    assert choose(pages, PAGE) == Choice("b")


def test_a_page_that_is_there_in_part_is_a_rival() -> None:
    pages = {"a": {"heading": "Sign in"}, "b": {"heading": "Sign in", "field": "Password"}}
    assert choose(pages, PAGE) == Choice("a", rivals=True)


def test_nothing_fits() -> None:
    assert choose({"a": {"heading": "Nothing"}}, PAGE) == Choice()
    assert choose({}, PAGE) == Choice()


def test_what_holds() -> None:
    assert what_holds({"text": ["Locked", "Forgot?"]}, PAGE) == "'Forgot?'"
