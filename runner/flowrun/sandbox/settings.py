"""What a sandbox is told before it starts: clients, users, faults, lifetimes."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass
from flowrun.sandbox.faults import require_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTH_METHODS: Final = (
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "client_secret_jwt",
    "client_secret_basic",
    "client_secret_post",
    "none",
)
CERTIFICATE_METHODS: Final = ("tls_client_auth", "self_signed_tls_client_auth")
FAPI_METHODS: Final = ("private_key_jwt", *CERTIFICATE_METHODS)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client.

    `redirect_uris` are compared letter by letter. `jwks` holds the public keys that its assertions and request objects
    are verified with; private members are ignored. With `require_signed_request_object` plain parameters are refused.
    `certificate` is the registered TLS client certificate, PEM. `sender_constraint` is none, mtls or dpop: what every
    access token of this client is bound to. With `answers_encrypted` its id_tokens and the answers of response_mode
    jwt are encrypted for its key with `use: enc`.
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    jwks: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})
    token_endpoint_auth_method: str = "private_key_jwt"
    client_secret: str | None = field(default=None, repr=False)
    require_signed_request_object: bool = False
    certificate: str | None = field(default=None, repr=False)
    sender_constraint: str = "none"
    id_token_alg: str = "PS256"
    answers_encrypted: bool = False
    userinfo_signed: bool = False

    @property
    def plain(self) -> bool:
        """Tell whether this is a client of plain OAuth: FAPI 2.0 §5.3.2.1 knows neither secrets nor public clients."""
        return self.token_endpoint_auth_method not in FAPI_METHODS

    def __post_init__(self) -> None:
        """Raise ValueError for an authentication method that the sandbox does not have."""
        if self.token_endpoint_auth_method not in AUTH_METHODS:
            known = ", ".join(AUTH_METHODS)
            raise ValueError(f"the sandbox has no client authentication '{self.token_endpoint_auth_method}': {known}")
        if self.answers_encrypted and not any(key.get("use") == "enc" for key in self.jwks.get("keys", [])):
            who = f"the client '{self.client_id}'"
            raise ValueError(f"{who} has no key to encrypt for: one of its keys must be named encryption")


@dataclass(frozen=True, slots=True)
class CertificateHeader:
    """Where a proxy in front of the server would put the client's certificate.

    `format` is url (URL-encoded PEM, as nginx writes `$ssl_client_escaped_cert`), pem (PEM whose line ends have become
    spaces), or der (Base64 of DER).
    """

    name: str
    format: str = "url"


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
    device_code: int = 600
    login: int = 3600  # how long a browser is remembered


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about one sandbox.

    `port` 0 takes a free one. `clock` gives the server's time in seconds since 1970. `log` is told one line for each
    request (`POST /token 200`), never a parameter; without it the server is silent.

    `tls` is none (http), hosts (https; everything but metadata, keys and pages on a second host that asks for client
    certificates), or aliases (https; the second host is offered in `mtls_endpoint_aliases`). `par` is required,
    optional, or none. `request_uri_prefix` is what a request_uri begins with. `dpop_nonce` demands the nonce of the
    server in DPoP proofs. `signed_resources` demands x-signature at the accounts and answers them signed and encrypted.
    `access_tokens` is opaque or jwt (RFC 9068). Without `fapi` the aud of a client assertion may be an endpoint, too.
    """

    clients: tuple[Client, ...]
    users: tuple[User, ...]
    faults: frozenset[str] = frozenset()
    port: int = 0
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    clock: Callable[[], float] = time.time
    log: Callable[[str], None] | None = None
    tls: str = "none"
    par: str = "required"
    request_uri_prefix: str = "urn:ietf:params:oauth:request_uri:"
    certificate_header: CertificateHeader | None = None
    dpop_nonce: bool = False
    signed_resources: bool = False
    access_tokens: str = "opaque"
    fapi: bool = True

    @property
    def sees_certificates(self) -> bool:
        """Tell whether there is a way for a client to show its certificate."""
        return self.tls != "none" or self.certificate_header is not None

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
