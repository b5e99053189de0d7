"""What a suite costs: 250 files of four requests each, one after the other, beside httpx by hand and other tools.

python benchmarks/chain.py [ROUNDS [FILES]]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from contestants import CONTESTANTS
from contestants.race import FLOOR, OURS, Race, race
from pairing import Comparison, keep, machine

from loopback import serving

FASTER = 3.5  # times, than every tool in Python or on Node
HURL, HURL_TLS = 3.0, 1.6


def main() -> None:
    """Measure, print and keep."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    files = int(sys.argv[2]) if len(sys.argv) > 2 else 250  # noqa: PLR2004  the second argument
    where = machine("flowrun-oauth", "httpx", "click", "pyyaml")
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        title, folder, trust = f"{files} files of four requests", Path(name), server.authority
        plain = race(f"{title} over http", folder / "http", server.http, files=files, rounds=rounds)
        secure = race(f"{title} over https", folder / "https", server.https, ca=trust, files=files, rounds=rounds)
    comparisons = [*judged(plain, HURL), *judged(secure, HURL_TLS)]
    print(plain, secure, *comparisons, sep="\n\n")
    keep("chain", where, comparisons, [plain.table, secure.table])
    if not all(one.held for one in comparisons):
        sys.exit(1)


def judged(run: Race, hurl: float) -> list[Comparison]:
    """Compare flowrun with the floor, with Hurl, and with every tool in Python or on Node."""
    limits = {FLOOR: 1.25, "Hurl": hurl}
    for one in CONTESTANTS:
        if one.of in {"Python", "Node"} and not one.name.startswith((FLOOR, OURS)):
            limits[one.name] = 1 / FASTER
    return [run.against(OURS, name, limit) for name, limit in limits.items() if name in run.runs]


if __name__ == "__main__":
    main()
