"""A new key signs, and its public half verifies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flowrun.jose import load_key, sign, verify
from flowrun.jose.fresh import new_pem, public_jwks

if TYPE_CHECKING:
    from pathlib import Path


def test_what_the_new_key_signs_verifies_with_its_public_list(tmp_path: Path) -> None:
    file, pem = tmp_path / "signing.pem", new_pem()
    file.write_text(pem)

    jwks = json.loads(public_jwks(pem, "k1", "PS256"))
    token = sign({"a": 1}, load_key(file, kid="k1"), "PS256")

    assert verify(token, jwks, {"PS256"}).claims == {"a": 1}
    assert set(jwks["keys"][0]) == {"kty", "n", "e", "kid", "use", "alg"}


def test_two_keys_are_never_the_same() -> None:
    assert new_pem() != new_pem()
