"""Which of a server's keys a token is encrypted for."""

from __future__ import annotations

import hashlib

import pytest

from flowrun.jose import JoseError, encryption_key, encryption_key_from_secret


@pytest.fixture
def chosen(made, tools):
    """The kid of the key chosen from entries; each is what its JWK says of itself."""

    def chosen(*entries, alg="RSA-OAEP-256", kid=None):
        keys = [tools.public_jwk(made.p256 if e.pop("ec", False) else made.rsa, **e) for e in map(dict, entries)]
        return encryption_key({"keys": keys}, alg, kid).kid

    return chosen


def test_the_key_for_encryption_is_taken(chosen):
    signing, plain, encryption = {"kid": "s", "use": "sig"}, {"kid": "p"}, {"kid": "e", "use": "enc"}
    named = {"kid": "n", "use": "enc", "alg": "RSA-OAEP-256"}
    assert chosen(signing, plain, encryption) == "e"
    assert chosen(signing, plain, encryption, named) == "n"
    assert chosen(signing, plain, encryption, named, alg="RSA-OAEP") == "e"
    assert chosen(signing, plain) == "p"
    assert chosen({"kid": "x", "use": "enc", "ec": True}, encryption) == "e"


def test_a_kid_is_taken_at_its_word(chosen):
    assert chosen({"kid": "a", "use": "enc"}, {"kid": "b", "use": "enc"}, kid="b") == "b"


@pytest.mark.parametrize(
    ("entry", "kid"),
    [
        ({"kid": "s", "use": "sig"}, None),
        ({"kid": "s", "use": "enc", "alg": "RSA-OAEP"}, None),
        ({"kid": "s", "alg": "PS256"}, None),
        ({"kid": "s", "use": "enc", "ec": True}, None),
        ({"kid": "s", "use": "enc"}, "other"),
    ],
)
def test_without_one_it_is_said_what_is_published(chosen, entry, kid):
    with pytest.raises(JoseError) as caught:
        chosen(entry, kid=kid)
    error = caught.value
    assert error.code == "no-encryption-key"
    named = " with the kid 'other'" if kid else ""
    assert error.title == f"the server publishes no key{named} that can be used to encrypt with RSA-OAEP-256"
    assert dict(error.facts)["published"].startswith("s: ")


def test_an_empty_jwks(chosen):
    with pytest.raises(JoseError) as caught:
        chosen()
    assert caught.value.facts == (("published", "none"),)


@pytest.mark.parametrize(
    ("alg", "enc", "name", "octets"),
    [
        ("A128KW", "A256GCM", "sha256", 16),
        ("A192KW", "A256GCM", "sha256", 24),
        ("A256KW", "A256CBC-HS512", "sha256", 32),
        ("dir", "A128GCM", "sha256", 16),
        ("dir", "A128CBC-HS256", "sha256", 32),
        ("dir", "A192CBC-HS384", "sha384", 48),
        ("dir", "A256CBC-HS512", "sha512", 64),
    ],
)
def test_a_key_is_made_of_the_secret(alg, enc, name, octets):
    key = encryption_key_from_secret("sécret", alg, enc)
    assert key.material == hashlib.new(name, "sécret".encode()).digest()[:octets]


@pytest.mark.parametrize(("alg", "enc"), [("RSA-OAEP", "A128GCM"), ("dir", "x"), (None, None), (["dir"], "A128GCM")])
def test_no_key_is_made_for_what_takes_none(alg, enc):
    assert encryption_key_from_secret("secret", alg, enc) is None


@pytest.mark.parametrize("said", [None, [], {}, ["A128GCM"], 5])
def test_a_header_that_names_no_algorithm_makes_no_key(said):
    assert encryption_key_from_secret("secret", "dir", said) is None
    assert encryption_key_from_secret("secret", said, "A128GCM") is None
