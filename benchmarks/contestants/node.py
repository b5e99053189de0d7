"""The files of the tools on Node: Newman, Bruno, Step CI, httpYac, Redocly Respect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contestants.common import CLIENT, PERMISSIONS, SECRET, Work

Step = dict[str, Any]


def _steps(number: str) -> list[Step]:
    """Return the chain without any tool's notation: `{x}` stands for what was captured as x."""
    return [
        {
            "name": "token",
            "method": "POST",
            "path": "/token",
            "form": {"grant_type": "client_credentials", "scope": "accounts"},
            "status": 200,
            "expect": [("token_type", "eq", "Bearer"), ("expires_in", "gte", 60)],
            "save": ("token", "access_token"),
        },
        {
            "name": "created",
            "method": "POST",
            "path": "/consents",
            "json": {"permissions": PERMISSIONS, "reference": f"chain-{number}"},
            "status": 201,
            "expect": [("status", "eq", "AwaitingAuthorisation"), ("id", "starts", "consent-")],
            "save": ("consent", "id"),
        },
        {
            "name": "approved",
            "method": "GET",
            "path": "/consents/{consent}",
            "status": 200,
            "expect": [("id", "eq", "{consent}"), ("status", "eq", "Authorised")],
            "save": ("account", "account"),
        },
        {
            "name": "read",
            "method": "GET",
            "path": "/accounts/{account}",
            "status": 200,
            "expect": [("id", "eq", "{account}"), ("balances[0].currency", "eq", "AED")],
            "save": None,
        },
    ]


_UP: Step = {
    "name": "up",
    "method": "GET",
    "path": "/health",
    "status": 200,
    "expect": [("status", "eq", "up"), ("version", "starts", "1.4.")],
    "save": None,
}


def _noted(text: str, left: str, right: str) -> str:
    """Write what was captured in a tool's notation."""
    for name in ("token", "consent", "account"):
        text = text.replace(f"{{{name}}}", f"{left}{name}{right}")
    return text


# --- Newman -----------------------------------------------------------------------------------------------------------


def newman_one(work: Work, program: Path) -> Sequence[str]:
    """Write a collection of one request."""
    return _newman(work, program, [_postman(work, _UP)])


def newman_chain(work: Work, program: Path) -> Sequence[str]:
    """Write one collection with a folder a chain: a process runs one collection."""
    folders = [{"name": one, "item": [_postman(work, step) for step in _steps(one)]} for one in work.numbers]
    return _newman(work, program, folders)


def _newman(work: Work, program: Path, items: list[Any]) -> list[str]:
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    file = work.write("all.json", json.dumps({"info": {"name": "bench", "schema": schema}, "item": items}))
    trust = ["--ssl-extra-ca-certs", str(work.ca)] if work.ca else []
    return [str(program), "run", str(file), "--color", "off", *trust]


def _postman(work: Work, step: Step) -> Step:
    request: Step = {"method": step["method"], "url": work.base + _noted(step["path"], "{{", "}}"), "header": []}
    if step["path"] == "/token":
        pair = [{"key": "username", "value": CLIENT}, {"key": "password", "value": SECRET}]
        request["auth"] = {"type": "basic", "basic": pair}
    elif step is not _UP:
        request["header"] = [{"key": "Authorization", "value": "Bearer {{token}}"}]
    if "form" in step:
        pairs = [{"key": key, "value": value} for key, value in step["form"].items()]
        request["body"] = {"mode": "urlencoded", "urlencoded": pairs}
    if "json" in step:
        options = {"raw": {"language": "json"}}
        request["body"] = {"mode": "raw", "raw": json.dumps(step["json"]), "options": options}
    lines = ["const body = pm.response.json();"]
    lines.append(f"pm.test('status', () => pm.response.to.have.status({step['status']}));")
    for path, how, wanted in step["expect"]:
        lines.append(f"pm.test('{path}', () => {_chai(path, how, wanted, 'pm.environment.get')});")
    if step["save"]:
        lines.append(f"pm.environment.set('{step['save'][0]}', body.{step['save'][1]});")
    test = {"listen": "test", "script": {"type": "text/javascript", "exec": lines}}
    return {"name": step["name"], "request": request, "event": [test]}


def _chai(path: str, how: str, wanted: Any, known: str) -> str:
    expect = ("pm." if known.startswith("pm") else "") + f"expect(body.{path})"
    value = json.dumps(wanted)
    if isinstance(wanted, str) and wanted.startswith("{"):
        value = f"{known}('{wanted[1:-1]}')"
    return {
        "eq": f"{expect}.to.eql({value})",
        "gte": f"{expect}.to.be.at.least({value})",
        "starts": f"{expect}.to.match(/^{wanted}/)",
    }[how]


# --- Bruno ------------------------------------------------------------------------------------------------------------


def bruno_one(work: Work, program: Path) -> Sequence[str]:
    """Write a collection of one request."""
    work.write("up.bru", _bru(work, _UP, 1))
    return _bruno(work, program)


def bruno_chain(work: Work, program: Path) -> Sequence[str]:
    """Write a folder a chain, a file a request."""
    for number in work.numbers:
        for place, step in enumerate(_steps(number), 1):
            work.write(f"{number}/{place}-{step['name']}.bru", _bru(work, step, place))
    return _bruno(work, program)


def _bruno(work: Work, program: Path) -> list[str]:
    work.write("bruno.json", json.dumps({"version": "1", "name": "bench", "type": "collection"}))
    trust = ["--cacert", str(work.ca)] if work.ca else []
    # It takes the folder that it is started in for the collection.
    return ["sh", "-c", 'cd "$0" && exec "$@"', str(work.folder), str(program), "run", "-r", *trust]


def _bru(work: Work, step: Step, place: int) -> str:
    kind = "formUrlEncoded" if "form" in step else "json" if "json" in step else "none"
    auth = "basic" if step["path"] == "/token" else "none" if step is _UP else "bearer"
    url = work.base + _noted(step["path"], "{{", "}}")
    blocks = [
        f"meta {{\n  name: {step['name']}\n  type: http\n  seq: {place}\n}}",
        f"{step['method'].lower()} {{\n  url: {url}\n  body: {kind}\n  auth: {auth}\n}}",
    ]
    if auth == "basic":
        blocks.append(f"auth:basic {{\n  username: {CLIENT}\n  password: {SECRET}\n}}")
    if auth == "bearer":
        blocks.append("auth:bearer {\n  token: {{token}}\n}")
    if "form" in step:
        fields = "".join(f"  {key}: {value}\n" for key, value in step["form"].items())
        blocks.append(f"body:form-urlencoded {{\n{fields}}}")
    if "json" in step:
        blocks.append(f"body:json {{\n  {json.dumps(step['json'])}\n}}")
    if step["save"]:
        blocks.append(f"vars:post-response {{\n  {step['save'][0]}: res.body.{step['save'][1]}\n}}")
    words = {"eq": "eq", "gte": "gte", "starts": "startsWith"}
    rows = [
        f"  res.body.{path}: {words[how]} {_noted(str(wanted), '{{', '}}')}\n" for path, how, wanted in step["expect"]
    ]
    blocks.append(f"assert {{\n  res.status: eq {step['status']}\n{''.join(rows)}}}")
    return "\n\n".join(blocks) + "\n"


# --- Step CI ----------------------------------------------------------------------------------------------------------


def stepci_one(work: Work, program: Path) -> Sequence[str]:
    """Write a workflow of one request."""
    return _stepci(work, program, {"up": {"steps": [_stepci_step(work, _UP)]}})


def stepci_chain(work: Work, program: Path) -> Sequence[str]:
    """Write one workflow with a test a chain: a process runs one workflow."""
    tests = {f"chain{one}": {"steps": [_stepci_step(work, step) for step in _steps(one)]} for one in work.numbers}
    return _stepci(work, program, tests)


def _stepci(work: Work, program: Path, tests: Step) -> list[str]:
    workflow = {"version": "1.1", "name": "bench", "config": {"concurrency": 1}, "tests": tests}
    return [str(program), "run", str(work.write("all.yml", json.dumps(workflow)))]


def _stepci_step(work: Work, step: Step) -> Step:
    left, right = "${{captures.", "}}"
    http: Step = {"url": work.base + _noted(step["path"], left, right), "method": step["method"]}
    if step["path"] == "/token":
        http["auth"] = {"basic": {"username": CLIENT, "password": SECRET}}
    elif step is not _UP:
        http["auth"] = {"bearer": {"token": f"{left}token{right}"}}
    http |= {key: step[key] for key in ("form", "json") if key in step}
    rules = {"eq": lambda it: it, "gte": lambda it: [{"gte": it}], "starts": lambda it: [{"match": f"^{it}"}]}
    checks = {
        f"$.{path}": rules[how](_noted(wanted, left, right) if isinstance(wanted, str) else wanted)
        for path, how, wanted in step["expect"]
    }
    http["check"] = {"status": step["status"], "jsonpath": checks}
    if step["save"]:
        http["captures"] = {step["save"][0]: {"jsonpath": f"$.{step['save'][1]}"}}
    return {"name": step["name"], "http": http}


# --- httpYac ----------------------------------------------------------------------------------------------------------


def httpyac_one(work: Work, program: Path) -> Sequence[str]:
    """Write a file of one request."""
    return [str(program), "send", str(work.write("one.http", _httpyac(work, [_UP]))), "--all", "--output", "short"]


def httpyac_chain(work: Work, program: Path) -> Sequence[str]:
    """Write a file a chain."""
    for number in work.numbers:
        work.write(f"suite/{number}.http", _httpyac(work, _steps(number)))
    return [str(program), "send", str(work.folder / "suite" / "*.http"), "--all", "--output", "short"]


def _httpyac(work: Work, steps: list[Step]) -> str:
    parts = []
    for step in steps:
        lines = [f"# @name {step['name']}"]
        needs = {"approved": ["created"], "read": ["approved"]}.get(step["name"], [])
        lines += [f"# @ref {name}" for name in (["token"] if step["path"] not in {"/token", "/health"} else []) + needs]
        known = {"token": "token.access_token", "consent": "created.id", "account": "approved.account"}
        path = step["path"]
        for name, value in known.items():
            path = path.replace(f"{{{name}}}", "{{" + value + "}}")
        lines.append(f"{step['method']} {work.base}{path}")
        if step["path"] == "/token":
            lines.append(f"Authorization: Basic {CLIENT} {SECRET}")
        elif step is not _UP:
            lines.append("Authorization: Bearer {{token.access_token}}")
        if "form" in step:
            lines += ["Content-Type: application/x-www-form-urlencoded", ""]
            lines.append("&".join(f"{key}={value}" for key, value in step["form"].items()))
        if "json" in step:
            lines += ["Content-Type: application/json", "", json.dumps(step["json"])]
        lines += ["", f"?? status == {step['status']}"]
        for place, how, wanted in step["expect"]:
            value = str(wanted)
            for name, where in known.items():
                value = value.replace(f"{{{name}}}", "{{" + where + "}}")
            word = {"eq": "==", "gte": ">=", "starts": "startsWith"}[how]
            lines.append(f"?? js response.parsedBody.{place} {word} {value}")
        parts.append("\n".join(lines))
    return "\n\n###\n\n".join(parts) + "\n"


# --- Redocly Respect --------------------------------------------------------------------------------------------------


def respect_one(work: Work, program: Path) -> Sequence[str]:
    """Write an Arazzo file of one request."""
    return _respect(program, [work.write("one.arazzo.yaml", _arazzo(work, [_UP]))])


def respect_chain(work: Work, program: Path) -> Sequence[str]:
    """Write an Arazzo file a chain."""
    return _respect(program, [work.write(f"{one}.arazzo.yaml", _arazzo(work, _steps(one))) for one in work.numbers])


def _respect(program: Path, files: list[Path]) -> list[str]:
    return [str(program), "respect", *map(str, files), "--execution-timeout", "3600000"]


def _arazzo(work: Work, steps: list[Step]) -> str:
    described = work.write("openapi.yaml", json.dumps(_openapi(work)))
    flow = {"workflowId": "flow", "steps": [_arazzo_step(work, step) for step in steps]}
    return json.dumps(
        {
            "arazzo": "1.0.1",
            "info": {"title": "bench", "version": "1"},
            "sourceDescriptions": [{"name": "api", "type": "openapi", "url": str(described)}],
            "workflows": [flow],
        }
    )


def _openapi(work: Work) -> Step:
    return {
        "openapi": "3.1.0",
        "info": {"title": "api", "version": "1"},
        "servers": [{"url": work.base}],
        "paths": {"/health": {"get": {"responses": {"200": {"description": "up"}}}}},
    }


def _arazzo_step(work: Work, step: Step) -> Step:
    known = {
        "{token}": "$steps.token.outputs.token",
        "{consent}": "$steps.created.outputs.consent",
        "{account}": "$steps.approved.outputs.account",
    }
    path = step["path"]
    for name, value in known.items():
        path = path.replace(name, "{" + value + "}")
    made: Step = {
        "stepId": step["name"],
        "x-operation": {"url": work.base + path, "method": step["method"].lower()},
        "parameters": [],
    }
    if step["path"] == "/token":
        security = {"scheme": {"type": "http", "scheme": "basic"}, "values": {"username": CLIENT, "password": SECRET}}
        made["x-security"] = [security]
    elif step is not _UP:
        bearer = "Bearer {$steps.token.outputs.token}"
        made["parameters"] = [{"in": "header", "name": "Authorization", "value": bearer}]
    for kind, media in (("form", "application/x-www-form-urlencoded"), ("json", "application/json")):
        if kind in step:
            made["requestBody"] = {"contentType": media, "payload": step[kind]}
    criteria = [{"condition": f"$statusCode == {step['status']}"}]
    for place, how, wanted in step["expect"]:
        pointer = "/" + place.replace("[", "/").replace("]", "").replace(".", "/")
        value = known.get(str(wanted)) or (f"'{wanted}'" if isinstance(wanted, str) else wanted)
        if how == "starts":
            regex = {"type": "regex", "context": f"$response.body#{pointer}", "condition": f"^{wanted}"}
            criteria.append(regex)
        else:
            sign = {"eq": "==", "gte": ">="}[how]
            criteria.append({"condition": f"$response.body#{pointer} {sign} {value}"})
    made["successCriteria"] = criteria
    if step["save"]:
        made["outputs"] = {step["save"][0]: f"$response.body#/{step['save'][1]}"}
    return made
