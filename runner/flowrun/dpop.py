"""DPoP: a proof, for each request, that we hold the key that our tokens are bound to (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from flowrun.dataclass import dataclass
from flowrun.filters import new_uuid
from flowrun.flow import SignedJwt, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowrun.jose import Key

_PORTS: Final = {"https": 443, "http": 80}


@dataclass(slots=True)
class Prover:
    """Makes the proofs of one client, and keeps the nonce that each server has given last (section 8.2)."""

    key: Key
    alg: str
    nonces: dict[str, str] = field(default_factory=dict)

    @property
    def jkt(self) -> str:
        """The thumbprint of the key: `dpop_jkt` in a request, `cnf.jkt` in a token."""
        return self.key.thumbprint()

    def proof(
        self, method: str, url: str, access_token: str = "", signer: Callable[..., str] | None = None
    ) -> tuple[str, SignedJwt]:
        """Return a fresh proof for one request, and what was signed (section 4.2); `signer` tampers with it."""
        from flowrun.jose import peek, sign  # noqa: PLC0415  JOSE is loaded when something is signed

        header: dict[str, Any] = {"typ": "dpop+jwt", "kid": None, "jwk": public_members(self.key)}
        claims: dict[str, Any] = {
            "jti": new_uuid(),
            "htm": method,
            "htu": target(url),
            "iat": int(now()),
        }
        if access_token:
            digest = hashlib.sha256(access_token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if nonce := self.nonces.get(origin(url)):
            claims["nonce"] = nonce
        token = (signer or sign)(claims, self.key, self.alg, header)
        made = peek(token)
        return token, SignedJwt("dpop", made.header, made.claims)

    def remember(self, url: str, headers: Mapping[str, str]) -> None:
        """Keep the nonce of an answer: the next proof for this server carries it."""
        if nonce := headers.get("dpop-nonce"):
            self.nonces[origin(url)] = nonce


def public_members(key: Key) -> dict[str, str]:
    """Return the members of the public key that make it up; what a JWK says besides is nobody's business here."""
    return {name: value for name, value in key.public_jwk().items() if name not in {"kid", "use", "alg"}}


def target(url: str) -> str:
    """Return a URL as `htu` has it: without query and fragment (section 4.2)."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def origin(url: str) -> str:
    """Return scheme, host and port: what a nonce belongs to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 0)}"
