"""What is wrong with a key or a token, in words for people who do not know JOSE."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 80


class JoseError(Exception):
    """A key or a token that cannot be used.

    The fields are those of a `Problem` without a position, which the caller knows. No text holds key material, a
    passphrase, a secret or a piece of a token; names that a token or a JWKS brings along (kid, alg) are shown.
    """

    def __init__(
        self, code: str, title: str, *, label: str = "", hint: str = "", facts: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Say what is (title), what to write instead (label), what to do (hint)."""
        super().__init__(title)
        self.code = code
        self.title = title
        self.label = label
        self.hint = hint
        self.facts = tuple(facts)


def quoted(value: object) -> str:
    """Return a name that came from outside in quotes: cut, and without anything a terminal would obey."""
    text = value if isinstance(value, str) else repr(value)
    if len(text) > SHOWN:
        text = text[:SHOWN] + "…"
    return "'" + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) + "'"


def listed(values: Iterable[object]) -> str:
    """Return names for a fact: `k1, k2`, or `none`."""
    return ", ".join(quoted(v)[1:-1] for v in values) or "none"
