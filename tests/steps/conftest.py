"""A server that is a function of the path, and the tools of a step around it; a conftest is not for importing."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import httpx
import pytest

from flowrun import environment as environments
from flowrun.dpop import Prover
from flowrun.flow import Flow, automatic_parameters
from flowrun.jose import load_key
from flowrun.keyring import Keyring
from flowrun.redact import Redactor
from flowrun.steps.base import Tools
from flowrun.wire import Wire

KEYS = Path(__file__).parents[2] / "keys.example"
ISSUER = "https://op.example"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "pushed_authorization_request_endpoint": f"{ISSUER}/par",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
    "introspection_endpoint": f"{ISSUER}/introspect",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "jwks_uri": f"{ISSUER}/jwks",
}
ENVIRONMENT = """\
environment: uat
profile: {profile}
issuer: {issuer}
clients:
  default:
    client_id: flowrun
    redirect_uri: https://app.example/cb
    {client}
{more}
"""
SIGNING = f"keys: {{signing: {{file: {KEYS / 'client-signing.pem'}, kid: flowrun-example-1}}}}"


class Server:
    """Answers by path, notes every request, and knows no path that it was not told."""

    def __init__(self):
        self.routes = {}
        self.requests = []

    def __setitem__(self, path, answer):
        self.routes[path] = answer

    def __call__(self, request):
        self.requests.append(request)
        answer = self.routes[str(request.url).removeprefix(ISSUER)]
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer(request) if callable(answer) else answer

    @property
    def forms(self):
        """The forms that were sent, in order."""
        return [parse_qsl(request.content.decode(), keep_blank_values=True) for request in self.requests]


@pytest.fixture
def server():
    """The server; `server["/par"] = answer`."""
    return Server()


@pytest.fixture(scope="session")
def key():
    """The example client's key."""
    return load_key(KEYS / "client-signing.pem", kid="flowrun-example-1")


@pytest.fixture
def tools(server, tmp_path):
    """Make the tools of a step: `client` and `more` are YAML of the environment, `request` what is asked for."""
    wires = []

    def make(*, profile="oauth2", client="auth: none", more="", request=None, metadata=None, flow=None, **extra):
        file = tmp_path / "uat.yaml"
        text = ENVIRONMENT.format(profile=profile, issuer=ISSUER, client=client, more=more)
        file.write_text(text.replace("SIGNING", SIGNING), "utf-8")
        redactor, keyring, told = Redactor(), Keyring(), []
        environment = environments.load(file, redactor, {})
        ours = environment.client()
        wire = Wire(redactor, transport=httpx.MockTransport(server))
        wires.append(wire)
        transaction = Flow(server=dict(METADATA if metadata is None else metadata), **(flow or {}))

        dpop_key = keyring.load(ours, ours.dpop.key, environment) if ours.dpop.key else None
        prover = dpop_key and Prover(dpop_key, ours.dpop.alg)

        def parameters():
            if transaction.parameters is None:
                made, transaction.code_verifier = automatic_parameters(ours)
                transaction.parameters = {**made, **(request or {})}
            return transaction.parameters

        made = Tools(
            environment=environment,
            client=ours,
            flow=transaction,
            issuer=ISSUER,
            wire=wire,
            redactor=redactor,
            tell=told.append,
            load_key=lambda client, name: keyring.load(client, name, environment),
            browser=lambda: pytest.fail("no browser here"),
            names=dict,
            parameters=parameters,
            interaction_id=lambda: "11111111-2222-4333-8444-555555555555",
            pause=lambda seconds: told.append(("pause", seconds)),
            use=lambda inputs, outputs: told.append(("use", inputs, outputs)),
            prover=lambda: prover,
        )
        return replace(made, **extra)

    yield make
    for wire in wires:
        wire.close()


@pytest.fixture
def read():
    """Read header and claims of a JWT, with nothing but the standard library."""

    def read(token):
        header, claims, _ = token.split(".")
        return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims))

    return read


# What is neither accepted nor refused: status, headers, text, and the code and title of the error.
FAULTS = {
    "5xx": (503, {}, "busy", "server-error", "the server answered 503 "),
    "5xx with JSON": (500, {}, '{"error": "server_error"}', "server-error", "the server answered 500 "),
    "redirect": (
        302,
        {"location": "https://login.example/x?code=secret"},
        "",
        "redirected",
        "the server answered 302, a redirect to https://login.example/x, ",
    ),
    "redirect to nowhere": (307, {}, "", "redirected", "the server answered 307, a redirect to nowhere, "),
    "page": (
        200,
        {"content-type": "text/html"},
        "<html><title>t</title><body>Log in</body></html>",
        "not-json",
        "the server answered with HTML ",
    ),
    "page without a type": (200, {}, "<!doctype html><p>Hi", "not-json", "the server answered with HTML "),
    "text": (
        200,
        {"content-type": "text/plain"},
        "fine",
        "not-json",
        "the server answered with text/plain that is no JSON object ",
    ),
    "nothing": (200, {}, "", "not-json", "the server answered with nothing "),
    "list": (
        200,
        {"content-type": "application/json"},
        "[1]",
        "not-json",
        "the server answered with application/json that is no JSON object ",
    ),
}


@pytest.fixture(params=FAULTS.values(), ids=FAULTS)
def fault(request):
    """One of them, as an answer."""
    status, headers, text, code, title = request.param
    answer = httpx.Response(status, headers=headers, content=text.encode())
    return SimpleNamespace(answer=answer, code=code, title=title)


# A refusal: the answer, and what is read of it.
REFUSALS = {
    "OAuth error": (
        httpx.Response(400, json={"error": "invalid_x", "error_description": "Not so."}),
        ("invalid_x", "Not so.", 400),
    ),
    "without description": (httpx.Response(401, json={"error": "invalid_x"}), ("invalid_x", "", 401)),
    "JSON without error": (httpx.Response(403, json={"message": "no"}), ("", "", 403)),
    "error that is no text": (httpx.Response(400, json={"error": {"a": 1}}), ("{'a': 1}", "", 400)),
    "no JSON": (httpx.Response(404, text="Not found"), ("", "", 404)),
    "page": (httpx.Response(400, html="<h1>No</h1>"), ("", "", 400)),
    "in a header": (
        httpx.Response(
            401,
            headers={
                "www-authenticate": 'Bearer realm="x", error="invalid_x", error_description="It has, expired"',
            },
        ),
        ("invalid_x", "It has, expired", 401),
    ),
}


@pytest.fixture(params=REFUSALS.values(), ids=REFUSALS)
def refusal(request):
    """One of them: the answer, and error, description and status."""
    return SimpleNamespace(answer=request.param[0], read=request.param[1])
