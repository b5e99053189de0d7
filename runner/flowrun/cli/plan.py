"""flowrun plan: everything that would be sent, as far as it can be known; nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun import template
from flowrun.cli.common import fail, read_plans, scenario_options
from flowrun.environment import written_at
from flowrun.errors import FlowrunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.plan import Plan
    from flowrun.redact import Redactor
    from flowrun.scenario import WrittenStep


@click.command(name="plan", short_help="Show what would be sent; send nothing.")
@scenario_options
@click.option("--explain", is_flag=True, help="Tell where each value comes from.")
def command(
    paths: tuple[Path, ...],
    envs: tuple[str, ...],
    sets: tuple[str, ...],
    tags: tuple[str, ...],
    words: str,
    explain: bool,
) -> None:
    """Show inputs, the authorization request and the steps with what the environment adds to them."""
    from flowrun.session import Session  # noqa: PLC0415  `--help` needs none

    with Session() as session:
        try:
            plans = read_plans(session, paths, envs, sets, tags, words)
        except FlowrunError as error:
            fail(error, session)
        for plan in plans:
            for line in lines(plan, session.redactor, explain=explain):
                click.echo(line)


def lines(plan: Plan, redactor: Redactor, *, explain: bool) -> list[str]:
    """Return the plan as lines for people, secrets taken out; with `explain` each value with where it comes from."""
    scenario, environment = plan.scenario, plan.environment
    where = "the embedded sandbox" if environment.embedded else environment.issuer
    out = [f"{scenario.title}{f' [{plan.case}]' if plan.case else ''}", f"  environment  {environment.name}: {where}"]
    if environment.client_names():
        client = environment.client()
        out.append(f"  client       {client.client_id}, {client.auth}, redirect_uri {client.redirect_uri}")
        out += _settings(environment, client) if explain else []
    for name, value in plan.inputs.items():
        origin = _from(plan.came_from[name]) if explain and name in plan.came_from else ""
        out.append(f"  input        {name} = {_brief(value)}{origin}")
    if scenario.authorization:
        out.append("  authorization request")
        names: dict[str, Any] = {**plan.inputs}
        if environment.client_names():
            names["client"] = environment.client().known()
        for name, value in scenario.authorization.items():
            origin = _from(str(scenario.document.at(("authorization", name)))) if explain else ""
            out.append(f"    {name}: {_filled(value, names)}{origin}")
        out.append("    added: client_id, response_type, redirect_uri, state, nonce, code_challenge (S256)")
    for word, steps in (("step", scenario.steps), ("always", scenario.after)):
        for step in steps:
            origin = _from(str(step.place(scenario.document))) if explain else ""
            out.append(f"  {word:<11}  {_title(step.name, step.kind)}{_input(step.input, plan.inputs)}{origin}")
            out += [f"               {line}" for line in _sends(plan, step)]
            if step.tamper:
                out.append(f"               tampered with: {_filled(step.tamper, plan.inputs)}")
    if scenario.refused:
        places = "; ".join(f"{place}: {', '.join(errors) or 'any'}" for place, errors in scenario.refused.items())
        out.append(f"  outcome      refused at {places}")
    return [redactor.text(line) for line in out]


def _from(origin: str) -> str:
    return f"   (from {origin})"


_SETTINGS = (
    ("auth", lambda client: client.auth),
    ("assertion.aud", lambda client: client.assertion.aud),
    ("assertion.alg", lambda client: client.assertion.alg),
    ("assertion.lifetime", lambda client: f"{client.assertion.lifetime:g} s"),
    ("request_object.required", lambda client: client.request_object.required),
    ("request_object.alg", lambda client: client.request_object.alg),
    ("request_object.lifetime", lambda client: f"{client.request_object.lifetime:g} s"),
    ("sender_constraint", lambda client: client.sender_constraint),
)


def _settings(environment: Environment, client: Client) -> Iterator[str]:
    """Yield the settings that matter on the wire, each with its line, its profile, or flowrun's own default."""
    for name, read in _SETTINGS:
        path = tuple(name.split("."))
        at = written_at(environment, client.name, path)
        in_profile: Any = environment.profile.client
        for part in path:
            in_profile = in_profile.get(part) if isinstance(in_profile, dict) else None
        origin = (
            str(environment.document.at(at))
            if at
            else f"profile {environment.profile.name}"
            if in_profile is not None
            else "flowrun's own default"
        )
        yield f"    {name} = {read(client)}{_from(origin)}"


def _sends(plan: Plan, step: WrittenStep) -> Iterator[str]:
    """Yield what a step sends, as far as it can be known."""
    environment = plan.environment
    client = environment.client(step.client) if step.client in environment.client_names() else None
    auth = f", {client.auth}" if client else ""
    match step.kind:
        case "discover":
            issuer = "(the sandbox)" if environment.embedded else str(step.input.get("issuer") or environment.issuer)
            yield f"GET {issuer.rstrip('/')}/.well-known/openid-configuration, or RFC 8414's place"
        case "sign" if client and step.input.get("what") == "request_object":
            made = client.request_object
            nbf = "nbf, " if made.nbf else ""
            yield f"{made.alg}: iss, aud = {made.aud}, {nbf}exp = +{made.lifetime:g} s, and the authorization request"
        case "push" if client:
            signed = client.request_object.required or any(
                one.kind == "sign" and one.input.get("what") == "request_object" for one in plan.scenario.steps
            )
            what = "request (signed)" if signed else "the authorization request"
            yield f"POST pushed_authorization_request_endpoint: client_id, {what}{auth}"
        case "browse":
            extra = "".join(f", {name}" for name in environment.authorize_extra)
            yield f"opens authorization_endpoint: client_id, request_uri (or the whole request without a push){extra}"
        case "exchange":
            grant = step.input.get("grant", "authorization_code")
            yield f"POST token_endpoint: grant_type = {grant}, {_GRANTS.get(str(grant), 'scope')}{auth}{_bound(client)}"
        case "userinfo":
            yield f"GET userinfo_endpoint with the access token{_bound(client)}"
        case "call":
            yield _called(step, auth, client)
        case "introspect" | "revoke":
            yield f"POST {'introspection' if step.kind == 'introspect' else 'revocation'}_endpoint: token{auth}"


_GRANTS = {
    "authorization_code": "code, redirect_uri, code_verifier",
    "refresh_token": "refresh_token",
    "device_code": "device_code, again until the person has approved",
    "token_exchange": "subject_token, subject_token_type",
}


def _bound(client: Client | None) -> str:
    """Say what goes along where tokens are bound to a key."""
    return ", and a DPoP proof" if client and client.sender_constraint == "dpop" else ""


def _called(step: WrittenStep, auth: str, client: Client | None) -> str:
    parts = [f"{step.input.get('method', 'GET')} {step.input['url']}"]
    if step.input.get("token"):
        parts.append(f"the token{_bound(client)}")
    signed = step.input.get("signed_header")
    if isinstance(signed, dict):
        parts.append(f"{signed['name']} (signed)")
    return ", ".join(parts) + (auth if step.input.get("authenticate") is True else "")


def _title(name: str, kind: str) -> str:
    return kind if name == kind else f"{name} ({kind})"


def _input(written: Any, names: Any) -> str:
    return f"  {_filled(written, names)}" if written else ""


def _brief(value: Any) -> str:
    return "blank" if value == "" else json.dumps(value, ensure_ascii=False)


def _filled(value: Any, names: Any) -> str:
    """Return a value with its holes filled, as far as that can be done before anything has happened."""
    try:
        return json.dumps(template.fill(value, names), ensure_ascii=False, default=str)
    except template.HoleError:
        return json.dumps(value, ensure_ascii=False)
