"""`--shard I/N`: one of several parts of a suite, which together are all of it, each scenario once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import click

from flowrun.errors import FlowrunError
from flowrun.events import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowrun.cli.last import Keyed

    Key = tuple[str, str, str]

T = TypeVar("T", bound="Keyed")
_RUNS: Final = 20  # whole runs that are looked at for how long scenarios take
_UNKNOWN: Final = 1.0  # seconds, of a scenario where nothing is known of any


def shard_of(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Return number and count; click calls it with what stands behind --shard."""
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise click.BadParameter("write the number of the part and how many there are, like 1/4")
    return int(found[1]), int(found[2])


def part_of(plans: Sequence[T], shard: tuple[int, int], base: Path) -> tuple[list[T], Shard]:
    """Return the plans of one part, in their order, and what the part is.

    Parts take equally long by what the runs kept below `base` say; parts of parts are not looked at. Every machine that
    has the same files and the same kept runs cuts alike: `Shard.cut` tells whether they did.
    """
    import hashlib  # noqa: PLC0415  most runs are whole
    import json  # noqa: PLC0415

    number, count = shard
    keys = [plan.key for plan in plans]
    seconds = _seconds(keys, base)
    load = [(0.0, 0)] * count  # what a part takes, and how many it has: equal times go to the one with fewer
    part: dict[int, int] = {}
    for place in sorted(range(len(keys)), key=lambda one: (-seconds[one], keys[one], one)):
        least = min(range(count), key=lambda one: (load[one], one))
        took, has = load[least]
        load[least], part[place] = (took + seconds[place], has + 1), least
    places = tuple(place for place in range(len(keys)) if part[place] == number - 1)
    cut = hashlib.sha256(json.dumps([count, [[*keys[place], part[place]] for place in range(len(keys))]]).encode())
    return [plans[place] for place in places], Shard(number, count, len(keys), cut.hexdigest()[:16], places)


def _seconds(keys: Sequence[Key], base: Path) -> list[float]:
    """Return how long each took when it last ran; the median where that is not known."""
    from flowrun.report.archive import Kept  # noqa: PLC0415  most runs ask for no history
    from flowrun.report.folder import kept  # noqa: PLC0415

    wanted = set(keys)
    known: dict[Key, float] = {}
    whole = 0
    for folder in kept(base):
        if whole == _RUNS or wanted <= known.keys():
            break
        try:
            run = Kept(folder)
        except FlowrunError:  # of another version: its times are no loss
            continue
        if run.shard is not None:
            continue
        whole += 1
        for scenario in run.scenarios():
            key = (scenario["file"], scenario["environment"], scenario["case"])
            if key in wanted and scenario["status"] in {"passed", "failed"}:
                known.setdefault(key, float(scenario["seconds"]))
    usual = sorted(known.values())[len(known) // 2] if known else _UNKNOWN
    return [known.get(key, usual) for key in keys]
