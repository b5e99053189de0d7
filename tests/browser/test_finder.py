import pytest

from flowrun.browser.actions import option_index
from flowrun.browser.finder import find, find_names, quoted, shows_text
from flowrun.browser.snapshot import Control


def field(*names: tuple[str, str], **more: object) -> Control:
    return Control(kind="field", names=names, **more)  # type: ignore[arg-type]


def button(text: str, kind: str = "button", **more: object) -> Control:
    return Control(kind=kind, names=((text, "text"),), **more)  # type: ignore[arg-type]


def test_exact_words_go_before_words_inside_others() -> None:
    other, wanted = button("Sign in with Google"), button("Sign in")
    assert find("Sign in", [other, wanted]) == (wanted,)
    assert find("sign  IN", [other, wanted]) == (wanted,)
    assert find("Google", [other, wanted]) == (other,)


def test_the_very_case_goes_before_any_case() -> None:
    low, high = button("ok"), button("OK")
    assert find("OK", [low, high]) == (high,)


def test_marks_behind_a_label_do_not_count() -> None:
    control = field(("User name: *", "label"))
    assert find("User name", [control]) == (control,)


def test_what_is_read_goes_before_the_name_in_the_code() -> None:
    named, read = field(("login", "name")), field(("Login", "placeholder"))
    assert find("login", [named, read]) == (read,)
    assert find("login", [named]) == (named,)


def test_an_exact_name_goes_before_a_part_of_a_label() -> None:
    control, other = field(("Anything", "label"), ("login", "name")), field(("Your login here", "label"))
    assert find("login", [control, other]) == (control,)


def test_two_of_a_name_stay_two() -> None:
    assert len(find("Go", [button("Go"), button("Go")])) == 2


def test_a_button_goes_before_a_link_and_a_decoy_goes_last() -> None:
    link, real = button("Sign in", "link"), button("Sign in")
    assert find("Sign in", [link, real]) == (real,)
    decoy, honest = field(("User", "placeholder"), shy=True), field(("User", "label"))
    assert find("User", [decoy, honest]) == (honest,)
    assert find("User", [decoy]) == (decoy,)


def test_signs_that_only_look_better_do_not_count() -> None:
    name = field(("Mother\u2019s Kenn\u00adwort \u2013 8\u202fcharacters\u2026\uff1a", "label"))
    assert find("mother's Kennwort - 8 characters...", [name]) == (name,)
    assert shows_text('the "AGB" of the bank', "the \u201eAGB\u201c\u00a0of\u200b the bank")


def test_the_heading_above_tells_two_of_a_name_apart() -> None:
    here, there = field(("E-mail", "label"), under="Sign in"), field(("E-mail", "label"), under="New customer")
    assert find("sign in > E-mail", [here, there]) == (here,)
    assert find("New > e-mail", [here, there]) == (there,)
    assert find("Nobody > E-mail", [here, there]) == ()
    own = field(("Sign in > E-mail", "label"))
    assert find("Sign in > E-mail", [here, own]) == (own,)


def test_names_that_fit_best() -> None:
    names = {"1": "Terms", "2": "The terms", "3": "terms"}
    assert find_names("Terms", names) == ["1"]
    assert find_names("TERMS", names) == ["1", "3"]
    assert find_names("the", names) == ["2"]
    assert find_names("Privacy", names) == []


@pytest.mark.parametrize("wanted", ["", "  ", "*", "nothing like it"])
def test_finds_nothing(wanted: str) -> None:
    assert find(wanted, [button("Sign in"), button("*")]) == ()


def test_text_is_found_across_lines_and_cases() -> None:
    assert shows_text("account details", "We share:\n  Account\n Details")
    assert not shows_text("account details", "Account, details")
    assert not shows_text(" ", "anything")


def test_quoted() -> None:
    assert quoted(["Confirm", "Cancel", "Confirm", ""]) == "'Confirm', 'Cancel'"
    assert quoted([]) == "none"


OPTIONS = (
    ("Choose…", "", True),
    ("First Bank", "DP1", True),
    ("First Bank Islamic", "DP2", True),
    ("Closed", "DP3", False),
)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("DP2", 2), ("First Bank", 1), ("first bank", 1), ("islamic", 2), ("bank", None), ("Closed", None), ("", 0)],
)
def test_option(wanted: str, index: int | None) -> None:
    assert option_index(OPTIONS, wanted) == index
