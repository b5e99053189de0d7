"""Write official-plan.md: the modules of the OpenID conformance suite beside the rows of our refusal pack.

`make docs` runs it; `tests/pack/test_official_plan.py` fails when the page is not what this would write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from flowrun import document, rows

FOLDER: Final = Path(__file__).parent
SOURCE: Final = FOLDER / "official_modules.yaml"
PAGE: Final = FOLDER / "official-plan.md"
_OTHER_PLAN: Final = "oidcc-"
_HEAD: Final = """\
<!-- Written by docs/make_official_plan.py from official_modules.yaml and scenarios/pack; do not edit. -->

# Our rows beside the official plan

The OpenID Foundation's conformance suite is what certifies a server, and flowrun does not replace it. This page tells
which of its modules the [refusal pack](hardening.md) has rows for, so that what passes here seldom fails there. Of the
suite's plan for authorization servers, FAPI 2.0 Message Signing (final), {modules} modules are known to us by name;
{covered} have a row, {left} have none. {signing} of them are about signed requests; the plan of the Security Profile
leaves those out. A release of the suite may have one or two more.

What is different:

- Where the suite asks a person to upload a picture of an error page, a row decides by itself: by an OAuth error, by a
  page that the environment says `means: refused`, by the status of the document.
- A row tries one thing. A module often tries several, so some modules have many rows.
- The suite is stricter about what surrounds the one thing: its conditions look at every answer of every module. Here
  the automatic checks look at the good scenario, and a row looks at its own rule alone.
- The suite brings its own resource server's calls and its own clients; a row uses yours, and is left out where one is
  missing.
"""


def written() -> dict[str, dict[str, Any]]:
    """Return the rows of the pack as written, by their ids."""
    return {file.stem: document.read(file).data for file in sorted(rows.folder().rglob("*.yaml"))}


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    groups: dict[str, list[dict[str, Any]]] = document.read(SOURCE).data
    all_rows = written()
    ours = defaultdict(list)
    for name, row in all_rows.items():
        ours[row["proves"].get("module", "")].append(name)
    modules = [one for group in groups.values() for one in group]
    covered = sum(one["module"] in ours for one in modules)
    yield _HEAD.format(
        modules=len(modules),
        covered=covered,
        left=len(modules) - covered,
        signing=sum("signing" in one for one in modules),
    )
    for title, group in groups.items():
        yield f"## {title[0].upper()}{title[1:]}\n"
        yield "| module | rows |\n| --- | --- |"
        for one in group:
            sign = " (signing)" if "signing" in one else ""
            found = ", ".join(f"`{name}`" for name in ours[one["module"]]) or one["without"]
            yield f"| `{one['module']}`{sign} | {found} |"
        yield ""
    yield "## Of the plan for OpenID Connect\n"
    yield "| module | rows |\n| --- | --- |"
    for module, names in sorted(ours.items()):
        if module.startswith(_OTHER_PLAN):
            yield f"| `{module}` | {', '.join(f'`{name}`' for name in names)} |"
    yield "\n## Rows that the suite has no module for\n"
    yield "| row | what it tries | clause |\n| --- | --- | --- |"
    for name in ours[""]:
        yield f"| `{name}` | {all_rows[name]['scenario']} | {all_rows[name]['proves']['clause']} |"


def main() -> None:
    """Write it."""
    PAGE.write_text("\n".join(page()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
