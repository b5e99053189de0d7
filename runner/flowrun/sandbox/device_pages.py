"""The page where a person types in the code that a device shows (RFC 8628 §3.3)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import Blueprint, make_response, redirect, render_template, request

from flowrun.sandbox.cookie import COOKIE, with_cookie
from flowrun.sandbox.world import Interaction, Pushed

if TYPE_CHECKING:
    from flask import Response

    from flowrun.sandbox.device import Device
    from flowrun.sandbox.world import World


def device_pages(world: World) -> Blueprint:
    """Return the page; sign-in and consent are those of the authorization endpoint."""
    blueprint = Blueprint("device", __name__)

    @blueprint.get("/device/verify")
    def ask() -> Response:
        return make_response(render_template("device.html", user_code=request.args.get("user_code", "")))

    @blueprint.post("/device/verify")
    def begin() -> Response:
        typed = request.form.get("user_code", "")
        device = _waiting(world, typed)
        if device is None:
            return make_response(render_template("device.html", user_code=typed, refused=True))
        params = {"client_id": device.client.client_id, "scope": device.scope}
        pushed = Pushed("", device.client.client_id, params, device.expires_at)
        browser = world.browser(request.cookies.get(COOKIE))
        walk = Interaction(secrets.token_urlsafe(18), pushed, browser, world.now(), device=device)
        world.interactions[walk.id] = walk
        return with_cookie(redirect(f"/auth/{walk.id}", 303), browser)

    return blueprint


def _waiting(world: World, typed: str) -> Device | None:
    """Find a device by what was typed: people leave out the hyphen, and write small letters (RFC 8628 §6.1)."""

    def plain(code: str) -> str:
        return code.replace("-", "").replace(" ", "").upper()

    for device in world.devices.values():
        if plain(device.user_code) == plain(typed) and not device.decided and world.now() < device.expires_at:
            return device
    return None
