"""One authorization transaction: what is known of it between the steps."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from flowrun.dataclass import dataclass

if TYPE_CHECKING:
    from flowrun.browser.model import Hop
    from flowrun.client import Client
    from flowrun.environment import Environment
    from flowrun.jose import Verified
    from flowrun.wire import Answer

# What `extra` may not set: it would not add to the request but replace what makes it ours, unnoticed.
PROTECTED: Final = frozenset(
    {
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "grant_type",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_type",
        "state",
    }
)
# What the URL may say again beside a request_uri or a request object: some servers want it there (OIDC Core §6.1).
REPEATED: Final = frozenset({"redirect_uri", "response_type"})
PROTECTED_LABEL: Final = "write it under authorization:, or into the step's own field"
VERIFIER_BYTES: Final = 64  # 86 characters of the unreserved set (RFC 7636, section 4.1: 43 to 128)


@dataclass(slots=True)
class Flow:
    """A transaction with its own state, nonce, PKCE, request_uri, code and tokens; steps fill it as they go.

    `parameters` is the authorization request that the scenario makes, without the client's authentication; `added` is
    what `extra` put beside it when it was last sent, and `asked` both together: what the server was asked for.
    `callback` is what the browser came back with, of a JARM response its claims; `callback_pairs`, `callback_place`
    and `callback_url` are what stood in the URL or the form. `hops` are the main documents of the last browse step.
    `signed` are the JWTs of ours that the step under way has sent or left; `moved` (form, url) holds what a tampering
    has taken out of the request object, for the push and the browser. `jwks` are the server's keys where they
    could be read; `jwks_answer` is what came when discover asked for them, `jwks_trouble` why nothing came.
    """

    server: dict[str, Any] = field(default_factory=dict)
    jwks: Mapping[str, Any] | None = None
    jwks_answer: Answer | None = None
    jwks_trouble: str = ""
    parameters: dict[str, Any] | None = None
    added: dict[str, Any] = field(default_factory=dict)
    code_verifier: str | None = None
    request_object: str | None = None
    assertion: str | None = None
    request_uri: str | None = None
    expires_at: float | None = None
    callback: dict[str, str] | None = None
    callback_pairs: tuple[tuple[str, str], ...] = ()
    callback_place: str = ""
    callback_url: str = ""
    hops: tuple[Hop, ...] = ()
    tokens: dict[str, Any] = field(default_factory=dict)
    id_token_claims: Mapping[str, Any] = field(default_factory=dict)
    first_refresh_token: str | None = None
    device: Mapping[str, Any] = field(default_factory=dict)
    degraded: str = ""
    signed: list[SignedJwt] = field(default_factory=list)
    moved: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, Any]:
        """The authorization request as the server got it; empty before there is one."""
        return {**(self.parameters or {}), **self.added}


@dataclass(frozen=True, slots=True)
class ReceivedJwt:
    """A JWT as received: its header and claims, and why it can't be trusted (empty when it can).

    `encrypted` is the header of the JWE that it came in, None where it came in none.
    """

    token: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    distrust: str = ""
    verified: Verified | None = None
    encrypted: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SignedJwt:
    """A JWT of ours as it was sent. `what`: request_object, client_assertion, dpop or jwt."""

    what: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def automatic_parameters(client: Client) -> tuple[dict[str, Any], str]:
    """Return the parameters that nobody writes, and the PKCE verifier behind them (RFC 7636, S256)."""
    import secrets  # noqa: PLC0415  a run without an authorization needs none

    verifier = secrets.token_urlsafe(VERIFIER_BYTES)
    made: dict[str, Any] = {"client_id": client.client_id, "response_type": "code"}
    if client.redirect_uri:
        made["redirect_uri"] = client.redirect_uri
    made |= {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return made, verifier


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    import hashlib  # noqa: PLC0415  as above

    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def as_form(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return parameters as a form sends them: objects and lists of objects as JSON, other lists with spaces between."""
    return [(name, form_value(value)) for name, value in parameters.items()]


def with_extra(form: list[tuple[str, str]], extra: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return a form with more parameters: one that is there already is replaced where it stands."""
    more = dict(as_form(extra or {}))
    kept = [(name, more.pop(name, value)) for name, value in form]
    return [*kept, *more.items()]


def form_value(value: Any) -> str:
    """Return one value as a form sends it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case list() if all(isinstance(item, str) for item in value):
            return " ".join(value)
        case list() | dict():
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        case None:
            return ""
    return str(value)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server, or the person at the browser, said no. `place` is one of `scenario.PLACES`; `error` may be empty."""

    place: str
    error: str = ""
    description: str = ""
    status: int | None = None


def now() -> float:
    """Return the time in seconds since 1970."""
    return time.time()


@dataclass(frozen=True, slots=True)
class Around:
    """What a judgement about an answer may look at besides the answer.

    `id_token` came with tokens; `jwt` is any other signed answer of the step: JARM, userinfo, a resource. `earlier` are
    the values that came before in this run: request_uri, code, access_token. `jkt` is the thumbprint of the client's
    DPoP key, empty where it has proved none. `wants_refusal`: the scenario is about being refused; `tampered`: the
    step sends something else than a good client on purpose.
    """

    flow: Flow
    client: Client
    environment: Environment
    issuer: str
    answer: Answer | None = None
    id_token: ReceivedJwt | None = None
    jwt: ReceivedJwt | None = None
    kind: str = ""
    now: float = 0.0
    earlier: Mapping[str, Sequence[str]] = field(default_factory=dict)
    jkt: str = ""
    wants_refusal: bool = False
    tampered: bool = False
