"""Errors in OAuth's form, with words that fit into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.base import invalid_error_characters

if TYPE_CHECKING:
    from collections.abc import Iterable


def refusal(error: str, description: str, status: int = 400) -> OAuth2Error:
    """Return an error to raise; characters that RFC 6749 §5.2 does not allow in a description are replaced."""
    for character in invalid_error_characters(description):
        description = description.replace(character, "'" if character == '"' else "?")
    return OAuth2Error(error=error, description=description, status_code=status)


def once(values: Iterable[tuple[str, list[str]]]) -> None:
    """Raise invalid_request for a parameter that was sent twice (RFC 6749 §3.1, §3.2)."""
    for name, given in values:
        if len(given) > 1:
            raise refusal("invalid_request", f"The parameter '{name}' was sent {len(given)} times.")
