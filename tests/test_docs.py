"""What is written for people is true: the reference is fresh, examples are valid, commands, files and links exist."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from flowrun import document, errors, filters, grammar, lookahead, needs, refusals, steps, template, validate
from flowrun.cli import cli

if TYPE_CHECKING:
    import click

REPO = Path(__file__).parents[1]
REFERENCE = REPO / "docs" / "reference.md"
READMES = (REPO / "README.md", REPO / "scenarios" / "README.md")
PAGES = sorted(
    path
    for path in REPO.rglob("*.md")
    if not any(
        part.startswith(".") or part in {"node_modules", "runs", "build"} for part in path.parts[len(REPO.parts) :]
    )
)
FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CELL = re.compile(r"(?<!\\)\|")
KINDS = grammar.schema("step")["definitions"]["step"]["x-one-of"]["words"]
PATHS = re.compile(r"(?<![\w/.-])(?:scenarios|docs|schemas|tests|runner|keys\.example|benchmarks)/[\w./-]*")
# What an example leaves out because it shows another part of its file.
MISSING = {
    "scenario": {"scenario": "An example", "steps": ["discover"]},
    "environment": {"environment": "example", "server": "embedded", "clients": {"default": {"client_id": "example"}}},
}


TRICKY = [
    "",
    " a",
    "a ",
    "a: b",
    "a:",
    "a #b",
    "- a",
    "true",
    "null",
    "~",
    "10",
    "1e3",
    "{{ a }}",
    "a, b",
    "a|b",
    "*a",
    "5m",
]
# Of these mappings the page does not list the fields.
BRIEF = {"mtls_endpoint_aliases", "signed_header", "encrypt", "see"}


def named(path: Path) -> str:
    return str(path.relative_to(REPO))


def read(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.fixture
def generator(monkeypatch) -> Any:
    monkeypatch.syspath_prepend(str(REPO / "docs"))
    yield import_module("make_reference")
    for name in ("make_reference", "reference_fields", "reference_words"):
        sys.modules.pop(name, None)


# --- the reference -----------------------------------------------------------------------------------------------


def test_the_reference_is_what_the_generator_writes(generator) -> None:
    assert read(REFERENCE) == generator.page(), "docs/reference.md is stale: make docs"


def test_the_generator_writes_the_same_page_twice(generator) -> None:
    assert generator.page() == generator.page()


def test_every_kind_of_step_has_a_section_with_an_example() -> None:
    page = read(REFERENCE)
    for kind in KINDS:
        section = page.partition(f'<a id="step-{kind}"></a>')[2].partition("\n<a id=")[0]
        assert "**Leaves behind**" in section, kind
        assert "```yaml step\n" in section, kind


def test_every_key_of_every_schema_is_on_the_page() -> None:
    page = read(REFERENCE)
    for name in ("scenario", "environment", "pages", "step", "expect", *(f"steps/{kind}" for kind in KINDS)):
        for key in keys(grammar.schema(name)):
            # A row of a table begins with it, inside another one as outer.inner.
            assert re.search(rf"^\| \[?`(?:[\w.]+\.)?{re.escape(key)}`", page, re.MULTILINE), f"{name}: {key}"


def keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name == "properties":
                yield from inner
            if name not in BRIEF:
                yield from keys(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from keys(inner)


def test_the_tables_of_words_cover_the_code_exactly(generator) -> None:
    words = generator.words
    assert list(words.FILTERS) == list(template.FILTERS)
    assert set(words.FUNCTIONS) == template.ALWAYS_KNOWN
    assert list(words.NEEDS) == list(needs.NEEDS)
    assert list(words.UNITS) == list(filters.UNITS)
    assert not set(words.LATER_PLACES) & ({*refusals.PLACE} | {*steps.KINDS}), "this place is built now"
    assert set(words.VALUES) <= set(grammar.schema("common")["definitions"])


def test_the_given_names_of_templates_are_on_the_page() -> None:
    section = read(REFERENCE).partition('<a id="templates"></a>')[2].partition("\n## ")[2]
    for name in {*lookahead.GIVEN, "server", "callback", "tokens", "user", "answers", "secrets"}:
        assert f"\n| `{name}` |" in section, name


def test_what_comes_later_is_said(generator) -> None:
    later = grammar.Part(
        {"anyOf": [{"type": "null"}, {"enum": ["x"], "x-comes": "x comes in a later version"}]}, "step"
    )
    assert generator.comes(later) == ["X comes in a later version"]
    assert generator.comes(grammar.part("step", "/definitions/step/properties/retry")) == []


EXAMPLES = [
    pytest.param(match["language"], match["text"], id=f"{named(path)}:{read(path)[: match.start()].count(chr(10)) + 2}")
    for path in PAGES
    for match in FENCE.finditer(read(path))
    if match["language"].startswith("yaml")
]


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_every_example_is_valid(language, text) -> None:
    _, _, kind = language.partition(" ")
    written = document.parse(text, "example.yaml", Path("example.yaml"))
    assert [problem.title for problem in written.problems] == []
    kind = kind or next((word for word in MISSING if word in written.data), "client")
    if kind == "step":
        kind, whole = "scenario", {"scenario": "An example", "steps": written.data}
    elif kind == "client":
        client = {"client_id": "example", **written.data}
        kind, whole = "environment", {**MISSING["environment"], "clients": {"default": client}}
    else:
        whole = {**MISSING[kind], **written.data}
    if "issuer" in whole:
        whole.pop("server", None)
    again = document.parse(yaml.safe_dump(whole, allow_unicode=True), "example.yaml", Path("example.yaml"))
    assert validate.check(again, kind) == []


def test_the_examples_of_tables_are_yaml_that_reads_back(generator) -> None:
    schemas = [grammar.schema(name) for name in ("common", "scenario", "environment", "pages", "step", "expect")]
    found = [*examples([*schemas, *(grammar.schema(f"steps/{kind}") for kind in KINDS)]), *TRICKY]
    for example in [*found, found]:
        text = f"here: {generator.flow(example)}\n"
        assert document.parse(text, "example.yaml", Path("example.yaml")).data == {"here": example}


def examples(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield from schema.get("examples", ())
        for inner in schema.values():
            yield from examples(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from examples(inner)


def test_every_table_has_as_many_cells_in_every_row() -> None:
    for path in PAGES:
        widths: set[int] = set()
        for line in FENCE.sub("", read(path)).splitlines():
            if line.startswith("|"):
                widths.add(len(CELL.split(line)))
                assert len(widths) == 1, f"{named(path)}: {line}"
            else:
                widths = set()


# --- whole scenarios, as `flowrun check` sees them ---------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of what the sandbox environment needs, to put a scenario into."""
    for folder in ("scenarios", "keys.example"):
        shutil.copytree(REPO / folder, tmp_path / folder)
    return tmp_path


WHOLE = [one for one in EXAMPLES if re.search(r"^scenario:", str(one.values[1]), re.MULTILINE)]


@pytest.mark.parametrize(("language", "text"), WHOLE)
def test_every_whole_scenario_passes_check_in_the_sandbox(language, text, checkout) -> None:  # noqa: ARG001
    file = checkout / "scenarios" / "example.yaml"
    file.write_text(text, "utf-8")
    done = CliRunner().invoke(cli, ["check", str(file)])
    assert (done.exit_code, done.output) == (0, "1 scenario in sandbox: nothing wrong found, nothing was sent\n")


def test_readme_has_a_first_scenario() -> None:
    assert any(str(one.id).startswith("README.md:") for one in WHOLE)


# --- commands, files, links --------------------------------------------------------------------------------------


def commands(path: Path) -> Iterator[str]:
    """Yield everything that looks like a command line of flowrun."""
    text = read(path)
    for match in FENCE.finditer(text):
        for line in match["text"].splitlines():
            bare = line.removeprefix("$ ")
            if bare.startswith("flowrun "):
                yield bare.partition(" #")[0].strip()
    for inline in INLINE.findall(FENCE.sub("", text)):
        if inline.startswith("flowrun ") and "[OPTIONS]" not in inline:
            yield inline.replace("\\|", "|")


COMMANDS = [pytest.param(path, line, id=f"{named(path)}: {line}") for path in PAGES for line in commands(path)]


@pytest.mark.parametrize(("path", "line"), COMMANDS)
def test_every_command_has_options_that_exist(path, line) -> None:  # noqa: ARG001
    command, context = parsed(line)
    assert context is None or context.command is command


def parsed(line: str) -> tuple[click.Command, click.Context | None]:
    """Take a command line apart as the program would; raises click's errors for what it does not know."""
    outer = cli.make_context("flowrun", shlex.split(line)[1:])
    name, *rest = [*outer._protected_args, *outer.args]
    command = cli.get_command(outer, name)
    assert command is not None, f"there is no command {name}"
    # A command that stands in a sentence without its file is a name, not a line to type.
    return command, command.make_context(name, rest, parent=outer) if rest else None


@pytest.mark.parametrize(
    ("path", "line"), [one for one in COMMANDS if one.values[0] in READMES and "scenarios/" in str(one.values[1])]
)
def test_every_command_of_a_readme_names_files_inputs_and_environments_that_exist(path, line, monkeypatch) -> None:  # noqa: ARG001
    monkeypatch.chdir(REPO)
    _, context = parsed(line)
    assert context is not None
    given = context.params
    options = [f"--env={name}" for name in given.get("envs", ())]
    options += [f"--set={text}" for text in given.get("sets", ())]
    done = CliRunner().invoke(cli, ["check", *map(str, given.get("paths") or [given["file"]]), *options])
    assert done.exit_code == 0, done.output


PIPELINES = [
    pytest.param(match["language"], match["text"], id=f"{page}-{match['language']}")
    for page in ("reports", "big-suites")
    for match in FENCE.finditer(read(REPO / "docs" / f"{page}.md"))
    if match["language"] in {"crontab", "github", "gitlab", "groovy"}
]


@pytest.mark.parametrize(("language", "text"), PIPELINES)
def test_every_pipeline_can_be_pasted(language, text) -> None:
    numbered = re.sub(r"\$\{\{ matrix\.part \}\}|\$PART|\$CI_NODE_INDEX", "1", text).replace("$CI_NODE_TOTAL", "4")
    lines = re.findall(r"(?<![\w/.-])flowrun ((?:(?:check )?scenarios/|report parts)[^'\n]*)", numbered)
    assert lines
    for line in lines:
        parsed(f"flowrun {line}")
    if language in {"github", "gitlab"}:
        assert "flowrun" in yaml.safe_load(text).get("jobs", yaml.safe_load(text))
    if language == "crontab":
        assert all(len(line.split(maxsplit=5)) == 6 for line in text.splitlines())
    if language == "groovy":
        assert text.count("{") == text.count("}")


def test_the_first_command_is_there() -> None:
    assert "flowrun scenarios/par_dp.yaml" in {str(one.values[1]) for one in COMMANDS}


@pytest.mark.parametrize("path", [*READMES, REFERENCE], ids=named)
def test_every_file_that_is_named_exists(path) -> None:
    text = "\n".join(
        [*(m["text"] for m in FENCE.finditer(read(path)) if m["language"] == "sh"), *INLINE.findall(read(path))]
    )
    assert [file for file in PATHS.findall(text) if not (REPO / file.rstrip(".")).exists()] == []


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", read(REPO / "Makefile"), re.MULTILINE))
    named_ones = {
        word
        for path in PAGES
        for code in [*INLINE.findall(read(path)), *(match["text"] for match in FENCE.finditer(read(path)))]
        for word in re.findall(r"^make ([a-z]+)", code, re.MULTILINE)
    }
    assert {"demo", "test"} <= named_ones <= targets
    phony = set(re.findall(r"^\.PHONY: (.*)$", read(REPO / "Makefile"), re.MULTILINE)[0].split())
    assert phony == targets


@pytest.mark.parametrize("folder", ["", "environments"])
def test_the_list_of_scenarios_is_complete(folder) -> None:
    page = read(REPO / "scenarios" / "README.md")
    listed = set(re.findall(r"^\| `([\w.-]+\.yaml)` \|", page, re.MULTILINE))
    there = {file.name for file in (REPO / "scenarios" / folder).glob("*.yaml")}
    assert there
    assert there <= listed
    everything = {file.name for file in (REPO / "scenarios").rglob("*.yaml")}
    assert listed <= everything


def test_exit_codes_are_those_of_the_code() -> None:
    section = read(REPO / "README.md").partition("## Exit codes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert [int(code) for code, _ in rows] == sorted(errors.GRAVEST_FIRST)
    order = ", ".join(str(code) for code in errors.GRAVEST_FIRST if code != errors.HELD)
    assert f"A suite takes the gravest: {order}." in section
    assert section.strip() in read(REFERENCE)


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_somewhere(path) -> None:
    text = INLINE.sub("", FENCE.sub("", read(path)))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{named(path)}: {target}"
        assert not anchor or anchor in anchors(read(there)), f"{named(path)}: {target}"


def anchors(text: str) -> set[str]:
    """Return what a link may lead to: explicit anchors, and headings as GitHub turns them into ones."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r'<a id="([^"]+)"></a>', text))


def test_no_anchor_stands_twice() -> None:
    found = re.findall(r'<a id="([^"]+)"></a>', read(REFERENCE))
    assert len(found) == len(set(found))
