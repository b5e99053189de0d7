"""The made-up people, banks and accounts of the sandbox."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrun.sandbox.settings import User

PROVIDERS: Final[Mapping[str, str]] = {
    "DP9876543210": "Bank Seri Melati",
    "DP9876543211": "Kinabalu Savings Bank",
}
# What the scope `profile` stands for (OIDC Core §5.4), as far as the sandbox has it.
PROFILE: Final = ("name", "given_name", "family_name", "preferred_username", "picture")
CLAIMS: Final = ("sub", *PROFILE, "email", "email_verified", "id_type", "hashed_id_number")


def subject(user: User) -> str:
    """Return the stable, unspeaking identifier of a person."""
    return str(user.claims.get("sub") or uuid.uuid5(uuid.NAMESPACE_URL, f"flowrun-sandbox:{user.username}"))


def claims_of(user: User) -> dict[str, Any]:
    """Return every claim about a person."""
    given = user.username.capitalize()
    digest = hashlib.sha256(f"900101-14-5555:{user.username}".encode()).hexdigest()
    return {
        "name": f"{given} Example",
        "given_name": given,
        "family_name": "Example",
        "preferred_username": user.username,
        "picture": "https://people.example/picture.png",
        "email": f"{user.username}@people.example",
        "email_verified": True,
        "id_type": "mykad",
        "hashed_id_number": digest,
        **user.claims,
        "sub": subject(user),
    }


def accounts_of(user: User, dp_id: str) -> list[dict[str, Any]]:
    """Return the accounts that a person has with a data provider."""
    seed = hashlib.sha256(f"{subject(user)}:{dp_id}".encode()).hexdigest()
    number = str(int(seed[:12], 16)).zfill(12)[:12]
    return [
        {
            "account_id": str(uuid.UUID(seed[offset : offset + 32])),
            "dp_id": dp_id,
            "account_type": kind,
            "masked_number": f"•••• {number[offset : offset + 4]}",
            "currency": "MYR",
            "balance": f"{int(seed[offset : offset + 4], 16) / 10:.2f}",
        }
        for offset, kind in enumerate(("savings", "current"))
    ]
