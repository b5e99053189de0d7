"""Every problem code that flowrun can print, read out of its source: what anything called `code` is given."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SLUG = re.compile(r"[a-z][a-z0-9]*([-_]([a-z0-9]+|\{\}s?))*")  # colours and parameters may be called code too
# Errors take their code first, and `super().__init__` of one of them too.
FIRST = ("HoleError", "StepError", "JoseError", "BrowseError", "super().__init__")


def of(folder: Path) -> set[str]:
    """Return the codes as they are written; one that is put together keeps its holes: `unknown-{}`."""
    trees = [ast.parse(file.read_text("utf-8")) for file in sorted(folder.rglob("*.py"))]
    places: dict[str, set[int]] = defaultdict(set, {name: {0} for name in FIRST})
    for tree in trees:
        for name, at in _takers(tree):
            places[name].add(at)
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {code for node in nodes for code in _given(node, places) if SLUG.fullmatch(code)}


def _takers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield functions and dataclasses with something called `code`, and its place among their arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
            if "code" in names:
                yield node.name, names.index("code")
        if isinstance(node, ast.ClassDef):
            fields = [one.target.id for one in node.body if isinstance(one, ast.AnnAssign)]
            if "code" in fields:
                yield node.name, fields.index("code")


def _given(node: ast.AST, places: Mapping[str, set[int]]) -> Iterator[str]:
    if isinstance(node, ast.Call):
        for at in places.get(_name(node.func), ()):
            yield from _texts(node.args[at]) if len(node.args) > at else ()
        for keyword in node.keywords:
            yield from _texts(keyword.value) if keyword.arg == "code" else ()
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
        for target, value in zip(node.targets[0].elts, node.value.elts, strict=False):
            yield from _texts(value) if _name(target) == "code" else ()


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            return f"super().{node.attr}"
        case ast.Attribute():
            return node.attr
    return ""


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp():
            yield from _texts(node.body)
            yield from _texts(node.orelse)
        case ast.JoinedStr():
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
