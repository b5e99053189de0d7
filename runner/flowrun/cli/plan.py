"""flowrun plan: everything that would be sent, as far as it can be known; nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun import template
from flowrun.cli.common import fail, read_plans, scenario_options
from flowrun.errors import FlowrunError

if TYPE_CHECKING:
    from flowrun.plan import Plan
    from flowrun.redact import Redactor


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
    """Return the plan as lines for people, secrets taken out."""
    scenario, environment = plan.scenario, plan.environment
    where = "the embedded sandbox" if environment.embedded else environment.issuer
    out = [f"{scenario.title}{f' [{plan.case}]' if plan.case else ''}", f"  environment  {environment.name}: {where}"]
    if environment.client_names():
        client = environment.client()
        out.append(f"  client       {client.client_id}, {client.auth}, redirect_uri {client.redirect_uri}")
    for name, value in plan.inputs.items():
        origin = f"   (from {plan.came_from[name]})" if explain and name in plan.came_from else ""
        out.append(f"  input        {name} = {_brief(value)}{origin}")
    if scenario.authorization:
        out.append("  authorization request")
        names: dict[str, Any] = {**plan.inputs}
        if environment.client_names():
            names["client"] = environment.client().known()
        out += [f"    {name}: {_filled(value, names)}" for name, value in scenario.authorization.items()]
        out.append("    added: client_id, response_type, redirect_uri, state, nonce, code_challenge (S256)")
    out += [
        f"  step         {_title(step.name, step.kind)}{_input(step.input, plan.inputs)}" for step in scenario.steps
    ]
    out += [
        f"  always       {_title(step.name, step.kind)}{_input(step.input, plan.inputs)}" for step in scenario.after
    ]
    if scenario.refused:
        places = "; ".join(f"{place}: {', '.join(errors) or 'any'}" for place, errors in scenario.refused.items())
        out.append(f"  outcome      refused at {places}")
    return [redactor.text(line) for line in out]


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
