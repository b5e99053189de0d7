"""Play every row of the pack against every fault and write docs/matrix.csv: `make matrix`, some minutes.

Each row is played in the environment that the tests play it in; a fault means a sandbox of its own.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from os import sched_getaffinity
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.pack.playing import REPO, applying, play, rows

AT_ONCE = 3  # columns per core: most of a column's time is waiting for something to expire


def faults() -> list[str]:
    """Return the faults of the rows."""
    plans = [applying(number)[name] for name, number in rows().items()]
    return sorted({plan.scenario.proves.fault for plan in plans if plan.scenario.proves is not None})


def column(fault: str) -> dict[str, str]:
    """Return what comes of each row with this fault."""
    groups: dict[int, list[str]] = defaultdict(list)
    for name, number in rows().items():
        groups[number].append(name)
    marks: dict[str, str] = {}
    for number, names in groups.items():
        came = play((applying(number)[name] for name in names), fault)
        marks |= {name: came[name].mark for name in names}
    return marks


def main() -> None:
    """Write the table, a row a line."""
    wanted = faults()
    with ProcessPoolExecutor(AT_ONCE * len(sched_getaffinity(0))) as pool:
        columns = dict(zip(wanted, pool.map(column, wanted), strict=True))
    with (REPO / "docs" / "matrix.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", *wanted])
        writer.writerows([name, *(columns[fault][name] for fault in wanted)] for name in sorted(rows()))


if __name__ == "__main__":
    main()
