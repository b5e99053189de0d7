"""The run as one HTML file that works offline: what happened, why, what to do now, and the evidence for it.

Everything that comes from a server or a file is text: Jinja escapes it, and the page's policy lets only our own script
run, known by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jinja2

from flowrun.installed import folder
from flowrun.report.clauses import link
from flowrun.report.record import FileReporter, Scenario
from flowrun.report.view import SIGNS, scenario_view

if TYPE_CHECKING:
    from pathlib import Path

    from flowrun.events import Judged

OPEN = 3  # scenarios that are shown open: the first that failed
ORDER = ("failed", "interrupted", "warned", "passed", "not applicable", "not run")


class HtmlReport(FileReporter):
    """Writes each scenario when it is over; the head of the page, which counts them, is put before them at the end."""

    def __init__(self, path: Path) -> None:
        """Open the temporary files now: a folder that can't be written to must cost no run."""
        super().__init__(path)
        self._body = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115  kept
        here = folder("flowrun.report")

        def read(name: str) -> str:
            return here.joinpath(name).read_text("utf-8")

        self._read = read
        self._templates = jinja2.Environment(
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            loader=jinja2.FunctionLoader(self._read),
        )
        self._one = self._templates.get_template("scenario.html.jinja")
        self._number = 0
        self._counts: Counter[str] = Counter()
        self._checks: Counter[str] = Counter()
        self._tags: set[str] = set()
        self._seen: set[str] = set()
        self._todo: dict[tuple[str, str], dict[str, Any]] = {}
        self._environments: dict[str, None] = {}
        self._rules: dict[str, tuple[Judged, Counter[str]]] = {}

    def scenario(self, scenario: Scenario) -> None:
        """Write it down, and remember what the head says of it."""
        self._number += 1
        view = scenario_view(scenario, self._number, self.began.at)
        self._counts[scenario.status] += 1
        view["open"] = scenario.status in {"failed", "interrupted"} and self._counts[scenario.status] <= OPEN
        for step in scenario.steps:
            for check in step.checks:
                self._rules.setdefault(check.check, (check, Counter()))[1][check.outcome] += 1
        self._checks.update(view["counts"])
        self._tags.update(scenario.started.tags)
        self._seen.update(view["checks"])
        self._environments[scenario.started.environment] = None
        for one in view["problems"]:
            problem = one["problem"]
            if problem.warning:
                continue
            entry = self._todo.setdefault((problem.code, problem.title), {**one, "where": []})
            entry["where"].append((view["id"], view["name"]))
        self._body.write(self._one.render(s=view))

    def finish(self) -> None:
        """Put the head before the scenarios and the file in its place."""
        script, began = self._read("page.js"), datetime.fromtimestamp(self.began.at, UTC)
        failed = self._counts["failed"] + self._counts["interrupted"]
        page = self._templates.get_template("page.html.jinja").render(
            style=self._read("page.css"),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            began=f"{began:%d %B %Y, %H:%M:%S} UTC".lstrip("0"),
            seconds=self.over.seconds if self.over else None,
            exit_code=self.over.exit_code if self.over else None,
            total=self._number,
            failed=failed,
            counts=[(word, self._counts[word], SIGNS.get(word, "·")) for word in ORDER if self._counts[word]],
            checks=self._checks,
            tags=sorted(self._tags),
            seen=sorted(self._seen),
            todo=list(self._todo.values()),
            rules=[(rule, outcomes, link(rule.clause)) for rule, outcomes in self._rules.values()],
            environments=[name for name in self._environments if name],
        )
        head, tail = page.split("<!--scenarios-->")
        self.file.write(head)
        with self._body as body:
            body.seek(0)
            while part := body.read(1 << 20):
                self.file.write(part)
        self.file.write(tail)


def open_report(path: Path) -> HtmlReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return HtmlReport(path)
