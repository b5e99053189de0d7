"""What a sandbox is told before it starts: clients, users, faults, lifetimes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flowrun.sandbox.faults import require_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTH_METHODS: Final = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client.

    `redirect_uris` are compared letter by letter. `jwks` holds the public keys that its assertions and request objects
    are verified with; private members are ignored. With `require_signed_request_object` plain form parameters are
    refused at the PAR endpoint.
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    jwks: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})
    token_endpoint_auth_method: str = "private_key_jwt"
    client_secret: str | None = field(default=None, repr=False)
    require_signed_request_object: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for an authentication method that the sandbox does not have."""
        if self.token_endpoint_auth_method not in AUTH_METHODS:
            known = ", ".join(AUTH_METHODS)
            raise ValueError(f"the sandbox has no client authentication '{self.token_endpoint_auth_method}': {known}")


@dataclass(frozen=True, slots=True)
class User:
    """A person who can sign in. `claims` are added to, and win over, the made-up ones of `people.claims_of`."""

    username: str
    password: str = field(repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live, in seconds."""

    request_uri: int = 90
    code: int = 60
    access_token: int = 600
    refresh_token: int = 180 * 86_400
    id_token: int = 600
    interaction: int = 600  # from the first page to the redirect
    login: int = 3600  # how long a browser is remembered


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about one sandbox.

    `port` 0 takes a free one. `clock` gives the server's time in seconds since 1970. `log` is told one line for each
    request (`POST /token 200`), never a parameter; without it the server is silent.
    """

    clients: tuple[Client, ...]
    users: tuple[User, ...]
    faults: frozenset[str] = frozenset()
    port: int = 0
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    clock: Callable[[], float] = time.time
    log: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown fault switch, and for a client or user that is there twice."""
        require_known(self.faults)
        for what, names in (
            ("client", [c.client_id for c in self.clients]),
            ("user", [u.username for u in self.users]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"the sandbox has the {what} '{name}' twice")
