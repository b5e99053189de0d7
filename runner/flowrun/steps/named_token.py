"""The token that a step names: `access_token` and `refresh_token` are the flow's own, else it is the token itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from flowrun.errors import StepError

if TYPE_CHECKING:
    from flowrun.steps.base import Tools

_SELDOM: Final = {
    "refresh_token": "many servers give one only for the scope offline_access, often with prompt: consent as well, and "
    "only to clients registered for it",
    "id_token": "a server gives one for the scope openid",
}


def token_named(tools: Tools, token: str) -> str:
    """Return a token: `access_token` and `refresh_token` name the flow's own, anything else is the token itself."""
    if token not in {"access_token", "refresh_token", "id_token"}:
        return token
    found = tools.flow.tokens.get(token)
    if not isinstance(found, str):
        raise StepError(
            "no-token", f"no step before has received {_article(token)} {token}", hint=_SELDOM.get(token, "")
        )
    return found


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def token_form(tools: Tools, token: str, hint: str | None) -> list[tuple[str, str]]:
    """Return the form that names a token, for introspection and revocation alike (RFC 7662 and RFC 7009, 2.1)."""
    form = [("token", token_named(tools, token))]
    if hint or token in {"access_token", "refresh_token"}:
        form.append(("token_type_hint", hint or token))
    return form


def needs_token(endpoint: str, written: Mapping[str, Any]) -> frozenset[str]:
    """Return what a step that names a token needs."""
    named = written.get("token", "access_token") in {"access_token", "refresh_token"}
    needed = {"auth"} if written.get("url") else {"auth", f"endpoint:{endpoint}"}
    return frozenset(needed | ({"tokens"} if named else set()))
