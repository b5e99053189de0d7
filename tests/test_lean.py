"""What a run imports: nothing that it does not use, because importing takes longer than the run."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

# Answers one request, runs flowrun's command line in the same process, and says what was imported meanwhile.
RUN = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Up(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "15")
        self.end_headers()
        self.wfile.write(b'{"status":"up"}')

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Up)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
with open("environments/bench.yaml", "w") as file:
    clients = "{default: {client_id: a, auth: none}}"
    file.write(f'{{environment: bench, issuer: "{url}", clients: {clients}, inputs: {{api: "{url}"}}}}')
before = set(sys.modules)
from flowrun.cli import main
sys.argv = ["flowrun", "up.yaml"]
try:
    main()
except SystemExit as end:
    print(json.dumps({"code": end.code, "imported": sorted(set(sys.modules) - before)}))
"""
SCENARIO = """
scenario: Up
environment: bench
inputs: {api: ""}
steps:
  - call: "{{ api }}/status"
    expect: {http.status: 200, status: up}
"""
NOT_NEEDED = (
    *(
        "authlib",
        "cryptography",
        "flask",
        "httpcore",
        "httpx",
        "jinja2",
        "jose",
        "joserfc",
        "jsonschema",
        "prometheus_client",
        "pygments",
    ),
    *("referencing", "rich", "segno", "selenium", "statistics", "trio", "websocket", "werkzeug"),
    *("flowrun.browser.driver", "flowrun.embedded", "flowrun.expressions", "flowrun.jobs", "flowrun.report.html"),
    *("flowrun.sandbox", "flowrun.steps.browse", "flowrun.steps.sign"),
)


def test_a_plain_call_imports_nothing_that_it_does_not_use(tmp_path):
    (tmp_path / "environments").mkdir()
    (tmp_path / "up.yaml").write_text(SCENARIO)
    done = subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True, check=False)
    came = json.loads(done.stdout.splitlines()[-1])
    assert came["code"] == 0, done.stdout + done.stderr
    assert {"flowrun.direct", "yaml", "flowrun.steps.call"} <= set(came["imported"])
    roots = {".".join(name.split(".")[:depth]) for name in came["imported"] for depth in range(1, 4)}
    assert sorted(roots & set(NOT_NEEDED)) == []


@pytest.mark.parametrize(
    ("own", "left_out"),
    [("lean.own_process()", True), ("", False)],
    ids=["in the process of the command line", "in somebody else's process"],
)
def test_httpx_is_lean_only_where_nobody_else_can_miss_anything(own, left_out):
    code = f"""
        import sys
        from flowrun import lean
        {own}
        lean.load("httpx")
        import httpx
        missing = "trio" not in sys.modules and "rich" not in sys.modules
        import rich, trio  # they are there for everybody else, now as ever
        httpx.Client().close()
        print(missing, sys.meta_path[0].__class__.__name__)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    ).stdout.split()
    # Elsewhere httpx itself asks for what it wants, with the first client.
    assert done[0] == str(left_out)
    assert done[1] != "_NotInstalled"
