"""The cases of a scenario: rows in the file, in CSV and YAML files, and products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowrun import scenario
from flowrun.errors import FlowrunError

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """scenario: cases
inputs: {dp_id: {type: text, default: X, blank: allowed}, number: 1, words: [a]}
steps: [discover]
cases: %s
"""


def load(folder: Path, cases: str) -> scenario.Scenario:
    file = folder / "cases.yaml"
    file.write_text(SCENARIO % cases, "utf-8")
    return scenario.load(file)


def problem_of(folder: Path, cases: str) -> tuple[str, int, int]:
    with pytest.raises(FlowrunError) as caught:
        load(folder, cases)
    [problem] = caught.value.problems
    assert problem.at is not None
    return problem.code, problem.at.line, problem.at.column


def test_a_row_is_named_by_its_case_or_by_its_values(tmp_path):
    rows = load(tmp_path, "[{case: first, dp_id: A}, {dp_id: '', number: 2}]").cases
    assert [row.title() for row in rows] == ["first", "dp_id=blank, number=2"]
    assert rows[0].values == {"dp_id": "A"}


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_csv_file_gives_a_row_a_line(tmp_path, between):
    lines = [["case", "dp_id", "number"], ["first", "A", "2"], [], ["second", "", "3"]]
    (tmp_path / "rows.csv").write_text("\ufeff" + "\r\n".join(between.join(line) for line in lines), "utf-8")
    rows = load(tmp_path, "{file: rows.csv}").cases
    assert [(row.name, dict(row.values)) for row in rows] == [
        ("first", {"dp_id": "A", "number": "2"}),
        ("second", {"dp_id": "", "number": "3"}),
    ]
    assert rows[1].spans["dp_id"].line == 4
    assert all(row.text for row in rows)


def test_a_yaml_file_keeps_its_types_and_places(tmp_path):
    (tmp_path / "rows.yaml").write_text("- {case: one, number: 5}\n- number: 6\n", "utf-8")
    rows = load(tmp_path, "{file: rows.yaml}").cases
    assert [dict(row.values) for row in rows] == [{"number": 5}, {"number": 6}]
    assert (rows[1].spans["number"].file.endswith("rows.yaml"), rows[1].spans["number"].line) == (True, 2)


def test_a_product_is_every_combination(tmp_path):
    rows = load(tmp_path, "{product: {dp_id: [A, B], number: [1, 2, 3]}}").cases
    assert [tuple(row.values.values()) for row in rows] == [
        ("A", 1), ("A", 2), ("A", 3), ("B", 1), ("B", 2), ("B", 3)
    ]  # fmt: skip
    assert rows[0].title() == "dp_id=A, number=1"


def test_a_product_that_explodes_is_refused(tmp_path):
    many = "[" + ", ".join(str(n) for n in range(101)) + "]"
    assert problem_of(tmp_path, f"{{product: {{dp_id: {many}, number: {many}}}}}") == ("too-many-cases", 4, 9)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rows.csv", None, ("file-missing", 4, 15)),
        ("rows.csv", "a,b\n1,2,3\n", ("wrong-row", 2, 1)),
        ("rows.yaml", "a: 1\n", ("wrong-value", 1, 1)),
        ("../rows.csv", None, ("file-outside", 4, 15)),
    ],
)
def test_a_file_that_is_no_table_is_told_where(tmp_path, name, text, expected):
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    assert problem_of(tmp_path, f"{{file: {name}}}") == expected


def test_a_file_that_is_no_text_is_told_at_its_name(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"a\n\xff\xfe\n")
    assert problem_of(tmp_path, "{file: rows.csv}") == ("file-unreadable", 4, 15)


def test_files_of_the_folder_with_the_environments_may_be_used_from_below(tmp_path):
    (tmp_path / "environments").mkdir()
    (tmp_path / "rows.csv").write_text("dp_id\nA\n", "utf-8")
    below = tmp_path / "smoke"
    below.mkdir()
    assert len(load(below, "{file: ../rows.csv}").cases) == 1
