"""Read the keys that a client signs with: from a file, a JWK, or a shared secret."""

from __future__ import annotations

import codecs
import json
import os.path
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from flowrun.errors import did_you_mean
from flowrun.jose.encoding import DuplicateMemberError, from_json
from flowrun.jose.errors import JoseError, listed, quoted
from flowrun.jose.jwk import from_jwk
from flowrun.jose.key import Key, kind
from flowrun.jose.pem import from_pem, public_instead

LIMIT = 1_000_000  # octets; no key file comes near it
PROBE = b"flowrun"


def load_key(path: Path, *, kid: str | None = None, passphrase: str | None = None) -> Key:
    """Read the private key in a PEM, JWK or JWKS file; raise JoseError that says what is wrong with it.

    `kid` chooses from a JWKS, must agree with a JWK that has one, and is given to a key that has none.
    """
    source = _shown(path)
    text = _text(path, source)
    if text.startswith(("{", "[")):
        key = _from_json(text, source, kid)
    else:
        material = from_pem(text, source, passphrase)
        key = Key(kid=None, kty=kind(material), private=True, source=source, material=material)
    if not key.private:
        raise public_instead(source)
    if kid and key.kid and kid != key.kid:
        raise _other_kid(source, kid, [key])
    return proven(replace(key, kid=kid or key.kid))


def key_from_jwk(jwk: Mapping[str, Any], source: str = "the JWK given") -> Key:
    """Return the key, private or public as the JWK is; raise JoseError."""
    return proven(from_jwk(jwk, source))


def key_from_secret(text: str) -> Key:
    """Return the key of HS256, HS384 and HS512: the secret's UTF-8 octets (OpenID Connect Core, section 10.1)."""
    if not text:
        raise JoseError(
            "key-empty",
            "the client secret is empty",
            hint="put the secret into .env and name it under client_secret",
        )
    if "-----BEGIN" in text:
        raise JoseError(
            "key-not-secret",
            "the client secret is a PEM file, not a secret",
            hint="name the file under keys; client_secret takes the text the server gave you",
        )
    return Key(kid=None, kty="oct", private=True, source="the client secret", material=text.encode("utf-8"))


def proven(key: Key) -> Key:
    """Return `key` if its halves belong together; raise `key-broken`.

    Stands in for cryptography's test of the primes, a hundred times faster: numbers that agree, and that sign what the
    public half verifies, are the right key. EC and Ed25519 keys are compared when they are read.
    """
    if not isinstance(key.material, rsa.RSAPrivateKey):
        return key
    try:
        _agreeing(key.material.private_numbers())
        signature = key.material.sign(PROBE, padding.PKCS1v15(), hashes.SHA256())
        key.material.public_key().verify(signature, PROBE, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        pass
    else:
        return key
    raise JoseError(
        "key-broken",
        f"the private and the public half of the key in {key.source} do not belong together",
        hint="copy the key again from where it was made; it was cut or changed on the way",
    )


def _agreeing(own: rsa.RSAPrivateNumbers) -> None:
    # Signing uses either d or the other five, so that a wrong d alone would go unnoticed.
    if (own.dmp1, own.dmq1) != (own.d % (own.p - 1), own.d % (own.q - 1)) or own.iqmp * own.q % own.p != 1:
        raise ValueError("the private numbers disagree")


def _shown(path: Path) -> str:
    here = Path.cwd()
    absolute = Path(os.path.normpath(here / path))  # not resolve(): a link keeps the name that the person knows
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def _text(path: Path, source: str) -> str:
    content = _read(path, source)
    if not content.strip():
        raise JoseError("key-empty", f"{source} is empty", hint="copy the key into it, or name another file")
    if len(content) > LIMIT:
        raise JoseError("key-unreadable", f"{source} is too big to be a key", hint="name the key's own file")
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # what PowerShell's > writes
    text: str | None
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig").strip()
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        raise JoseError(
            "key-unreadable",
            f"{source} is not a text file; a key in PEM or JWK format is text",
            hint="a .p12 or .pfx file: openssl pkcs12 -nocerts -nodes -in OLD -out NEW\n"
            "a .der file: openssl pkey -inform DER -in OLD -out NEW",
        )
    return text


def _read(path: Path, source: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except FileNotFoundError:
        failure = _missing(path, source)
    except IsADirectoryError:
        failure = JoseError("key-unreadable", f"{source} is a folder, not a key file", hint="name the file in it")
    except PermissionError:
        failure = JoseError(
            "key-unreadable", f"{source} is there, but may not be read", hint=f"allow it: chmod u+r {source}"
        )
    except OSError as error:
        failure = JoseError("key-unreadable", f"{source} could not be read: {error.strerror}")
    raise failure


def _missing(path: Path, source: str) -> JoseError:
    if not path.parent.is_dir():
        return JoseError(
            "key-missing",
            f"there is no folder for the key file {source}",
            hint="your own keys belong in keys/, which git ignores; keys.example/README.md says how to make them",
        )
    beside = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    return JoseError(
        "key-missing",
        f"there is no key file {source}",
        label=did_you_mean(path.name, beside),
        hint="keys.example/README.md says how to make a key",
    )


def _from_json(text: str, source: str, kid: str | None) -> Key:
    try:
        data = from_json(text)
    except DuplicateMemberError as error:
        failure = JoseError(
            "key-broken", f"the JWK in {source} has the member {quoted(str(error))} twice", hint="leave one of the two"
        )
    except json.JSONDecodeError as error:
        failure = JoseError(
            "key-unreadable",
            f"{source} begins like a JWK, but is not JSON: line {error.lineno}, column {error.colno}",
            hint="copy the whole file again, from { to }",
        )
    except ValueError:
        failure = JoseError("key-unreadable", f"{source} begins like a JWK, but is not JSON")
    else:
        if isinstance(data, Mapping):
            keys = data.get("keys")
            return _chosen(keys, source, kid) if isinstance(keys, list) else from_jwk(data, source)
        failure = JoseError(
            "key-unreadable",
            f'{source} is a JSON list; several keys are written {{"keys": [ … ]}}',
            hint='put {"keys": before the list and } after it',
        )
    raise failure


def _chosen(entries: list[Any], source: str, kid: str | None) -> Key:
    named = [e for e in entries if isinstance(e, Mapping)]
    if kid:
        named = [e for e in named if e.get("kid") == kid]
        if not named:
            raise _other_kid(source, kid, [e for e in entries if isinstance(e, Mapping)])
    keys = [from_jwk(e, source) for e in named]
    signing = [k for k in keys if k.private and k.use in (None, "sig")]
    if len(signing) > 1:
        raise JoseError(
            "key-several",
            f"{source} holds {len(signing)} keys" + (f" with the kid {quoted(kid)}" if kid else " that can sign"),
            label="" if kid else "add kid: beside file",
            hint="give each key a kid of its own" if kid else "say which one: kid, beside file",
            facts=[("kids", _kids(signing))],
        )
    if not keys:
        raise JoseError("key-empty", f"{source} is a JWKS without keys", hint="name a file with a key in it")
    return signing[0] if signing else keys[0]


def _other_kid(source: str, kid: str, keys: list[Any]) -> JoseError:
    kids = _kids(keys)
    return JoseError(
        "key-kid",
        f"{source} holds no key with the kid {quoted(kid)}",
        label=did_you_mean(kid, kids.split(", ")),
        hint="name one of these kids, or none if the file holds one key",
        facts=[("kids", kids)],
    )


def _kids(keys: list[Any]) -> str:
    return listed((k.kid if isinstance(k, Key) else k.get("kid")) or "(no kid)" for k in keys)
