"""Encrypt and decrypt tokens in compact form (JWE: RFC 7516; algorithms: RFC 7518, sections 4 and 5).

The ciphers are python-jose's. Its `jwe` module is not used: it writes no header of our choice, takes a tag of any
length, and reads nothing above 250 kB.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from jose.exceptions import JOSEError

from flowrun.dataclass import dataclass
from flowrun.jose.agreement import AGREED, agreed, sender
from flowrun.jose.algorithms import prepared
from flowrun.jose.compact import Sealed, refuse_crit, sealed
from flowrun.jose.encoding import to_base64url, to_json
from flowrun.jose.errors import JoseError, listed, quoted
from flowrun.jose.key import Key, Material
from flowrun.jose.recipient import CONTENT_KEY, SENT, needed_key, suits

if TYPE_CHECKING:
    from jose.backends.base import Key as JoseKey

# RSA1_5 is read, because servers send it, and never sent (RFC 8725, section 3.2). Nothing is sent with ECDH-ES either:
# whoever encrypts for a server can use its RSA key.
READ: Final = (*SENT, "RSA1_5", *AGREED)
GCM_IV, GCM_TAG, BLOCK = 12, 16, 16  # octets (RFC 7518, sections 5.2.2 and 5.3)


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What was in an encrypted token; `repr` does not show it."""

    header: Mapping[str, Any]
    plaintext: bytes = field(repr=False)


def encrypt(plaintext: str | bytes, key: Key, *, alg: str, enc: str, header: Mapping[str, Any] | None = None) -> str:
    """Return the encrypted token in compact form; raise JoseError when `key` cannot be used with `alg`.

    The header is `alg`, `enc` and, if the key has one, `kid`; then `header` is laid over it, and a member that it sets
    to None is left out. A signed JWT inside is announced with `cty: JWT` (RFC 7519, section 5.2).
    """
    if alg not in SENT:
        raise _no_algorithm(alg, "alg", "encrypt", SENT)
    if enc not in CONTENT_KEY:
        raise _no_algorithm(enc, "enc", "encrypt", CONTENT_KEY)
    if not suits(key, alg, enc):
        raise JoseError(
            "key-algorithm",
            f"{alg} needs {needed_key(alg, enc)}; {key.name} is {_described(key)}",
            facts=[("key", key.source)],
        )
    members = {"alg": alg, "enc": enc, "kid": key.kid, **(header or {})}
    try:
        aad = to_base64url(to_json({name: value for name, value in members.items() if value is not None}))
    except (TypeError, ValueError) as error:
        raise JoseError(
            "claims-not-json", "the header cannot be written as JSON", facts=[("why", str(error))]
        ) from None
    content = plaintext.encode("utf-8") if isinstance(plaintext, str) else plaintext
    if alg == "dir":
        content_key, wrapped = _secret(key), b""
    else:
        content_key = secrets.token_bytes(CONTENT_KEY[enc])
        wrapped = bytes(prepared(key.public, alg).wrap_key(content_key))
    parts = (wrapped, *_close(content, content_key, enc, aad.encode("ascii")))
    return ".".join((aad, *(to_base64url(part) for part in parts)))


def decrypt(token: str, key: Key | Sequence[Key]) -> Decrypted:
    """Return what is in an encrypted token that one of these keys opens; raise JoseError that says why none does.

    The key that the token names is tried first. What comes out is whole: changed by nobody since it was encrypted.
    """
    parts = sealed(token)
    alg, enc = _readable(parts.header)
    refuse_crit(parts.header)
    if alg in AGREED:
        sender(parts.header)
    keys = [key] if isinstance(key, Key) else list(key)
    usable = [one for one in keys if one.private and suits(one, alg, enc)]
    kid = parts.header.get("kid")
    usable.sort(key=lambda one: one.kid != kid)
    if not usable:
        raise JoseError(
            "no-decryption-key",
            f"the token is encrypted with {alg}, and there is no key here that fits: {needed_key(alg, enc)}",
            facts=[("keys here", listed(f"{one.name}: {_described(one)}" for one in keys)), *_named(kid)],
            hint="add it to the client's keys in the environment file: keys: {encryption: {file: …}}",
        )
    opened = ""
    for one in usable:
        content_key = _unwrap(parts, one, alg, enc)
        if content_key is None:
            continue
        opened = one.name
        content = _open(parts, content_key, enc)
        if content is not None:
            return Decrypted(parts.header, content)
    # Who has the right key unwraps the content key: but these two wrap none, and RSA1_5 can't tell.
    if opened and alg not in ("dir", "ECDH-ES", "RSA1_5"):
        raise JoseError(
            "bad-encryption",
            f"the encrypted token was changed on the way: the key '{opened}' is right, the content is not",
            facts=[("alg", alg), ("enc", enc)],
        )
    tried = listed(one.name for one in usable)
    raise JoseError(
        "bad-encryption",
        f"the token can't be opened with {tried}: it was encrypted for another key, or changed on the way",
        facts=[("alg", alg), ("enc", enc), ("tried", tried), *_named(kid)],
        hint="compare the kid with the encryption key that the server has of this client",
    )


def _readable(header: Mapping[str, Any]) -> tuple[str, str]:
    for name, known in (("alg", READ), ("enc", tuple(CONTENT_KEY))):
        value = header.get(name)
        if not isinstance(value, str) or not value:
            raise JoseError(
                "alg-missing", f"the encrypted token's header has no {name}", facts=[("spec", "RFC 7516, section 4.1")]
            )
        if value not in known:
            raise _no_algorithm(value, name, "open", known)
    if "zip" in header:
        raise JoseError(
            "jwe-algorithm",
            f"the encrypted token is compressed (zip {quoted(header['zip'])}), which flowrun can't read",
            facts=[("spec", "RFC 8725, section 3.6")],
            hint="ask the server to send it without zip",
        )
    return header["alg"], header["enc"]


def _no_algorithm(name: str, member: str, verb: str, known: Sequence[str] | Mapping[str, int]) -> JoseError:
    shown = quoted(name)[1:-1]
    if name == "RSA1_5":
        title = "flowrun does not encrypt with RSA1_5: what it protects can be read by others (RFC 8725, section 3.2)"
    elif verb == "open":
        title = f"the token is encrypted with {member} {shown}, which flowrun can't open"
    else:
        title = f"flowrun can't encrypt with {member} {shown}"
    return JoseError("jwe-algorithm", title, facts=[("known", listed(known))], hint="agree on RSA-OAEP-256 and A256GCM")


def _named(kid: object) -> list[tuple[str, str]]:
    return [] if kid is None else [("kid of the token", quoted(kid)[1:-1])]


def _described(key: Key) -> str:
    half = "private" if key.private else "public"
    return f"a shared secret of {key.bits} bits" if key.kty == "oct" else f"a {half} {key.kty} key"


def _secret(key: Key) -> bytes:
    return key.material if isinstance(key.material, bytes) else b""


def _unwrap(parts: Sealed, key: Key, alg: str, enc: str) -> bytes | None:
    """Return the content key; None where this key does not open it."""
    if alg == "dir":
        return _secret(key) if not parts.encrypted_key else None
    if alg == "ECDH-ES":
        return agreed(parts.header, key, enc, CONTENT_KEY[enc]) if not parts.encrypted_key else None
    material: Material | None = key.material
    if alg in AGREED:
        material = agreed(parts.header, key, alg, AGREED[alg])
        if material is None:
            return None
    try:
        content_key = bytes(prepared(material, alg.rpartition("+")[2]).unwrap_key(parts.encrypted_key))
    except (JOSEError, ValueError):
        return None
    return content_key if len(content_key) == CONTENT_KEY[enc] else None


def _close(content: bytes, content_key: bytes, enc: str, aad: bytes) -> tuple[bytes, bytes, bytes]:
    """Return initialization vector, ciphertext and tag."""
    if enc.endswith("GCM"):
        iv, ciphertext, tag = prepared(content_key, enc).encrypt(content, aad)
        return iv, ciphertext, tag or b""
    cipher, mac_key = _cbc(content_key, enc)
    iv, ciphertext, _ = cipher.encrypt(content, aad)
    return iv, ciphertext, _cbc_tag(mac_key, enc, aad, iv, ciphertext)


def _open(parts: Sealed, content_key: bytes, enc: str) -> bytes | None:
    """Return the content; None where the tag does not fit."""
    try:
        if enc.endswith("GCM"):
            # A shorter tag would do for the library, whose ciphertext and tag are one text.
            if (len(parts.iv), len(parts.tag)) != (GCM_IV, GCM_TAG):
                return None
            return bytes(prepared(content_key, enc).decrypt(parts.ciphertext, parts.iv, parts.aad, parts.tag))
        cipher, mac_key = _cbc(content_key, enc)
        expected = _cbc_tag(mac_key, enc, parts.aad, parts.iv, parts.ciphertext)
        # The tag first: what nobody vouches for is not decrypted (RFC 7518, section 5.2.2.2).
        if len(parts.iv) != BLOCK or not hmac.compare_digest(expected, parts.tag):
            return None
        return bytes(cipher.decrypt(parts.ciphertext, parts.iv))
    except JOSEError:
        return None


def _cbc(content_key: bytes, enc: str) -> tuple[JoseKey, bytes]:
    """Return the cipher of the second half of the key, and the first half, which makes the tag."""
    half = len(content_key) // 2
    return prepared(content_key[half:], enc.partition("-")[0]), content_key[:half]


def _cbc_tag(mac_key: bytes, enc: str, aad: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    length = (8 * len(aad)).to_bytes(8, "big")
    return hmac.digest(mac_key, aad + iv + ciphertext + length, f"sha{enc[-3:]}")[: len(mac_key)]
