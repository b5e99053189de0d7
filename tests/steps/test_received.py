"""JWTs as servers send them: signed, encrypted, both in either order, and everything that is wrong with them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from flowrun.errors import StepError
from flowrun.jose import decrypt, encrypt, encryption_key_from_secret, key_from_secret, load_key, sign
from flowrun.steps.received import fetch_jwks, id_token_algorithms, read_jwt, readable, server_algorithms

KEYS = Path(__file__).parents[2] / "keys.example"
CLAIMS = {"iss": "https://op.example", "sub": "alice"}
ENCRYPTION = f"auth: none\n    keys: {{encryption: {{file: {KEYS / 'second-signing.pem'}, kid: enc-1}}}}"
ALLOWED = ["PS256", "ES256"]


@pytest.fixture(scope="module")
def ours():
    """The client's key for encryption."""
    return load_key(KEYS / "second-signing.pem", kid="enc-1")


@pytest.fixture
def token(key):
    """A JWT signed by the server, whose key is, for once, the example client's."""
    return sign(CLAIMS, key, "PS256")


@pytest.fixture
def published(server, key):
    """The server's JWKS with that key."""
    keys = {"keys": [key.public_jwk()]}
    server["/jwks"] = httpx.Response(200, json=keys)
    return keys


def sealed(text, ours, **header):
    return encrypt(text, ours, alg="RSA-OAEP-256", enc="A256GCM", header=header)


@pytest.mark.usefixtures("published")
def test_a_signed_one_is_verified_with_the_servers_keys_which_are_kept(tools, token, server):
    there = tools()
    for _ in range(2):
        found = read_jwt(there, token, allowed=ALLOWED)
    assert (found.claims, found.distrust, found.encrypted) == (CLAIMS, "", None)
    assert found.header == {"alg": "PS256", "kid": "flowrun-example-1"}
    assert found.verified.claims == CLAIMS
    assert (found.token, len(server.requests)) == (token, 1)


@pytest.mark.usefixtures("published")
def test_a_nested_one_is_opened_with_the_clients_key_for_encryption(tools, token, ours):
    found = read_jwt(tools(client=ENCRYPTION), sealed(token, ours, cty="JWT"), allowed=ALLOWED)
    assert (found.claims, found.distrust, found.header["alg"]) == (CLAIMS, "", "PS256")
    assert found.encrypted == {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "enc-1", "cty": "JWT"}
    assert found.verified is not None


@pytest.mark.usefixtures("published")
def test_the_key_for_signing_stands_in(tools, token, key):
    nested = encrypt(token, key, alg="RSA-OAEP", enc="A128CBC-HS256")
    assert read_jwt(tools(client="auth: none\n    SIGNING"), nested, allowed=ALLOWED).distrust == ""


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(("alg", "enc"), [("dir", "A256CBC-HS512"), ("A128KW", "A128GCM")])
def test_a_key_made_of_the_clients_secret_opens_what_is_encrypted_with_it(tools, token, alg, enc):
    nested = encrypt(token, encryption_key_from_secret("the-secret", alg, enc), alg=alg, enc=enc)
    there = tools(client="auth: client_secret_post\n    client_secret: the-secret")
    assert read_jwt(there, nested, allowed=ALLOWED).distrust == ""


@pytest.mark.parametrize("inside", ["text", "JSON"])
def test_a_signature_may_be_outside_of_the_encryption(tools, key, ours, inside, server):
    """As the data providers of Open Finance Malaysia answer."""
    payload = sealed(json.dumps(CLAIMS), ours)
    private = RSAKey.import_key((KEYS / "client-signing.pem").read_text())
    token = jws.serialize_compact({"alg": "PS256"}, payload.encode(), private, algorithms=["PS256"])
    if inside == "JSON":
        token = jws.serialize_compact({"alg": "PS256"}, json.dumps(CLAIMS).encode(), private, algorithms=["PS256"])
    found = read_jwt(tools(client=ENCRYPTION), token, allowed=ALLOWED, keys={"keys": [key.public_jwk()]})
    assert (found.claims, found.distrust, found.verified.claims) == (CLAIMS, "", CLAIMS)
    assert (found.encrypted is not None) == (inside == "text")
    assert server.requests == []


def test_keys_may_come_from_a_url_of_their_own(tools, token, key, server):
    server["/dp/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk()]})
    there = tools()
    assert read_jwt(there, token, allowed=ALLOWED, jwks_url="https://op.example/dp/jwks").distrust == ""
    assert there.flow.jwks is None


def test_keys_change_and_a_fresh_list_is_read_once(tools, token, key, server):
    server["/jwks"] = httpx.Response(200, json={"keys": [key.public_jwk()]})
    there = tools(flow={"jwks": {"keys": [{**key.public_jwk(), "kid": "old"}]}})
    assert read_jwt(there, token, allowed=ALLOWED).distrust == ""
    assert len(server.requests) == 1


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("make", "distrust"),
    [
        (lambda token, *_: f"{token[:-4]}AAAA", "the signature does not match the key 'flowrun-example-1'"),
        (
            lambda _, key, __: sign(CLAIMS, key, "RS256"),
            "the token is signed with RS256, which is not allowed here",
        ),
        (
            lambda token, _, ours: sealed(f"{token[:-4]}AAAA", ours),
            "the signature does not match the key 'flowrun-example-1'",
        ),
        (lambda *_: sign(CLAIMS, key_from_secret("x"), "HS256"), "the token is signed with HS256, which is not"),
        (lambda _, __, ours: sealed(json.dumps(CLAIMS), ours), "it is encrypted, but not signed"),
        (lambda *_: json.dumps(CLAIMS), "it is plain JSON, and not signed"),
    ],
)
def test_the_claims_of_what_is_not_trusted_can_still_be_read(tools, token, key, ours, make, distrust):
    found = read_jwt(tools(client=ENCRYPTION), make(token, key, ours), allowed=ALLOWED)
    assert found.distrust.startswith(distrust)
    assert (found.claims, found.verified) == (CLAIMS, None)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("make", "distrust"),
    [
        (lambda _, __: "", "it is no signed JWT: this is not a signed token: one has three parts"),
        (lambda _, __: "opaque", "it is no signed JWT: this is not a signed token: one has three parts"),
        (lambda _, __: "a.b.c.d.e", "it can't be opened: this is not an encrypted token: part 1, the header"),
        (lambda token, key: encrypt(token, key, alg="RSA-OAEP", enc="A128GCM"), "it can't be opened: the token can't"),
        (lambda token, _: encrypt(token, encryption_key_from_secret("s", "dir", "A128GCM"), alg="dir", enc="A128GCM"),
         "it can't be opened: the token is encrypted with dir, and there is no key here that fits"),
        (lambda _, key: by_hand(key, b"[1]"), "it is no signed JWT: its payload is not a JSON object"),
        (lambda _, key: by_hand(key, b"not json"), "it is no signed JWT: its payload is not JSON"),
        (lambda _, key: by_hand(key, b'{"a": 1, "a": 2}'), "it is no signed JWT: the token's payload has the"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_has_no_claims(tools, token, key, make, distrust):
    found = read_jwt(tools(client=ENCRYPTION), make(token, key), allowed=ALLOWED)
    assert found.distrust.startswith(distrust)
    assert (found.claims, found.verified) == ({}, None)
    with pytest.raises(StepError) as error:
        readable(found, "the userinfo JWT")
    assert (error.value.code, error.value.title) == (
        "unreadable-jwt",
        f"the userinfo JWT can't be read: {found.distrust}",
    )


def by_hand(key, payload):
    """A JWS of any payload, signed with the key's own half by joserfc."""
    private = RSAKey.import_key((KEYS / "client-signing.pem").read_text())
    return jws.serialize_compact({"alg": "PS256", "kid": key.kid}, payload, private, algorithms=["PS256"])


def test_without_a_signature_is_enough_where_the_caller_says_so(tools, ours):
    found = read_jwt(tools(client=ENCRYPTION), sealed(json.dumps(CLAIMS), ours), allowed=ALLOWED, signed=False)
    assert (found.claims, found.distrust, found.header) == (CLAIMS, "", {})
    plain = read_jwt(tools(), json.dumps(CLAIMS), allowed=ALLOWED, signed=False)
    assert plain.distrust == "it is plain JSON, and not signed"


def test_a_russian_doll_is_not_opened_to_the_end(tools, ours):
    text = json.dumps(CLAIMS)
    for _ in range(5):
        text = sealed(text, ours)
    assert read_jwt(tools(client=ENCRYPTION), text, allowed=ALLOWED).claims == {}


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_shared_secret_is_believed_where_the_client_has_agreed_on_it(tools, alg, server):
    there = tools(client=f"auth: client_secret_post\n    client_secret: the-secret\n    id_token: {{alg: {alg}}}")
    token = sign(CLAIMS, key_from_secret("the-secret"), alg, {"kid": "whatever"})
    assert read_jwt(there, token, allowed=id_token_algorithms(there)).distrust == ""
    other = sign(CLAIMS, key_from_secret("another"), alg)
    assert read_jwt(there, other, allowed=[alg]).distrust == "the signature does not match the client secret"
    assert server.requests == []


def test_a_client_without_a_secret_is_told(tools):
    there = tools(client="auth: none\n    id_token: {alg: HS256}")
    token = sign(CLAIMS, key_from_secret("the-secret"), "HS256")
    assert read_jwt(there, token, allowed=["HS256"]).distrust == (
        "its key could not be read: HS256 is made with the client's secret, and it has none here"
    )


def test_the_algorithm_of_the_client_is_the_only_one(tools):
    metadata = {"id_token_signing_alg_values_supported": ["RS256", "PS256", "HS256", "none", 5]}
    assert id_token_algorithms(tools(metadata=metadata)) == ["RS256", "PS256"]
    secret = "auth: client_secret_basic\n    client_secret: the-secret"
    assert id_token_algorithms(tools(metadata=metadata, client=secret)) == ["RS256", "PS256", "HS256"]
    assert "HS256" not in id_token_algorithms(tools(client=secret))
    assert id_token_algorithms(tools(metadata=metadata, client="auth: none\n    id_token: {alg: ES384}")) == ["ES384"]


def test_a_server_that_names_no_algorithms_may_use_any_but_a_shared_secret(tools):
    names = server_algorithms(tools(), "userinfo_signing_alg_values_supported")
    assert {"PS256", "RS512", "EdDSA"} <= set(names)
    assert not {"none", "HS256"} & set(names)


def test_keys_that_can_not_be_read_are_told(tools, server):
    server["/jwks"] = httpx.Response(404)
    with pytest.raises(StepError) as error:
        fetch_jwks(tools())
    assert error.value.code == "no-jwks"


def test_what_is_read_is_what_was_sealed(ours):
    opened = decrypt(sealed("x", ours), ours)
    assert base64.b64encode(opened.plaintext) == b"eA=="
