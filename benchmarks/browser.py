"""What a login costs: two pages and a consent, through flowrun and through a Selenium script written by hand.

python benchmarks/browser.py [ROUNDS]

One flow is measured in pairs. The suites are measured in rounds: the script once, which takes the longest by far, then
our suite once in each kind of browser; the ratios are taken within the round.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from pairing import Comparison, Run, compare, compared, keep, machine, run

FLOWS = 20
CALLBACK = "https://app.example/callback"
PAGE = "<!doctype html><title>Bank</title><h1>{}</h1><form method=post action={}>{}</form>"
PAGES = {
    "/login": PAGE.format("Sign in", "/password", "<label>User name <input name=user></label><button>Next</button>"),
    "/password": PAGE.format(
        "Password", "/consent", "<label>Password <input name=pw type=password></label><button>Sign in</button>"
    ),
    "/consent": PAGE.format(
        "Approve access",
        "/done",
        "<p>Accounts, balances<p><button name=choice value=deny>Deny</button>"
        "<button name=choice value=approve>Approve</button>",
    ),
}
# As one finds it in a tester's folder: explicit waits, nothing shared, nothing tuned.
SCRIPT = """
import sys
from shutil import which
from urllib.parse import parse_qs, urlsplit
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as EC
from selenium.webdriver.support.ui import WebDriverWait

def flow():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(which("chromedriver")))
    try:
        wait = WebDriverWait(driver, 15)
        driver.get(sys.argv[1])
        wait.until(EC.element_to_be_clickable((By.NAME, "user"))).send_keys("alice")
        driver.find_element(By.XPATH, "//button[.='Next']").click()
        wait.until(EC.element_to_be_clickable((By.NAME, "pw"))).send_keys("a-password")
        driver.find_element(By.XPATH, "//button[.='Sign in']").click()
        wait.until(EC.element_to_be_clickable((By.XPATH, "//button[.='Approve']"))).click()
        wait.until(EC.url_contains("code="))
        return parse_qs(urlsplit(driver.current_url).query)["code"][0]
    finally:
        driver.quit()

for _ in range(int(sys.argv[2])):
    print("code", flow())
"""
ENVIRONMENT = """
environment: {name}
issuer: {url}
browser: {browser}
clients:
  default: {{client_id: benchmark, auth: none, redirect_uri: "{callback}"}}
users:
  alice: {{username: alice, password: "{{{{ secrets.ALICE }}}}"}}
pages:
  login:
    shows: {{heading: Sign in, field: User name}}
    do: [{{fill: {{User name: "{{{{ user.username }}}}"}}}}, {{press: Next}}]
  password:
    shows: {{heading: Password, field: Password}}
    do: [{{fill: {{Password: "{{{{ user.password }}}}"}}}}, {{press: Sign in}}]
  consent:
    shows: {{heading: Approve access}}
    answers: {{approve: [{{press: Approve}}], deny: [{{press: Deny}}]}}
"""
SCENARIO = """
scenario: Login and consent, number {number}
id: number-{number}
steps:
  - browse: {{url: {url}/login, user: alice, answers: {{consent: approve}}}}
    expect: {{code: {{is: present}}}}
"""
BROWSERS = {"cleared": "{}", "context": "{isolation: context}", "shell": "{name: headless-shell}"}
SUITES = (
    ("context", "a context each", 1 / 1.5),
    ("cleared", "cleared in between", 1 / 2.0),
    ("shell", "chromium-headless-shell", 1 / 2.8),
)


class Bank(BaseHTTPRequestHandler):
    """The pages, and the way back."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the page of this path."""
        told = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        location = f"{CALLBACK}?code={secrets.token_urlsafe(32)}" if told.get("choice") == ["approve"] else ""
        body = b"" if location else PAGES.get(self.path, "").encode()
        self.send_response(302 if location else 200 if body else 404)
        if location:
            self.send_header("Location", location)
        for name, value in (("X-Frame-Options", "DENY"), ("Cache-Control", "no-store")):
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the library's name

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def bank() -> Iterator[str]:
    """Serve the pages on a thread; give the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Bank) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def make_project(root: Path, url: str) -> None:
    """Write the suite and an environment for each kind of browser."""
    (root / "suite" / "environments").mkdir(parents=True)
    for name, browser in BROWSERS.items():
        text = ENVIRONMENT.format(name=name, url=url, browser=browser, callback=CALLBACK)
        (root / "suite" / "environments" / f"{name}.yaml").write_text(text, "utf-8")
        (root / "suite" / "environments" / f".env.{name}").write_text("ALICE=a-password\n", "utf-8")
    for number in range(FLOWS):
        text = SCENARIO.format(number=number, url=url)
        (root / "suite" / f"{number:02d}.yaml").write_text(text, "utf-8")


def compare_all(root: Path, url: str, rounds: int) -> list[Comparison]:
    """Measure one flow, then the suite in each kind of browser."""
    python, flowrun = sys.executable, str(Path(sys.executable).with_name("flowrun"))
    script = [python, "-c", SCRIPT, f"{url}/login"]
    single = compare(
        "one flow",
        ("flowrun", [flowrun, "suite/00.yaml", "--env", "cleared"], "passed"),
        ("a Selenium script", [*script, "1"], "code"),
        folder=root,
        at_most=1.10,
        pairs=rounds * 5,
    )
    measured: dict[str, list[tuple[Run, Run]]] = {name: [] for name, _, _ in SUITES}
    for _ in range(rounds):
        theirs = run([*script, str(FLOWS)], root, "code")
        for name, pairs in measured.items():
            pairs.append((run([flowrun, "suite", "--env", name], root, f"{FLOWS} passed"), theirs))
    return [
        single,
        *(
            compared(f"{FLOWS} flows, {what}", "flowrun", "a Selenium script", measured[name], at_most=at_most)
            for name, what, at_most in SUITES
        ),
    ]


def main() -> None:
    """Measure, print and keep."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    where = machine("flowrun-oauth", "selenium", "websocket-client")
    with tempfile.TemporaryDirectory() as name, bank() as url:
        make_project(Path(name), url)
        comparisons = compare_all(Path(name), url, rounds)
    print(*comparisons, sep="\n\n")
    keep("browser", where, comparisons)
    if not all(one.held for one in comparisons):
        sys.exit(1)


if __name__ == "__main__":
    main()
