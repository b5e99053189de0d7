"""The embedded sandbox for an environment: its clients and users are the ones that the environment names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flowrun import certificates
from flowrun.environment import written_at
from flowrun.errors import FlowrunError, Problem, did_you_mean
from flowrun.sandbox import FAULTS, CertificateHeader, Client, Lifetimes, Sandbox, Settings, User
from flowrun.template import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowrun.client import Client as OurClient
    from flowrun.environment import Environment
    from flowrun.keyring import Keyring


# The name of the key that the server encrypts for.
ENCRYPTION: Final = "encryption"
CERTIFICATE: Final = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


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
        settings = _settings(environment.sandbox)
        settings["fapi"] = "fapi2" in environment.profile.family
        return Sandbox(Settings(clients=clients, users=people, faults=wanted, port=port, **settings))
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


def _settings(written: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `sandbox:` of an environment into settings: durations in seconds, the header as an object."""
    settings = dict(written)
    lifetimes = {name: round(seconds(text)) for name, text in written.get("lifetimes", {}).items()}
    settings["lifetimes"] = Lifetimes(**lifetimes)
    if "certificate_header" in written:
        settings["certificate_header"] = CertificateHeader(**written["certificate_header"])
    return settings


def _registration(client: OurClient, environment: Environment, keyring: Keyring) -> Client:
    """Return what the client would have told a real server when it was registered."""
    keys: list[dict[str, Any]] = [
        {**keyring.load(client, name, environment).public_jwk(), "use": "enc" if name == ENCRYPTION else "sig"}
        for name in client.keys
    ]
    # Without TLS there is no certificate that a token could be bound to; a check says so when the client wants it.
    seen = environment.sandbox.get("tls", "none") != "none" or "certificate_header" in environment.sandbox
    bound = client.sender_constraint if client.sender_constraint != "mtls" or seen else "none"
    return Client(
        client_id=client.client_id,
        redirect_uris=(client.redirect_uri,) if client.redirect_uri else (),
        jwks={"keys": keys},
        token_endpoint_auth_method=client.auth,
        client_secret=client.client_secret,
        require_signed_request_object=client.request_object.required,
        certificate=_certificate(client, environment) if client.certificate else None,
        sender_constraint=bound,
        id_token_alg=client.id_token.alg or "PS256",
        answers_encrypted=client.id_token.encrypt,
        userinfo_signed=client.userinfo.signed,
    )


def _certificate(client: OurClient, environment: Environment) -> str:
    """Return the client's certificate, PEM; raises `FlowrunError` where it can't be read."""
    assert client.certificate is not None  # noqa: S101  the caller has seen to it
    file = client.certificate.file
    try:
        certificates.read(file)
        # The file may hold the private key too, which the server must not see.
        return str(CERTIFICATE.findall(file.read_text("ascii"))[0])
    except (OSError, ValueError) as error:
        at = environment.document.key_at(written_at(environment, client.name, ("certificate", "file")) or ("clients",))
        title = f"the client certificate {file.name} can't be read"
        raise FlowrunError(Problem("certificate-unreadable", title, at, "it must be PEM")) from error


def _user(person: dict[str, str], name: str) -> User:
    return User(person.get("username", name), person.get("password", ""))
