"""The refusal pack: each row holds on the healthy sandbox, and is red with its own fault, under its own id."""

from __future__ import annotations

import csv
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.pack.playing import GOODS, REPO, applying, derived, play, rows

from flowrun import scenario as scenarios
from flowrun.hardening import OPT_IN
from flowrun.hardening import rows as files
from flowrun.report.clauses import link
from flowrun.sandbox.faults import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.sandbox]
FILES = {file.stem: file for file in files()}
WRITTEN: dict[str, dict[str, Any]] = {name: yaml.safe_load(file.read_text("utf-8")) for name, file in FILES.items()}
MATRIX = REPO / "docs" / "matrix.csv"
SAMPLE = 100
RED = {"must": "red", "should": "warned", "info": "noted"}


def level(name: str) -> str:
    plan = applying(rows()[name])[name]
    assert plan.scenario.proves is not None
    return plan.scenario.proves.level_in(plan.environment.profile.family)


def test_a_row_is_named_like_its_file_and_says_what_it_is_for() -> None:
    assert {name for name, row in WRITTEN.items() if row["id"] != name} == set()
    assert {name for name, row in WRITTEN.items() if "pack" not in row["tags"]} == set()
    assert {name for name, row in WRITTEN.items() if FILES[name].parent.name not in row["tags"]} == set()
    assert len({row["scenario"] for row in WRITTEN.values()}) == len(WRITTEN)
    assert len(WRITTEN) > 100


@pytest.mark.parametrize("name", FILES)
def test_a_row_has_a_clause_that_can_be_read_and_a_fault_that_there_is(name: str) -> None:
    proves = WRITTEN[name]["proves"]

    assert link(proves["clause"])
    assert "§" in proves["clause"]
    assert proves["fault"] in FAULTS


def test_every_row_applies_somewhere() -> None:
    assert set(FILES) - set(rows()) == set()


@pytest.mark.parametrize("number", range(len(GOODS)), ids=[good.stem for good, _ in GOODS])
def test_every_row_holds_on_the_healthy_sandbox(number: int) -> None:
    came = play(applying(number).values())

    fine = {"passed", "not applicable"}  # what a row needs, the metadata may lack; somewhere each one applies
    assert {name: (one.mark, one.told) for name, one in came.items() if one.mark not in fine} == {}
    assert set(came) == set(applying(number))


@pytest.mark.parametrize("name", FILES)
def test_a_row_is_red_with_its_own_fault(name: str) -> None:
    plan = applying(rows()[name])[name]
    wanted = level(name)

    came = play([plan], WRITTEN[name]["proves"]["fault"])[name]

    assert came.mark == RED[wanted], came.told
    assert came.codes == ([] if wanted == "info" else [name] * len(came.codes))
    assert came.status == ("failed" if wanted == "must" else "passed")


def matrix() -> dict[tuple[str, str], str]:
    """Return what `make matrix` has found: (row, fault) and the word."""
    with MATRIX.open(encoding="utf-8", newline="") as file:
        faults, *lines = csv.reader(file)
    return {(line[0], fault): word for line in lines for fault, word in zip(faults[1:], line[1:], strict=True)}


def sample() -> list[tuple[str, str]]:
    own = {(name, row["proves"]["fault"]) for name, row in WRITTEN.items()}
    pairs = sorted((name, fault) for name in WRITTEN for fault in {one for _, one in own} if (name, fault) not in own)
    return sorted(random.Random(7).sample(pairs, SAMPLE))


@pytest.mark.parametrize(("name", "fault"), sample())
def test_a_row_does_with_the_fault_of_another_what_the_matrix_says(name: str, fault: str) -> None:
    came = play([applying(rows()[name])[name]], fault)[name]

    assert came.mark == matrix()[name, fault], came.told


def test_the_matrix_has_every_row_and_every_fault() -> None:
    kept = matrix()

    assert {name for name, _ in kept} == set(FILES)
    assert {fault for _, fault in kept} == {row["proves"]["fault"] for row in WRITTEN.values()}


def test_what_is_left_out_in_the_sandbox_is_left_out_for_a_reason() -> None:
    made, left_out = derived(REPO / "scenarios" / "par_dp.yaml", REPO / "scenarios" / "environments" / "sandbox.yaml")

    allowed = re.compile(r"needs \w|the profile ofm does not ask for it|only when asked for|this does not apply")
    assert {one.row.id: one.reason for one in left_out if not allowed.match(one.reason)} == {}
    assert len(made) > 80
    assert {plan.scenario.id for plan in made if OPT_IN in plan.scenario.tags}


@pytest.mark.parametrize("name", FILES)
def test_a_row_alone_is_a_scenario(name: str) -> None:
    assert scenarios.load(FILES[name]).proves is not None


def test_rows_are_no_part_of_the_folder_around_them(repo: Path) -> None:
    found = scenarios.find([repo / "scenarios"])

    assert not {path for path in found if "pack" in path.parts}
    assert len(scenarios.find([repo / "scenarios" / "pack"])) == len(FILES)
