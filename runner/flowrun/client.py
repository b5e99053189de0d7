"""One OAuth client of an environment, ready to use: who it is, how it authenticates, signs, shows a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from flowrun.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Assertion:
    """How client assertions are made. `aud`: issuer, token, par, endpoint, a URL, or a list; `lifetime` in s."""

    aud: str | list[str] = "issuer"
    alg: str = "PS256"
    lifetime: float = 60.0
    nbf: bool = False
    typ: str | None = None


@dataclass(frozen=True, slots=True)
class RequestObject:
    """How request objects are made (RFC 9101). `required`: `push` signs by itself; `lifetime` in s; `typ` a header.

    `encrypt` (alg, enc, kid) says how they are encrypted for the server; None: they are not.
    """

    required: bool = False
    aud: str | list[str] = "issuer"
    alg: str = "PS256"
    lifetime: float = 300.0
    nbf: bool = True
    typ: str | None = None
    encrypt: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class IdToken:
    """What id_tokens of a client are like: `alg` is the only algorithm accepted, None any that the metadata names.

    `encrypt` is for the embedded sandbox, which registers the client so; any encrypted one is understood.
    """

    alg: str | None = None
    encrypt: bool = False


@dataclass(frozen=True, slots=True)
class Userinfo:
    """What userinfo is like. `signed` is for the embedded sandbox; a JWT and JSON are both understood."""

    signed: bool = False


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Where a key is. The passphrase is a secret."""

    file: Path | None
    kid: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    jwk: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The client's TLS certificate and its key, PEM files.

    `hosts` are those that get it, with or without a port; None: all that are called. `header` (name, format) sends it
    in a header instead, for servers behind a proxy.
    """

    file: Path
    key: Path | None = None
    hosts: tuple[str, ...] | None = None
    header: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Dpop:
    """How DPoP proofs are made (RFC 9449). `key` names a client key, None: one made for the run.

    `bind_code` is none, par (a proof with the push) or jkt (the parameter dpop_jkt).
    """

    alg: str = "ES256"
    key: str | None = None
    bind_code: str = "none"


@dataclass(frozen=True, slots=True)
class Client:
    """A client of an environment, with what its profile adds. `names` are read as `client.<name>` in templates.

    `jwks_uri` is where the server reads this client's public keys.
    """

    name: str
    client_id: str
    redirect_uri: str | None = None
    jwks_uri: str | None = None
    auth: str = "private_key_jwt"
    basic_encoding: str = "form"
    client_secret: str | None = field(default=None, repr=False)
    assertion: Assertion = Assertion()
    request_object: RequestObject = RequestObject()
    id_token: IdToken = IdToken()
    userinfo: Userinfo = Userinfo()
    sender_constraint: str = "none"
    dpop: Dpop = Dpop()
    keys: Mapping[str, KeyFile] = field(default_factory=dict)
    certificate: Certificate | None = None
    names: Mapping[str, Any] = field(default_factory=dict)

    def known(self) -> dict[str, Any]:
        """Return what templates read as `client.…`; never a secret."""
        return {"client_id": self.client_id, "redirect_uri": self.redirect_uri or "", "auth": self.auth, **self.names}
