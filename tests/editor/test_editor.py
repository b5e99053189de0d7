"""Our schemas in the language server that editors use: completion, hover texts, underlined mistakes, the first line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from flowrun import grammar

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Editor
    from .lsp import LanguageServer

pytestmark = pytest.mark.peer

KINDS = set(grammar.schema("step")["definitions"]["step"]["x-one-of"]["words"])
STEP_KEYS = set(grammar.schema("step")["definitions"]["step"]["properties"])
MATCHERS = set(grammar.schema("expect")["definitions"]["matchers"]["properties"])
ACTIONS = set(grammar.schema("pages")["definitions"]["action_mapping"]["x-one-of"]["words"])
PAGE = "environment: x\nserver: embedded\nclients: {default: {client_id: x}}\npages:\n  login:\n    "


def files(repo: Path) -> list[Path]:
    return sorted((repo / "scenarios").rglob("*.yaml"))


@pytest.mark.parametrize(
    "text",
    [
        "scenario: x\nsteps:\n  - ‸\n",
        "scenario: x\nsteps:\n  - pu‸\n",
        "scenario: x\nsteps:\n  - push\n  - ‸\n",
        "scenario: x\nsteps: [push]\nafter:\n  - ‸\n",
    ],
)
def test_an_item_of_steps_is_completed_with_every_kind(editor: Editor, text: str) -> None:
    assert editor.complete(text) == STEP_KEYS > KINDS


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("scenario: x\nsteps:\n  - push:\n      ‸\n", {"par", "extra", "headers", "url"}, {"expect"}),
        ("scenario: x\nsteps:\n  - browse: {u‸}\n", {"user", "answers"}, {"expect"}),
        ("scenario: x\nsteps:\n  - push: always\n    ‸\n", {"expect", "save", "name"}, {"extra"}),
        ("scenario: x\nsteps:\n  - sign: ‸\n", {"request_object", "client_assertion", "jwt"}, {"expect"}),
        ("scenario: x\n‸\nsteps: [push]\n", {"why", "inputs", "authorization", "cases"}, {"scenario", "push"}),
        ("scenario: x\nauthorization:\n  ‸\nsteps: [push]\n", {"scope", "max_age", "claims"}, {"why"}),
        ("scenario: x\ninputs:\n  a:\n    ‸\nsteps: [push]\n", {"type", "default", "blank", "one_of"}, {"why_not"}),
    ],
)
def test_the_keys_of_a_place_are_offered_and_no_others(
    editor: Editor, text: str, some: set[str], none: set[str]
) -> None:
    offered = editor.complete(text)

    assert some <= offered
    assert not none & offered


@pytest.mark.parametrize("text", ["\n        ‸\n", "\n        be‸\n", " {be‸}\n", " {be‸: [1, 2]}\n"])
def test_what_is_expected_is_completed_with_every_matcher(editor: Editor, text: str) -> None:
    assert editor.complete(f"scenario: x\nsteps:\n  - push:\n    expect:\n      expires_in:{text}") == MATCHERS


def test_the_words_of_a_matcher_are_offered(editor: Editor) -> None:
    offered = editor.complete("scenario: x\nsteps:\n  - push:\n    expect:\n      request_uri: {is: ‸}\n")

    assert offered >= {"present", "absent", "list", "number"}


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("‸\n", set(grammar.schema("environment")["properties"])),
        ("environment: x\nclients:\n  default:\n    ‸\n", {"client_id", "redirect_uri", "auth", "keys", "like"}),
        ("environment: x\nclients:\n  default:\n    auth: ‸\n", {"private_key_jwt", "tls_client_auth", "none"}),
        ("environment: x\nprofile: ‸\n", {"fapi2", "ofm", "oauth2"}),
        (PAGE + "shows:\n      ‸\n", {"heading", "text", "field", "button", "url"}),
        (PAGE + "shows: {heading: x}\n    ‸\n", {"do", "answers", "failed_if", "means"}),
        (PAGE + "shows: {heading: x}\n    do:\n      - ‸\n", ACTIONS),
        (PAGE + "shows: {heading: x}\n    answers:\n      approve:\n        - ‸\n", ACTIONS),
    ],
)
def test_an_environment_is_completed(editor: Editor, text: str, some: set[str]) -> None:
    assert editor.complete(text, "environment") >= some


@pytest.mark.parametrize(
    ("text", "schema", "said"),
    [
        ("scenario: x\nst‸eps: [push]\n", "scenario", "What to do, in order."),
        ("scenario: x\nsteps:\n  - push:\n      ext‸ra: {a: b}\n", "scenario", "Parameters to add to the form"),
        ("scenario: x\nsteps:\n  - pu‸sh:\n      extra: {a: b}\n", "scenario", "Pushes the authorization request"),
        ("scenario: x\nsteps:\n  - push:\n    exp‸ect: {a: 1}\n", "scenario", "What must hold after the step"),
        ("scenario: x\nsteps:\n  - push:\n    expect: {a: {betw‸een: [1, 2]}}\n", "scenario", "From the first to the"),
        ("scenario: x\nauthorization: {max_‸age: 3}\nsteps: [push]\n", "scenario", "How many seconds ago the person"),
        ("environment: x\nclients: {default: {cli‸ent_id: x}}\n", "environment", "The client's id at the server."),
        (
            PAGE + "shows: {heading: x}\n    do:\n      - pre‸ss: Next\n",
            "environment",
            "Presses the button or link with",
        ),
    ],
)
def test_hovering_over_a_key_shows_its_description(editor: Editor, text: str, schema: str, said: str) -> None:
    assert said in editor.hover(text, schema)


@pytest.mark.parametrize(
    ("text", "schema", "message"),
    [
        ("«scenaro»: x\nsteps: [push]\n", "scenario", "Property scenaro is not allowed."),
        ("scenario: x\nsteps:\n  - «pusch»: {par: never}\n", "scenario", "Property pusch is not allowed."),
        ("scenario: x\nsteps:\n  - «pusch»\n", "scenario", 'Expected "a step: a kind with its fields"'),
        ("scenario: x\nsteps:\n  - push:\n      «exta»: {}\n", "scenario", "Property exta is not allowed."),
        ("scenario: x\nsteps:\n  - push:\n    «expct»: {a: 1}\n", "scenario", "Property expct is not allowed."),
        ("scenario: x\nsteps:\n  - push:\n    expect:\n      a: {«betwen»: [1, 2]}\n", "scenario", "Property betwen"),
        ("scenario: x\nsteps:\n  - push:\n    expect: {a: {is: «presnt»}}\n", "scenario", "Valid values:"),
        ("scenario: x\ninputs: {a: {«tpye»: text}}\nsteps: [push]\n", "scenario", "Property tpye is not allowed."),
        (
            "environment: x\nserver: embedded\nclients: {default: {«client-id»: x}}\n",
            "environment",
            "Property client-id is not allowed.",
        ),
        (PAGE + "shows: {«headign»: x}\n", "environment", "Property headign is not allowed."),
        (PAGE + "shows: {url: x}\n    do:\n      - «pres»: Next\n", "environment", "Property pres is not allowed."),
    ],
)
def test_a_typing_mistake_is_underlined_exactly(editor: Editor, text: str, schema: str, message: str) -> None:
    before, _, rest = text.partition("«")
    word, _, after = rest.partition("»")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    found = editor.diagnostics(before + word + after, schema)

    assert [one for one in found if message in one.message and one[:4] == (line, column, line, column + len(word))], (
        found
    )
    assert {one.line for one in found} == {line}


def test_every_file_of_ours_is_without_a_mistake(server: LanguageServer, repo: Path) -> None:
    opened = {file: server.open(file, file.read_text("utf-8")) for file in files(repo)}

    assert len(opened) > 5
    assert {file: found for file, uri in opened.items() if (found := server.diagnostics(uri))} == {}


def test_every_file_of_ours_names_its_schema(repo: Path) -> None:
    for file in files(repo):
        first = file.read_text("utf-8").splitlines()[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)

        assert named, file
        assert (file.parent / named[1]).resolve().parent == repo / "schemas", file


@pytest.mark.parametrize("folder", ["", "bank", "bank/first", "bank/first/käse und mehr/deep/deeper"])
def test_the_first_line_works_from_any_folder(server: LanguageServer, repo: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / "schemas").symlink_to(repo / "schemas")
    file = tmp_path / "scenarios" / folder / "some.yaml"
    up = "../" * (1 + len(folder.split("/")) if folder else 1)
    head = f"# yaml-language-server: $schema={up}schemas/scenario.json\n"

    wrong = server.diagnostics(server.open(file, f"{head}scenario: x\nsteps: [{{push: , expct: 1}}]\n"))
    right = server.diagnostics(server.open(file.with_name("right.yaml"), f"{head}scenario: x\nsteps: [push]\n"))

    assert [(one.line, one.column, one.message) for one in wrong] == [(3, 18, "Property expct is not allowed.")]
    assert right == []
