"""Every word has an entry, and what is known elsewhere is not written twice."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun import explain, profiles, refusals
from flowrun.checks import CHECKS
from flowrun.document import read
from flowrun.explain import entries, find, near
from flowrun.needs import NEEDS
from flowrun.sandbox import FAULTS
from flowrun.validate import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

DATA = Path(explain.__file__).parent
# Codes that are put together, and everything that comes of them.
MADE = {
    "unknown-{}": {
        "unknown-step",
        "unknown-action",
        "unknown-matcher",
        "unknown-filter",
        "unknown-test",
        "unknown-client",
        "unknown-user",
    },
    "no-{}": {"no-step", "no-action"},
    "two-{}s": {"two-steps", "two-actions"},
    "refused-{}": {f"refused-{place}" for place in refusals.PLACE if place != "push"},
}


def codes_of(folder: Path) -> set[str]:
    spec = importlib.util.spec_from_file_location("codes", Path(__file__).with_name("codes.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: set[str] = module.of(folder)
    return found


def in_schemas(value: Any) -> set[str]:
    if isinstance(value, list):
        return {code for one in value for code in in_schemas(one)}
    if not isinstance(value, dict):
        return set()
    own = {value["x-problem"]["code"]} if "x-problem" in value else set()
    return own | {code for one in value.values() for code in in_schemas(one)}


def words(group: str) -> set[str]:
    return {entry.word for entry in entries() if entry.group == group}


def test_every_problem_code_of_the_code_base_has_an_entry(repo: Path) -> None:
    found = codes_of(repo / "runner" / "flowrun")
    whole = {code for code in found if "{" not in code}

    assert len(whole) > 120, "the search for codes finds too little"
    assert {code for code in found if "{" in code} <= set(MADE), "say in MADE what comes of this one"
    known = words("problem") | words("error")
    assert whole | set().union(*MADE.values()) <= known


def test_every_problem_code_of_the_schemas_has_an_entry(repo: Path) -> None:
    found = {code for file in (repo / "schemas").rglob("*.json") for code in in_schemas(json.loads(file.read_text()))}

    assert found
    assert found <= words("problem")


def test_every_problem_code_in_the_expected_texts_has_an_entry(repo: Path) -> None:
    texts = [*(repo / "tests" / "broken").rglob("*.err"), *(repo / "tests" / "runs").rglob("*.txt")]
    found = {code for file in texts for code in re.findall(r"(?:error|warning)\[([^]]+)\]", file.read_text("utf-8"))}

    assert len(found) > 30
    assert {code for code in found if not find(code)} == set()


def test_no_entry_is_about_a_code_that_is_gone(repo: Path) -> None:
    found = codes_of(repo / "runner" / "flowrun").union(*MADE.values())

    assert words("problem") - found == set()


def test_checks_needs_faults_profiles_and_kinds_are_all_there() -> None:
    assert words("check") == {check.id for check in CHECKS}
    assert words("need") == set(NEEDS)
    assert words("fault") == set(FAULTS)
    assert words("profile") == set(profiles.names())
    assert words("step") == set(schema("step")["definitions"]["step"]["x-one-of"]["words"])
    assert words("matcher") == set(schema("expect")["definitions"]["matchers"]["properties"])


def test_the_advice_of_explain_is_that_of_a_run() -> None:
    assert words("error") == set(refusals.ADVICE)
    for entry in entries():
        if entry.group == "error":
            assert entry.do == refusals.ADVICE[entry.word]


def test_a_check_is_explained_from_the_check_and_the_profiles() -> None:
    [entry] = find("disc.par")
    check = next(check for check in CHECKS if check.id == "disc.par")

    assert entry.says.lower() == f"{check.sentence}.".lower()
    assert entry.spec == check.clause
    assert dict(entry.levels)["must"].split(", ").count("fapi2") == 1
    assert dict(entry.levels)["off"].split(", ") == ["oauth2", "oidc-basic"]


@pytest.mark.parametrize("name", ["errors", "problems", "terms", "needs"])
def test_entries_are_written_as_they_should(name: str) -> None:
    document = read(DATA / f"{name}.yaml")

    assert document.problems == ()
    for word, entry in document.data.items():
        assert set(entry) <= {"says", "causes", "do", "spec", "also"}, word
        assert all(isinstance(entry.get(key, ""), str) for key in ("says", "do", "spec")), word
        assert all(isinstance(one, str) for key in ("causes", "also") for one in entry.get(key, ())), word
        assert re.fullmatch(r"[^a-z].*\.", entry["says"]), f"{word}: no sentence"
        assert "  " not in entry["says"], word
        if name == "errors":  # what to do is in refusals.ADVICE
            assert {"says", "causes", "spec"} == set(entry), word


def test_no_word_has_two_meanings_in_one_group() -> None:
    seen = [(entry.group, entry.word.lower()) for entry in entries()]

    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("group", sorted(explain.GROUPS))
def test_an_entry_of_each_group_is_shown(group: str, flowrun: Callable[..., Result]) -> None:
    entry = next(entry for entry in entries() if entry.group == group)

    result = flowrun("explain", entry.word)

    assert result.exit_code == 0
    assert f"{entry.word}: " in result.stdout
    assert " ".join(entry.says.split()) in " ".join(result.stdout.split())


def test_an_error_is_explained_with_causes_advice_and_clause(flowrun: Callable[..., Result]) -> None:
    result = flowrun("explain", "invalid_grant")

    assert result.stdout == (
        "invalid_grant: an error code of servers\n"
        "  The code, refresh token or other grant is no longer good, or belongs to another request.\n"
        "  Usual causes\n"
        "    - the code was used before, or is older than a minute or so\n"
        "    - redirect_uri or code_verifier are not those of the authorization request\n"
        "    - the refresh token was revoked, has expired, or was replaced by a newer one\n"
        "    - the code was given to another client\n"
        "  What to do\n"
        "    browse again before the exchange: a code can be used once, expires after a minute or so, and\n"
        "    belongs to one client, one redirect_uri and one code_verifier\n"
        "  Specification\n"
        "    RFC 6749 §5.2\n"
    )


@pytest.mark.parametrize("written", [["INVALID-GRANT"], ["invalid", "grant"], ["invalid_grant"]])
def test_capitals_and_blanks_make_no_difference(written: list[str], flowrun: Callable[..., Result]) -> None:
    assert flowrun("explain", *written).stdout.startswith("invalid_grant: ")


def test_a_word_with_two_meanings_is_told_twice(flowrun: Callable[..., Result]) -> None:
    out = flowrun("explain", "par").stdout

    assert "par: something that a scenario may need\n" in out
    assert "\n\nPAR: a term\n" in out


def test_another_name_leads_to_the_word() -> None:
    assert [entry.word for entry in find("client_assertion")] == ["client assertion"]


def test_a_misspelt_word_gets_its_neighbours_and_exit_code_2(flowrun: Callable[..., Result]) -> None:
    result = flowrun("explain", "invalid_gran")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error[unknown-word]: 'invalid_gran' is not explained here\n")
    assert "did you mean 'invalid_grant'?" in result.stderr
    assert "near words: invalid_grant, " in result.stderr


def test_a_word_like_nothing_is_told_where_all_are(flowrun: Callable[..., Result]) -> None:
    result = flowrun("explain", "zzzz")

    assert result.exit_code == 2
    assert "`flowrun explain` without a word lists all" in result.stderr


def test_a_piece_of_a_word_finds_those_that_hold_it() -> None:
    assert "key-passphrase-wrong" in near("passphrase")


def test_without_a_word_everything_is_listed_by_group(flowrun: Callable[..., Result]) -> None:
    out = flowrun("explain").stdout

    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == list(explain.GROUPS.values())
    text = " ".join(out.split())
    assert [entry.word for entry in entries() if not re.search(rf" {re.escape(entry.word)}(,| |$)", text)] == []


def test_a_row_of_the_pack_is_told_with_its_reason_and_clause(flowrun: Callable[..., Result]) -> None:
    out = flowrun("explain", "code-reuse").stdout

    assert "code-reuse: a row of the refusal pack" in out
    assert "Whoever reads a code in a log" in out
    assert "RFC 6749 §4.1.2; the official module attempt-reuse-authorization-code" in out
