"""How much memory a suite takes at most: 200 and 2,000 files of four requests with JSON and JUnit reports, and 250.

python benchmarks/memory.py [ROUNDS]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from contestants.common import Work
from contestants.python import FLOWRUN, flowrun_chain
from pairing import keep_values, machine

from loopback import serving

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL, LARGE, USUAL = 200, 2000, 250
GROWTH = 10.0  # KiB for each further scenario, at most
PEAK = 60.0  # MiB for the usual suite, at most


def peak(command: Sequence[str], folder: Path, says: str) -> int:
    """Run a command to its end; return the most memory that it had, in KiB."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or says not in output:
        sys.exit(f"{' '.join(command)} ended with {process.returncode} and said:\n{output}")
    return usage.ru_maxrss


def measure(files: int, url: str, rounds: int) -> float:
    """Return the median of the peaks of a suite of so many files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [*flowrun_chain(Work(folder, url, files=files), FLOWRUN)]
        command += ["--report", "json=run.json", "--report", "junit=run.xml"]
        return median(peak(command, folder, f"{files} passed") for _ in range(rounds))


def main() -> None:
    """Measure, print and keep."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    where = machine("flowrun-oauth")
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        small, usual, large = (measure(files, server.http, rounds) for files in (SMALL, USUAL, LARGE))
    growth, mebibytes = (large - small) / (LARGE - SMALL), usual / 1024
    values = {
        f"peak of {SMALL} scenarios, MiB": small / 1024,
        f"peak of {USUAL} scenarios, MiB": mebibytes,
        f"peak of {LARGE} scenarios, MiB": large / 1024,
        "growth for each further scenario, KiB": growth,
    }
    for name, value in values.items():
        print(f"{name}: {value:.1f}")
    keep_values("memory", where, values)
    if growth >= GROWTH or mebibytes > PEAK:
        sys.exit(f"the promise was not held: less than {GROWTH:g} KiB each, at most {PEAK:g} MiB")


if __name__ == "__main__":
    main()
