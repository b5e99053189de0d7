"""The value of each input: `--set`, else the case's, else the environment's, else the scenario's default."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from flowrun.cases import brief
from flowrun.errors import FlowrunError, Problem, Span, did_you_mean

if TYPE_CHECKING:
    from flowrun.cases import Case
    from flowrun.environment import Environment
    from flowrun.scenario import Input, Scenario


def value(
    declared: Input,
    scenario: Scenario,
    environment: Environment,
    overrides: Mapping[str, str],
    case: Case,
) -> tuple[Any, str]:
    """Return the value of an input and where it comes from; raises `FlowrunError` where it has none or a wrong one."""
    document = scenario.document
    if declared.name in overrides:
        value = _from_text(declared, overrides[declared.name], document.key_at(declared.at))
        return _fitting(declared, value, document.key_at(declared.at)), "--set"
    if declared.name in case.values:
        at, given = case.spans[declared.name], case.values[declared.name]
        given = _from_text(declared, given, at) if case.text else given
        return _fitting(declared, given, at), f"case, {at}"
    if declared.name in environment.inputs:
        at = environment.document.at(("inputs", declared.name))
        return _fitting(declared, environment.inputs[declared.name], at), str(at)
    if declared.has_default:
        at = document.at((*declared.at, "default")) if declared.at else document.at(declared.at)
        return _fitting(declared, declared.default, at), str(at)
    raise FlowrunError(
        Problem(
            "input-missing",
            f"the input '{declared.name}' has no value",
            document.key_at(declared.at),
            "it has no default",
            hint=f"give one: --set {declared.name}=…, or inputs: in the environment file",
        )
    )


def _from_text(declared: Input, text: str, at: Span) -> Any:
    """Read a `--set`: text, unless the input has a type."""
    try:
        match declared.type:
            case "number":
                return float(text) if "." in text else int(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "list":
                return json.loads(text) if text.lstrip().startswith("[") else [x for x in text.split(",") if x]
            case "json":
                return json.loads(text)
    except (ValueError, KeyError):
        raise FlowrunError(
            Problem("wrong-value", f"--set {declared.name}: expected a {declared.type}, got '{text}'", at)
        ) from None
    return text


_FITS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "text": str,
    "number": (int, float),
    "boolean": bool,
    "list": list,
}


def _fitting(declared: Input, value: Any, at: Span) -> Any:
    wanted = _FITS.get(declared.type)
    if (
        wanted
        and value is not None
        and (not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)))
    ):
        raise FlowrunError(
            Problem("wrong-value", f"the input '{declared.name}' is a {declared.type}", at, f"this is {brief(value)}")
        )
    if declared.one_of and value not in declared.one_of:
        choices = ", ".join(brief(item) for item in declared.one_of)
        raise FlowrunError(Problem("wrong-value", f"'{declared.name}' must be one of {choices}", at))
    if value == "" and not declared.blank:
        raise FlowrunError(
            Problem("blank-input", f"the input '{declared.name}' may not be blank", at, hint="allow it: blank: allowed")
        )
    return value


def case_problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield the columns of the case table that are no inputs."""
    names = list(scenario.inputs)
    for case in scenario.cases:
        for key in case.values:
            if key not in scenario.inputs:
                label = did_you_mean(key, names) or f"inputs: {', '.join(names) or 'none'}"
                yield Problem(
                    "unknown-input", f"there is no input '{key}'", case.key_spans.get(key, case.spans[key]), label
                )
