"""Expressions in holes, `{{ … }}`: what they use and what they come to (the only home of jinja2 in the language)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flowrun.dataclass import dataclass
from flowrun.errors import did_you_mean
from flowrun.filters import ALWAYS_KNOWN, FILTERS, FUNCTIONS, HoleError

if TYPE_CHECKING:
    from jinja2.environment import TemplateExpression
    from jinja2.runtime import Context

Chain = tuple[str | int, ...]

_DEEPEST: Final = 60  # operators, brackets, members inside one another
_LONGEST: Final = 1_000_000  # items of a text or list that `*` makes
_MOST_BITS: Final = 4096  # of a number that `*` or `**` makes


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja without surprises: unknown names are errors, a member called `items` is data, nothing grows without end."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute a product or a power, unless it would fill the memory or take for ever."""
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        counts = [side for side in (left, right) if isinstance(side, int)]
        if sizes and counts and sizes[0] * counts[0] > _LONGEST:
            raise HoleError("template-error", f"this template makes more than {_LONGEST} characters or items")
        if len(counts) == 2:  # noqa: PLR2004  both sides
            bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _MOST_BITS:
                raise HoleError("template-error", "this template makes a number without end")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up an item first, so that a response member never hides behind a method of the same name."""
        return self._member(obj, attribute) if isinstance(obj, Mapping) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Do the same for `x['items']`: a member that is not there is no method either."""
        return self._member(obj, argument) if isinstance(obj, Mapping) else super().getitem(obj, argument)

    def _member(self, members: Mapping[Any, Any], name: Any) -> Any:
        try:
            return members[name]
        except (KeyError, TypeError):
            return self.undefined(obj=members, name=name)


@lru_cache(maxsize=1)
def _jinja() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_settled
    )
    environment.globals.clear()
    environment.globals.update(FUNCTIONS)
    environment.filters.update(FILTERS)
    return environment


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A text made ready once: `expression` where the whole text is one hole, else `template`."""

    expression: TemplateExpression | None
    template: Any


@lru_cache(maxsize=4096)
def _compile(text: str) -> _Compiled:
    tree = _parse(text)
    bare = text.strip()
    with _bounded():
        if _is_one_hole(tree) and bare.startswith("{{") and bare.endswith("}}") and "{#" not in bare:
            inner = bare[2:-2].strip("-").strip()
            return _Compiled(_jinja().compile_expression(inner, undefined_to_none=False), None)
        return _Compiled(None, _jinja().from_string(text))


@contextmanager
def _bounded() -> Iterator[None]:
    """Refuse what Jinja or Python can't take apart any more: hundreds of brackets, members, terms."""
    try:
        yield
    except (RecursionError, SyntaxError, MemoryError):
        raise HoleError("template-syntax", "this template is nested too deep") from None


def _plain(message: str | None) -> str:
    """Return Jinja's account of a mistake without the names of its own parts."""
    text = re.sub(r"expected token 'end of print statement', got (.*)", r"\1 can't stand there", message or "")
    text = text.replace("'end of print statement'", "'}}'").replace("unexpected end of template", "it ends too early")
    return text.replace("end of print statement", "}}").rstrip(".")


@lru_cache(maxsize=4096)
def _parse(text: str) -> nodes.Template:
    with _bounded():
        try:
            tree = _jinja().parse(text)
        except TemplateSyntaxError as error:
            raise HoleError("template-syntax", f"this template can't be read: {_plain(error.message)}") from error
        if len(text) > _DEEPEST and _depth(tree) > _DEEPEST:
            raise RecursionError  # Jinja would take time by the square of it
        # Jinja looks these up when it compiles; a misspelt one must be found before anything is sent.
        for what, kind, known in (("filter", nodes.Filter, _jinja().filters), ("test", nodes.Test, _jinja().tests)):
            for node in tree.find_all(kind):
                if node.name not in known:
                    near = did_you_mean(node.name, known)
                    raise HoleError(f"unknown-{what}", f"there is no {what} '{node.name}'", label=near)
    return tree


def _depth(tree: nodes.Template) -> int:
    depth, level = 0, list(tree.iter_child_nodes())
    while level:
        depth, level = depth + 1, [child for node in level for child in node.iter_child_nodes()]
    return depth


def _is_one_hole(tree: nodes.Template) -> bool:
    match tree.body:
        case [nodes.Output(nodes=parts)]:
            solid = [p for p in parts if not (isinstance(p, nodes.TemplateData) and not p.data.strip())]
            return len(solid) == 1 and not isinstance(solid[0], nodes.TemplateData)
    return False


def value(text: str, names: Mapping[str, Any]) -> Any:
    """Return what a text with holes comes to; raises `HoleError`."""
    compiled = _compile(text)
    known = {"now": datetime.now(UTC), **names}
    try:
        if compiled.expression is not None:
            return _settled(compiled.expression(**known))
        return compiled.template.render(**known)
    except UndefinedError as error:
        raise _unknown(text, str(error.message), known) from error
    except SecurityError as error:
        raise HoleError("template-error", f"a template may not do this: {error}") from error
    except HoleError:
        raise
    except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise HoleError("template-error", f"this template failed: {error}") from error


def _settled(result: Any) -> Any:
    """Return a result that may leave the template: no function, and nothing undefined inside it either."""
    match result:
        case Undefined():
            str(result)  # raises UndefinedError with Jinja's own account of what is missing
        case list() | tuple():
            return [_settled(item) for item in result]
        case _ if callable(result):
            # `{{ uuid }}` for `{{ uuid() }}`: the text of a Python function must not be sent anywhere.
            raise HoleError("template-error", "this template came to a function; call it with ()")
    return result


def _unknown(text: str, message: str, known: Mapping[str, Any]) -> HoleError:
    for chain in chains(text):
        root = str(chain[0])
        if root not in known and root not in ALWAYS_KNOWN:
            name = root
            return HoleError(
                "unknown-variable", f"nothing has set '{name}' yet", name=name, label=did_you_mean(name, known)
            )
        value = known.get(root)
        for depth, part in enumerate(chain[1:], 1):
            if isinstance(value, Mapping) and part in value:
                value = value[part]
                continue
            if isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
                continue
            name = ".".join(str(p) for p in chain[:depth])
            members = value if isinstance(value, Mapping) else ()
            return HoleError(
                "unknown-variable",
                f"'{name}' has no '{part}'",
                name=str(part),
                label=did_you_mean(str(part), [str(m) for m in members]),
            )
    return HoleError("unknown-variable", message)


@lru_cache(maxsize=4096)
def chains(text: str) -> tuple[Chain, ...]:
    """Return the names that one text uses, with their members; raises `HoleError` for bad syntax."""
    tree = _parse(text)
    with _bounded():
        # What `for` and `set` name inside the text is not for anybody else to set.
        own = frozenset(name.name for name in tree.find_all(nodes.Name) if name.ctx == "store")
        return tuple(_chains(tree, own))


def _chains(node: nodes.Node, own: frozenset[str]) -> Iterator[Chain]:
    if isinstance(node, nodes.Filter) and node.name in {"default", "d"}:
        for argument in node.args:
            yield from _chains(argument, own)
        return
    if isinstance(node, nodes.Test) and node.name in {"defined", "undefined"}:
        return
    chain = _chain(node)
    if chain is not None:
        if chain[0] not in own:
            yield chain
        return
    if isinstance(node, nodes.Name) and node.ctx == "store":
        return
    for child in node.iter_child_nodes():
        yield from _chains(child, own)


def _chain(node: nodes.Node) -> Chain | None:
    match node:
        case nodes.Name(name=name, ctx="load"):
            return (name,)
        case nodes.Getattr(node=inner, attr=attribute):
            start = _chain(inner)
            return None if start is None else (*start, attribute)
        case nodes.Getitem(node=inner, arg=nodes.Const(value=key)) if isinstance(key, str | int):
            start = _chain(inner)
            return None if start is None else (*start, key)
    return None
