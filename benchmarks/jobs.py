"""What `--jobs 2` brings on two cores: 2,000 files of four requests, one after the other and side by side.

python benchmarks/jobs.py [PAIRS]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from contestants.common import Work
from contestants.python import FLOWRUN, flowrun_chain
from pairing import compare, keep, machine

from loopback import serving

FILES = 2000


def main() -> None:
    """Measure, print and keep."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    where = machine("flowrun-oauth")
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        command = [*flowrun_chain(Work(Path(name), server.http, files=FILES), FLOWRUN)]
        comparison = compare(
            f"{FILES} files of four requests",
            ("flowrun --jobs 2", [*command, "--jobs", "2"], f"{FILES} passed"),
            ("flowrun --jobs 1", command, f"{FILES} passed"),
            folder=Path(name),
            at_most=1 / 1.6,
            pairs=pairs,
        )
    print(comparison)
    keep("jobs", where, [comparison])
    if where["cores"] > 1 and not comparison.held:
        sys.exit("the promise was not held")


if __name__ == "__main__":
    main()
