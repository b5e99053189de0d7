"""The account access consent of Open Finance Malaysia, as authorization_details (RFC 9396)."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from flowrun.sandbox.people import PROVIDERS, accounts_of
from flowrun.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.settings import User
    from flowrun.sandbox.world import World

CONSENT_TYPE: Final = "urn:openfinance-ml:account-access-consent:v1.2"
# What the consent page calls them.
PERMISSIONS: Final[Mapping[str, str]] = {
    "read_accounts": "Account details",
    "read_balances": "Balances",
    "read_transactions": "Transactions",
}
# The purposes that the sandbox has words for; others are shown as they came.
PURPOSES: Final[Mapping[str, str]] = {"pfm": "Personal finance management"}


def parsed(value: object, world: World) -> list[dict[str, Any]]:
    """Return valid authorization_details; invalid_authorization_details says what is wrong with others.

    In a form they are JSON text, in a request object the JSON itself.
    """
    now = world.now()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise _refused("they are not JSON") from error
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise _refused("they must be a list with one object")
    if value[0].get("type") != CONSENT_TYPE:
        if world.broken("rar.any-type"):
            return []  # what it does not know it passes over
        raise _refused(f"the type must be {CONSENT_TYPE}")
    consent = value[0].get("consent")
    if not isinstance(consent, dict):
        raise _refused("there is no consent in them")
    if world.broken("rar.any-fields"):
        consent = value[0]["consent"] = _passed_over(consent, now)
    _require_rules(consent, now)
    return value


def _require_rules(consent: Mapping[str, Any], now: float) -> None:
    for name in ("dc_id", "consent_purpose"):
        if not isinstance(consent.get(name), str) or not consent[name]:
            raise _refused(f"consent.{name} is missing")
    if consent.get("consent_type", CONSENT_TYPE) != CONSENT_TYPE:
        raise _refused(f"consent.consent_type must be {CONSENT_TYPE}")
    if "dp_id" in consent and consent["dp_id"] not in list(
        PROVIDERS
    ):  # a list compares, and need not hash what a client sent
        raise _refused(f"consent.dp_id must be one of {', '.join(PROVIDERS)}, or left out")
    permissions = consent.get("permissions")
    if not isinstance(permissions, list) or not permissions:
        raise _refused("consent.permissions is missing")
    for permission in permissions:
        if permission not in list(PERMISSIONS):
            raise _refused(f"consent.permissions has the unknown {permission}")
    if expiry(consent).timestamp() <= now:
        raise _refused("consent.expiration_datetime is not in the future")


def _passed_over(consent: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return a consent in which a careless server has passed over what it does not understand."""
    asked = consent.get("permissions")
    known = [one for one in asked if one in list(PERMISSIONS)] if isinstance(asked, list) else []
    seen = {**consent, "permissions": known or ["read_accounts"]}
    if seen.get("dp_id") not in list(PROVIDERS):
        seen["dp_id"] = next(iter(PROVIDERS))
    if expiry(seen).timestamp() <= now:
        seen["expiration_datetime"] = datetime.fromtimestamp(now + 86_400, UTC).isoformat()
    return seen


def expiry(consent: Mapping[str, Any]) -> datetime:
    """Return when a consent ends; invalid_authorization_details when that is not ISO 8601 with an offset."""
    try:
        moment = datetime.fromisoformat(consent["expiration_datetime"])
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise _refused("consent.expiration_datetime must be a time as ISO 8601 writes it, with its offset")


def granted(details: list[dict[str, Any]], user: User, dp_id: str, now: float) -> list[dict[str, Any]]:
    """Return the details as they were granted: identified, authorized, with provider and accounts filled in."""
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return [
        {
            **detail,
            "consent": {
                **detail["consent"],
                "dp_id": dp_id,
                "consent_id": str(uuid.uuid4()),
                "status": "authorized",
                "creation_datetime": when,
                "status_update_datetime": when,
                "account_ids": [account["account_id"] for account in accounts_of(user, dp_id)],
            },
        }
        for detail in details
    ]


def _refused(reason: str) -> Exception:
    error: Exception = refusal("invalid_authorization_details", f"The authorization_details are refused: {reason}.")
    return error
