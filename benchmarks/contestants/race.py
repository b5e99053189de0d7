"""Tools side by side: in each round every one runs, those near the floor three times, and is compared within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pairing import Comparison, Run, compared, run

from contestants import CONTESTANTS, Contestant, Work

if TYPE_CHECKING:
    from pathlib import Path

FLOOR, OURS = "httpx, by hand", "flowrun"
SLOWER = 6  # times as long as the floor; a tool that takes longer runs once
NEAR, OFTEN = 2, 3  # times as long as the floor; of what is nearer a single round says too little


@dataclass(frozen=True)
class Race:
    """What each tool took, round by round; `absent` are not installed here, `broken` did not get through."""

    title: str
    runs: Mapping[str, Sequence[Run]]
    of: Mapping[str, str]
    absent: Sequence[str]
    broken: Mapping[str, str]

    def against(self, name: str, other: str, at_most: float) -> Comparison:
        """Compare two of them pair by pair."""
        return compared(self.title, name, other, self.pairs(name, other), at_most=at_most)

    def pairs(self, name: str, other: str) -> list[tuple[Run, Run]]:
        """Return the runs of two of them round by round; of one that ran more often the median of each round."""
        one, two = self.runs[name], self.runs[other]
        few = min(len(one), len(two))
        return list(zip(_medians(one, few), _medians(two, few), strict=True))

    @property
    def table(self) -> dict[str, object]:
        """What each took at the median, in seconds, for the kept results."""
        taken = {
            name: {
                "wall": median(one.wall for one in runs),
                "cpu": median(one.cpu for one in runs),
                "rounds": len(runs),
            }
            for name, runs in self.runs.items()
        }
        return {"name": self.title, "took": taken, "absent": list(self.absent), "broken": dict(self.broken)}

    def __str__(self) -> str:
        """Draw the table, the quickest first."""
        lines = [f"{self.title}", f"  {'':24} {'':7} {'wall':>9} {'÷ httpx':>8} {'CPU':>9} {'÷ httpx':>8}  rounds"]
        for name in sorted(self.runs, key=lambda one: median(each.wall for each in self.runs[one])):
            runs, pairs = self.runs[name], self.pairs(name, FLOOR)
            wall = median(one.wall / other.wall for one, other in pairs)
            cpu = median(one.cpu / other.cpu for one, other in pairs)
            walls, cpus = median(one.wall for one in runs) * 1000, median(one.cpu for one in runs) * 1000
            of = self.of[name]
            lines.append(f"  {name:24} {of:7} {walls:6.0f} ms {wall:8.2f} {cpus:6.0f} ms {cpu:8.2f}  {len(runs)}")
        lines += [f"  {name:24} is not installed here (benchmarks/peers/install)" for name in self.absent]
        lines += [f"  {name:24} did not get through: {why}" for name, why in self.broken.items()]
        return "\n".join(lines)


def _medians(runs: Sequence[Run], rounds: int) -> list[Run]:
    often = len(runs) // rounds
    parts = [runs[often * number : often * (number + 1)] for number in range(rounds)]
    return [sorted(part, key=lambda one: one.wall)[often // 2] for part in parts]


def race(title: str, folder: Path, base: str, *, ca: Path | None = None, files: int = 0, rounds: int = 5) -> Race:
    """Let every tool that is installed do the same work so many rounds; of no files it is the one request."""
    there = [one for one in CONTESTANTS if one.there]
    works = {one.name: Work(folder / one.name.replace(" ", "-"), base, ca, files) for one in there}
    commands = {one.name: one.command(works[one.name]) for one in there}
    runs: dict[str, list[Run]] = {}
    broken: dict[str, str] = {}

    def once(one: Contestant) -> Run | None:
        says = one.chain_says if files else one.one_says
        try:
            return run(commands[one.name], works[one.name].folder, says, one.environment(works[one.name]))
        except SystemExit as error:
            if one.name in {FLOOR, OURS}:
                raise
            last = str(error).strip().splitlines()
            broken[one.name] = last[-1].strip()[:80] if last else "it said nothing"
            return None

    warm = {one.name: once(one) for one in there}  # unmeasured, but for the slow
    floor = min(warm[FLOOR], once(next(one for one in there if one.name == FLOOR)), key=lambda one: one.wall)
    limit = SLOWER * floor.wall
    runs |= {name: [taken] for name, taken in warm.items() if taken is not None and taken.wall > limit}
    slow = set(runs)
    near = [
        one
        for one in there
        if one.name in {FLOOR, OURS} or ((taken := warm[one.name]) is not None and taken.wall < NEAR * floor.wall)
    ]
    far = [one for one in there if one not in near and one.name not in slow]
    for _ in range(rounds):
        for one in [*near * OFTEN, *far]:
            measured = None if one.name in broken else once(one)
            if measured is not None:
                runs.setdefault(one.name, []).append(measured)
    absent = [one.name for one in CONTESTANTS if not one.there]
    of = {one.name: one.of for one in there}
    return Race(title, {name: runs[name] for name in runs if name not in broken}, of, absent, broken)
