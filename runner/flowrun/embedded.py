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
    problems = fault_problems(environment, wanted)
    if problems:
        raise FlowrunError(*problems)
    people = tuple(_user(environment.user(name), name) for name in environment.user_names())
    try:
        clients = tuple(
            _registration(environment.client(name), environment, keyring) for name in environment.client_names()
        )
        return Sandbox(Settings(clients=clients, users=people, faults=wanted, port=port))
    except ValueError as error:
        at = environment.document.key_at(("clients",))
        raise FlowrunError(Problem("sandbox-settings", str(error), at, "the embedded sandbox can't do this")) from error


def fault_problems(environment: Environment, wanted: Iterable[str]) -> list[Problem]:
    """Return a problem for each fault that the sandbox does not have, at its line if it stands in the file."""
    written = list(environment.document.data.get("faults", ()))
    return [
        Problem(
            "unknown-fault",
            f"the sandbox has no fault '{fault}'",
            environment.document.at(("faults", written.index(fault))) if fault in written else None,
            did_you_mean(fault, FAULTS),
            hint="flowrun sandbox --faults lists them",
        )
        for fault in sorted(wanted)
        if fault not in FAULTS
    ]


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
