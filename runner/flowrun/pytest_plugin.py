"""Scenarios as tests of pytest: `pytest scenarios/`, one test a scenario, environment and case.

Whoever has flowrun installed loads this with every run of pytest: nothing of flowrun is imported before a scenario is
found, and only what was asked for is looked at: a YAML file or a folder with `environments` that stands on the command
line (or in `testpaths`), or anything if an option of ours does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowrun.plan import Plan
    from flowrun.suite import Suite

_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_WARNINGS: Final = "flowrun warnings"
# Tags with these names stay tags: as marks they would mean something to pytest, and change what a scenario comes to.
_NO_MARKS: Final = frozenset({"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"})
_OPTIONS: Final = ("env", "set", "strict", "browser", "headed", "grid", "runs")
_SUITE: Final = pytest.StashKey["Suite"]()
_ASKED: Final = pytest.StashKey[frozenset[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options; each is that of `flowrun run` without `flowrun-`."""
    group = parser.getgroup("flowrun", "scenarios of flowrun (pytest FILE.yaml, pytest FOLDER)")
    group.addoption(
        "--flowrun-env", action="append", default=[], metavar="NAME", help="the environment; may be repeated"
    )
    group.addoption("--flowrun-set", action="append", default=[], metavar="NAME=VALUE", help="give an input a value")
    group.addoption("--flowrun-strict", action="store_true", help="let warnings fail a scenario")
    group.addoption("--flowrun-browser", choices=["chrome", "firefox", "headless-shell"], help="which browser to use")
    group.addoption("--flowrun-headed", action="store_true", help="show the browser")
    group.addoption("--flowrun-grid", metavar="URL", help="use a browser of this Selenium Grid")
    group.addoption(
        "--flowrun-runs", metavar="FOLDER", help="keep the run there, for `flowrun report`; each worker keeps its own"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known that every scenario has; raises UsageError."""
    for text in config.getoption("flowrun_set"):
        if "=" not in text:
            raise pytest.UsageError(f"--flowrun-set {text}: write --flowrun-set NAME=VALUE")
    grid = config.getoption("flowrun_grid")
    if grid and not grid.startswith(("http://", "https://")):
        raise pytest.UsageError(f"--flowrun-grid {grid}: write a URL like http://grid.example:4444")
    config.addinivalue_line("markers", "flowrun: a scenario of flowrun; its tags are marks too")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a scenario file that was asked for."""
    if file_path.suffix not in _SUFFIXES or file_path.resolve() not in _asked(parent.config):
        return None
    made: pytest.Collector = ScenarioFile.from_parent(parent, path=file_path)
    return made


def _asked(config: pytest.Config) -> frozenset[Path]:
    """Return the scenario files that the command line asks for, the same that `flowrun` would find there."""
    if _ASKED not in config.stash:
        found: set[Path] = set()
        if arguments := _arguments(config):
            from flowrun.errors import FlowrunError  # noqa: PLC0415  see the module
            from flowrun.scenario import find  # noqa: PLC0415

            for path in arguments:
                try:
                    found |= {one.resolve() for one in find([Path(path)])}
                except FlowrunError:  # no scenario there: it is a folder of somebody else's tests
                    continue
        config.stash[_ASKED] = frozenset(found)
    return config.stash[_ASKED]


def _arguments(config: pytest.Config) -> list[str]:
    """Return the files and folders among the arguments that are ours; plain `pytest` has none."""
    told: dict[str, list[str]] | None = getattr(config, "workerinput", None)  # of pytest-xdist
    if told is not None:
        return told["flowrun"]
    ours = any(config.getoption(f"flowrun_{name}") for name in _OPTIONS)
    if config.args_source is config.ArgsSource.INVOCATION_DIR and not ours:
        return []
    paths = [Path(config.invocation_params.dir, str(one).partition("::")[0]) for one in config.args]
    return [str(path) for path in paths if ours or path.suffix in _SUFFIXES or _holds_scenarios(path, config.rootpath)]


def _holds_scenarios(folder: Path, root: Path) -> bool:
    """Tell a folder of scenarios by its environments, in it or above it."""
    above = [one for one in folder.parents if one.is_relative_to(root)]
    return folder.is_dir() and any((one / "environments").is_dir() for one in (folder, *above))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let a worker of pytest-xdist know what the command line asks for: it gets another one."""
    node.workerinput["flowrun"] = _arguments(node.config)


def suite_of(config: pytest.Config) -> Suite:
    """Return what all scenarios of this process share: connections, keys, one browser, embedded servers."""
    if _SUITE not in config.stash:
        from flowrun.suite import Suite  # noqa: PLC0415  see the module

        given = {name: config.getoption(f"flowrun_{name}") for name in _OPTIONS}
        config.stash[_SUITE] = Suite(**{f"{name}s" if name in {"env", "set"} else name: given[name] for name in given})
    return config.stash[_SUITE]


class ScenarioFile(pytest.File):
    """One file: its scenarios in each environment, each with each of its cases."""

    def collect(self) -> Iterator[pytest.Item]:
        """Read the file; what is wrong with it is an error of the collection, told as flowrun tells it."""
        suite = suite_of(self.config)
        plans, wrong = suite.read(self.path)
        if wrong:
            raise self.CollectError(wrong)
        for plan in plans:
            environment, case = plan.environment.name, plan.case.replace("::", ":")
            name = f"{plan.scenario.id}[{environment}{', ' if case else ''}{case}]"
            yield ScenarioItem.from_parent(self, name=name, plan=plan)


class ScenarioItem(pytest.Item):
    """One scenario in one environment, with one case."""

    def __init__(self, *, plan: Plan, **given: Any) -> None:
        """Take the marks from the tags; `-k` looks at the title too."""
        super().__init__(**given)
        self.plan = plan
        self.add_marker("flowrun")
        self.extra_keyword_matches.add(plan.scenario.title)
        for tag in plan.scenario.tags:
            if not tag.startswith("_") and tag not in _NO_MARKS:
                self.config.addinivalue_line("markers", f"{tag}: a tag of scenarios")
                self.add_marker(tag)

    def runtest(self) -> None:
        """Run it. Warnings fail nothing: they are a section of the report, and at the end of the run.

        A fault of flowrun's own is told in its words too: what pytest shows of one has arguments in it, and secrets.
        """
        try:
            ended = suite_of(self.config).run(self.plan)
        except Exception as error:  # noqa: BLE001  the last place where one can be told in words
            from flowrun.cli.fault import drawn  # noqa: PLC0415  see the module

            pytest.fail(drawn(error), pytrace=False)
        for name, value in (("environment", self.plan.environment.name), ("case", self.plan.case)):
            if value:
                self.user_properties.append((name, value))
        if ended.warnings and ended.status == "passed":
            self.add_report_section("call", _WARNINGS, ended.warnings)
        match ended.status:
            case "passed":
                return
            case "interrupted":
                raise KeyboardInterrupt
            case "not applicable" | "not run":
                pytest.skip(f"{ended.status}: {ended.summary}")
            case _:
                pytest.fail(f"{ended.summary}\n\n{ended.text}", pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where it stands and what it is called."""
        line = self.plan.scenario.line
        return self.path, line - 1, f"{self.plan.scenario.title} [{self.name.partition('[')[2]}"


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Tell an input that no scenario has."""
    if _SUITE in config.stash and (wrong := config.stash[_SUITE].unknown_inputs()):
        raise pytest.UsageError(wrong)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what the scenarios have started."""
    if _SUITE in session.config.stash:
        session.config.stash[_SUITE].close()
        del session.config.stash[_SUITE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the warnings of scenarios that passed; those of the others stand with what failed."""
    passed = terminalreporter.stats.get("passed", [])
    told = [(one.nodeid, text) for one in passed for title, text in one.sections if _WARNINGS in title]
    if told:
        terminalreporter.section(_WARNINGS)
        for node, text in told:
            terminalreporter.write_line(node)
            terminalreporter.write_line(text)
