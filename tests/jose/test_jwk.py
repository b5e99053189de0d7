"""JWKs that are not keys, and the words for it."""

from __future__ import annotations

import pytest

from flowrun.jose import JoseError, key_from_jwk


@pytest.fixture
def refusal(made, tools):
    """Return why a changed JWK is refused; None as a value takes the member out."""

    def build(kind, **changes):
        jwk = {**tools.private_jwk(getattr(made, kind)), **changes}
        with pytest.raises(JoseError) as caught:
            key_from_jwk({name: value for name, value in jwk.items() if value is not None}, "k.jwk")
        return caught.value

    return build


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "p521", "ed25519"])
def test_public_keys(kind, made, tools):
    jwk = tools.public_jwk(getattr(made, kind), kid="k1", use="sig")

    key = key_from_jwk(jwk)

    assert not key.private
    assert key.public_jwk() == jwk


def test_shared_secret():
    key = key_from_jwk({"kty": "oct", "k": "c2VjcmV0"})

    assert (key.kty, key.private, key.material) == ("oct", True, b"secret")


def test_padding_is_forgiven(made, tools):
    jwk = tools.public_jwk(made.rsa)

    assert key_from_jwk({**jwk, "n": jwk["n"] + "=="}).public_jwk() == jwk


@pytest.mark.parametrize(
    ("kind", "missing", "title"),
    [
        ("rsa", ["kty"], "the JWK in k.jwk lacks the member kty"),
        ("rsa", ["n"], "the JWK in k.jwk lacks the member n"),
        ("rsa", ["n", "e"], "the JWK in k.jwk lacks the members n, e"),
        ("rsa", ["q", "qi"], "the JWK in k.jwk lacks the members q, qi"),
        ("p256", ["crv", "y"], "the JWK in k.jwk lacks the members crv, y"),
        ("ed25519", ["x"], "the JWK in k.jwk lacks the member x"),
    ],
)
def test_missing_members(kind, missing, title, refusal):
    error = refusal(kind, **dict.fromkeys(missing))
    assert error.code == "key-incomplete"
    assert error.title == title
    assert error.hint == "copy the whole JWK, from { to }"


def test_secret_without_its_member():
    with pytest.raises(JoseError, match=r"^the JWK in k\.jwk lacks the member k$"):
        key_from_jwk({"kty": "oct"}, "k.jwk")


def test_empty_secret():
    with pytest.raises(JoseError, match=r"^the numbers of the JWK in k\.jwk make no oct key$"):
        key_from_jwk({"kty": "oct", "k": ""}, "k.jwk")


def test_unknown_kind(refusal):
    error = refusal("rsa", kty="RSAA")
    assert error.code == "key-unsupported"
    assert error.title == "the JWK in k.jwk is of the kind 'RSAA', which flowrun does not know"
    assert error.label == "did you mean 'RSA'?"
    assert error.facts == (("known", "RSA, EC, OKP, oct"),)


def test_kind_that_is_no_text(refusal):
    assert refusal("rsa", kty=["RSA"]).title == "the JWK in k.jwk is of the kind '['RSA']', which flowrun does not know"


@pytest.mark.parametrize(
    ("kind", "crv", "label", "known"),
    [
        ("p256", "P256", "did you mean 'P-256'?", "P-256, P-384, P-521"),
        ("p256", "secp256k1", "", "P-256, P-384, P-521"),
        ("ed25519", "X25519", "did you mean 'Ed25519'?", "Ed25519"),
    ],
)
def test_unknown_curve(kind, crv, label, known, refusal):
    error = refusal(kind, crv=crv)
    assert error.code == "key-unsupported"
    assert error.title == f"the JWK in k.jwk is on the curve '{crv}', with which flowrun cannot sign"
    assert error.label == label
    assert error.facts == (("known", known),)


def test_curve_that_is_no_text(refusal):
    assert refusal("p256", crv=["P-256"]).code == "key-unsupported"


@pytest.mark.parametrize("value", ["a+b/", "ä", "a", 5, ["AQAB"]])
def test_not_base64url(value, refusal):
    error = refusal("rsa", e=value)
    assert error.code == "key-broken"
    assert error.title == "the member e of the JWK in k.jwk is not base64url text"
    assert error.hint == "copy the JWK again from where it was made; it was cut or changed on the way"


@pytest.mark.parametrize("name", ["kid", "alg", "use"])
def test_not_text(name, refusal):
    error = refusal("rsa", **{name: 5})
    assert error.code == "key-broken"
    assert error.title == f"the member {name} of the JWK in k.jwk is not text"
    assert error.hint == f'put it in quotes: "{name}": "…"'


def test_more_than_two_primes(refusal):
    error = refusal("rsa", oth=[{}])
    assert error.code == "key-unsupported"
    assert error.title == "the JWK in k.jwk has more than two primes, which flowrun does not know"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("rsa", {"e": "AA"}),
        ("rsa", {"n": "AQAB"}),
        ("rsa", dict.fromkeys(("p", "q", "dp", "dq", "qi")) | {"d": "AQAB"}),
        ("p256", {"x": "AQAB"}),
        ("p256", {"d": "AQAB"}),
        ("ed25519", {"x": "AQAB"}),
        ("ed25519", {"d": "AQAB"}),
    ],
)
def test_numbers_that_make_no_key(kind, changes, refusal):
    error = refusal(kind, **changes)
    assert error.code == "key-broken"
    assert error.title in {
        f"the numbers of the JWK in k.jwk make no {'RSA' if kind == 'rsa' else 'EC' if kind == 'p256' else 'OKP'} key",
        "the private and the public half of the key in k.jwk do not belong together",
    }
    assert error.hint
