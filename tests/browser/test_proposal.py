"""The pages that messages suggest: out of a snapshot, without a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from flowrun.browser.proposal import NOTHING, Walked, failed_if_yaml, page_yaml
from flowrun.browser.snapshot import Control, Snapshot

USERNAME, CODE = "{{ user.username }}", "{{ user.totp | totp }}"


def heading(name: str) -> Control:
    return Control(kind="heading", names=((name, "text"),))


def button(name: str, kind: str = "button") -> Control:
    return Control(kind=kind, names=((name, "text"),))


def field(name: str, type_: str = "text", **more: Any) -> Control:
    return Control(kind="field", names=((name, "label"),), type=type_, **more)


def page(*controls: Control, text: str = "Some text of the page here", status: int = 200) -> Snapshot:
    placed = tuple(replace(control, index=number) for number, control in enumerate(controls))
    return Snapshot(url="https://auth.example/login?secret=1", title="Bank", status=status, text=text, controls=placed)


def offered(shown: Snapshot, walked: Walked = NOTHING) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(page_yaml(shown, walked=walked))["new_page"]
    return found


def test_it_can_be_pasted() -> None:
    options = (("…", "", True), ("A", "a", True))
    assert offered(
        page(
            heading("Sign in: step 1"),
            field("User name"),
            field("Password", "password"),
            field("I'm sure, #1", "checkbox"),
            field("Bank", "select", options=options),
            button("Yes"),
        )
    ) == {
        "shows": {"heading": "Sign in: step 1", "field": "User name"},
        "do": [
            {"fill": {"User name": USERNAME}},
            {"fill": {"Password": "{{ user.password }}"}},
            {"tick": "I'm sure, #1"},
            {"choose": {"Bank": "A"}},
            {"press": "Yes"},
        ],
    }


def test_a_consent_with_boxes_is_a_question() -> None:
    boxes = [field("Balances", "checkbox"), field("Accounts", "checkbox")]
    yes = [{"tick": "Balances"}, {"tick": "Accounts"}, {"press": "Allow"}]
    for no in (button("Deny"), button("No, thanks", "link")):
        assert offered(page(heading("TPP wants access"), *boxes, button("Allow"), no)) == {
            "shows": {"heading": "TPP wants access", "field": "Balances"},
            "answers": {"approve": yes, "deny": [{"press": no.name}]},
        }
    assert offered(page(heading("Choose"), *boxes, button("Allow"), button("Back")))["do"] == yes
    login = offered(page(heading("Sign in"), field("Password", "password"), button("Sign in"), button("Cancel")))
    assert login["do"][-1] == {"press": "Sign in"}


def test_a_link_that_says_no_stands_beside_the_button_that_says_yes() -> None:
    asked = offered(page(heading("Share?"), button("Not now: no, thanks", "link"), button("Share")))
    assert asked["answers"] == {"approve": [{"press": "Share"}], "deny": [{"press": "Not now: no, thanks"}]}


def test_the_boxes_of_a_code_are_one_field() -> None:
    digits = [field(f"Digit {number}") for number in range(1, 7)]
    code = offered(page(heading("Enter your one-time code"), *digits, button("Verify")))
    assert code["do"] == [{"fill": {"Digit 1": CODE}}, {"press": "Verify"}]


@pytest.mark.parametrize(
    ("name", "text", "hole"),
    [
        ("Code", "We have sent you a one-time code", CODE),
        ("Email", "We will send you a one-time code", USERNAME),
        ("Verification code", "Sign in", CODE),
    ],
)
def test_a_code_is_known_by_what_stands_around_its_field(name: str, text: str, hole: str) -> None:
    assert offered(page(field(name), button("Next"), text=text))["do"][0] == {"fill": {name: hole}}


@pytest.mark.parametrize("name", ["Log out", "Sign out", "Delete my account"])
def test_what_does_harm_is_not_offered(name: str) -> None:
    assert page_yaml(page(heading("Site administration"), button(name))) == ""
    assert "Apps" in page_yaml(page(heading("Site administration"), button(name), button("Apps", "link")))


def test_a_page_on_which_nothing_can_be_done_is_no_refusal() -> None:
    assert page_yaml(page(text="Loading...")) == ""
    assert page_yaml(page(text="")) == ""


@pytest.mark.parametrize("controls", [(), (heading("Request denied"), button("Back to the start"))])
def test_a_page_that_says_what_went_wrong_means_refused(controls: tuple[Control, ...]) -> None:
    shown = page(*controls, text="Bank\nThe request is invalid: the scope is not one of those that you may ask for")
    assert offered(shown) == {
        "shows": {"text": "The request is invalid: the scope is not"},
        "means": "refused",
    }
    assert offered(page(*controls, text="Ask Bob", status=403))["means"] == "refused"
    assert offered(page(*controls, text="", status=403))["shows"] == {"url": "https://auth.example/login"}


def test_what_is_one_persons_or_stood_on_an_earlier_page_recognises_nothing() -> None:
    walked = Walked(("client-7", "alice", "user"), ["Sign in"])
    shown = page(heading("Hello Alice"), heading("Your accounts"), button("Allow"), button("Deny"))
    assert offered(shown, walked)["shows"] == {"heading": "Your accounts", "button": "Allow"}
    shown = page(heading("client-7 wants access"), button("Go on as alice"), button("Allow"))
    assert offered(shown, walked)["shows"] == {"button": "Allow"}
    shown = page(heading("Sign in"), field("User name"), button("Next"))
    assert offered(shown, walked)["shows"] == {"field": "User name", "button": "Next"}
    shown = page(heading("Hello Alice"), button("Go on as alice"))
    assert offered(shown, walked)["shows"] == {"heading": "Hello Alice"}  # better than nothing


def test_words_that_are_new_can_be_pasted_as_failed_if() -> None:
    shown = page(text="Sign in\nHello alice\nTry 2 of 3\nThe password is wrong")
    assert failed_if_yaml("Sign in", shown) == "failed_if: {text: The password is wrong}"
    assert (
        failed_if_yaml("Sign in\nThe password is wrong", shown, Walked(("alice",))) == "failed_if: {text: Try 2 of 3}"
    )
    assert failed_if_yaml(shown.text, shown) == ""
