"""Times two commands in turn, as whole processes: A B A B …, and compares them pair by pair.

A machine that is busy or changes its speed slows both halves of a pair, so ratios hold where times do not. Wall time is
what a person waits for; CPU time (user and system, children included) says the same with less noise.

Both may keep Python's bytecode, in a folder of their own, as an installed program does: a shell with
PYTHONDONTWRITEBYTECODE would make every run of an editable install compile the sources again.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Run:
    """One finished process: seconds that passed, seconds of CPU."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Comparison:
    """A against B: medians of both in seconds, and the median, least and greatest ratio A/B of all pairs."""

    name: str
    a: str
    b: str
    pairs: int
    a_wall: float
    b_wall: float
    wall_ratio: float
    wall_ratios: tuple[float, float]
    a_cpu: float
    b_cpu: float
    cpu_ratio: float
    cpu_ratios: tuple[float, float]
    at_most: float

    @property
    def held(self) -> bool:
        """Say whether the ratio is what was promised."""
        return self.wall_ratio <= self.at_most

    def __str__(self) -> str:
        """Draw it as a few lines."""
        word = "held" if self.held else "NOT HELD"
        return (
            f"{self.name}: {self.a} ÷ {self.b}, {self.pairs} pairs\n"
            f"  wall {self.wall_ratio:.2f} ({self.wall_ratios[0]:.2f} to {self.wall_ratios[1]:.2f})"
            f"  {self.a_wall * 1000:.0f} ms ÷ {self.b_wall * 1000:.0f} ms\n"
            f"  CPU  {self.cpu_ratio:.2f} ({self.cpu_ratios[0]:.2f} to {self.cpu_ratios[1]:.2f})"
            f"  {self.a_cpu * 1000:.0f} ms ÷ {self.b_cpu * 1000:.0f} ms\n"
            f"  at most {self.at_most}: {word}"
        )


def run(command: Sequence[str], folder: Path, says: str = "", more: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end in a folder; it must succeed, and print `says`. `more` is added to its environment."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= more or {}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    before = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - before
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or says not in output:
        sys.exit(f"{' '.join(command)} ended with {process.returncode} and said:\n{output}")
    return Run(wall, usage.ru_utime + usage.ru_stime)


def compare(
    name: str,
    a: tuple[str, Sequence[str], str],
    b: tuple[str, Sequence[str], str],
    *,
    folder: Path,
    at_most: float,
    pairs: int = 15,
) -> Comparison:
    """Run A and B in turn, once each unmeasured; both are a name, a command and what its output must contain."""
    run(a[1], folder, a[2])
    run(b[1], folder, b[2])
    measured = [(run(a[1], folder, a[2]), run(b[1], folder, b[2])) for _ in range(pairs)]
    return compared(name, a[0], b[0], measured, at_most=at_most)


def compared(name: str, a: str, b: str, measured: Sequence[tuple[Run, Run]], *, at_most: float) -> Comparison:
    """Compare runs of A and B pair by pair."""
    wall = [one.wall / other.wall for one, other in measured]
    cpu = [one.cpu / other.cpu for one, other in measured]
    return Comparison(
        name=name,
        a=a,
        b=b,
        pairs=len(measured),
        a_wall=median(one.wall for one, _ in measured),
        b_wall=median(other.wall for _, other in measured),
        wall_ratio=median(wall),
        wall_ratios=(min(wall), max(wall)),
        a_cpu=median(one.cpu for one, _ in measured),
        b_cpu=median(other.cpu for _, other in measured),
        cpu_ratio=median(cpu),
        cpu_ratios=(min(cpu), max(cpu)),
        at_most=at_most,
    )


def machine(*packages: str) -> dict[str, Any]:
    """Describe what it was measured on, without any path of it."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {package: version(package) for package in packages},
        "load_before": round(os.getloadavg()[0], 1),
    }


def _lines(file: str) -> list[str]:
    path = Path(file)
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def keep(
    name: str, where: dict[str, Any], comparisons: Sequence[Comparison], tables: Sequence[Mapping[str, object]] = ()
) -> None:
    """Write the results beside the others, as JSON; `tables` are what is told besides the promises."""
    data = {"machine": where, "comparisons": [{**asdict(one), "held": one.held} for one in comparisons]}
    if tables:
        data["tables"] = list(tables)
    rounded = json.loads(json.dumps(data), parse_float=lambda text: round(float(text), 4))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")


def keep_values(name: str, where: dict[str, Any], values: dict[str, float]) -> None:
    """Write single values beside the others, as JSON."""
    RESULTS.mkdir(exist_ok=True)
    data = {"machine": where, "values": {what: round(value, 1) for what, value in values.items()}}
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=2) + "\n", "utf-8")
