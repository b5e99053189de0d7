"""What a start costs: one request with three assertions, the whole process, beside httpx by hand and other tools.

python benchmarks/start.py [ROUNDS]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from contestants import CONTESTANTS
from contestants.race import FLOOR, OURS, Race, race
from pairing import Comparison, keep, machine

from loopback import serving


def main() -> None:
    """Measure, print and keep."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    where = machine("flowrun-oauth", "httpx", "click", "pyyaml")
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        plain = race("One request over http", Path(name) / "http", server.http, rounds=rounds)
        secure = race("One request over https", Path(name) / "https", server.https, ca=server.authority, rounds=rounds)
    comparisons = [*judged(plain, 1.0), *judged(secure, 1.2)]
    print(plain, secure, *comparisons, sep="\n\n")
    keep("start", where, comparisons, [plain.table, secure.table])
    if not all(one.held for one in comparisons):
        sys.exit(1)


def judged(run: Race, at_most: float) -> list[Comparison]:
    """Compare flowrun with the floor, and with every tool in Python or on Node, which it must be ahead of."""
    peers = [one.name for one in CONTESTANTS if one.of in {"Python", "Node"} and not one.name.startswith((FLOOR, OURS))]
    return [run.against(OURS, FLOOR, at_most), *(run.against(OURS, name, 1.0) for name in peers if name in run.runs)]


if __name__ == "__main__":
    main()
