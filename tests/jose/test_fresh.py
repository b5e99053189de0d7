"""A new key signs, and its public half verifies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flowrun.jose import JoseError, generate_key, load_key, sign, thumbprint, verify
from flowrun.jose.fresh import new_pem, public_jwks
from flowrun.jose.known import ALGORITHMS

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


@pytest.mark.parametrize("alg", [name for name, known in ALGORITHMS.items() if known.kty != "oct"])
def test_a_key_is_made_for_every_algorithm(alg: str) -> None:
    key = generate_key(alg)

    token = sign({"a": 1}, key, alg)

    assert (key.kid, key.private) == (None, True)
    assert verify(token, {"keys": [key.public_jwk()]}, {alg}).claims == {"a": 1}
    assert thumbprint(key) == key.thumbprint()


def test_a_shared_secret_is_not_made() -> None:
    with pytest.raises(JoseError) as caught:
        generate_key("HS256")
    assert caught.value.code == "key-secret"
