"""flowrun explain: what a word means, and what to do about it."""

from __future__ import annotations

import textwrap

import click

from flowrun.cli.common import fail
from flowrun.errors import FlowrunError, Problem, did_you_mean

_WIDTH = 100


@click.command(name="explain", short_help="Tell what an error code, a check id or a term means.")
@click.argument("words", metavar="[WORD]", nargs=-1)
def command(words: tuple[str, ...]) -> None:
    """Tell what a word means, what usually causes it and what to do.

    A word is an error code of OAuth or of flowrun, the id of an automatic check, a need, a fault of the sandbox, a
    term. Without a word: all there are.

    Exit codes: 0 it is known · 2 it is not.
    """
    from flowrun import explain  # noqa: PLC0415  `--help` needs none of it

    if not words:
        click.echo("\n\n".join(_listed(explain.GROUPS[group], known) for group, known in _by_group().items()))
        return
    word = " ".join(words)
    found = explain.find(word)
    if not found:
        near = explain.near(word)
        hint = f"near words: {', '.join(near)}" if near else "`flowrun explain` without a word lists all"
        first = did_you_mean(word, near) or (f"did you mean '{near[0]}'?" if len(near) == 1 else "")
        fail(FlowrunError(Problem("unknown-word", f"'{word}' is not explained here", None, first, hint=hint)))
    click.echo("\n\n".join("\n".join(map(_wrapped, explain.lines(entry))) for entry in found))


def _by_group() -> dict[str, list[str]]:
    from flowrun import explain  # noqa: PLC0415

    by: dict[str, list[str]] = {}
    for entry in explain.entries():
        by.setdefault(entry.group, []).append(entry.word)
    return by


def _listed(title: str, words: list[str]) -> str:
    text = textwrap.fill(", ".join(words), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return f"{title}\n{text}"


def _wrapped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    hanging = indent + ("  " if line.lstrip().startswith("- ") else "")
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
