"""Where an answer through the browser stands: query, fragment, a form, or a signed JWT in one of these (JARM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import g, make_response, render_template

from flowrun.sandbox import jarm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from flowrun.sandbox.world import World

PLAIN: Final = ("query", "fragment", "form_post")
SIGNED: Final = ("jwt", "query.jwt", "fragment.jwt", "form_post.jwt")
RESPONSE_MODES: Final = (*PLAIN, *SIGNED)


def deliver(world: World, response: Response, params: Mapping[str, Any]) -> Response:
    """Return an answer that Authlib put into the query of the redirect_uri as the response_mode wants it."""
    base, mode = str(params["redirect_uri"]), str(params.get("response_mode", "query"))
    # The redirect_uri may have a query of its own, which stays where it is.
    own = len(parse_qsl(urlsplit(base).query, keep_blank_values=True))
    answer = parse_qsl(urlsplit(response.location or "").query, keep_blank_values=True)[own:]
    if mode in SIGNED:
        answer = [("response", jarm.signed(world, dict(answer), world.clients[params["client_id"]]))]
        mode = mode.removesuffix("jwt").removesuffix(".") or "query"
    if mode == "form_post":
        g.may_run_script = True
        return make_response(render_template("form_post.html", action=base, answer=answer))
    separator = "#" if mode == "fragment" else "&" if own else "?"
    response.location = f"{base.rstrip('?')}{separator if answer else ''}{urlencode(answer)}"
    # 303 instead of Authlib's 302: the browser must not send the form again (RFC 9700 §4.12).
    response.status_code = 303
    return response
