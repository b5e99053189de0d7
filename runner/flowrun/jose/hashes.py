"""at_hash, c_hash and s_hash (OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11; FAPI 1.0 Advanced, 5.2.2.1)."""

from __future__ import annotations

import hashlib

from flowrun.jose.encoding import to_base64url
from flowrun.jose.known import algorithm


def half_hash(value: str, alg: str) -> str:
    """Return the left half of the hash that belongs to `alg`, in base64url; raise `unknown-algorithm`.

    `alg` is the one in the id_token's header. Ed25519 signs with SHA-512, so EdDSA takes that.
    """
    digest = hashlib.new(algorithm(alg).digest, value.encode("utf-8")).digest()
    return to_base64url(digest[: len(digest) // 2])
