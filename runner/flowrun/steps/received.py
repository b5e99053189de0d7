"""JWTs that servers send: opened with the client's keys, verified with the server's, and doubted where that fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flowrun.errors import StepError
from flowrun.flow import ReceivedJwt
from flowrun.steps.base import judge_answer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from flowrun.jose import Key, Verified
    from flowrun.steps.base import Tools

# Never `none`; never one with a shared secret unless client and server know one and say that they may use it.
ASYMMETRIC: Final = (
    *("PS256", "ES256", "RS256", "EdDSA", "Ed25519"),
    *("PS384", "PS512", "ES384", "ES512", "RS384", "RS512"),
)
_SHARED: Final = ("HS256", "HS384", "HS512")
_DEEPEST: Final = 3  # a JWS in a JWE, a JWE in a JWS, and one more
_ENCRYPTED_DOTS: Final = 4


def server_algorithms(tools: Tools, name: str) -> list[str]:
    """Return the signing algorithms that the metadata names under `name`; all but shared ones where it names none.

    A client that has a secret may have been registered for HS256, so it counts where the metadata names it. The key is
    then the secret, never one that is published.
    """
    offered = tools.flow.server.get(name)
    if not isinstance(offered, list):
        return list(ASYMMETRIC)
    known = ASYMMETRIC + _SHARED if tools.client.client_secret else ASYMMETRIC
    return [alg for alg in offered if alg in known]


def id_token_algorithms(tools: Tools) -> list[str]:
    """Return what an id_token may be signed with: what the client is set to (OIDC Core §3.1.3.7), or the server's."""
    own = tools.client.id_token.alg
    return [own] if own else server_algorithms(tools, "id_token_signing_alg_values_supported")


def fetch_jwks(tools: Tools, url: str = "") -> Mapping[str, Any]:
    """Return the keys at a URL; the server's own are also kept for the flow. Raises `StepError` when there are none."""
    answer = tools.get(url or tools.endpoint("jwks_uri"))
    refusal = judge_answer(answer, "to the question for its keys", "exchange")
    if refusal is not None:
        raise StepError("no-jwks", f"the server answered {answer.status} to the question for its keys")
    if not url:
        tools.flow.jwks = answer.members
    return answer.members


def read_jwt(
    tools: Tools,
    token: str,
    *,
    allowed: Collection[str],
    keys: Mapping[str, Any] | None = None,
    jwks_url: str | None = None,
    signed: bool = True,
) -> ReceivedJwt:
    """Return what is in a JWT, and why it can't be trusted, if it can't; raises nothing for that.

    A JWE is opened with the client's key `encryption` (else `signing`, or its secret), a JWS verified with `keys` (a
    JWKS), those at `jwks_url`, or the server's; one inside the other to any order. `claims` are those found, trusted
    or not, and empty where none can be read. Without `signed` a JWE that holds no signed JWT is trusted.
    """
    from flowrun.jose import JoseError, peek, peek_jwe  # noqa: PLC0415  JOSE is loaded when there is a JWT

    text, header, verified = token, None, None
    encrypted: Mapping[str, Any] | None = None
    doubts: list[str] = []
    for _ in range(_DEEPEST):
        is_encrypted = text.count(".") == _ENCRYPTED_DOTS
        if text.lstrip()[:1] == "{" or (header is not None and not is_encrypted):
            break
        if is_encrypted:
            try:
                encrypted = peek_jwe(text)
                text = _opened(tools, text, encrypted)
            except JoseError as error:
                return ReceivedJwt(token, header or {}, {}, f"it can't be opened: {error.title}", None, encrypted)
            continue
        try:
            seen = peek(text, claims=False)
        except JoseError as error:
            return ReceivedJwt(token, header or {}, {}, f"it is no signed JWT: {error.title}", None, encrypted)
        header = seen.header
        try:
            verified = _verified(tools, text, seen.header, allowed, keys, jwks_url)
        except JoseError as error:
            doubts.append(error.title)
        except StepError as error:
            doubts.append(f"its key could not be read: {error.title}")
        text = seen.payload.decode("utf-8", "replace")
    claims, problem = _claims(text)
    if problem:
        doubts.append(f"it is no signed JWT: {problem}")
    elif header is None and (signed or encrypted is None):
        doubts.append("it is encrypted, but not signed" if encrypted else "it is plain JSON, and not signed")
    verified = None if doubts or verified is None else replace(verified, claims=claims)
    return ReceivedJwt(token, header or {}, claims, "; ".join(doubts), verified, encrypted)


def readable(received: ReceivedJwt, what: str) -> ReceivedJwt:
    """Return a JWT that has claims, trusted or not; raises `StepError` for one that nothing can be read of."""
    if received.claims or not received.distrust:
        return received
    raise StepError("unreadable-jwt", f"{what} can't be read: {received.distrust}")


def _opened(tools: Tools, token: str, header: Mapping[str, Any]) -> str:
    from flowrun.jose import decrypt  # noqa: PLC0415  as above

    return decrypt(token, _own_keys(tools, header)).plaintext.decode("utf-8", "replace")


def _own_keys(tools: Tools, header: Mapping[str, Any]) -> list[Key]:
    from flowrun.jose import encryption_key_from_secret  # noqa: PLC0415  as above

    client = tools.client
    found = [tools.load_key(client, name) for name in ("encryption", "signing") if name in client.keys]
    if client.client_secret:
        made = encryption_key_from_secret(client.client_secret, header.get("alg"), header.get("enc"))
        found += [made] if made else []
    return found


def _verified(
    tools: Tools,
    token: str,
    header: Mapping[str, Any],
    allowed: Collection[str],
    keys: Mapping[str, Any] | None,
    jwks_url: str | None,
) -> Verified:
    from flowrun.jose import JoseError, key_from_secret, verify  # noqa: PLC0415  as above

    if header.get("alg") in _SHARED and header["alg"] in allowed:
        if not tools.client.client_secret:
            raise StepError("no-secret", f"{header['alg']} is made with the client's secret, and it has none here")
        return verify(token, key_from_secret(tools.client.client_secret), allowed, claims=False)
    if keys is not None or jwks_url:
        return verify(token, fetch_jwks(tools, jwks_url or "") if keys is None else keys, allowed, claims=False)
    try:
        return verify(token, tools.flow.jwks or fetch_jwks(tools), allowed, claims=False)
    except JoseError as error:
        if error.code != "kid-unknown":
            raise
        # Keys rotate: a kid that is not in a kept JWKS may be in a fresh one.
        return verify(token, fetch_jwks(tools), allowed, claims=False)


def _claims(text: str) -> tuple[Mapping[str, Any], str]:
    """Return the claims, or an empty mapping and what is wrong with them."""
    from flowrun.jose.encoding import DuplicateMemberError, from_json  # noqa: PLC0415  as above

    try:
        found = from_json(text)
    except DuplicateMemberError as error:
        return {}, f"the token's payload has the member '{error}' twice"
    except ValueError:
        return {}, "its payload is not JSON"
    return (found, "") if isinstance(found, dict) else ({}, "its payload is not a JSON object")
