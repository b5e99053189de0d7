"""Every recipe of docs/cookbook.md runs as it stands, in the sandbox or in the environment that it brings."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

import flowrun.embedded
from flowrun.matchers import MATCHERS
from flowrun.sandbox import Settings
from flowrun.sandbox.settings import Lifetimes

PAGE = Path(__file__).parents[2] / "docs" / "cookbook.md"
BLOCK = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^(?P<more>In )?`(?P<name>[\w./-]+)`:?$", re.MULTILINE)
PEER = "http://127.0.0.1:9400"
PEER_SECRET = "a-secret-for-tests-only-0123456789abcdef"


@dataclass
class Recipe:
    """One section: its files, what it adds to an environment, its command, and lines that the run says."""

    title: str
    slug: str
    text: str
    files: dict[str, str] = field(default_factory=dict)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    says: list[str] = field(default_factory=list)

    @property
    def browses(self) -> bool:
        return any("browse" in text for text in self.files.values())

    @property
    def peer(self) -> bool:
        return any("environment: plain" in text for text in self.files.values())


def slug_of(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def read() -> list[Recipe]:
    sections = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [recipe(title, text) for title, text in zip(sections[::2], sections[1::2], strict=True)]


def recipe(title: str, text: str) -> Recipe:
    made = Recipe(title, slug_of(title), text)
    end = 0
    for block in BLOCK.finditer(text):
        last = text[end : block.start()].rstrip().rpartition("\n")[2]
        named, end = NAME.fullmatch(last), block.end()
        match block["language"]:
            case "sh":
                made.arguments += shlex.split(block["text"])[1:]
            case "text":
                made.says += block["text"].splitlines()
            case _ if named and named["more"]:
                made.changes[named["name"]] = yaml.safe_load(block["text"])
            case _:
                name = named["name"] if named else f"{made.slug}.yaml"
                assert name not in made.files, f"{title}: two blocks for {name}"
                made.files[name] = block["text"]
    made.arguments = made.arguments or [f"{made.slug}.yaml"]
    return made


RECIPES = read()


def merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return new


@pytest.fixture
def folder(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of scenarios, with the environment and the keys of the sandbox."""
    shutil.copytree(repo / "keys.example", tmp_path / "keys.example")
    scenarios = tmp_path / "scenarios"
    shutil.copytree(repo / "scenarios" / "environments", scenarios / "environments")
    monkeypatch.chdir(scenarios)
    return scenarios


@pytest.fixture
def write(folder: Path):
    def write(one: Recipe) -> None:
        for name, text in one.files.items():
            (folder / name).write_text(text, "utf-8")
        for name, change in one.changes.items():
            file = folder / name
            changed = merged(yaml.safe_load(file.read_text("utf-8")), change)
            file.write_text(yaml.safe_dump(changed, sort_keys=False), "utf-8")

    return write


def marked(recipes: list[Recipe]) -> list[Any]:
    return [
        pytest.param(
            one,
            id=one.slug,
            marks=[
                pytest.mark.peer if one.peer else pytest.mark.sandbox,
                *([pytest.mark.browser] if one.browses else []),
            ],
        )
        for one in recipes
    ]


@pytest.mark.parametrize("one", marked(RECIPES))
def test_the_recipe_runs(one, write, folder, flowrun_run, monkeypatch, request) -> None:
    write(one)
    if one.peer:
        # The environment stands once, with the first recipe that needs it.
        [file] = [
            other.files["environments/plain.yaml"] for other in RECIPES if "environments/plain.yaml" in other.files
        ]
        text = file.replace(PEER, request.getfixturevalue("oidc_provider")("plain"))
        (folder / "environments" / "plain.yaml").write_text(text, "utf-8")
        monkeypatch.setenv("PLAIN_SECRET", PEER_SECRET)
        monkeypatch.setenv("PLAIN_PASSWORD", "any password will do")
    if "push.expires_at" in one.text:
        # Nobody waits 90 s for this.
        monkeypatch.setattr(flowrun.embedded, "Settings", partial(Settings, lifetimes=Lifetimes(request_uri=1)))
    ran = flowrun_run(*one.arguments)
    assert ran.code == 0, ran.told
    # oidc-provider's own pages may be framed by any site; that is its matter.
    assert set(ran.codes) <= {"page.headers"}, ran.told
    assert {scenario["status"] for scenario in ran.report["scenarios"]} == {"passed"}
    for line in one.says:
        assert line in ran.told
    wanted = yaml.safe_load(one.files[one.arguments[0]])
    assert ("refused as expected" in ran.out) is ("outcome" in wanted)


def test_there_is_a_recipe_of_each_kind() -> None:
    assert len(RECIPES) >= 30
    written = [yaml.safe_load(text) for one in RECIPES for name, text in one.files.items() if name.endswith(".yaml")]
    steps = [step for file in written for step in [*file.get("steps", ()), *file.get("after", ())]]
    kinds = {word for step in steps for word in ([step] if isinstance(step, str) else step)}
    assert {
        "discover", "set", "sign", "push", "browse", "exchange", "userinfo", "introspect", "revoke", "wait", "use",
        "as", "flow", "when", "retry", "save", "expect", "name",
    } <= kinds  # fmt: skip
    assert {key for file in written for key in file} >= {"cases", "inputs", "needs", "outcome", "after", "environment"}


def test_the_list_at_the_top_names_every_recipe_in_order() -> None:
    top = PAGE.read_text("utf-8").partition("\n## ")[0]
    assert re.findall(r"\]\(#([\w-]+)\)", top) == [one.slug for one in RECIPES]


def test_the_recipe_of_matchers_has_all_of_them() -> None:
    [text] = [one.text for one in RECIPES if one.title == "Every matcher"]
    assert [name for name in MATCHERS if not re.search(rf"[{{ ]{name}:", text)] == []


@pytest.mark.sandbox
def test_without_the_second_client_its_recipe_is_not_applicable(folder, flowrun_run) -> None:
    [one] = [one for one in RECIPES if one.title == "A second client"]
    environment = folder / "environments" / "sandbox.yaml"
    written = yaml.safe_load(environment.read_text("utf-8"))
    del written["clients"]["second"]
    environment.write_text(yaml.safe_dump(written), "utf-8")
    (folder / "second.yaml").write_text(one.files[f"{one.slug}.yaml"], "utf-8")
    ran = flowrun_run("second.yaml")
    assert (ran.code, ran.scenario["status"], ran.codes) == (1, "not applicable", [])
    (folder / "second.yaml").write_text(one.files[f"{one.slug}.yaml"].replace("needs: [second_client]\n", ""), "utf-8")
    assert "the environment 'sandbox' has no client 'second'" in flowrun_run("second.yaml").err
