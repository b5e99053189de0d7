"""Encrypting and decrypting, judged by joserfc; and whatever is changed on the way is found."""

from __future__ import annotations

import base64
import json
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe as second
from joserfc.jwk import ECKey, OctKey

from flowrun.jose import JoseError, decrypt, encrypt, key_from_jwk, key_from_secret, peek_jwe
from flowrun.jose.agreement import AGREED, agreed
from flowrun.jose.key import Key
from flowrun.jose.recipient import CONTENT_KEY, SENT, WRAPPING_KEY

ENCS = tuple(CONTENT_KEY)
TEXT = "ü and more"


def joserfc_registry(alg, enc):
    return second.JWERegistry(algorithms=[alg, enc])


@pytest.fixture(scope="module")
def pair(made, tools):
    """A key for alg and enc: ours, and the same for joserfc."""

    def pair(alg, enc):
        if alg.startswith("RSA"):
            return key_from_jwk(tools.private_jwk(made.rsa, kid="e1"), "k.jwk"), tools.joserfc_key(made.rsa)
        octets = secrets.token_bytes(CONTENT_KEY[enc] if alg == "dir" else WRAPPING_KEY[alg])
        return Key("e1", "oct", True, "the secret", octets), OctKey.import_key(octets)

    return pair


def refused(*args, **more):
    with pytest.raises(JoseError) as caught:
        (encrypt if more else decrypt)(*args, **more)
    return caught.value


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", SENT)
def test_joserfc_opens_what_we_encrypt(alg, enc, pair):
    ours, theirs = pair(alg, enc)

    token = encrypt(TEXT, ours, alg=alg, enc=enc, header={"cty": "JWT"})

    seen = second.decrypt_compact(token, theirs, registry=joserfc_registry(alg, enc))
    assert seen.plaintext == TEXT.encode()
    assert seen.protected == {"alg": alg, "enc": enc, "kid": "e1", "cty": "JWT"}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", [*SENT, "RSA1_5"])
def test_we_open_what_joserfc_encrypts(alg, enc, pair):
    ours, theirs = pair(alg, enc)
    header = {"alg": alg, "enc": enc, "kid": "e1"}

    token = second.encrypt_compact(header, TEXT, theirs, registry=joserfc_registry(alg, enc))

    opened = decrypt(token, ours)
    assert (opened.header, opened.plaintext) == (header, TEXT.encode())


def test_the_plaintext_and_the_key_are_not_shown(pair):
    ours, _ = pair("dir", "A256GCM")
    opened = decrypt(encrypt("the-secret-text", ours, alg="dir", enc="A256GCM"), ours)

    assert "the-secret-text" not in repr(opened)


def test_the_header_is_readable_by_anybody(pair):
    ours, _ = pair("RSA-OAEP", "A128GCM")

    assert peek_jwe(encrypt("", ours, alg="RSA-OAEP", enc="A128GCM", header={"kid": None})) == {
        "alg": "RSA-OAEP",
        "enc": "A128GCM",
    }


def test_the_key_that_is_named_opens_it_among_several(made, tools, pair):
    ours, _ = pair("RSA-OAEP", "A128GCM")
    other = key_from_jwk(tools.private_jwk(made.rsa_other, kid="e2"))
    wrong_kind = key_from_jwk(tools.private_jwk(made.p256))

    for header in ({}, {"kid": None}, {"kid": "unheard of"}):
        token = encrypt("x", ours, alg="RSA-OAEP", enc="A128GCM", header=header)
        assert decrypt(token, [wrong_kind, other, ours]).plaintext == b"x"


def test_more_than_250_kilobytes_can_be_read(pair):
    ours, _ = pair("dir", "A256GCM")
    long = "transaction " * 40_000

    assert decrypt(encrypt(long, ours, alg="dir", enc="A256GCM"), ours).plaintext.decode() == long


# --- what is changed is found ---------------------------------------------------------------------------------------

EACH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def changed(octets: bytes, place: int, bit: int) -> bytes:
    """The octets with one bit turned; one octet more where there are none."""
    if not octets:
        return bytes([1 << bit])
    at = place % len(octets)
    return octets[:at] + bytes([octets[at] ^ (1 << bit)]) + octets[at + 1 :]


@pytest.mark.parametrize(
    ("alg", "enc"),
    [*((alg, "A256GCM") for alg in SENT), *(("dir", enc) for enc in ENCS), ("RSA-OAEP", "A256CBC-HS512")],
)
@given(part=st.integers(1, 4), place=st.integers(0, 400), bit=st.integers(0, 7), text=st.text(max_size=40))
@EACH
def test_any_turned_bit_is_found(alg, enc, part, place, bit, text, pair):
    ours, _ = pair(alg, enc)
    parts = encrypt(text, ours, alg=alg, enc=enc).split(".")
    octets = base64.urlsafe_b64decode(parts[part] + "==")
    parts[part] = base64.urlsafe_b64encode(changed(octets, place, bit)).rstrip(b"=").decode()

    assert refused(".".join(parts), ours).code == "bad-encryption"


@pytest.mark.parametrize("enc", ENCS)
@given(name=st.sampled_from(["typ", "x", "cty"]), value=st.text(max_size=10))
@EACH
def test_an_added_member_of_the_header_is_found(enc, name, value, pair):
    ours, _ = pair("RSA-OAEP", enc)
    token = encrypt("x", ours, alg="RSA-OAEP", enc=enc)
    header = json.dumps({**peek_jwe(token), name: value}).encode()
    token = ".".join([base64.urlsafe_b64encode(header).rstrip(b"=").decode(), *token.split(".")[1:]])

    error = refused(token, ours)
    assert error.code == "bad-encryption"
    assert error.title == "the encrypted token was changed on the way: the key 'e1' is right, the content is not"


@pytest.mark.parametrize("enc", ENCS)
@given(count=st.integers(1, 15))
@EACH
def test_octets_may_not_move_from_the_tag_to_the_text(enc, count, pair):
    ours, _ = pair("dir", enc)
    parts = encrypt("x" * 16, ours, alg="dir", enc=enc).split(".")
    text, tag = (base64.urlsafe_b64decode(part + "==") for part in parts[3:])
    moved = (text + tag[:count], tag[count:])
    parts[3:] = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in moved]

    assert refused(".".join(parts), ours).code == "bad-encryption"


@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256", "A256KW", "dir"])
def test_another_key_does_not_open_it(alg, made, tools, pair):
    ours, _ = pair(alg, "A256GCM")
    other = (
        key_from_jwk(tools.private_jwk(made.rsa_other, kid="e2"))
        if alg.startswith("RSA")
        else Key("e2", "oct", True, "the secret", secrets.token_bytes(32))
    )

    error = refused(encrypt("x", ours, alg=alg, enc="A256GCM"), other)

    assert error.code == "bad-encryption"
    assert error.title == "the token can't be opened with e2: it was encrypted for another key, or changed on the way"
    assert ("kid of the token", "e1") in error.facts


def test_with_dir_there_is_no_wrapped_key(pair):
    ours, _ = pair("dir", "A256GCM")
    parts = encrypt("x", ours, alg="dir", enc="A256GCM").split(".")
    parts[1] = "AAAA"

    assert refused(".".join(parts), ours).code == "bad-encryption"


# --- agreed on with a one-time key -----------------------------------------------------------------------------------

APART = {"apu": "QWxpY2U", "apv": "Qm9i"}


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize(
    ("alg", "curve"), [*((alg, "p256") for alg in AGREED), ("ECDH-ES", "p384"), ("ECDH-ES", "p521")]
)
@pytest.mark.parametrize("header", [{}, APART], ids=["", "parties"])
def test_we_open_what_joserfc_encrypts_with_a_one_time_key(alg, curve, enc, header, made, tools):
    private = getattr(made, curve)
    members = {"alg": alg, "enc": enc, **header}
    token = second.encrypt_compact(members, TEXT, tools.joserfc_key(private), registry=joserfc_registry(alg, enc))

    opened = decrypt(token, key_from_jwk(tools.private_jwk(private), "k.jwk"))

    assert opened.plaintext == TEXT.encode()
    assert opened.header["epk"]["kty"] == "EC"


def test_the_example_of_rfc_7518():
    """Appendix C: Bob's key and Alice's one-time key, for A128GCM."""
    bob = {
        "kty": "EC",
        "crv": "P-256",
        "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
        "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
    }
    epk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
    }
    made = agreed({"epk": epk, **APART}, key_from_jwk(bob, "bob.jwk"), "A128GCM", 16)
    assert base64.urlsafe_b64encode(made).rstrip(b"=") == b"VqqN6vgjbSBcIijNcacQGg"


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("other", ["p256", "p384"])
def test_another_key_of_this_kind_does_not_open_it(alg, other, made, tools):
    theirs = ECKey.generate_key("P-256")
    members = {"alg": alg, "enc": "A128GCM"}
    token = second.encrypt_compact(members, TEXT, theirs, registry=joserfc_registry(alg, "A128GCM"))

    error = refused(token, key_from_jwk(tools.private_jwk(getattr(made, other)), "k.jwk"))

    assert error.code == "bad-encryption"
    assert error.title.startswith("the token can't be opened with k.jwk: it was encrypted for another key")
    error = refused(token, key_from_jwk(tools.private_jwk(made.rsa), "k.jwk"))
    assert error.title == f"the token is encrypted with {alg}, and there is no key here that fits: an EC key"


@pytest.mark.parametrize(
    "epk", [None, "x", {}, {"kty": "OKP", "crv": "X25519", "x": "AA"}, {"kty": "EC", "crv": "P-256"}]
)
def test_a_one_time_key_that_is_none(epk, made, tools):
    head = base64.urlsafe_b64encode(json.dumps({"alg": "ECDH-ES", "enc": "A128GCM", "epk": epk}).encode())
    error = refused(
        f"{head.rstrip(b'=').decode()}..AAAA.AAAA.AAAA", key_from_jwk(tools.private_jwk(made.p256), "k.jwk")
    )
    assert "epk" in error.title


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["ECDH-1PU", "A128GCMKW", "PBES2-HS256+A128KW", "none", "rsa-oaep"])
def test_an_algorithm_that_we_do_not_have_is_named(alg, pair):
    ours, _ = pair("RSA-OAEP", "A128GCM")
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg, "enc": "A128GCM"}).encode()).rstrip(b"=").decode()

    error = refused(f"{head}.AAAA.AAAA.AAAA.AAAA", ours)
    assert (error.code, error.title) == (
        "jwe-algorithm",
        f"the token is encrypted with alg {alg}, which flowrun can't open",
    )
    error = refused("x", ours, alg=alg, enc="A128GCM")
    assert (error.code, error.title) == ("jwe-algorithm", f"flowrun can't encrypt with alg {alg}")


def test_an_unknown_enc_is_named(pair):
    ours, _ = pair("RSA-OAEP", "A128GCM")
    head = base64.urlsafe_b64encode(b'{"alg":"RSA-OAEP","enc":"C20P"}').rstrip(b"=").decode()

    error = refused(f"{head}.AAAA.AAAA.AAAA.AAAA", ours)
    assert error.title == "the token is encrypted with enc C20P, which flowrun can't open"
    assert error.facts == (("known", ", ".join(ENCS)),)
    assert refused("x", ours, alg="RSA-OAEP", enc="C20P").title == "flowrun can't encrypt with enc C20P"


def test_rsa1_5_is_never_sent(pair):
    ours, _ = pair("RSA-OAEP", "A128GCM")

    error = refused("x", ours, alg="RSA1_5", enc="A128GCM")
    assert error.code == "jwe-algorithm"
    assert error.title.endswith("(RFC 8725, section 3.2)")


@pytest.mark.parametrize(
    ("header", "code", "title"),
    [
        ({"enc": "A128GCM"}, "alg-missing", "the encrypted token's header has no alg"),
        ({"alg": "dir"}, "alg-missing", "the encrypted token's header has no enc"),
        ({"alg": "dir", "enc": 5}, "alg-missing", "the encrypted token's header has no enc"),
        (
            {"alg": "dir", "enc": "A128GCM", "zip": "DEF"},
            "jwe-algorithm",
            "the encrypted token is compressed (zip 'DEF'), which flowrun can't read",
        ),
        (
            {"alg": "dir", "enc": "A128GCM", "crit": ["exp"]},
            "unknown-crit",
            "the token's header demands that its reader know exp; flowrun does not",
        ),
    ],
)
def test_a_header_that_we_do_not_understand(header, code, title, pair):
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    error = refused(f"{head}..AAAA.AAAA.AAAA", pair("dir", "A128GCM")[0])
    assert (error.code, error.title) == (code, title)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("opaque", "this is not an encrypted token: one has five parts with dots between them"),
        ("a.b.c", "this is not an encrypted token: one has five parts with dots between them"),
        ("e30.?.e30.e30.e30", "this is not an encrypted token: part 2, the encrypted key, is not base64url"),
        ("e30.e30.e30.e30.e3=", "this is not an encrypted token: part 5, the tag, is not base64url"),
        ("eyI.e30.e30.e30.e30", "this is not an encrypted token: its header is not JSON"),
        ("W10.e30.e30.e30.e30", "this is not an encrypted token: its header is not a JSON object"),
    ],
)
def test_what_is_no_jwe(text, title, pair):
    error = refused(text, pair("dir", "A128GCM")[0])
    assert error.title == title
    assert error.code == "not-a-jwe"


def test_without_a_key_that_fits(made, tools, pair):
    ours, _ = pair("RSA-OAEP", "A128GCM")
    token = encrypt("x", ours, alg="RSA-OAEP", enc="A128GCM")

    for keys in ([], [key_from_jwk(tools.public_jwk(made.rsa))], [key_from_secret("s")]):
        error = refused(token, keys)
        assert error.code == "no-decryption-key"
        assert error.title == ("the token is encrypted with RSA-OAEP, and there is no key here that fits: an RSA key")
    assert dict(error.facts)["keys here"] == "the client secret: a shared secret of 8 bits"


def test_a_key_of_the_wrong_kind_or_size(made, tools):
    error = refused("x", key_from_jwk(tools.private_jwk(made.p256), "k.jwk"), alg="RSA-OAEP", enc="A128GCM")
    assert (error.code, error.title) == ("key-algorithm", "RSA-OAEP needs an RSA key; k.jwk is a private EC key")
    error = refused("x", key_from_secret("short"), alg="dir", enc="A256GCM")
    assert error.title == ("dir needs a shared secret of 256 bits; the client secret is a shared secret of 40 bits")


def test_a_header_that_json_cannot_say(pair):
    error = refused("x", pair("dir", "A128GCM")[0], alg="dir", enc="A128GCM", header={"x": {1}})
    assert error.title == "the header cannot be written as JSON"
