"""Every check holding, complaining and with nothing to judge: the tables are in rows/, one for each module of checks.

A row has a check's id, what differs from an empty case (`conftest.around`), and what the check says: None where it
holds, its complaint, or `skipped: …`. `ALWAYS` in a table names checks that can always be judged.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from flowrun import checks

NAMES = sorted(file.stem for file in (Path(__file__).parent / "rows").glob("[a-z]*.py"))
TABLES = {name: import_module(f".rows.{name}", __package__) for name in NAMES}


@pytest.mark.parametrize(("check_id", "differs", "said"), [row for name in NAMES for row in TABLES[name].ROWS])
def test_what_the_check_says(judge, check_id, differs, said):
    assert judge(check_id, **differs) == said


@pytest.mark.parametrize("name", NAMES)
def test_the_table_covers_every_check_holding_failing_and_with_nothing_to_judge(name):
    table = TABLES[name]
    ids = {check.id for check in import_module(f"flowrun.checks.{name}").CHECKS}
    assert {row[0] for row in table.ROWS if row[2] is None} == ids
    assert {row[0] for row in table.ROWS if row[2] and not row[2].startswith("skipped:")} == ids
    assert {row[0] for row in table.ROWS if row[2] and row[2].startswith("skipped:")} == ids - table.ALWAYS


def test_each_module_of_checks_has_its_table():
    modules = {check.judge.__module__.rpartition(".")[2] for check in checks.CHECKS}
    assert modules <= set(NAMES)
