"""Reading keys: what works, and the words for what does not."""

from __future__ import annotations

import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from flowrun.jose import JoseError, key_from_jwk, key_from_secret, load_key

# A throw-away key on secp112r1: openssl ecparam -name secp112r1 -genkey -noout
ON_AN_OLD_CURVE = """\
-----BEGIN EC PRIVATE KEY-----
MD4CAQEEDg0qc3LCQfv7Nchmti2goAcGBSuBBAAGoSADHgAEbZCDvcuduhryb4PT
x4FA/t6N9zNfXjnOUUvoGw==
-----END EC PRIVATE KEY-----
"""


def refused(call, *args, **options):
    with pytest.raises(JoseError) as caught:
        call(*args, **options)
    assert str(caught.value) == caught.value.title
    return caught.value


@pytest.fixture
def refusal(put):
    """Write a key file and return why it is refused."""

    def load(name, content, **options):
        return refused(load_key, put(name, content), **options)

    return load


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "p521", "ed25519"])
def test_reads_every_kind_from_pkcs8_and_jwk(kind, made, tools, put):
    expected = tools.joserfc_key(getattr(made, kind)).thumbprint()

    from_pem = load_key(put("k.pem", tools.pem(getattr(made, kind))), kid="k1")
    from_jwk = load_key(put("k.jwk", tools.private_jwk(getattr(made, kind), kid="k1")))

    assert [from_pem.thumbprint(), from_jwk.thumbprint()] == [expected, expected]
    assert [from_pem.kid, from_jwk.kid] == ["k1", "k1"]
    assert from_pem.private
    assert from_jwk.private
    assert from_pem.source == "k.pem"


@pytest.mark.parametrize("kind_and_form", ["rsa PKCS8", "rsa TRADITIONAL", "p256 PKCS8", "p256 TRADITIONAL"])
@pytest.mark.parametrize("passphrase", [None, "pässphrase"])
def test_reads_plain_and_encrypted_pem(kind_and_form, passphrase, made, tools, put):
    kind, form = kind_and_form.split()
    text = tools.pem(getattr(made, kind), getattr(tools, form), passphrase and passphrase.encode())

    key = load_key(put("k.pem", text), passphrase=passphrase)

    assert key.thumbprint() == tools.joserfc_key(getattr(made, kind)).thumbprint()


def test_ignores_a_passphrase_that_is_not_needed(made, tools, put):
    assert load_key(put("k.pem", tools.pem(made.rsa)), passphrase="not needed").kty == "RSA"


@pytest.mark.parametrize(
    "dress",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\n\nBag Attributes\n    friendlyName: client\n" + text.encode() + b"\n\n",
        lambda text: b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + text.encode(),
        lambda text: b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" + text.encode(),
    ],
    ids=["windows lines", "byte order mark", "UTF-16", "text around it", "EC parameters", "certificate beside it"],
)
def test_reads_pem_as_other_tools_leave_it(dress, made, tools, put):
    key = load_key(put("k.pem", dress(tools.pem(made.p256, tools.TRADITIONAL))))

    assert key.curve == "P-256"


def test_a_jwk_of_an_rsa_key_may_leave_the_primes_out(made, tools, put):
    whole = tools.private_jwk(made.rsa)

    key = load_key(put("k.jwk", {name: whole[name] for name in ("kty", "n", "e", "d")}))

    assert key.thumbprint() == tools.joserfc_key(made.rsa).thumbprint()


def test_kid_picks_from_a_jwks(made, tools, put):
    file = put("k.jwks", {"keys": [tools.private_jwk(made.rsa, kid="k1"), tools.private_jwk(made.p256, kid="k2")]})

    assert load_key(file, kid="k2").kty == "EC"
    assert load_key(file, kid="k1").kty == "RSA"


def test_the_one_key_that_can_sign_needs_no_kid(made, tools, put):
    entries = [
        tools.private_jwk(made.rsa, kid="e", use="enc"),
        tools.public_jwk(made.p256, kid="p"),
        tools.private_jwk(made.p384, kid="s", use="sig"),
    ]

    assert load_key(put("k.jwks", {"keys": entries})).kid == "s"


def test_a_small_rsa_key_is_read_and_says_its_size(put, tools):
    assert load_key(put("k.pem", tools.pem(rsa.generate_private_key(65537, 1024)))).bits == 1024


def test_missing_file(put, folder):
    put("client-signing.pem", "x")
    error = refused(load_key, folder / "client-singing.pem")
    assert error.code == "key-missing"
    assert error.title == "there is no key file client-singing.pem"
    assert error.label == "did you mean 'client-signing.pem'?"
    assert error.hint == "keys.example/README.md says how to make a key"


def test_missing_folder(folder):
    error = refused(load_key, folder / "keys" / "uat" / "sign.pem")
    assert error.code == "key-missing"
    assert error.title == "there is no folder for the key file keys/uat/sign.pem"
    assert error.label == ""
    assert error.hint == (
        "your own keys belong in keys/, which git ignores; keys.example/README.md says how to make them"
    )


def test_a_file_elsewhere_is_shown_as_it_was_given(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    error = refused(load_key, tmp_path / "k.pem")
    assert error.title == f"there is no key file {tmp_path / 'k.pem'}"


def test_a_way_around_is_shown_straight(folder):
    (folder / "environments").mkdir()
    error = refused(load_key, folder / "environments" / ".." / "k.pem")
    assert error.title == "there is no key file k.pem"


def test_folder_instead_of_file(folder):
    (folder / "keys").mkdir()
    error = refused(load_key, folder / "keys")
    assert error.code == "key-unreadable"
    assert error.title == "keys is a folder, not a key file"
    assert error.hint == "name the file in it"


def test_no_permission(put, monkeypatch):
    file = put("k.pem", "x")

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "open", refuse)  # chmod does not stop root, who runs the tests in containers
    error = refused(load_key, file)
    assert error.code == "key-unreadable"
    assert error.title == "k.pem is there, but may not be read"
    assert error.hint == "allow it: chmod u+r k.pem"


def test_another_failure_of_the_disk(put, monkeypatch):
    file = put("k.pem", "x")

    def fail(*_args, **_options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(file), "open", fail)
    error = refused(load_key, file)
    assert error.code == "key-unreadable"
    assert error.title == "k.pem could not be read: Input/output error"


@pytest.mark.parametrize("content", ["", " \n"])
def test_empty_file(content, refusal):
    error = refusal("k.pem", content)
    assert error.code == "key-empty"
    assert error.title == "k.pem is empty"
    assert error.hint == "copy the key into it, or name another file"


def test_too_big(refusal):
    error = refusal("k.pem", "x" * 1_000_001)
    assert error.code == "key-unreadable"
    assert error.title == "k.pem is too big to be a key"
    assert error.hint == "name the key's own file"


@pytest.mark.parametrize("content", [b"0\x82\x04\xa4\x02\x01\x00\xff\xfe", b"key\0key"])
def test_binary_file(content, refusal):
    error = refusal("k.p12", content)
    assert error.code == "key-unreadable"
    assert error.title == "k.p12 is not a text file; a key in PEM or JWK format is text"
    assert error.hint == (
        "a .p12 or .pfx file: openssl pkcs12 -nocerts -nodes -in OLD -out NEW\n"
        "a .der file: openssl pkey -inform DER -in OLD -out NEW"
    )


def test_public_pem(refusal, made, tools):
    error = refusal("k.pem", tools.public_pem(made.rsa))
    assert error.code == "key-public"
    assert error.title == "k.pem is a public key; to sign, the private one is needed"
    assert error.hint == "name the file with the private half; the public half belongs to the server"


@pytest.mark.parametrize("content", ["ssh-ed25519 AAAAC3Nz", "ecdsa-sha2-nistp256 AAAA me@here"])
def test_public_ssh(content, refusal):
    error = refusal("k.pub", content)
    assert error.code == "key-public"
    assert error.title == "k.pub is a public key; to sign, the private one is needed"


def test_public_jwk(refusal, made, tools):
    error = refusal("k.jwk", tools.public_jwk(made.rsa))
    assert error.code == "key-public"
    assert error.title == "k.jwk is a public key; to sign, the private one is needed"


def test_certificate(refusal):
    error = refusal("k.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    assert error.code == "key-is-certificate"
    assert error.title == "k.pem is a certificate, not a private key"
    assert error.hint == "name the private key that the certificate was made from, often a file that ends in .key"


def test_openssh(refusal):
    error = refusal("k", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n")
    assert error.code == "key-unreadable"
    assert error.title == "k is a private key in OpenSSH's own format"
    assert error.hint == "convert a copy of it (this overwrites the file): ssh-keygen -p -m PKCS8 -f k"


def test_another_pem_block(refusal):
    error = refusal("k", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n")
    assert error.code == "key-unreadable"
    assert error.title == "k holds a block called CERTIFICATE REQUEST, not a private key"


def test_not_a_key_at_all(refusal):
    error = refusal("k.pem", "environment: uat\n")
    assert error.code == "key-unreadable"
    assert error.title == "k.pem holds no key that flowrun can read"
    assert error.hint == "a key file begins with -----BEGIN (PEM) or with { (JWK)"


def test_cut_pem(refusal, made, tools):
    error = refusal("k.pem", tools.pem(made.rsa)[:400])
    assert error.code == "key-unreadable"
    assert error.title == "k.pem begins like a private key, but its last line is missing"
    assert error.hint == "copy the whole file again, from the first dashes to the last"


def test_damaged_pem(refusal, made, tools):
    text = tools.pem(made.rsa)
    error = refusal("k.pem", text[:100] + text[200:])
    assert error.code == "key-unreadable"
    assert error.title == "k.pem begins like a private key, but what follows is damaged"
    assert error.hint == "copy the whole file again, from the first dashes to the last"


def test_two_keys_in_one_pem(refusal, made, tools):
    error = refusal("k.pem", tools.pem(made.p256) + tools.pem(made.p384))
    assert error.code == "key-several"
    assert error.title == "k.pem holds 2 private keys, and it is not said which one is meant"
    assert error.hint == "leave one private key in the file"


@pytest.mark.parametrize("form", ["PKCS8", "TRADITIONAL"])
def test_passphrase_missing(form, refusal, made, tools):
    error = refusal("k.pem", tools.pem(made.p256, getattr(tools, form), b"right"))
    assert error.code == "key-passphrase-missing"
    assert error.title == "the key in k.pem is encrypted, and there is no passphrase for it"
    assert error.label == 'add passphrase: "{{ secrets.… }}" beside file'
    assert error.hint == "put the passphrase into .env and name it under passphrase, beside file"


@pytest.mark.parametrize("form", ["PKCS8", "TRADITIONAL"])
def test_passphrase_wrong(form, refusal, made, tools):
    error = refusal("k.pem", tools.pem(made.p256, getattr(tools, form), b"right"), passphrase="the wrong one")
    assert error.code == "key-passphrase-wrong"
    assert error.title == "the passphrase does not open the key in k.pem"
    assert error.hint == "try it by hand: openssl pkey -noout -in k.pem"
    assert "the wrong one" not in everything(error)


def test_key_of_a_kind_that_cannot_sign(refusal, tools):
    for key in (ed448.Ed448PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())):
        error = refusal("k.pem", tools.pem(key))
        assert error.code == "key-unsupported"
        assert error.title == "the key in k.pem is of a kind that flowrun cannot sign with"
        assert error.hint == "use an RSA key, an EC key on P-256, P-384 or P-521, or an Ed25519 key"


def test_written_in_a_way_that_is_unknown(refusal):
    error = refusal("k.pem", ON_AN_OLD_CURVE)
    assert error.code == "key-unsupported"
    assert error.title == "the key in k.pem is written or encrypted in a way that is not known here"


def test_encrypted_with_something_unknown(refusal):
    header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: SEED-CBC,00112233445566778899AABBCCDDEEFF\n\n"
    error = refusal(
        "k.pem", f"-----BEGIN RSA PRIVATE KEY-----\n{header}AAAA\n-----END RSA PRIVATE KEY-----\n", passphrase="x"
    )
    assert error.code == "key-unsupported"
    assert error.title == "the key in k.pem is written or encrypted in a way that is not known here"
    assert error.hint == "write it again as PKCS#8: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW"


def test_numbers_that_make_no_rsa_key(refusal, made, tools):
    error = refusal("k.jwk", {**tools.private_jwk(made.rsa), "n": tools.private_jwk(made.rsa_other)["n"]})
    assert error.code == "key-broken"
    assert error.title == "the numbers of the JWK in k.jwk make no RSA key"
    assert error.hint == "copy the JWK again from where it was made; it was cut or changed on the way"


@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_halves_that_do_not_belong_together(form, refusal, made, tools):
    """No check of primes is made; this is what stands in for it."""
    ours, other = made.rsa.private_numbers(), made.rsa_other.private_numbers()
    mixed = rsa.RSAPrivateNumbers(
        ours.p, ours.q, other.d, other.dmp1, other.dmq1, ours.iqmp, ours.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    content = (
        tools.pem(mixed)
        if form == "pem"
        else {
            **tools.private_jwk(made.rsa),
            **{name: tools.private_jwk(made.rsa_other)[name] for name in ("d", "dp", "dq")},
        }
    )
    error = refusal("k", content)
    assert error.code == "key-broken"
    assert error.title == "the private and the public half of the key in k do not belong together"
    assert error.hint == "copy the key again from where it was made; it was cut or changed on the way"


@pytest.mark.parametrize("name", ["d", "dp", "dq", "qi"])
def test_one_wrong_number_is_enough(name, refusal, made, tools):
    error = refusal("k", {**tools.private_jwk(made.rsa), name: tools.private_jwk(made.rsa_other)[name]})
    assert error.code == "key-broken"
    assert error.title == "the private and the public half of the key in k do not belong together"


def test_halves_of_an_ec_jwk_that_do_not_belong_together(refusal, made, tools):
    fresh = tools.private_jwk(ec.generate_private_key(ec.SECP256R1()))
    error = refusal("k.jwk", {**tools.private_jwk(made.p256), "d": fresh["d"]})
    assert error.code == "key-broken"
    assert error.title == "the numbers of the JWK in k.jwk make no EC key"


def test_halves_of_an_ed25519_jwk_that_do_not_belong_together(refusal, made, tools):
    fresh = tools.private_jwk(ed25519.Ed25519PrivateKey.generate())
    error = refusal("k.jwk", {**tools.private_jwk(made.ed25519), "d": fresh["d"]})
    assert error.code == "key-broken"
    assert error.title == "the numbers of the JWK in k.jwk make no OKP key"


def test_not_json(refusal):
    error = refusal("k.jwk", '{"kty": "RSA",\n "n": ')
    assert error.code == "key-unreadable"
    assert error.title == "k.jwk begins like a JWK, but is not JSON: line 2, column 6"
    assert error.hint == "copy the whole file again, from { to }"


def test_not_quite_json(refusal):
    error = refusal("k.jwk", '{"kty": NaN}')
    assert error.code == "key-unreadable"
    assert error.title == "k.jwk begins like a JWK, but is not JSON"


def test_member_twice(refusal):
    error = refusal("k.jwk", '{"kty": "RSA", "kty": "EC"}')
    assert error.code == "key-broken"
    assert error.title == "the JWK in k.jwk has the member 'kty' twice"
    assert error.hint == "leave one of the two"


def test_list_of_keys(refusal):
    error = refusal("k.jwks", [{"kty": "RSA"}])
    assert error.code == "key-unreadable"
    assert error.title == 'k.jwks is a JSON list; several keys are written {"keys": [ … ]}'
    assert error.hint == 'put {"keys": before the list and } after it'


def test_empty_jwks(refusal):
    error = refusal("k.jwks", {"keys": []})
    assert error.code == "key-empty"
    assert error.title == "k.jwks is a JWKS without keys"
    assert error.hint == "name a file with a key in it"


def test_several_keys_and_no_kid(refusal, made, tools):
    keys = [tools.private_jwk(made.rsa, kid="k1"), tools.private_jwk(made.p256)]
    error = refusal("k.jwks", {"keys": keys})
    assert error.code == "key-several"
    assert error.title == "k.jwks holds 2 keys that can sign"
    assert error.label == "add kid: beside file"
    assert error.hint == "say which one: kid, beside file"
    assert error.facts == (("kids", "k1, (no kid)"),)


def test_one_kid_twice(refusal, made, tools):
    keys = [tools.private_jwk(made.rsa, kid="k1"), tools.private_jwk(made.p256, kid="k1")]
    error = refusal("k.jwks", {"keys": keys}, kid="k1")
    assert error.code == "key-several"
    assert error.title == "k.jwks holds 2 keys with the kid 'k1'"
    assert error.hint == "give each key a kid of its own"


def test_kid_not_in_the_jwks(refusal, made, tools):
    keys = [tools.private_jwk(made.rsa, kid="client-1"), tools.private_jwk(made.p256, kid="other")]
    error = refusal("k.jwks", {"keys": keys}, kid="client-2")
    assert error.code == "key-kid"
    assert error.title == "k.jwks holds no key with the kid 'client-2'"
    assert error.label == "did you mean 'client-1'?"
    assert error.hint == "name one of these kids, or none if the file holds one key"
    assert error.facts == (("kids", "client-1, other"),)


def test_kid_of_a_jwk_is_another(refusal, made, tools):
    error = refusal("k.jwk", tools.private_jwk(made.rsa, kid="client-1"), kid="client-2")
    assert error.code == "key-kid"
    assert error.title == "k.jwk holds no key with the kid 'client-2'"
    assert error.facts == (("kids", "client-1"),)


def test_secret():
    key = key_from_secret("geheimnis ü")

    assert (key.kty, key.private, key.source) == ("oct", True, "the client secret")
    assert key.bits == 8 * len("geheimnis ü".encode())


def test_empty_secret():
    error = refused(key_from_secret, "")
    assert error.code == "key-empty"
    assert error.title == "the client secret is empty"
    assert error.hint == "put the secret into .env and name it under client_secret"


def test_pem_as_secret(made, tools):
    error = refused(key_from_secret, tools.pem(made.p256))
    assert error.code == "key-not-secret"
    assert error.title == "the client secret is a PEM file, not a secret"
    assert error.hint == "name the file under keys; client_secret takes the text the server gave you"
    assert tools.pem(made.p256).splitlines()[1] not in everything(error)


def everything(error):
    """All that a person could get to see of an error, the traceback of a bug report too."""
    return " ".join((*traceback.format_exception(error), repr(error), error.label, error.hint, *map(str, error.facts)))


@pytest.mark.parametrize("kind", ["rsa", "p256", "ed25519"])
def test_no_message_shows_key_material(kind, made, tools, put):
    key, jwk = getattr(made, kind), tools.private_jwk(getattr(made, kind), kid="k1")
    text = tools.pem(key)
    pieces = [jwk[name] for name in ("d", "p", "q", "dp", "dq", "qi") if name in jwk]
    pieces += [line[8:40] for line in text.splitlines()[1:-1]]
    broken = [
        put("cut.pem", text[:-20]),
        put("damaged.pem", text.replace(text.splitlines()[-2], "?" + text.splitlines()[-2])),
        put("two.pem", text + text),
        put("strange.pem", text.replace("PRIVATE KEY", "SOMETHING")),
        put("kind.jwk", {**jwk, "kty": "ROT13"}),
        put("no-kty.jwk", {name: value for name, value in jwk.items() if name != "kty"}),
        put("d.jwk", {**jwk, "d": jwk["d"] + "!"}),
        put("d-cut.jwk", {**jwk, "d": jwk["d"][:-9] + "A"}),
        put("several.jwks", {"keys": [jwk, jwk]}),
        put("list.jwks", [jwk]),
        put("twice.jwk", '{"d":"' + jwk["d"] + '","d":"' + jwk["d"] + '"}'),
        put("cut.jwk", '{"d":"' + jwk["d"]),
    ]

    for file in broken:
        shown = everything(refused(load_key, file))
        assert [piece for piece in pieces if piece in shown] == [], file.name


@pytest.mark.parametrize("kind", ["rsa", "p256", "ed25519"])
def test_repr_shows_no_key_material(kind, made, tools):
    jwk = tools.private_jwk(getattr(made, kind), kid="k1")

    assert repr(key_from_jwk(jwk, "k.jwk")) == (
        f"Key(kid='k1', kty={jwk['kty']!r}, private=True, source='k.jwk', alg=None, use=None)"
    )


def test_repr_shows_no_secret(tools):
    assert tools.secret not in repr(key_from_secret(tools.secret))
