"""The files of flowrun and of the tools in Python: httpx by hand, gabbi, Robot Framework, Tavern."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from contestants.common import CLIENT, PERMISSIONS, SECRET, Work

OURS = Path(sys.executable)
FLOWRUN = OURS.with_name("flowrun")

# As one writes them: one client, so that its connection is kept.
_HTTPX_ONE = """
import sys
import httpx

base, ca = sys.argv[1], sys.argv[2]
with httpx.Client(verify=ssl.create_default_context(cafile=ca)) if ca else httpx.Client() as client:
    answer = client.get(f"{base}/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "up"
    assert answer.json()["version"].startswith("1.")
print("held")
"""
_HTTPX_CHAIN = """
import sys
import httpx

base, ca, files = sys.argv[1], sys.argv[2], int(sys.argv[3])
with httpx.Client(verify=ssl.create_default_context(cafile=ca)) if ca else httpx.Client() as client:
    for number in range(files):
        form = {"grant_type": "client_credentials", "scope": "accounts"}
        answer = client.post(f"{base}/token", auth=("benchmark", "a-secret-of-the-benchmark"), data=form)
        body = answer.json()
        assert answer.status_code == 200
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] >= 60
        headers = {"Authorization": f"Bearer {body['access_token']}"}
        wanted = {"permissions": ["ReadAccounts", "ReadBalances"], "reference": f"chain-{number:04}"}
        answer = client.post(f"{base}/consents", headers=headers, json=wanted)
        body = answer.json()
        assert answer.status_code == 201
        assert body["status"] == "AwaitingAuthorisation"
        assert body["id"].startswith("consent-")
        consent = body["id"]
        answer = client.get(f"{base}/consents/{consent}", headers=headers)
        body = answer.json()
        assert answer.status_code == 200
        assert body["id"] == consent
        assert body["status"] == "Authorised"
        account = body["account"]
        answer = client.get(f"{base}/accounts/{account}", headers=headers)
        body = answer.json()
        assert answer.status_code == 200
        assert body["id"] == account
        assert body["balances"][0]["currency"] == "AED"
print("held")
"""
_ENVIRONMENT = """
environment: bench
issuer: {base}
endpoints: {{token_endpoint: "{base}/token"}}
{tls}
clients:
  default: {{client_id: {client}, auth: client_secret_basic, client_secret: "{{{{ secrets.CLIENT_SECRET }}}}"}}
inputs: {{api: "{base}"}}
"""
_FLOWRUN_ONE = """
scenario: The server is up
environment: bench
steps:
  - call: {base}/health
    expect:
      http.status: 200
      status: up
      version: {{starts_with: "1."}}
"""
_FLOWRUN_CHAIN = """
scenario: Consent and account {number}
id: chain-{number}
environment: bench
inputs: {{api: ""}}
steps:
  - exchange: {{grant: client_credentials, scope: accounts}}
    expect:
      http.status: 200
      token_type: Bearer
      expires_in: {{at_least: 60}}
  - call:
      method: POST
      url: "{{{{ api }}}}/consents"
      token: access_token
      json: {{permissions: [ReadAccounts, ReadBalances], reference: chain-{number}}}
    name: created
    expect:
      http.status: 201
      status: AwaitingAuthorisation
      id: {{starts_with: consent-}}
    save: {{consent: id}}
  - call: {{url: "{{{{ api }}}}/consents/{{{{ consent }}}}", token: access_token}}
    name: approved
    expect:
      http.status: 200
      id: "{{{{ consent }}}}"
      status: Authorised
    save: {{account: account}}
  - call: {{url: "{{{{ api }}}}/accounts/{{{{ account }}}}", token: access_token}}
    name: read
    expect:
      http.status: 200
      id: "{{{{ account }}}}"
      balances[0].currency: AED
"""


def httpx_one(work: Work, program: Path) -> Sequence[str]:
    """Write the script of the one request."""
    return [str(program), str(work.write("one.py", _with_ssl(_HTTPX_ONE, work))), work.base, str(work.ca or "")]


def httpx_chain(work: Work, program: Path) -> Sequence[str]:
    """Write the script of the chains."""
    script = work.write("chain.py", _with_ssl(_HTTPX_CHAIN, work))
    return [str(program), str(script), work.base, str(work.ca or ""), str(work.files)]


def _with_ssl(script: str, work: Work) -> str:
    """Import ssl where https is spoken; httpx does so anyway."""
    return f"import ssl\n{script}" if work.ca else script


def flowrun_one(work: Work, program: Path) -> Sequence[str]:
    """Write scenario and environment."""
    _environment(work)
    return [str(program), str(work.write("one.yaml", _FLOWRUN_ONE.format(base=work.base)))]


def flowrun_chain(work: Work, program: Path) -> Sequence[str]:
    """Write a scenario a chain. Automatic checks are on, and the run is kept as JSON, as by default."""
    _environment(work)
    for number in work.numbers:
        work.write(f"suite/{number}.yaml", _FLOWRUN_CHAIN.format(number=number))
    return [str(program), str(work.folder / "suite"), "--quiet"]


def _environment(work: Work) -> None:
    tls = f"tls: {{ca: {work.ca}}}" if work.ca else ""
    work.write("environments/bench.yaml", _ENVIRONMENT.format(base=work.base, tls=tls, client=CLIENT))
    work.write("environments/.env.bench", f"CLIENT_SECRET={SECRET}\n")


def _basic() -> str:
    return "Basic " + b64encode(f"{CLIENT}:{SECRET}".encode()).decode()


def gabbi_one(work: Work, program: Path) -> Sequence[str]:
    """Write its YAML, which is JSON here."""
    test = {
        "name": "up",
        "GET": "/health",
        "status": 200,
        "response_json_paths": {"$.status": "up", "$.version": "/^1\\./"},
    }
    return [str(program), work.base, "--", str(work.write("one.yaml", json.dumps({"tests": [test]})))]


def gabbi_chain(work: Work, program: Path) -> Sequence[str]:
    """Write a file a chain."""
    files = [work.write(f"{number}.yaml", json.dumps({"tests": _gabbi(number)})) for number in work.numbers]
    return [str(program), work.base, "--", *map(str, files)]


def _gabbi(number: str) -> list[dict[str, object]]:
    bearer = {"authorization": "Bearer $HISTORY['token'].$RESPONSE['$.access_token']"}
    return [
        {
            "name": "token",
            "POST": "/token",
            "request_headers": {"authorization": _basic(), "content-type": "application/x-www-form-urlencoded"},
            "data": "grant_type=client_credentials&scope=accounts",
            "status": 200,
            "response_json_paths": {"$.token_type": "Bearer", "$.expires_in": 300},
        },
        {
            "name": "created",
            "POST": "/consents",
            "request_headers": {**bearer, "content-type": "application/json"},
            "data": {"permissions": PERMISSIONS, "reference": f"chain-{number}"},
            "status": 201,
            "response_json_paths": {"$.status": "AwaitingAuthorisation", "$.id": "/^consent-/"},
        },
        {
            "name": "approved",
            "GET": "/consents/$HISTORY['created'].$RESPONSE['$.id']",
            "request_headers": bearer,
            "status": 200,
            "response_json_paths": {"$.id": "$HISTORY['created'].$RESPONSE['$.id']", "$.status": "Authorised"},
        },
        {
            "name": "read",
            "GET": "/accounts/$HISTORY['approved'].$RESPONSE['$.account']",
            "request_headers": bearer,
            "status": 200,
            "response_json_paths": {
                "$.id": "$HISTORY['approved'].$RESPONSE['$.account']",
                "$.balances[0].currency": "AED",
            },
        },
    ]


_ROBOT_ONE = """*** Settings ***
Library    RequestsLibrary

*** Test Cases ***
Up
    ${{answer}}=    GET    {base}/health    expected_status=200
    Should Be Equal    ${{answer.json()}}[status]    up
    Should Start With    ${{answer.json()}}[version]    1.
"""
_ROBOT_CHAIN = """*** Settings ***
Library    RequestsLibrary

*** Test Cases ***
Chain {number}
    ${{pair}}=    Create List    {client}    {secret}
    Create Session    api    {base}    auth=${{pair}}
    ${{form}}=    Create Dictionary    grant_type=client_credentials    scope=accounts
    ${{answer}}=    POST On Session    api    /token    data=${{form}}    expected_status=200
    Should Be Equal    ${{answer.json()}}[token_type]    Bearer
    Should Be True    ${{answer.json()}}[expires_in] >= 60
    ${{headers}}=    Create Dictionary    Authorization=Bearer ${{answer.json()}}[access_token]
    Create Session    api    {base}    headers=${{headers}}
    ${{permissions}}=    Create List    ReadAccounts    ReadBalances
    ${{wanted}}=    Create Dictionary    permissions=${{permissions}}    reference=chain-{number}
    ${{answer}}=    POST On Session    api    /consents    json=${{wanted}}    expected_status=201
    Should Be Equal    ${{answer.json()}}[status]    AwaitingAuthorisation
    Should Start With    ${{answer.json()}}[id]    consent-
    ${{consent}}=    Set Variable    ${{answer.json()}}[id]
    ${{answer}}=    GET On Session    api    /consents/${{consent}}    expected_status=200
    Should Be Equal    ${{answer.json()}}[id]    ${{consent}}
    Should Be Equal    ${{answer.json()}}[status]    Authorised
    ${{account}}=    Set Variable    ${{answer.json()}}[account]
    ${{answer}}=    GET On Session    api    /accounts/${{account}}    expected_status=200
    Should Be Equal    ${{answer.json()}}[id]    ${{account}}
    Should Be Equal    ${{answer.json()}}[balances][0][currency]    AED
"""


def robot_one(work: Work, program: Path) -> Sequence[str]:
    """Write its suite."""
    return [*_robot(work, program), str(work.write("one.robot", _ROBOT_ONE.format(base=work.base)))]


def robot_chain(work: Work, program: Path) -> Sequence[str]:
    """Write a suite a chain."""
    for number in work.numbers:
        text = _ROBOT_CHAIN.format(base=work.base, number=number, client=CLIENT, secret=SECRET)
        work.write(f"suite/{number}.robot", text)
    return [*_robot(work, program), str(work.folder / "suite")]


def _robot(work: Work, program: Path) -> list[str]:
    return [str(program), "--outputdir", str(work.folder / "out"), "--console", "dotted"]


def tavern_one(work: Work, program: Path) -> Sequence[str]:
    """Write its YAML."""
    answer = {"status_code": 200, "json": {"status": "up", "version": "!anystr"}}
    stage = {"name": "up", "request": {"url": f"{work.base}/health", "method": "GET"}, "response": answer}
    text = json.dumps({"test_name": "up", "stages": [stage]}).replace('"!anystr"', '!anystr ""')
    return [*_pytest(program), str(work.write("test_one.tavern.yaml", text))]


def tavern_chain(work: Work, program: Path) -> Sequence[str]:
    """Write a file a chain."""
    for number in work.numbers:
        text = json.dumps({"test_name": f"chain {number}", "stages": _tavern(work.base, number)})
        text = text.replace('"!anystr"', '!anystr ""').replace('"!anyint"', '!anyint ""')
        work.write(f"suite/test_{number}.tavern.yaml", text)
    return [*_pytest(program), str(work.folder / "suite")]


def _pytest(program: Path) -> list[str]:
    return [str(program), "-q", "-p", "no:cacheprovider"]


def _tavern(base: str, number: str) -> list[dict[str, object]]:
    bearer = {"Authorization": "Bearer {token}"}
    return [
        {
            "name": "token",
            "request": {
                "url": f"{base}/token",
                "method": "POST",
                "auth": [CLIENT, SECRET],
                "data": {"grant_type": "client_credentials", "scope": "accounts"},
            },
            "response": {
                "status_code": 200,
                "strict": False,
                "json": {"token_type": "Bearer", "expires_in": "!anyint"},
                "save": {"json": {"token": "access_token"}},
            },
        },
        {
            "name": "created",
            "request": {
                "url": f"{base}/consents",
                "method": "POST",
                "headers": bearer,
                "json": {"permissions": PERMISSIONS, "reference": f"chain-{number}"},
            },
            "response": {
                "status_code": 201,
                "strict": False,
                "json": {"status": "AwaitingAuthorisation", "id": "!anystr"},
                "save": {"json": {"consent": "id"}},
            },
        },
        {
            "name": "approved",
            "request": {"url": f"{base}/consents/{{consent}}", "method": "GET", "headers": bearer},
            "response": {
                "status_code": 200,
                "strict": False,
                "json": {"id": "{consent}", "status": "Authorised"},
                "save": {"json": {"account": "account"}},
            },
        },
        {
            "name": "read",
            "request": {"url": f"{base}/accounts/{{account}}", "method": "GET", "headers": bearer},
            "response": {
                "status_code": 200,
                "strict": False,
                "json": {"id": "{account}", "balances": [{"currency": "AED"}]},
            },
        },
    ]
