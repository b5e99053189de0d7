"""Names of algorithms."""

from __future__ import annotations

import pytest

from flowrun.jose.errors import JoseError
from flowrun.jose.known import algorithm

KNOWN = "PS256, PS384, PS512, RS256, RS384, RS512, ES256, ES384, ES512, EdDSA, Ed25519, HS256, HS384, HS512"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("PS265", "did you mean 'PS256'?"),
        ("ps256", "did you mean 'PS256'?"),
        ("eddsa", "did you mean 'EdDSA'?"),
        ("rot13", ""),
    ],
)
def test_unknown(name, label):
    with pytest.raises(JoseError) as caught:
        algorithm(name)
    assert caught.value.code == "unknown-algorithm"
    assert caught.value.title == f"there is no signature algorithm '{name}'"
    assert caught.value.label == label
    assert caught.value.facts == (("known", KNOWN),)


@pytest.mark.parametrize("name", ["none", "None"])
def test_none(name):
    with pytest.raises(JoseError) as caught:
        algorithm(name)
    assert caught.value.code == "unknown-algorithm"
    assert caught.value.title == "'none' is not a signature algorithm: a token that says it is not signed at all"
    assert caught.value.facts == (("known", KNOWN),)
