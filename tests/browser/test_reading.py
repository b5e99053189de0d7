import pytest

from flowrun.browser.reading import behind, expected_words, surplus
from flowrun.browser.snapshot import Listing

TEXT = (
    "Your request\nReference:\nAB-123 X\nAmount RM 12.00\nValid until: 12 May\nvalid until: 12 May\nReference number 7"
)


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("Reference", ["AB-123 X"]),
        ("reference:", ["AB-123 X"]),
        ("Amount", ["RM 12.00"]),
        ("Valid until", ["12 May"]),
        ("Reference number", ["7"]),
        ("Refer", []),
        ("Reference number 7", []),
    ],
)
def test_what_stands_behind_a_label(label: str, found: list[str]) -> None:
    assert behind(label, TEXT) == found


def test_several_texts_behind_one_label_are_all_named() -> None:
    assert behind("Code", "Code: 1\nCode: 2\nCode: 1") == ["1", "2"]


def test_codes_are_put_into_words() -> None:
    value = {"permissions": ["read_accounts", "read_balances"], "as": {"read_accounts": "Account details"}}
    assert expected_words(value) == ["Account details", "read_balances"]
    assert expected_words({**value, "nothing_else_in": "Your data"}) == ["Account details", "read_balances"]
    assert expected_words(["a", "b"]) == ["a", "b"]
    assert expected_words("a") == ["a"]


def test_what_was_not_asked_for() -> None:
    lists = [Listing("Your data", ("Account details: name and number", "Balances", "Transactions"))]
    assert surplus(lists, ["account details", "Balances"]) == ["Transactions"]
    assert surplus(lists, ["Account details", "Balances", "Transactions", "More"]) == []
