"""The Flask application: routes, headers, and errors in the form their reader can use."""

from __future__ import annotations

import logging
import secrets
import threading
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from flowrun.sandbox import dpop, keys, metadata
from flowrun.sandbox.consents import consents
from flowrun.sandbox.device_pages import device_pages
from flowrun.sandbox.interaction import interaction_pages
from flowrun.sandbox.push import HTML, MAINTENANCE
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.resources import resources
from flowrun.sandbox.server import Server
from flowrun.sandbox.spoil import spoil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flowrun.sandbox.world import World

FORM: Final = "application/x-www-form-urlencoded"
LARGEST_REQUEST: Final = 512 * 1024  # bytes; RFC 9126 §2.3 has 413 for more
INTERACTION_ID: Final = "x-fapi-interaction-id"
DEVICE: Final = "/device"
FORMS: Final = ("/par", "/token", "/token/revoke", "/introspection", DEVICE)
PROVEN: Final = ("/par", "/token")  # where a DPoP proof binds something (RFC 9449 §5, §10)
API: Final = (
    "/par",
    "/token",
    "/introspection",
    "/jwks",
    "/dp/",
    "/userinfo",
    "/accounts",
    "/consents",
    "/.well-known/",
)
SERVER_ERROR: Final = 500
ANY_METHOD: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_log = logging.getLogger(__name__)


def create_app(world: World) -> Flask:
    """Return the application; it handles one request at a time, so that the world needs no locks."""
    app = Flask(__name__, static_folder=None)
    largest = None if world.broken("par.no-size-limit") else LARGEST_REQUEST
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = largest
    server = Server(world)
    app.register_blueprint(interaction_pages(world, server))
    app.register_blueprint(resources(world))
    app.register_blueprint(consents(world))
    app.register_blueprint(device_pages(world))
    _add_metadata(app, world)
    _add_endpoints(app, world, server)
    app.before_request(lambda: _prepare(world))
    app.after_request(lambda response: _finish(world, response))
    app.register_error_handler(Exception, lambda error: _failed(server, error))
    inner, lock = app.wsgi_app, threading.Lock()

    def one_at_a_time(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/token" and world.races:
            return inner(environ, start_response)
        with lock:
            return inner(environ, start_response)

    app.wsgi_app = one_at_a_time  # type: ignore[method-assign]  # Flask's documented way to wrap itself
    return app


def _add_metadata(app: Flask, world: World) -> None:
    def discovery() -> Any:
        if world.broken("discover.status-500"):
            return jsonify({"error": "server_error"}), SERVER_ERROR
        if world.broken("discover.html"):
            return make_response(MAINTENANCE, 200, HTML)
        return jsonify(metadata.metadata(world))

    for name in ("openid-configuration", "oauth-authorization-server"):
        app.add_url_rule(f"/.well-known/{name}", view_func=discovery, endpoint=name)
    app.add_url_rule("/jwks", view_func=lambda: jsonify(metadata.jwks(world)), endpoint="jwks")
    app.add_url_rule("/dp/jwks", view_func=lambda: jsonify(keys.key_set(keys.PROVIDER)), endpoint="dp_jwks")


def _add_endpoints(app: Flask, world: World, server: Server) -> None:
    def token() -> Any:
        if world.broken("token.status-500"):
            return jsonify({"error": "server_error"}), SERVER_ERROR
        if not request.form.get("grant_type"):
            raise refusal("invalid_request", "The parameter 'grant_type' is missing.")
        response = server.create_token_response()
        if world.broken("token.no-store-missing"):
            del response.headers["Cache-Control"], response.headers["Pragma"]
        return response

    app.add_url_rule("/token", view_func=token, methods=["GET", "POST"] if world.broken("token.get") else ["POST"])
    if world.settings.par != "none":
        endpoint = "pushed_authorization_request"
        methods = ANY_METHOD if world.broken("par.any-method") else ["POST"]
        app.add_url_rule("/par", endpoint, lambda: server.create_endpoint_response(endpoint), methods=methods)
    for path, name in (
        ("/token/revoke", "revocation"),
        ("/introspection", "introspection"),
        (DEVICE, "device_authorization"),
    ):
        app.add_url_rule(path, name, lambda name=name: server.create_endpoint_response(name), methods=["POST"])


def _prepare(world: World) -> None:
    g.nonce = secrets.token_urlsafe(16)
    if request.path == "/par" and request.is_json and world.broken("par.json-body"):
        request.form = ImmutableMultiDict(dict(request.get_json()))
    elif request.path in {"/par", "/token"} and request.method == "GET":  # where there is such a thing at all
        request.form = ImmutableMultiDict(request.args)
    elif request.method == "POST" and request.path in FORMS and request.mimetype != FORM:
        raise refusal("invalid_request", f"The body must be {FORM}.")
    # Before the client authenticates: a client that must come again with a nonce has not spent its assertion.
    g.jkt = dpop.proven_key(world) if request.path in PROVEN else None


def _finish(world: World, response: Response) -> Response:
    headers = response.headers
    headers["Date"] = http_date(world.now())
    headers["X-Content-Type-Options"] = "nosniff"
    if "retry_after" in g:
        headers["Retry-After"] = str(g.retry_after)
    if _is_for_programs():
        forgets = request.path == "/par" and world.broken("push.no-interaction-id")
        if INTERACTION_ID in request.headers and not forgets:
            headers[INTERACTION_ID] = request.headers[INTERACTION_ID]
        if dpop.wanted_nonce(world) != "none" and dpop.HEADER in request.headers:
            headers[dpop.NONCE_HEADER] = dpop.nonce(world)
    else:
        script = f"script-src 'nonce-{g.nonce}'; " if g.get("may_run_script") else ""
        headers["Content-Security-Policy"] = (
            f"default-src 'none'; {script}style-src 'nonce-{g.nonce}'; img-src data:; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cache-Control"] = "no-store"
    spoil(world, response)
    if world.settings.log:
        route = request.url_rule.rule if request.url_rule else "(no such page)"
        world.settings.log(f"{request.method} {route} {response.status_code}")
    return response


def _is_for_programs() -> bool:
    return request.path.startswith(API) or request.path == DEVICE  # what stands under /device/ is for people


def _failed(server: Server, error: Exception) -> Any:
    """Answer an API with JSON, and a browser with a page."""
    told = error if isinstance(error, OAuth2Error) else _as_oauth(error)
    if _is_for_programs():
        return server.handle_error_response(None, told)
    page = render_template("error.html", error=told.error, description=told.description)
    return make_response(page, told.status_code)


def _as_oauth(error: Exception) -> OAuth2Error:
    """Return what a wrong path, a wrong method, or a bug of ours is in OAuth's form."""
    status = (error.code or SERVER_ERROR) if isinstance(error, HTTPException) else SERVER_ERROR
    if status == SERVER_ERROR:
        _log.error("the sandbox has a bug, please report it", exc_info=error)
    name = str(error.name) if isinstance(error, HTTPException) else "The sandbox has a bug"
    return refusal("invalid_request" if status < SERVER_ERROR else "server_error", f"{name}.", status)
