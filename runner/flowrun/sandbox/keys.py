"""The server's keys: each made once in a process, and only when first asked for (an RSA key takes about 50 ms)."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import KeyParameters

    from flowrun.sandbox.models import RegisteredClient

    Key = RSAKey | ECKey | OKPKey

ALGORITHM: Final = "PS256"
# What id_tokens and the other signed answers can be signed with, when a client is registered for it.
SIGNING: Final = ("PS256", "ES256", "EdDSA", "RS256")
SECRET_SIGNING: Final = ("HS256", "HS384", "HS512")
ENCRYPTION: Final = "encryption"
PROVIDER: Final = "data-provider"
KEY_ENCRYPTION: Final = ("RSA-OAEP", "RSA-OAEP-256")
CONTENT_ENCRYPTION: Final = ("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM")
ANSWER_ENCRYPTION: Final = {"RSA": "RSA-OAEP-256", "EC": "ECDH-ES+A256KW"}
ANSWER_CONTENT: Final = "A256GCM"
BITS: Final = 2048
# RFC 9864 renames EdDSA, and joserfc warns of the old name; clients and servers go on saying it.
JWSRegistry.algorithms["EdDSA"].security_warning = None
_lock = Lock()


@cache
def _made(name: str) -> Key:
    alg = name.removeprefix("unpublished ")
    if alg == "ES256":
        key: Key = ECKey.generate_key("P-256", {"use": "sig", "alg": alg}, private=True)
    elif alg == "EdDSA":
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": alg}, private=True)
    else:
        signing: KeyParameters = {"use": "sig", "alg": alg if alg in SIGNING else ALGORITHM}
        said: KeyParameters = {"use": "enc"} if name == ENCRYPTION else signing
        key = RSAKey.generate_key(BITS, said, private=True)
    key.ensure_kid()
    return key


def _key(name: str) -> Key:
    with _lock:  # two sandboxes that ask at once get the same key
        return _made(name)


def published(name: str = ALGORITHM) -> dict[str, Any]:
    """Return the public JWK of a signing algorithm, of `ENCRYPTION`, or of the data `PROVIDER`."""
    return dict(_key(name).as_dict(private=False))


def sign(
    claims: Mapping[str, Any], alg: str = ALGORITHM, *, name: str = "", typ: str = "", unpublished: bool = False
) -> str:
    """Return claims as a JWS of the server, or of the key `name`, under its published kid.

    `unpublished` signs with a key that nobody can know.
    """
    name = name or alg
    header = {"alg": alg, "kid": published(name)["kid"], **({"typ": typ} if typ else {})}
    return jwt.encode(header, dict(claims), _key(f"unpublished {alg}" if unpublished else name), [alg])


def sign_with_secret(claims: Mapping[str, Any], alg: str, secret: str) -> str:
    """Return claims as a JWS that the client's secret verifies (OIDC Core §10.1)."""
    return jwt.encode({"alg": alg}, dict(claims), OctKey.import_key(secret), [alg])


def sign_text(text: str, *, name: str, unpublished: bool = False) -> str:
    """Return a text as a JWS of the key `name`."""
    header = {"alg": ALGORITHM, "kid": published(name)["kid"]}
    key = _key(f"unpublished {ALGORITHM}" if unpublished else name)
    return jws.serialize_compact(header, text, key, [ALGORITHM])


def decrypt(token: str) -> str:
    """Return what a JWE for this server holds; JoseError, ValueError when it cannot be opened."""
    allowed = [*KEY_ENCRYPTION, *CONTENT_ENCRYPTION]
    opened = jwe.decrypt_compact(token, _key(ENCRYPTION), algorithms=allowed)
    return (opened.plaintext or b"").decode()


def encryption_key(client: RegisteredClient) -> Key | None:
    """Return the client's public key that is meant for encryption; None when it has none."""
    for key in client.keys().keys:
        if key.get("use") == "enc" and isinstance(key, RSAKey | ECKey):
            return key
    return None


def encrypt(text: str, key: Key, *, holds: str = "JWT") -> str:
    """Return a text as a JWE for a key; `holds` becomes cty, empty for none."""
    alg = ANSWER_ENCRYPTION[key.key_type]
    header = {"alg": alg, "enc": ANSWER_CONTENT, "kid": key.kid, **({"cty": holds} if holds else {})}
    return jwe.encrypt_compact(header, text, key, [alg, ANSWER_CONTENT])


def key_set(*names: str) -> dict[str, Any]:
    """Return the JWKS of these keys, each once."""
    return {"keys": [published(name) for name in dict.fromkeys(names)]}
