"""The authorization endpoint and its pages: sign in, choose the provider, approve, and back to the client."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, make_response, redirect, render_template, request

from flowrun.sandbox import consent
from flowrun.sandbox.by_value import ByValue
from flowrun.sandbox.cookie import COOKIE, with_cookie
from flowrun.sandbox.people import PROVIDERS, subject
from flowrun.sandbox.refusal import once, refusal
from flowrun.sandbox.request_object import outside
from flowrun.sandbox.way_back import WayBack
from flowrun.sandbox.world import Interaction, Pushed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from flowrun.sandbox.server import Server
    from flowrun.sandbox.world import Login, World

SCOPE_WORDS: Final = {
    "openid": "Your identity",
    "profile": "Your name",
    "email": "Your email address",
    "consents": "Your consents",
    "accounts": "Your accounts",
    "offline_access": "Access while you are away",
}


def interaction_pages(world: World, server: Server) -> Blueprint:
    """Return the browser's side of the server."""
    blueprint = Blueprint("pages", __name__)
    pages = _Pages(world, server)
    methods = ["GET"] if world.broken("page.no-post") else ["GET", "POST"]  # OIDC Core §3.1.2.1
    blueprint.add_url_rule("/auth", view_func=pages.begin, methods=methods, endpoint="begin")
    blueprint.add_url_rule("/auth/<walk>", view_func=pages.show, methods=["GET"], endpoint="show")
    blueprint.add_url_rule("/auth/<walk>", view_func=pages.act, methods=["POST"], endpoint="act")
    return blueprint


class _Pages:
    """One method a request; which page comes next is decided by `_stage` alone."""

    def __init__(self, world: World, server: Server) -> None:
        self.world = world
        self.way_back = WayBack(world, server)
        self.by_value = ByValue(world, server, self.way_back)

    def begin(self) -> Response:
        """Take the request_uri and send the browser to the first page."""
        pushed = self._pushed()
        if not isinstance(pushed, Pushed):
            return pushed
        if self.world.broken("page.error"):
            raise refusal("server_error", "The sign-in service is not available.")
        pushed.visited = True
        browser = self.world.browser(request.cookies.get(COOKIE))
        walk = Interaction(secrets.token_urlsafe(18), pushed, browser, self.world.now())
        self.world.interactions[walk.id] = walk
        return with_cookie(redirect(f"/auth/{walk.id}", 303), browser)

    def show(self, walk: str) -> Response:
        """Show the page that the walk is at, or go back to the client when there is nothing left to ask."""
        found = self._walk(walk)
        stage = self._stage(found)
        found.shown += 1
        if stage == "login" and found.shown > 1 and self.world.broken("page.no-reload"):
            found.finished = True
            raise refusal("invalid_request", "This page was left.")
        if stage == "login" and found.signed_in:  # as somebody else than the client has named (OIDC Core §3.1.2.2)
            return self.way_back.refuse(found, "login_required", "Another person has signed in.")
        if stage and "none" in self._prompts(found) and not self.world.broken("session.prompt-none-shows"):
            error = "login_required" if stage == "login" else "consent_required"
            return self.way_back.refuse(found, error, "A page would have to be shown, and prompt is none.")
        return self._page(found, stage) if stage else self.way_back.finish(found, approved=True)

    def act(self, walk: str) -> Response:
        """Take what a page sent; a page that is no longer the current one only leads to that."""
        found = self._walk(walk)
        stage = self._stage(found)
        if request.form.get("page") == stage:
            if stage == "login" and not self._sign_in(found):
                return self._page(found, stage, refused=True)
            if stage == "provider" and request.form.get("dp_id") in PROVIDERS:
                found.dp_id = request.form["dp_id"]
            if stage == "consent" and request.form.get("decision") in ("approve", "deny"):
                approved = request.form["decision"] == "approve" or self.world.broken("consent.denied-is-approved")
                return self.way_back.finish(found, approved=approved)
        return with_cookie(redirect(f"/auth/{found.id}", 303), found.browser)

    def _pushed(self) -> Pushed | Response:
        """Return the request that the browser came with; whatever is wrong here is told on a page (RFC 9126 §4)."""
        world, sent = self.world, request.form if request.method == "POST" else request.args
        once(sent.lists())
        client_id, request_uri = sent.get("client_id"), sent.get("request_uri")
        if client_id not in world.clients:
            raise refusal("invalid_client" if client_id else "invalid_request", "The client_id is missing or unknown.")
        if not request_uri and (world.settings.par != "required" or world.broken("par.optional")):
            return self.by_value.accept(world.clients[client_id], sent.to_dict())
        if not request_uri:
            raise refusal("invalid_request", "The authorization request must be pushed first: there is no request_uri.")
        pushed = self._found(request_uri)
        if pushed is None:
            raise refusal("invalid_request_uri", "The request_uri is unknown.")
        if set(sent) - {"client_id", "request_uri"} and world.broken("page.refuses-more"):
            raise refusal("invalid_request", "There is too much beside the request_uri.")
        if "scope" not in sent and world.broken("page.wants-scope"):
            raise refusal("invalid_request", "The parameter 'scope' is missing.")
        if pushed.visited and world.broken("par.one-visit"):
            raise refusal("invalid_request_uri", "The request_uri was opened before.")
        if pushed.client_id != client_id and not world.broken("par.any-client"):
            raise refusal("invalid_request_uri", "The request_uri belongs to another client.")
        if world.now() >= pushed.expires_at and not world.broken("par.no-expiry"):
            raise refusal("invalid_request_uri", "The request_uri has expired.")
        self.way_back.require_unspent(pushed)
        outside(world, pushed, sent)
        return pushed

    def _found(self, request_uri: str) -> Pushed | None:
        """Return what was pushed under a request_uri."""
        pushed = self.world.pushed
        if request_uri not in pushed and self.world.broken("par.any-prefix"):
            end = request_uri.rpartition(":")[2]
            return next((one for known, one in pushed.items() if known.rpartition(":")[2] == end), None)
        if request_uri not in pushed and self.world.broken("par.unknown-uri"):
            return next(reversed(pushed.values()), None)
        return pushed.get(request_uri)

    def _walk(self, walk: str) -> Interaction:
        """Return a walk of this very browser; a link sent to somebody else leads nowhere."""
        found = self.world.interactions.get(walk)
        if found is None or found.browser is not self.world.browsers.get(request.cookies.get(COOKIE, "")):
            raise refusal("invalid_request", "This page belongs to a sign-in that was not begun in this browser.")
        if self.world.now() >= found.pushed.expires_at and self.world.broken("page.short-login"):
            raise refusal("invalid_request", "The request_uri of this sign-in has expired.")
        if found.finished or self.world.now() >= found.started + self.world.lifetimes.interaction:
            raise refusal("invalid_request", "This sign-in is over.")
        return found

    def _stage(self, walk: Interaction) -> str:
        """Return the page that the person must see now, empty for none."""
        login, params, prompts = walk.browser.login, walk.pushed.params, self._prompts(walk)
        if login is None or params.get("hinted", subject(login.user)) != subject(login.user):
            return "login"
        if not walk.signed_in and (
            self._is_too_old(login, params) or not prompts.isdisjoint({"login", "select_account"})
        ):
            return "login"
        if "authorization_details" in params:
            chosen = params["authorization_details"][0]["consent"].get("dp_id") or walk.dp_id
            return "consent" if chosen else "provider"
        ask = "consent" in prompts or "offline_access" in params["scope"].split()
        agreed = (login.user.username, walk.pushed.client_id, params["scope"])
        return "consent" if ask or agreed not in walk.browser.agreed else ""

    def _is_too_old(self, login: Login, params: Mapping[str, Any]) -> bool:
        """Tell whether a login of before does not count any more (OIDC Core §3.1.2.1)."""
        longest = self.world.lifetimes.login
        if "max_age" in params and self.world.broken("session.max-age-always"):
            return True
        if not self.world.broken("session.no-max-age"):
            longest = min(params.get("max_age", longest), longest)
        return self.world.now() - login.at > longest or self.world.broken("session.forgets")

    def _prompts(self, walk: Interaction) -> set[str]:
        prompts = set(walk.pushed.params.get("prompt", "").split())
        return prompts - {"login"} if self.world.broken("session.no-prompt-login") else prompts

    def _sign_in(self, walk: Interaction) -> bool:
        user = self.world.users.get(request.form.get("username", ""))
        password = request.form.get("password", "")
        if user is None or not secrets.compare_digest(user.password.encode(), password.encode()):
            return False
        self.world.sign_in(walk.browser, user)
        walk.signed_in = True
        return True

    def _page(self, walk: Interaction, stage: str, *, refused: bool = False) -> Response:
        params = walk.pushed.params
        facts: dict[str, Any] = {"client_id": walk.pushed.client_id, "providers": PROVIDERS, "refused": refused}
        facts["login_hint"] = request.form.get("username", params.get("login_hint", ""))
        if stage == "consent":
            facts |= self._asked(walk)
        return with_cookie(make_response(render_template(f"{stage}.html", page=stage, **facts)), walk.browser)

    def _asked(self, walk: Interaction) -> dict[str, Any]:
        """Return what the consent page lists."""
        params = walk.pushed.params
        if "authorization_details" not in params:
            return {"wanted": [SCOPE_WORDS.get(scope, scope) for scope in params["scope"].split()]}
        wanted = params["authorization_details"][0]["consent"]
        return {
            "wanted": [words for name, words in consent.PERMISSIONS.items() if name in wanted["permissions"]],
            "provider": PROVIDERS[wanted.get("dp_id") or walk.dp_id],
            "purpose": consent.PURPOSES.get(wanted["consent_purpose"], wanted["consent_purpose"]),
            "expiry": consent.expiry(wanted),
        }
