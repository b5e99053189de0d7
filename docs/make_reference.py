"""Write reference.md: the prose of reference.md.in, with every line `@word` replaced by what the code says.

`make docs` runs it; `tests/test_docs.py` fails when the page is not what this would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import reference_words as words
from reference_fields import Style, code, comes, fields, flow, table, text, values

from flowrun import checks, grammar, profiles, refusals, sandbox, scenario, template
from flowrun.cli import cli

FOLDER: Final = Path(__file__).parent
SOURCE: Final = FOLDER / "reference.md.in"
PAGE: Final = FOLDER / "reference.md"
README: Final = FOLDER.parent / "README.md"
_NOTE: Final = (
    "<!-- Written by docs/make_reference.py from schemas/, the code and docs/reference.md.in; do not edit. -->"
)
_HEADING = re.compile(r"(?P<level>##+) (?P<title>.+) \{#(?P<anchor>[\w-]+)\}")


def step_kinds() -> list[str]:
    """Return the kinds of step in the order of the schema."""
    found: list[str] = grammar.schema("step")["definitions"]["step"]["x-one-of"]["words"]
    return found


def step(kind: str) -> list[str]:
    """Return what a kind of step is and its fields."""
    schema = grammar.schema(f"steps/{kind}")
    word = grammar.part("step", f"/definitions/step/properties/{kind}")
    lines = [schema["description"]]
    if kind in _bare_words():
        lines[0] += f" `- {kind}` alone takes everything by default."
    if "x-short" in schema:
        field = schema["x-short"]
        examples = [one for one in word.schema["examples"] if isinstance(one, str)]
        value = flow(examples[0] if examples else _sample(grammar.part(f"steps/{kind}", f"/properties/{field}").schema))
        lines[0] += f" `- {kind}: {value}` is short for `- {kind}: {{{field}: {value}}}`."
    for sentence in comes(word):
        lines += ["", f"*{sentence}.*"]
    return [*lines, "", *fields(f"steps/{kind}", "", Style())] if schema["properties"] else lines


def _bare_words() -> list[str]:
    here = grammar.part("step")
    return [word for one in map(here.of, here.schema["anyOf"]) for word in one.schema.get("enum", ())]


def _sample(schema: grammar.Schema) -> Any:
    """Return a value that may stand for a field, and says something: an example, else a word that is no default."""
    if "examples" in schema:
        return schema["examples"][0]
    choices = [word for one in schema.get("anyOf", ()) for word in one.get("enum", ())]
    return next((word for word in choices if word != schema.get("default")), schema.get("default"))


def kinds() -> list[str]:
    """Return the table of the kinds of step."""
    known = {kind: grammar.part("step", f"/definitions/step/properties/{kind}") for kind in step_kinds()}
    rows = (
        (f"[`{kind}`](#step-{kind})", " ".join([part.schema["description"], *(f"*{one}.*" for one in comes(part))]))
        for kind, part in known.items()
    )
    return table(("kind", "does"), rows)


def common() -> list[str]:
    """Return the table of what any step may have."""
    properties = grammar.schema("step")["definitions"]["step"]["properties"]
    return fields(
        "step", "/definitions/step", Style(deep=True, sections=sections(), only=frozenset(properties) - {*step_kinds()})
    )


def level_groups() -> dict[tuple[str, ...], list[str]]:
    """Return the profiles that have the same level for every check, in the order of their names."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in profiles.names():
        profile = profiles.load(name)
        groups.setdefault(tuple(profile.level(check.id) for check in checks.CHECKS), []).append(name)
    return groups


def check_levels() -> list[str]:
    """Return the table of the automatic checks with the level of each profile."""
    groups = level_groups()
    head = ("id", "rule", "clause", "step", *("<br>".join(names) for names in groups.values()))
    rows = (
        (
            f'<a id="check-{check.id}"></a>`{check.id}`',
            text(check.sentence),
            check.clause,
            ", ".join(f"[{kind}](#step-{kind})" for kind in sorted(check.steps)),
            *(levels[index] for levels in groups),
        )
        for index, check in enumerate(checks.CHECKS)
    )
    return table(head, rows)


def profile_table() -> list[str]:
    """Return the table of the profiles and what they set; those that set the same share a row."""
    groups: dict[str, list[str]] = {}
    for name in profiles.names():
        profile = profiles.load(name)
        sets = [code(f"{key}: {value}") for key, value in _flat(profile.client)]
        sets += [f"the header {code(header)}" for header in profile.headers]
        sets += [f"an {wanted} is expected, also without openid in the scope" for wanted in sorted(profile.wants)]
        groups.setdefault("<br>".join(sets), []).append(f"{code(name)}: {text(profile.title)}")
    return table(("profile", "sets"), (("<br>".join(names), sets) for sets, names in groups.items()))


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", flow(value)


def filters(rows: Mapping[str, tuple[str, str, str]]) -> list[str]:
    """Return a table of filters, with what each example becomes."""
    head = ("filter", "what it does", "example", "becomes")
    return table(
        head, ((code(name), text(said), code(made), _becomes(made, so)) for name, (said, made, so) in rows.items())
    )


def _becomes(example: str, said: str) -> str:
    if said:
        return said
    value = template.fill(example, {"now": words.NOW})
    return code(value if isinstance(value, str) else flow(value))


def places() -> list[str]:
    """Return the table of the places of a refusal."""
    later = {place: f"{said}; *comes in a later version of flowrun*" for place, said in words.LATER_PLACES.items()}
    said = {**refusals.PLACE, **later}
    return table(("place", "what happened there"), ((code(place), said[place]) for place in scenario.PLACES))


def commands() -> list[str]:
    """Return the commands with their options."""
    lines: list[str] = []
    outer = click.Context(cli, info_name="flowrun")
    for name in cli.list_commands(outer):
        command = cli.get_command(outer, name)
        assert command is not None  # noqa: S101  it has just been listed
        usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name, parent=outer)))
        options = [option for option in command.params if isinstance(option, click.Option)]
        lines += [f"**`flowrun {name} {usage}`**", "", command.get_short_help_str(200), ""]
        rows = ((code(", ".join(one.opts) + _value_of(one)), text(one.help or "")) for one in options)
        lines += [*table(("option", "meaning"), rows), ""] if options else []
    return lines[:-1]


def _value_of(option: click.Option) -> str:
    return "" if option.is_flag else f" {option.metavar or option.name.upper() if option.name else ''}"


def exit_codes() -> list[str]:
    """Return the section of the README, which is where people look first."""
    section = README.read_text("utf-8").partition("## Exit codes\n")[2].partition("\n## ")[0]
    return section.strip().splitlines()


def _pairs(head: tuple[str, str], rows: Mapping[str, str]) -> list[str]:
    return table(head, ((code(name), text(sentence)) for name, sentence in rows.items()))


def _functions() -> list[str]:
    rows = ((code(name), text(sentence), code(example)) for name, (sentence, example) in words.FUNCTIONS.items())
    return table(("name", "what it is", "example"), rows)


def _fields(target: str, *style: str) -> list[str]:
    name, _, pointer = target.partition("#")
    linked = sections() if "linked" in style else frozenset()
    return fields(name, pointer, Style(deep="deep" in style, sections=linked))


def sections() -> frozenset[str]:
    """Return the anchors of all headings."""
    return frozenset(one["anchor"] for one in headings())


def headings() -> list[re.Match[str]]:
    """Return the headings of the prose, with their `level`, `title` and `anchor`."""
    return [match for match in map(_HEADING.fullmatch, SOURCE.read_text("utf-8").splitlines()) if match]


def contents() -> list[str]:
    """Return links to all headings."""
    return [f"{'  ' * (len(one['level']) - 2)}- [{one['title']}](#{one['anchor']})" for one in headings()]


DIRECTIVES: Final[Mapping[str, Callable[..., list[str]]]] = {
    "contents": contents,
    "fields": _fields,
    "step": step,
    "kinds": kinds,
    "common": common,
    "values": values,
    "units": lambda: _pairs(("unit", "stands for"), words.UNITS),
    "needs": lambda: table(("need", "met when"), ((code(name), said) for name, said in words.NEEDS.items())),
    "places": places,
    "advice": lambda: _pairs(("error", "look at"), refusals.ADVICE),
    "profiles": profile_table,
    "checks": check_levels,
    "functions": _functions,
    "filters": lambda: filters(words.FILTERS),
    "jinja-filters": lambda: filters(words.JINJA_FILTERS),
    "faults": lambda: _pairs(("switch", "what the server then does"), sandbox.FAULTS),
    "commands": commands,
    "exit-codes": exit_codes,
}


def page() -> str:
    """Return the whole page."""
    lines = [_NOTE, ""]
    for line in SOURCE.read_text("utf-8").splitlines():
        heading = _HEADING.fullmatch(line)
        if line.startswith("@"):
            word, *arguments = line[1:].split()
            lines += DIRECTIVES[word](*arguments)
        elif heading:
            lines += [f'<a id="{heading["anchor"]}"></a>', "", f"{heading['level']} {heading['title']}"]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE.relative_to(FOLDER.parent)}")
