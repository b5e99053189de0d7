"""PEM files (RFC 7468) become key objects: PKCS#1, PKCS#8, SEC1, each plain or encrypted."""

from __future__ import annotations

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from flowrun.jose.errors import JoseError
from flowrun.jose.key import CURVES, PRIVATE, Private

BEGIN = re.compile(r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----")
BLOCK = re.compile(r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----.*?-----END (?P=label)-----", re.DOTALL)
SSH_PUBLIC = ("ssh-", "ecdsa-sha2-", "sk-")
READ = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")


def from_pem(text: str, source: str, passphrase: str | None = None) -> Private:
    """Return the one private key in `text`; raise JoseError that says what is there instead.

    Other blocks beside it (a certificate, EC parameters) are passed over; a passphrase that is not needed is ignored.
    An RSA key is not proven here: `keys.proven` does that.
    """
    blocks = [(found["label"], found[0]) for found in BLOCK.finditer(text)]
    ours = [block for label, block in blocks if label in READ]
    if not ours:
        if text.startswith(SSH_PUBLIC):
            raise public_instead(source)
        raise _no_private_key({found["label"] for found in BEGIN.finditer(text)}, source)
    if len(ours) > 1:
        raise JoseError(
            "key-several",
            f"{source} holds {len(ours)} private keys, and it is not said which one is meant",
            hint="leave one private key in the file",
        )
    block = ours[0]
    encrypted = "BEGIN ENCRYPTED" in block or "Proc-Type: 4,ENCRYPTED" in block
    if encrypted and not passphrase:
        raise JoseError(
            "key-passphrase-missing",
            f"the key in {source} is encrypted, and there is no passphrase for it",
            label='add passphrase: "{{ secrets.… }}" beside file',
            hint="put the passphrase into .env and name it under passphrase, beside file",
        )
    key = _load(block, source, passphrase.encode("utf-8") if encrypted and passphrase else None)
    if not isinstance(key, PRIVATE) or (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in CURVES):
        raise JoseError(
            "key-unsupported",
            f"the key in {source} is of a kind that flowrun cannot sign with",
            hint="use an RSA key, an EC key on P-256, P-384 or P-521, or an Ed25519 key",
        )
    return key


def _load(block: str, source: str, passphrase: bytes | None) -> object:
    try:
        # Testing the primes of an RSA key takes 36 ms; `keys.proven` finds a wrong key in 0.3 ms.
        return load_pem_private_key(block.encode("utf-8"), passphrase, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        failure = _unknown_way(source)
    except (ValueError, TypeError) as error:
        if passphrase and "unknown" in str(error).lower():  # "Key encrypted with unknown cipher." and the like
            failure = _unknown_way(source)
        elif passphrase:
            failure = JoseError(
                "key-passphrase-wrong",
                f"the passphrase does not open the key in {source}",
                hint=f"try it by hand: openssl pkey -noout -in {source}",
            )
        else:
            failure = JoseError(
                "key-unreadable",
                f"{source} begins like a private key, but what follows is damaged",
                hint="copy the whole file again, from the first dashes to the last",
            )
    raise failure


def _unknown_way(source: str) -> JoseError:
    return JoseError(
        "key-unsupported",
        f"the key in {source} is written or encrypted in a way that is not known here",
        hint="write it again as PKCS#8: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW",
    )


def _no_private_key(begun: set[str], source: str) -> JoseError:
    if begun & set(READ):
        return JoseError(
            "key-unreadable",
            f"{source} begins like a private key, but its last line is missing",
            hint="copy the whole file again, from the first dashes to the last",
        )
    if "OPENSSH PRIVATE KEY" in begun:
        return JoseError(
            "key-unreadable",
            f"{source} is a private key in OpenSSH's own format",
            hint=f"convert a copy of it (this overwrites the file): ssh-keygen -p -m PKCS8 -f {source}",
        )
    if begun & {"CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"}:
        return JoseError(
            "key-is-certificate",
            f"{source} is a certificate, not a private key",
            hint="name the private key that the certificate was made from, often a file that ends in .key",
        )
    if begun & {"PUBLIC KEY", "RSA PUBLIC KEY"}:
        return public_instead(source)
    what = f"holds a block called {min(begun)}" if begun else "holds no key that flowrun can read"
    return JoseError(
        "key-unreadable",
        f"{source} {what}" + (", not a private key" if begun else ""),
        hint="a key file begins with -----BEGIN (PEM) or with { (JWK)",
    )


def public_instead(source: str) -> JoseError:
    """Return the error for a public key where a private one is needed."""
    return JoseError(
        "key-public",
        f"{source} is a public key; to sign, the private one is needed",
        hint="name the file with the private half; the public half belongs to the server",
    )
