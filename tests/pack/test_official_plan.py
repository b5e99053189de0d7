"""The page that compares our rows with the official plan is what the rows say."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import yaml

from flowrun import rows

if TYPE_CHECKING:
    from pathlib import Path


def known(repo: Path) -> dict[str, dict[str, object]]:
    groups = yaml.safe_load((repo / "docs" / "official_modules.yaml").read_text("utf-8"))
    return {one["module"]: one for group in groups.values() for one in group}


def of_rows() -> set[str]:
    written = [yaml.safe_load(file.read_text("utf-8")) for file in rows.folder().rglob("*.yaml")]
    return {row["proves"]["module"] for row in written if "module" in row["proves"]}


def test_the_page_is_what_the_generator_writes(repo: Path, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; sys.path.insert(0, 'docs'); import make_official_plan as made;"
        f"made.PAGE = pathlib.Path({str(tmp_path / 'page.md')!r}); made.main()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repo, check=True)

    assert (tmp_path / "page.md").read_text("utf-8") == (repo / "docs" / "official-plan.md").read_text("utf-8")


def test_a_row_names_a_module_that_there_is(repo: Path) -> None:
    assert {module for module in of_rows() if not module.startswith("oidcc-")} - set(known(repo)) == set()


def test_a_module_without_a_row_says_why(repo: Path) -> None:
    modules = known(repo)

    assert {name for name, one in modules.items() if "without" not in one} - of_rows() == set()
    assert {name for name, one in modules.items() if "without" in one} & of_rows() == set()
