"""What is installed is what is in the repository: packages, data files, the command."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from setuptools import find_packages

if TYPE_CHECKING:
    from pathlib import Path

CODE = {".py", ".pyc"}
MACHINE_PATH = re.compile(rb"(?<![\w.~}-])/(?:work|root|home/\w+)/\w[^\s\"'<>`]*")


@pytest.fixture(scope="module")
def settings(repo: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(repo / "setup.cfg", "utf-8")
    return parser


@pytest.fixture(scope="module")
def tracked(repo: Path) -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repo,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [repo / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


@pytest.fixture(scope="module")
def wheel(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel, built from a copy so that nothing that an earlier build left behind gets in."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in ("runner", "schemas", "scenarios/pack"):
        shutil.copytree(
            repo / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", ".*cache")
        )
    for file in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repo / file, copy)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", out, copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    [file] = out.glob("*.whl")
    return zipfile.ZipFile(file)


def data_files(repo: Path) -> set[str]:
    """What lies beside the code, by the name it must have once installed."""
    places = {repo / "runner": "", repo / "schemas": "flowrun/schemas/", repo / "scenarios" / "pack": "flowrun/pack/"}
    return {
        prefix + file.relative_to(folder).as_posix()
        for folder, prefix in places.items()
        for file in folder.rglob("*")
        if file.is_file()
        and file.suffix not in CODE | {".md"}
        and not any(part.endswith(".egg-info") or part.startswith(".") for part in file.relative_to(folder).parts)
    }


def test_every_package_is_listed(repo: Path, settings: configparser.ConfigParser) -> None:
    found = {*find_packages(str(repo / "runner")), "flowrun.pack", "flowrun.schemas"}

    listed = settings["options"]["packages"].split()

    assert set(listed) == found
    assert listed == sorted(listed)


@pytest.mark.slow
def test_the_wheel_has_every_module_and_data_file(repo: Path, wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    code = {file.relative_to(repo / "runner").as_posix() for file in (repo / "runner").rglob("*.py")}

    assert (code | data_files(repo) | {"flowrun/pack/__init__.py", "flowrun/schemas/__init__.py"}) - names == set()
    assert "flowrun/py.typed" in names


@pytest.mark.slow
def test_the_wheel_has_nothing_else(wheel: zipfile.ZipFile) -> None:
    strange = [name for name in wheel.namelist() if not re.match(r"flowrun/|flowrun_oauth-[\d.a-z]+\.dist-info/", name)]

    assert strange == []


@pytest.mark.slow
def test_the_wheel_has_the_command_and_the_license(repo: Path, wheel: zipfile.ZipFile) -> None:
    texts = {name.rpartition("/")[2]: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name}

    assert "flowrun = flowrun.cli:main" in texts["entry_points.txt"]
    assert texts["LICENSE"] == (repo / "LICENSE").read_text("utf-8")
    assert "Provides-Extra: sandbox" in texts["METADATA"]


def test_a_run_needs_none_of_the_sandbox_libraries(settings: configparser.ConfigParser) -> None:
    extra = {re.split(r"\W", line)[0].lower() for line in settings["options.extras_require"]["sandbox"].split()}
    always = {re.split(r"[^\w-]", line)[0].lower() for line in settings["options"]["install_requires"].split()}

    assert extra == {"authlib", "flask", "joserfc"}
    assert always & extra == set()


def test_no_file_names_a_place_on_a_machine(repo: Path, tracked: list[Path]) -> None:
    found = {
        f"{file.relative_to(repo)}: {match.decode()}"
        for file in tracked
        for match in MACHINE_PATH.findall(file.read_bytes())
    }

    assert found == set()


def test_locked_peers_name_no_registry(tracked: list[Path]) -> None:
    locks = [file for file in tracked if file.name == "package-lock.json"]

    assert locks
    assert [file for file in locks if '"resolved"' in file.read_text("utf-8")] == []
