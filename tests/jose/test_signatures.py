"""Verifying, with tokens made by joserfc and by hand."""

from __future__ import annotations

import base64
import hmac
import json
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws

from flowrun.jose import JoseError, key_from_jwk, key_from_secret, peek, sign, verify
from flowrun.jose.known import ALGORITHMS

CHANGED = {
    "bad-signature",
    "not-a-jws",
    "duplicate-member",
    "alg-missing",
    "alg-not-allowed",
    "alg-none",
    "unknown-crit",
}
CLAIMS = {"iss": "https://op.example", "exp": 1}


def by_joserfc(key, alg, **header):
    with warnings.catch_warnings():  # joserfc warns of EdDSA's first name
        warnings.simplefilter("ignore")
        return jws.serialize_compact({"alg": alg, **header}, json.dumps(CLAIMS), key, algorithms=[alg])


def by_hand(header, signature=b"x", claims=CLAIMS):
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def refused(*args):
    with pytest.raises(JoseError) as caught:
        verify(*args)
    assert str(caught.value) == caught.value.title
    return caught.value


@pytest.mark.parametrize(
    "alg", ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"]
)
def test_accepts_what_joserfc_signs(alg, made, tools):
    key = getattr(made, tools.kinds[alg])
    token = by_joserfc(tools.joserfc_key(key), alg, kid="k1")

    verified = verify(token, {"keys": [tools.public_jwk(key, kid="k1")]}, [alg])

    assert verified.claims == CLAIMS
    assert verified.header == {"alg": alg, "kid": "k1"}
    assert verified.key_kid == "k1"
    assert verified.notes == ()


def test_accepts_the_second_name_of_eddsa(made, tools):
    token = by_joserfc(tools.joserfc_key(made.ed25519), "Ed25519")

    assert verify(token, {"keys": [tools.public_jwk(made.ed25519)]}, ["Ed25519"]).claims == CLAIMS


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_accepts_a_shared_secret_where_one_is_given(alg, tools):
    token = by_joserfc(tools.joserfc_key(tools.secret), alg)
    jwks = {"keys": [{"kty": "oct", "k": base64.urlsafe_b64encode(tools.secret.encode()).rstrip(b"=").decode()}]}

    assert verify(token, jwks, [alg]).claims == CLAIMS


def test_one_key_in_place_of_a_jwks_is_asked_whatever_the_kid(made, tools):
    token = by_joserfc(tools.joserfc_key(tools.secret), "HS256", kid="any")

    assert verify(token, key_from_secret(tools.secret), ["HS256"]).claims == CLAIMS
    error = refused(token, key_from_secret("another secret"), ["HS256"])
    assert (error.code, error.title) == ("bad-signature", "the signature does not match the client secret")
    assert refused(token, key_from_jwk(tools.private_jwk(made.rsa)), ["HS256"]).code == "key-algorithm"


def test_a_payload_that_is_no_json_is_verified_without_claims(made, tools):
    key = tools.joserfc_key(made.p256)
    token = jws.serialize_compact({"alg": "ES256"}, b"eyJ.not.json", key, algorithms=["ES256"])

    assert verify(token, {"keys": [tools.public_jwk(made.p256)]}, ["ES256"], claims=False).claims == {}
    assert peek(token, claims=False).payload == b"eyJ.not.json"
    with pytest.raises(JoseError):
        verify(token, {"keys": [tools.public_jwk(made.p256)]}, ["ES256"])


def turned(octets: bytes, place: int, bit: int) -> bytes:
    at = place % len(octets)
    return octets[:at] + bytes([octets[at] ^ (1 << bit)]) + octets[at + 1 :]


@pytest.mark.parametrize("alg", [*ALGORITHMS])
@given(part=st.integers(0, 2), place=st.integers(0, 400), bit=st.integers(0, 7))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_turned_bit_is_found(alg, part, place, bit, made, tools):
    kind = "rsa" if alg[1] == "S" and alg[0] in "PR" else tools.kinds.get(alg, "ed25519")
    key = (
        key_from_secret(tools.secret) if alg.startswith("HS") else key_from_jwk(tools.private_jwk(getattr(made, kind)))
    )
    parts = sign(CLAIMS, key, alg).split(".")
    octets = turned(base64.urlsafe_b64decode(parts[part] + "=="), place, bit)
    parts[part] = base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

    # A header or claims that are no JSON any more are refused for that.
    assert refused(".".join(parts), key, [alg]).code in CHANGED


def flipped(signature: bytes) -> bytes:
    return signature[:-1] + bytes([signature[-1] ^ 1])


@pytest.mark.parametrize("alg", ["PS256", "RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("part", [0, 1, 2])
def test_any_changed_part_is_refused(alg, part, made, tools):
    key = getattr(made, tools.kinds[alg])
    parts = by_joserfc(tools.joserfc_key(key), alg, kid="k1").split(".")
    changed = {
        0: by_hand({"alg": alg, "kid": "k1", "typ": "at+jwt"}),
        1: by_hand({}, claims={**CLAIMS, "exp": 2}),
        2: by_hand({}, flipped(base64.urlsafe_b64decode(parts[2] + "=="))),
    }[part]
    parts[part] = changed.split(".")[part]

    error = refused(".".join(parts), {"keys": [tools.public_jwk(key, kid="k1")]}, [alg])

    assert error.code == "bad-signature"
    assert error.title == "the signature does not match the key 'k1'"
    assert error.facts == (("alg", alg), ("tried", "k1"))


@pytest.mark.parametrize("place", [0, 100, -1])
def test_every_character_of_a_signature_counts(place, made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256")
    head, _, signature = token.rpartition(".")
    letters = list(signature)
    letters[place] = "A" if letters[place] != "A" else "B"

    assert refused(f"{head}.{''.join(letters)}", {"keys": [tools.public_jwk(made.rsa)]}, ["PS256"]).code in {
        "bad-signature",
        "not-a-jws",
    }


@pytest.mark.parametrize("alg", ["PS256", "RS256", "ES256", "EdDSA"])
def test_an_empty_signature_is_refused(alg, made, tools):
    key = getattr(made, tools.kinds[alg])

    assert refused(by_hand({"alg": alg}, b""), {"keys": [tools.public_jwk(key)]}, [alg]).code == "bad-signature"


def test_ps256_and_rs256_are_not_the_same(made, tools):
    head = by_hand({"alg": "PS256"}).rpartition(".")[0]
    token = by_joserfc(tools.joserfc_key(made.rsa), "RS256")
    swapped = f"{head}.{token.rpartition('.')[2]}"

    assert refused(swapped, {"keys": [tools.public_jwk(made.rsa)]}, ["PS256", "RS256"]).code == "bad-signature"


def test_kid_picks(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256", kid="k2")
    other, ours = tools.public_jwk(made.rsa_other, kid="k1"), tools.public_jwk(made.rsa, kid="k2")

    assert verify(token, {"keys": [other, ours]}, ["PS256"]).key_kid == "k2"
    swapped = {"keys": [{**other, "kid": "k2"}, {**ours, "kid": "k1"}]}
    assert refused(token, swapped, ["PS256"]).code == "bad-signature"


def test_one_kid_for_two_keys(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256", kid="k1")
    keys = [tools.public_jwk(key, kid="k1") for key in (made.p256, made.rsa_other, made.rsa)]

    assert verify(token, {"keys": keys}, ["PS256"]).claims == CLAIMS


def test_without_kid_every_fitting_key_is_tried(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256")
    other, ours = tools.public_jwk(made.rsa_other, kid="k1"), tools.public_jwk(made.rsa)
    jwks = {"keys": [tools.public_jwk(made.p256), other, ours]}

    assert verify(token, jwks, ["PS256"]).key_kid is None
    jwks["keys"][1:] = [other, {**other, "kid": "k2"}]
    error = refused(token, jwks, ["PS256"])
    assert error.code == "bad-signature"
    assert error.title == "the signature matches none of the 2 keys of the JWKS that fit"
    assert error.facts == (("alg", "PS256"), ("tried", "k1, k2"))


def test_without_kid_and_with_one_fitting_key(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256")

    error = refused(token, {"keys": [tools.public_jwk(made.rsa_other)]}, ["PS256"])

    assert error.code == "bad-signature"
    assert error.title == "the signature does not match the one key of the JWKS that fits"
    assert error.facts == (("alg", "PS256"), ("tried", "(no kid)"))


def test_a_private_key_in_the_jwks_verifies_like_its_public_half(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "RS256")

    assert verify(token, {"keys": [tools.private_jwk(made.rsa)]}, ["RS256"]).claims == CLAIMS


def test_claims_are_not_judged(made, tools):
    token = sign({"exp": 1, "aud": "another"}, key_from_jwk(tools.private_jwk(made.p256)), "ES256")

    assert verify(token, {"keys": [tools.public_jwk(made.p256)]}, {"ES256"}).claims == {"exp": 1, "aud": "another"}


def test_alg_of_the_jwk_is_noted_not_obeyed(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256", kid="k1")

    verified = verify(token, {"keys": [tools.public_jwk(made.rsa, kid="k1", alg="RS256")]}, ["PS256"])

    assert verified.notes == ("k1 is published for RS256, the token is signed with PS256",)


def test_unusable_entries_are_passed_over(made, tools):
    token = by_joserfc(tools.joserfc_key(made.p256), "ES256", kid="k1")
    entries = [
        "text",
        {"kty": "AKP", "kid": "pq"},
        {"kty": "RSA", "e": "AQAB"},
        tools.public_jwk(made.p256, kid="k1"),
    ]

    assert verify(token, {"keys": entries}, ["ES256"]).notes == (
        "passed over: entry 1 of the JWKS is not a JSON object",
        "passed over: the JWK in entry 2 ('pq') of the JWKS is of the kind 'AKP', which flowrun does not know",
        "passed over: the JWK in entry 3 of the JWKS lacks the member n",
    )


def test_not_a_token(made, tools):
    error = refused("opaque", {"keys": [tools.public_jwk(made.rsa)]}, ["PS256"])
    assert error.code == "not-a-jws"
    assert error.title == "this is not a signed token: one has three parts with dots between them"


@pytest.mark.parametrize("header", [{}, {"alg": ""}, {"alg": None}, {"alg": ["PS256"]}])
def test_no_alg(header, made, tools):
    error = refused(by_hand(header), {"keys": [tools.public_jwk(made.rsa)]}, ["PS256"])
    assert error.code == "alg-missing"
    assert error.title == "the token's header has no alg"
    assert error.facts == (("spec", "RFC 7515, section 4.1.1"),)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE"])
@pytest.mark.parametrize("signature", [b"", b"x"])
def test_none_is_refused_even_where_it_is_allowed(alg, signature, made, tools):
    error = refused(by_hand({"alg": alg}, signature), {"keys": [tools.public_jwk(made.rsa)]}, ["PS256", alg])
    assert error.code == "alg-none"
    assert error.title == f"the token is not signed: its header says alg '{alg}'"
    assert error.facts == (("allowed", ", ".join(sorted(["PS256", alg]))),)


def test_alg_not_allowed(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "RS256")
    error = refused(token, {"keys": [tools.public_jwk(made.rsa)]}, ["PS256", "ES256"])
    assert error.code == "alg-not-allowed"
    assert error.title == "the token is signed with RS256, which is not allowed here"
    assert error.facts == (("got", "RS256"), ("allowed", "ES256, PS256"))


def test_nothing_is_allowed_by_an_empty_list(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256")
    error = refused(token, {"keys": [tools.public_jwk(made.rsa)]}, [])
    assert error.code == "alg-not-allowed"
    assert error.facts == (("got", "PS256"), ("allowed", "none"))


def test_a_text_is_no_list_of_algorithms(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256")
    with pytest.raises(TypeError, match=r"^algorithms is a collection of names; a text would match by its letters$"):
        verify(token, {"keys": [tools.public_jwk(made.rsa)]}, "PS256")


def test_an_allowed_algorithm_that_we_do_not_know(made, tools):
    error = refused(by_hand({"alg": "ES256K"}), {"keys": [tools.public_jwk(made.p256)]}, ["ES256K"])
    assert error.code == "unknown-algorithm"
    assert error.title == "the token is signed with ES256K, which flowrun does not know"


def test_a_public_key_is_no_shared_secret(made, tools):
    """The old attack: sign with HS256, and with the public key's text as the secret."""
    head = by_hand({"alg": "HS256"}).rpartition(".")[0]
    forged = hmac.digest(tools.public_pem(made.rsa).encode(), head.encode(), "sha256")
    token = f"{head}.{base64.urlsafe_b64encode(forged).rstrip(b'=').decode()}"
    jwks = {"keys": [tools.public_jwk(made.rsa)]}

    assert refused(token, jwks, ["PS256"]).code == "alg-not-allowed"
    error = refused(token, jwks, ["HS256"])
    assert error.code == "key-algorithm"
    assert error.title == (
        "the token is signed with HS256, which needs a shared secret for signing; the JWKS holds none"
    )


def test_the_text_of_a_public_key_is_no_shared_secret():
    text = b"ssh-rsa AAAAB3Nz"
    head = by_hand({"alg": "HS256"}).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(hmac.digest(text, head.encode(), "sha256")).rstrip(b"=").decode()
    jwks = {"keys": [{"kty": "oct", "k": base64.urlsafe_b64encode(text).rstrip(b"=").decode()}]}

    assert refused(f"{head}.{signature}", jwks, ["HS256"]).code == "bad-signature"


@pytest.mark.parametrize(("crit", "shown"), [(["b64"], "b64"), ([], "none"), ("exp", "'exp'"), (["b64", 5], "b64, 5")])
def test_crit_is_refused(crit, shown, made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256").split(".")
    token[0] = by_hand({"alg": "PS256", "crit": crit, "b64": True}).split(".")[0]
    error = refused(".".join(token), {"keys": [tools.public_jwk(made.rsa)]}, ["PS256"])
    assert error.code == "unknown-crit"
    assert error.title == f"the token's header demands that its reader know {shown}; flowrun does not"
    assert error.facts == (("crit", shown), ("spec", "RFC 7515, section 4.1.11"))


@pytest.mark.parametrize("jwks", [{}, {"keys": {}}, {"keys": None}, ["keys"], {"kty": "RSA"}])
def test_not_a_jwks(jwks):
    error = refused(by_hand({"alg": "PS256"}), jwks, ["PS256"])
    assert error.code == "not-a-jwks"
    assert error.title == "the JWKS is not a JSON object with a list called keys"
    assert error.facts == (("spec", "RFC 7517, section 5"),)


def test_kid_not_published(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256", kid="k9")
    entries = [tools.public_jwk(made.rsa, kid="k1"), tools.public_jwk(made.rsa), {"kty": "AKP", "kid": "pq"}]
    error = refused(token, {"keys": entries}, ["PS256"])
    assert error.code == "kid-unknown"
    assert error.title == "the token names the key 'k9', which is not in the JWKS"
    assert error.facts == (
        ("published", "k1, (no kid), pq"),
        (
            "note",
            "passed over: the JWK in entry 3 ('pq') of the JWKS is of the kind 'AKP', which flowrun does not know",
        ),
    )
    assert error.hint == (
        "the server may have changed its keys a moment ago: its JWKS must keep a key as long as tokens name it"
    )


def test_the_named_key_cannot_be_read():
    error = refused(by_hand({"alg": "PS256", "kid": "k1"}), {"keys": [{"kty": "RSA", "kid": "k1"}]}, ["PS256"])
    assert error.code == "no-usable-key"
    assert error.title == "the JWKS has the key 'k1' that the token names, but it cannot be read"
    assert error.facts == (("note", "passed over: the JWK in entry 1 ('k1') of the JWKS lacks the members n, e"),)


def test_no_key_can_be_read():
    error = refused(by_hand({"alg": "PS256"}), {"keys": []}, ["PS256"])
    assert error.code == "no-usable-key"
    assert error.title == "the JWKS holds no key that flowrun can read"
    assert error.facts == ()


def test_the_named_key_is_of_another_kind(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256", kid="k1")
    error = refused(token, {"keys": [tools.public_jwk(made.p256, kid="k1")]}, ["PS256"])
    assert error.code == "key-algorithm"
    assert error.title == "the token is signed with PS256, which needs an RSA key for signing; the key 'k1' is none"
    assert error.facts == (("published", "k1: an EC P-256 key, use any"),)


def test_encryption_keys_are_not_tried(made, tools):
    token = by_joserfc(tools.joserfc_key(made.rsa), "PS256")
    error = refused(token, {"keys": [tools.public_jwk(made.rsa, use="enc")]}, ["PS256"])
    assert error.code == "key-algorithm"
    assert error.title == "the token is signed with PS256, which needs an RSA key for signing; the JWKS holds none"
    assert error.facts == (("published", "a key without kid: an RSA key, use enc"),)


def test_long_and_strange_names_are_cut(made, tools):
    token = by_hand({"alg": "PS256", "kid": "\x1b[31m" + "k" * 200})
    error = refused(token, {"keys": [tools.public_jwk(made.rsa)]}, ["PS256"])
    assert (
        error.title == f"the token names the key '\N{REPLACEMENT CHARACTER}[31m{'k' * 75}…', which is not in the JWKS"
    )


def test_a_kid_that_is_no_text(made, tools):
    error = refused(by_hand({"alg": "PS256", "kid": 5}), {"keys": [tools.public_jwk(made.rsa, kid="5")]}, ["PS256"])
    assert error.title == "the token names the key '5', which is not in the JWKS"


@pytest.mark.parametrize("alg", ["PS256", "PS512", "RS256"])
def test_a_key_shorter_than_the_hash_has_signed_nothing(alg):
    tiny = base64.urlsafe_b64encode(b"\xff" * 16).rstrip(b"=").decode()
    jwks = {"keys": [{"kty": "RSA", "kid": "k1", "e": "AQAB", "n": tiny}]}
    assert refused(by_hand({"alg": alg, "kid": "k1"}, b"x" * 16), jwks, [alg]).code in {
        "bad-signature",
        "no-usable-key",
    }
