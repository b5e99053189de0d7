"""What `flowrun check` costs: a folder of 500 scenarios, and one file, beside the least that could be.

python benchmarks/check.py [PAIRS]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from pairing import compare, keep, machine

REPO = Path(__file__).parents[1]
FILES = 500
# Loads what the folder holds, and does nothing with it.
LOAD = """
import os, yaml
for name in sorted(os.listdir("scenarios")):
    if name.endswith(".yaml"):
        with open(f"scenarios/{name}", "rb") as file:
            yaml.load(file.read(), yaml.CSafeLoader)
"""


def make_folder(root: Path) -> Path:
    """Write 500 scenarios like ours, each with a sentence, an id and an input of its own; return one of them."""
    scenarios = root / "scenarios"
    shutil.copytree(REPO / "scenarios" / "environments", scenarios / "environments")
    shutil.copytree(REPO / "keys.example", root / "keys.example")
    ours = [file.read_text("utf-8") for file in sorted((REPO / "scenarios").glob("*.yaml"))]
    for number in range(FILES):
        text = ours[number % len(ours)].replace("\nscenario: ", f"\nid: number-{number}\nscenario: {number} ", 1)
        text = text.replace("DP9876543210", f"DP98765{number:05d}")
        (scenarios / f"{number:03d}.yaml").write_text(text, "utf-8")
    return scenarios / "000.yaml"


def main() -> None:
    """Measure, print and keep."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    python, flowrun = sys.executable, str(Path(sys.executable).with_name("flowrun"))
    where = machine("flowrun-oauth", "pyyaml", "jinja2", "click", "httpx")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        one = make_folder(root).relative_to(root)
        comparisons = [
            compare(
                f"a folder of {FILES} scenarios",
                ("flowrun check", [flowrun, "check", "scenarios"], f"{FILES} scenarios"),
                ("PyYAML's C loader", [python, "-c", LOAD], ""),
                folder=root,
                at_most=6.0,
                pairs=pairs,
            ),
            compare(
                "one file",
                ("flowrun check", [flowrun, "check", str(one)], "1 scenario"),
                ("import httpx", [python, "-c", "import httpx"], ""),
                folder=root,
                at_most=1.6,
                pairs=pairs,
            ),
        ]
    print(*comparisons, sep="\n\n")
    keep("check", where, comparisons)
    if not all(one.held for one in comparisons):
        sys.exit(1)


if __name__ == "__main__":
    main()
