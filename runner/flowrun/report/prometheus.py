"""Metrics for Prometheus' textfile collector, written by its own client library (the extra `prometheus`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowrun.errors import WRONG_FILE, FlowrunError, Problem
from flowrun.report.record import FileReporter, Scenario

if TYPE_CHECKING:
    from pathlib import Path

_LABELS: Final = ("scenario", "file", "environment", "case")


class PrometheusReport(FileReporter):
    """One sample a scenario: did it pass, how long did it take; and the time of the run."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `FlowrunError` where the library is missing."""
        try:
            from prometheus_client import CollectorRegistry, Gauge  # noqa: PLC0415  an extra
        except ModuleNotFoundError as error:
            raise FlowrunError(
                Problem(
                    "report-extra-missing",
                    "--report prometheus=… needs a library that is not installed: the extra 'prometheus'",
                    hint="pip install 'flowrun-oauth[prometheus]'",
                    exit_code=WRONG_FILE,
                )
            ) from error
        super().__init__(path)
        self._registry = registry = CollectorRegistry()
        self._passed = Gauge("flowrun_scenario_passed", "1 if it passed, 0 if not.", _LABELS, registry=registry)
        self._seconds = Gauge("flowrun_scenario_duration_seconds", "How long it took.", _LABELS, registry=registry)
        self._step_seconds = Gauge(
            "flowrun_step_duration_seconds", "How long a step took.", (*_LABELS, "step"), registry=registry
        )
        self._checks = Gauge(
            "flowrun_scenario_checks", "Checks and expectations by outcome.", (*_LABELS, "outcome"), registry=registry
        )
        self._run = Gauge("flowrun_run_exit_code", "The exit code of the run.", registry=registry)
        self._at = Gauge("flowrun_run_timestamp_seconds", "When the run began.", registry=registry)

    def scenario(self, scenario: Scenario) -> None:
        """Set its samples; one that did not apply has none."""
        if scenario.finished is None or scenario.status in {"not applicable", "not run"}:
            return
        started = scenario.started
        labels = tuple(_text(one) for one in (started.title, started.file, started.environment, started.case))
        self._passed.labels(*labels).set(scenario.status == "passed")
        self._seconds.labels(*labels).set(scenario.finished.seconds)
        for step in scenario.steps:
            self._step_seconds.labels(*labels, _text(step.name)).set(step.seconds)
        for outcome, number in sorted(scenario.checks.items()):
            self._checks.labels(*labels, _text(outcome)).set(number)

    def finish(self) -> None:
        """Write them down."""
        from prometheus_client import generate_latest  # noqa: PLC0415

        if self.over is not None:
            self._run.set(self.over.exit_code)
        self._at.set(self.began.at)
        self.file.write(generate_latest(self._registry).decode())


def _text(text: str) -> str:
    """Return a text as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()


def open_report(path: Path) -> PrometheusReport:
    """Return the reporter; raises OSError when the file can't be written."""
    return PrometheusReport(path)
