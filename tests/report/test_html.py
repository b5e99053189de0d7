"""The HTML report in the real browser: accessible, safe from what servers say, quick with many scenarios."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace

import pytest

from flowrun.errors import Problem, Span
from flowrun.events import (
    Called,
    Judged,
    JwtSeen,
    PageSeen,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    Told,
)
from flowrun.report import open_report

ATTACK = '"><img src=x onerror="document.title=1"><script>document.title=1</script>{{ 7*7 }}'
SHOTS = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def page(path, events):
    reporter = open_report("html", path)
    for event in events:
        reporter.tell(event)
    reporter.close()
    return path.read_text("utf-8")


def hostile():
    """Return a run in which everything that a server or a file can say is an attack."""
    problem = Problem(
        ATTACK, ATTACK, Span(ATTACK, 1, 1, 2, ATTACK), ATTACK, ((ATTACK, ATTACK),), ATTACK, 1, False, ATTACK
    )
    return [
        RunStarted(1),
        ScenarioStarted(ATTACK, ATTACK, ATTACK, ATTACK, ATTACK, tags=(ATTACK,), profile=ATTACK),
        StepStarted(ATTACK, "browse"),
        Called(
            "GET", f"javascript:{ATTACK}", 400, 0.1, {ATTACK: ATTACK}, ((ATTACK, ATTACK),), {ATTACK: ATTACK}, ATTACK
        ),
        PageSeen(ATTACK, f"javascript:{ATTACK}", ATTACK, 200, ATTACK, 0.1, SHOTS),
        JwtSeen(ATTACK, False, {ATTACK: ATTACK}, {ATTACK: [ATTACK], "exp": 1e300, "iat": 1}, ATTACK),
        Judged(ATTACK, "must", "failed", ATTACK, ATTACK, ATTACK, ATTACK),
        Told(ATTACK, ATTACK),
        StepFinished(ATTACK, "browse", "failed", 1.0, ATTACK, (problem,)),
        ScenarioFinished(ATTACK, "failed", 1.0, ATTACK, 1, ATTACK, ATTACK, ATTACK, problems=(problem,)),
        RunFinished({"failed": 1}, 1.0, 1),
    ]


def many(number):
    """Return a run of many scenarios, each with the calls and checks of a whole flow, every tenth failed."""
    metadata = "{" + ",".join(f'"member_{n}_supported":["one","two","three"]' for n in range(45)) + "}"
    yield RunStarted(number, 1, 1_700_000_000.0)
    for index in range(number):
        bad = index % 10 == 0
        problem = Problem(
            "push.status-201", "the server answered 200", Span("s.yaml", 9, 3, 7, "  - push"), exit_code=1
        )
        yield ScenarioStarted(f"Scenario {index}", f"s{index}.yaml", "uat", "", "why", (), (), "", ("par",), "fapi2", 1)
        for name in ("discover", "push", "browse", "exchange", "revoke"):
            yield StepStarted(name, name)
            for _ in range(2):
                text = metadata if name == "discover" else '{"access_token": "‹access_token›", "scope": "a b"}'
                headers = {"content-type": "application/json", "date": "Sat, 21 Nov 2026 16:20:59 GMT", "x": "y"}
                form = (("client_id", "flowrun"), ("request", "‹request›"))
                yield Called("POST", f"https://op.example/{name}", 200, 0.01, headers, form, headers, text)
            for number_of_check in range(15):
                yield Judged(f"{name}.{number_of_check}", "must", "held", "a rule in words", "RFC 9126 §2.2")
            failed = bad and name == "push"
            yield StepFinished(name, name, "failed" if failed else "passed", 0.1, "said", (problem,) if failed else ())
        yield ScenarioFinished(
            f"Scenario {index}", "failed" if bad else "passed", 1.0, "summary", int(bad), "uat", f"s{index}.yaml",
            problems=(problem,) if bad else (),
        )  # fmt: skip
    yield RunFinished({"passed": number - number // 10, "failed": number // 10}, 100.0, 1)


def test_it_says_what_happened_and_what_to_do(tmp_path, events):
    text = page(tmp_path / "run.html", events)
    words = re.sub(r"<[^>]+>|\s+", " ", text.split("<body>")[1])
    words = re.sub(r" +", " ", words)
    assert "1 of 3 scenarios failed" in words
    assert "What to do now par_error refused: invalid_scope ask for less" in words
    assert 'href="https://www.rfc-editor.org/rfc/rfc9126#section-5"' in text
    assert "known since May" in words
    assert text.count('<details class="scenario ') == 3


def test_it_asks_the_network_for_nothing(tmp_path, events):
    text = page(tmp_path / "run.html", events)
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)="(?!data:)', text)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_the_dates_of_a_jwt_are_read_by_people(tmp_path):
    events = [
        RunStarted(1, 1, 1_700_000_000.0),
        ScenarioStarted("t", "f", "e"),
        StepStarted("exchange", "exchange"),
        JwtSeen("id_token", False, {"alg": "PS256"}, {"exp": 1_700_000_600, "aud": ["a", "b"]}),
        StepFinished("exchange", "exchange", "passed", 0.1),
        ScenarioFinished("t", "passed", 0.1, "", 0, "e", "f"),
        RunFinished({"passed": 1}, 0.1, 0),
    ]
    text = page(tmp_path / "run.html", events)
    assert "14 Nov 2023, 22:23:20 UTC, 10 min after the start" in text
    assert "verified" in text


@pytest.fixture(scope="module")
def chromium():
    from selenium import webdriver  # noqa: PLC0415  only these tests need it

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.browser
def test_nothing_that_a_server_says_runs(tmp_path, chromium):
    text = page(tmp_path / "run.html", hostile())
    assert "{{ 7*7 }}" in text
    chromium.get((tmp_path / "run.html").as_uri())
    chromium.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert chromium.title == "✗ 1 of 1 failed · flowrun"
    assert chromium.execute_script("return document.querySelectorAll('img:not([src^=\"data:\"])').length") == 0
    assert (
        chromium.execute_script(
            "return [...document.querySelectorAll('a')].filter(a => a.protocol == 'javascript:').length"
        )
        == 0
    )


@pytest.mark.browser
@pytest.mark.peer
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_axe_finds_nothing(tmp_path, events, chromium, repo, peer_node, scheme, width):
    assert peer_node
    pictured = [
        replace(event, screenshot=SHOTS) if isinstance(event, PageSeen) else event for event in [*events[:-1], *many(3)]
    ]
    page(tmp_path / "run.html", pictured)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chromium.get((tmp_path / "run.html").as_uri())
    chromium.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    # The page's own policy forbids scripts from elsewhere; the devtools protocol is not the page.
    axe = (repo / "tests/report/npm/node_modules/axe-core/axe.min.js").read_text("utf-8")
    chromium.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    chromium.set_script_timeout(120)
    found = chromium.execute_async_script(
        "const done = arguments[0]; axe.run(document).then(r => done(r.violations), e => done([{id: String(e)}]))"
    )
    told = [(one["id"], [node["html"][:120] for node in one.get("nodes", ())][:2]) for one in found]
    assert told == []


@pytest.mark.browser
def test_search_and_filter_leave_what_fits(tmp_path, chromium):
    page(tmp_path / "run.html", many(20))
    chromium.get((tmp_path / "run.html").as_uri())
    visible = "return [...document.querySelectorAll('details.scenario')].filter(e => !e.hidden).length"
    assert chromium.execute_script(visible) == 20
    chromium.find_element("id", "words").send_keys("scenario s7.yaml")
    assert chromium.execute_script(visible) == 1
    chromium.find_element("id", "words").clear()
    chromium.find_element("id", "status").send_keys("failed")
    assert chromium.execute_script(visible) == 2
    assert chromium.find_element("id", "found").text == "2 of 20 shown"


@pytest.mark.browser
def test_a_failure_leads_to_its_evidence(tmp_path, chromium):
    page(tmp_path / "run.html", many(1))
    chromium.get((tmp_path / "run.html").as_uri())
    chromium.find_element("link text", "Evidence in step push").click()
    opened = "const e = document.querySelector(':target'); return [e.open, e.className, e.closest('.step').open]"
    assert chromium.execute_script(opened) == [True, "moment call", True]


@pytest.mark.browser
def test_five_hundred_scenarios_are_no_event(tmp_path, chromium):
    page(tmp_path / "run.html", many(500))
    assert (tmp_path / "run.html").stat().st_size < 20_000_000
    chromium.get("about:blank")
    began = time.monotonic()
    chromium.get((tmp_path / "run.html").as_uri())
    chromium.find_element("id", "words").send_keys("7")
    assert time.monotonic() - began < 20  # a guard against hangs; how long it takes is measured elsewhere
