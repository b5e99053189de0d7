"""The device grant (RFC 8628): a code for the device, a code for the person, and what became of them."""

from __future__ import annotations

import secrets
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

from flowrun.dataclass import dataclass
from flowrun.sandbox.refusal import refusal
from flowrun.sandbox.settings import AUTH_METHODS

if TYPE_CHECKING:
    from flowrun.sandbox.models import Approval, RegisteredClient
    from flowrun.sandbox.world import World

INTERVAL_SECONDS: Final = 1  # a person who is a program is fast


@dataclass(slots=True)
class Device:
    """A device that waits for its person."""

    device_code: str = field(repr=False)
    user_code: str
    client: RegisteredClient
    scope: str
    expires_at: float
    approval: Approval | None = None
    decided: bool = False
    asked_at: float = 0

    def get_client_id(self) -> str:
        """Return the client that asked."""
        return self.client.client_id

    def get_scope(self) -> str:
        """Return what it asked for."""
        return self.scope

    def get_user_code(self) -> str:
        """Return what the person types in."""
        return self.user_code


class Devices(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    """The device authorization endpoint."""

    CLIENT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)
    INTERVAL = INTERVAL_SECONDS

    def __init__(self, world: World) -> None:
        super().__init__(None)
        self.world = world
        self.EXPIRES_IN = world.lifetimes.device_code

    def generate_device_code(self) -> str:
        """Return a text that nobody can guess."""
        return secrets.token_urlsafe(32)

    def get_verification_uri(self) -> str:
        """Return the page where the person types the code in."""
        return f"{self.world.issuer}/device/verify"

    def save_device_credential(self, client_id: str, scope: str | None, data: dict[str, Any]) -> None:
        """Keep it under both codes."""
        if not scope:
            raise refusal("invalid_scope", "The parameter 'scope' is missing.")
        world = self.world
        made = Device(
            data["device_code"],
            data["user_code"],
            world.clients[client_id],
            scope,
            world.now() + world.lifetimes.device_code,
        )
        world.devices[made.device_code] = made


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    """The device asks until the person has decided; codes are good for one answer."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = list(AUTH_METHODS)

    def query_device_credential(self, device_code: str) -> Device | None:
        """Return the device, also when its time is over: the grant tells the two apart."""
        found: Device | None = self.server.world.devices.get(device_code)
        return found

    def validate_device_credential(self, credential: Device) -> Approval:
        """Return what the person approved, or raise what the device is told instead (RFC 8628 §3.5)."""
        now = self.server.world.now()
        if now >= credential.expires_at:
            raise refusal("expired_token", "The device_code has expired.")
        if credential.decided:
            if credential.approval is None:
                raise refusal("access_denied", "The person has denied the request.")
            return credential.approval
        too_soon = now < credential.asked_at + INTERVAL_SECONDS
        credential.asked_at = now
        if too_soon:
            raise refusal("slow_down", f"Ask every {INTERVAL_SECONDS} seconds, not more often.")
        raise refusal("authorization_pending", "The person has not decided yet.")

    def generate_token(self, **options: Any) -> dict[str, Any]:
        """Spend the code, and add a refresh token only where one was asked for."""
        del self.server.world.devices[self.request.credential.device_code]
        wanted = "offline_access" in options["scope"].split()
        return dict(super().generate_token(**{**options, "include_refresh_token": wanted}))
