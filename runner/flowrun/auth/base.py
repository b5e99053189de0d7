"""What every way of client authentication gets and does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.filters import new_uuid

if TYPE_CHECKING:
    from flowrun.client import Client
    from flowrun.jose import Key


@dataclass(frozen=True, slots=True)
class Call:
    """The request that is about to carry the authentication.

    `form` and `headers` are changed in place. `audience` is the value for `aud` of an assertion. `key` is loaded by
    whoever calls, once a process. `assertion` is one that the scenario signed itself: then exactly that one is sent.
    `now` is in seconds since 1970. `sign` makes the assertion, where a step tampers with it; None: `jose.sign`.
    """

    form: list[tuple[str, str]]
    headers: dict[str, str]
    audience: str | list[str]
    now: float
    key: Key | None = None
    assertion: str | None = None
    sign: Callable[..., str] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One registered method: how it is applied, and what the client must have for it (`secret`, `key`)."""

    apply: Callable[[Client, Call], None]
    needs: frozenset[str] = frozenset()


def name_client(client: Client, call: Call) -> None:
    """Put `client_id` into the form unless it is there (at PAR it is a parameter of the request already)."""
    if not any(name == "client_id" for name, _ in call.form):
        call.form.insert(0, ("client_id", client.client_id))


# Seconds that iat and nbf are set back: a server that allows no difference of the clocks, or whose second ends while
# the request is on its way, would now and then refuse a JWT of this very second.
_SET_BACK: Final = 5
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def carry_assertion(client: Client, call: Call, assertion: str) -> None:
    """Send an assertion in the form (RFC 7521, section 4.2)."""
    name_client(client, call)
    call.form.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)])


def validity(now: float, lifetime: float) -> tuple[int, int]:
    """Return when a JWT that is signed now begins and ceases to be valid; whole seconds, some servers refuse others.

    `lifetime` (s) is all the time between the two, so that it keeps what a profile allows.
    """
    begins = int(now) - min(_SET_BACK, int(lifetime) // 4)
    return begins, begins + int(lifetime)


def assertion_claims(
    client: Client,
    audience: str | list[str],
    now: float,
    claims: Mapping[str, Any] | None = None,
    *,
    lifetime: float | None = None,
) -> dict[str, Any]:
    """Return the claims of a fresh client assertion (RFC 7523, section 3; OpenID Connect Core, section 9).

    `lifetime` (s) is the client's where it is None; `claims` are laid over it all.
    """
    begins, ends = validity(now, client.assertion.lifetime if lifetime is None else lifetime)
    made: dict[str, Any] = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": audience,
        "jti": new_uuid(),
        "iat": begins,
        "exp": ends,
    }
    if client.assertion.nbf:
        made["nbf"] = begins
    return {**made, **(claims or {})}
