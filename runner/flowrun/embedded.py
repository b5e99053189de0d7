"""The embedded sandbox for an environment: its clients and users are the ones that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowrun.errors import FlowrunError, Problem, did_you_mean
from flowrun.sandbox import FAULTS, Client, Sandbox, Settings, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowrun.client import Client as OurClient
    from flowrun.environment import Environment
    from flowrun.keyring import Keyring


def sandbox_for(environment: Environment, keyring: Keyring, *, faults: Iterable[str] = (), port: int = 0) -> Sandbox:
    """Return a sandbox, not yet started, that knows this environment's clients and users.

    Raises `FlowrunError`: an unknown fault, a key that can't be read, the extra that is not installed.
    """
    wanted = frozenset(faults) | environment.faults
    for fault in sorted(wanted):
        if fault not in FAULTS:
            raise FlowrunError(
                Problem(
                    "unknown-fault",
                    f"the sandbox has no fault '{fault}'",
                    environment.document.at(("faults",)) if fault in environment.faults else None,
                    did_you_mean(fault, FAULTS),
                    hint="flowrun sandbox --faults lists them",
                )
            )
    clients = tuple(
        _registration(environment.client(name), environment, keyring) for name in environment.client_names()
    )
    users = tuple(_user(environment.user(name), name) for name in environment.user_names())
    return Sandbox(Settings(clients=clients, users=users, faults=wanted, port=port))


def _registration(client: OurClient, environment: Environment, keyring: Keyring) -> Client:
    keys: list[dict[str, Any]] = [dict(keyring.load(client, name, environment).public_jwk()) for name in client.keys]
    return Client(
        client_id=client.client_id,
        redirect_uris=(client.redirect_uri,) if client.redirect_uri else (),
        jwks={"keys": keys},
        token_endpoint_auth_method=client.auth,
        client_secret=client.client_secret,
    )


def _user(person: dict[str, str], name: str) -> User:
    return User(person.get("username", name), person.get("password", ""))
