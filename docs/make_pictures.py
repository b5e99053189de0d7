"""Draw the pictures of docs/pictures/: HTML reports of real runs, in light, in dark, and as narrow as a telephone.

    .venv/bin/python docs/make_pictures.py

Each run is made here, against the embedded sandbox, and looked at in the real browser.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

REPO = Path(__file__).parents[1]
PICTURES = REPO / "docs" / "pictures"
TALLEST = 1500  # CSS pixels; what is below is more of the same
LOOKS = {"light": ("light", 1100), "dark": ("dark", 1100), "narrow": ("light", 400)}
EVERY, BAD = 37, 5  # of two hundred rows six fail
SUITE = """scenario: A suite of two hundred
cases:
{cases}
steps:
  - discover:
    expect: {{issuer: {{is: present}}}}
  - call: {{url: "{{{{ server.issuer }}}}/{{{{ path }}}}"}}
    expect: {{http.status: 200}}
inputs: {{path: jwks}}
tags: [many]
"""


def main() -> None:
    """Make every run and every picture."""
    PICTURES.mkdir(exist_ok=True)
    browser = _browser()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(REPO / "scenarios", folder / "scenarios")
            shutil.copytree(REPO / "keys.example", folder / "keys.example")
            for title, scenario, environment, opened in _runs(folder):
                report = folder / f"{title}.html"
                _run(folder, scenario, environment, report)
                for look, (scheme, width) in LOOKS.items():
                    _picture(browser, report, PICTURES / f"{title}-{look}.png", scheme, width, opened)
    finally:
        browser.quit()


def _runs(folder: Path) -> list[tuple[str, str, str, str]]:
    """Return name, scenario, environment and what is to be open in the picture."""
    scenarios = folder / "scenarios"
    usual = (scenarios / "environments" / "sandbox.yaml").read_text("utf-8")

    def environment(name: str, text: str) -> str:
        renamed = text.replace("environment: sandbox\n", f"environment: {name}\n", 1)
        (scenarios / "environments" / f"{name}.yaml").write_text(renamed, "utf-8")
        return name

    refusing = environment("refusing", usual.replace("server: embedded", "server: embedded\nfaults: [push.refuse]", 1))
    changed = environment("changed", usual.replace("heading: Sign in, field", "heading: Log in to your bank, field", 1))
    asserted = (scenarios / "par_dp.yaml").read_text("utf-8")
    asserted = asserted.replace("expires_in: {between: [5, 600]}", "expires_in: {between: [100, 600]}", 1)
    (scenarios / "par_asserted.yaml").write_text(asserted, "utf-8")
    cases = "\n".join(
        f"  - {{case: row {n:03}, path: {'nowhere' if n % EVERY == BAD else 'jwks'}}}" for n in range(200)
    )
    (scenarios / "suite.yaml").write_text(SUITE.format(cases=cases), "utf-8")
    return [
        ("green", "par_dp.yaml", "sandbox", "details.scenario, details.part"),
        ("failed-assertion", "par_asserted.yaml", "sandbox", ""),
        ("refused-par", "par_dp.yaml", refusing, ""),
        ("changed-login-page", "par_dp.yaml", changed, ""),
        ("suite", "suite.yaml", "sandbox", ""),
    ]


def _run(folder: Path, scenario: str, environment: str, report: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "flowrun",
        f"scenarios/{scenario}",
        "--env",
        environment,
        "--runs",
        "none",
        "--quiet",
    ]
    done = subprocess.run(  # noqa: S603  our own command
        [*command, "--report", f"html={report}"],
        cwd=folder,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.is_file():
        sys.exit(done.stdout + done.stderr)
    # Ports and folders are different each time; the pictures should not be.
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8443", report.read_text("utf-8"))
    report.write_text(text.replace(str(folder), "/suite"), "utf-8")


def _browser() -> Chrome:
    from selenium import webdriver  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def _picture(browser: Chrome, report: Path, picture: Path, scheme: str, width: int, opened: str) -> None:
    def size(height: int) -> dict[str, Any]:
        return {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}

    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size(900))
    browser.get(report.as_uri())
    if opened:
        browser.execute_script("for (const e of document.querySelectorAll(arguments[0])) e.open = true", opened)
    height = min(TALLEST, browser.execute_script("return document.documentElement.scrollHeight"))
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size(height))
    browser.save_screenshot(str(picture))


if __name__ == "__main__":
    main()
