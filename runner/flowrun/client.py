"""One OAuth client of an environment, ready to use: who it is, how it authenticates, signs, shows a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
    """How request objects are made (RFC 9101). `required`: `push` signs by itself; `lifetime` in s; `typ` a header."""

    required: bool = False
    aud: str | list[str] = "issuer"
    alg: str = "PS256"
    lifetime: float = 300.0
    nbf: bool = True
    typ: str | None = None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Where a key is. The passphrase is a secret."""

    file: Path | None
    kid: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    jwk: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The client's TLS certificate and its key, PEM files; `header` for servers behind a proxy: name and format."""

    file: Path
    key: Path | None = None
    header: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A client of an environment, with what its profile adds. `names` are read as `client.<name>` in templates."""

    name: str
    client_id: str
    redirect_uri: str | None = None
    auth: str = "private_key_jwt"
    client_secret: str | None = field(default=None, repr=False)
    assertion: Assertion = Assertion()
    request_object: RequestObject = RequestObject()
    sender_constraint: str = "none"
    keys: Mapping[str, KeyFile] = field(default_factory=dict)
    certificate: Certificate | None = None
    names: Mapping[str, Any] = field(default_factory=dict)

    def known(self) -> dict[str, Any]:
        """Return what templates read as `client.…`; never a secret."""
        return {"client_id": self.client_id, "redirect_uri": self.redirect_uri or "", "auth": self.auth, **self.names}
