"""The cookie that a browser is known by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.world import Browser

COOKIE: Final = "sandbox_session"


def with_cookie(response: Any, browser: Browser) -> Response:
    """Return a response that tells the browser who it is."""
    response.set_cookie(COOKIE, browser.cookie, httponly=True, samesite="Lax", path="/")
    answer: Response = response
    return answer
