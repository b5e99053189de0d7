"""Where answers stand, how they are signed and encrypted; and request objects that are encrypted."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

pytestmark = pytest.mark.sandbox

SIX = ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"]


@pytest.fixture(scope="module")
def encryption_key():
    return RSAKey.generate_key(2048, {"kid": "enc-1", "use": "enc"})


@pytest.fixture
def with_key(rsa_key, encryption_key):
    """A registration with a key to encrypt for."""
    return {"jwks": {"keys": [rsa_key.as_dict(private=False), encryption_key.as_dict(private=False)]}}


def answered(consumer, decision="approve", **changed):
    """Walk to the end and return the answer that sends the browser back."""
    page = consumer.sign_in(consumer.authorize(consumer.pushed(**changed)))
    return consumer.send(page, decision=decision)


def found(answer, place):
    """Return the parameters in query, fragment or form."""
    if place == "form":
        assert answer.status_code == 200
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text)
        return {name: unescape(value) for name, value in fields}
    parts = urlsplit(answer.headers["location"])
    return dict(parse_qsl(getattr(parts, place)))


def opened(consumer, token):
    keys = KeySet.import_key_set(consumer.http.get(f"{consumer.issuer}/jwks").json())
    return jwt.decode(token, keys, algorithms=["PS256"]).claims


@pytest.mark.parametrize("decision", ["approve", "deny"])
@pytest.mark.parametrize(("mode", "place"), [("query", "query"), ("fragment", "fragment"), ("form_post", "form")])
def test_plain_modes(consumer, mode, place, decision):
    answer = answered(consumer, decision, response_mode=mode)
    back = found(answer, place)

    assert back.keys() - {"keep"} == {
        "state",
        "iss",
        *(["code"] if decision == "approve" else ["error", "error_description"]),
    }
    assert (back["state"], back["iss"]) == ("the-state", consumer.issuer)
    if place == "fragment":
        assert found(answer, "query") == {"keep": "1"}


@pytest.mark.parametrize(
    ("mode", "place"),
    [("jwt", "query"), ("query.jwt", "query"), ("fragment.jwt", "fragment"), ("form_post.jwt", "form")],
)
def test_signed_modes(consumer, mode, place):
    back = found(answered(consumer, response_mode=mode), place)
    claims = opened(consumer, back["response"])

    assert back.keys() - {"keep"} == {"response"}
    assert (claims["iss"], claims["aud"], claims["state"]) == (consumer.issuer, "dc-1", "the-state")
    assert 0 < claims["exp"] - consumer.clock() <= 600
    assert consumer.exchange(claims["code"]).status_code == 200


def test_a_signed_error(consumer):
    claims = opened(consumer, found(answered(consumer, "deny", response_mode="jwt"), "query")["response"])

    assert claims["error"] == "access_denied"
    assert "code" not in claims


def test_the_form_sends_itself_to_the_redirect_uri(consumer, tools):
    answer = answered(consumer, response_mode="form_post")
    (nonce,) = re.findall(r'<script nonce="([^"]+)">document.forms', answer.text)

    assert f'action="{tools.redirect_uri}"' in answer.text
    assert f"script-src 'nonce-{nonce}'" in answer.headers["content-security-policy"]


def test_other_pages_run_no_script(consumer):
    assert "script-src" not in consumer.authorize(consumer.pushed()).headers["content-security-policy"]


def test_response_type_none(consumer, tools):
    back = tools.callback(answered(consumer, response_type="none"))

    assert back == {"keep": "1", "state": "the-state", "iss": consumer.issuer}


def test_encrypted_answers(start, with_key, encryption_key):
    consumer = start(client={**with_key, "answers_encrypted": True})
    allowed = ["RSA-OAEP-256", "A256GCM"]
    token = found(answered(consumer, response_mode="jwt"), "query")["response"]
    claims = opened(consumer, jwe.decrypt_compact(token, encryption_key, algorithms=allowed).plaintext.decode())
    id_token = consumer.exchange(claims["code"]).json()["id_token"]

    inner = jwe.decrypt_compact(id_token, encryption_key, algorithms=allowed)
    assert inner.headers()["cty"] == "JWT"
    assert consumer.id_token(inner.plaintext.decode())["nonce"] == "the-nonce"


def test_who_has_no_key_gets_nothing_encrypted(start):
    with pytest.raises(ValueError, match="no key to encrypt for"):
        start(client={"answers_encrypted": True})


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
def test_id_tokens_with_another_algorithm(start, alg):
    consumer = start(client={"id_token_alg": alg})
    token = consumer.tokens()["id_token"]
    keys = KeySet.import_key_set(consumer.http.get(f"{consumer.issuer}/jwks").json())

    assert jwt.decode(token, keys, algorithms=[alg]).claims["aud"] == "dc-1"


def test_id_tokens_with_the_clients_secret(start):
    secret = "a secret that is long enough for HS256 0123456789"
    consumer = start(client={"id_token_alg": "HS256", "client_secret": secret})

    assert (
        jwt.decode(consumer.tokens()["id_token"], OctKey.import_key(secret), algorithms=["HS256"]).claims["acr"] == "1"
    )


def test_userinfo_as_a_jwt(start):
    consumer = start(client={"userinfo_signed": True})
    answer = consumer.get("/userinfo", consumer.tokens()["access_token"])
    claims = opened(consumer, answer.text)

    assert answer.headers["content-type"] == "application/jwt"
    assert (claims["iss"], claims["aud"], claims["name"]) == (consumer.issuer, "dc-1", "Alice Example")


@pytest.mark.parametrize("enc", SIX)
@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256"])
def test_an_encrypted_request_object(consumer, alg, enc):
    (jwk,) = [key for key in consumer.http.get(f"{consumer.issuer}/jwks").json()["keys"] if key["use"] == "enc"]
    header = {"alg": alg, "enc": enc, "kid": jwk["kid"], "cty": "JWT"}
    token = jwe.encrypt_compact(header, consumer.request_object(), RSAKey.import_key(jwk), algorithms=[alg, enc])

    answer = consumer.post("/par", {"request": token, **consumer.credentials()})

    assert answer.status_code == 201, answer.text
    assert consumer.approved(answer.json()["request_uri"])["state"] == "the-state"


def test_a_request_object_that_is_encrypted_for_somebody_else(consumer, encryption_key):
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
    token = jwe.encrypt_compact(
        header, consumer.request_object(), encryption_key, algorithms=["RSA-OAEP-256", "A256GCM"]
    )
    answer = consumer.post("/par", {"request": token, **consumer.credentials()})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request_object")


def test_what_is_encrypted_but_not_signed_is_refused(consumer):
    (jwk,) = [key for key in consumer.http.get(f"{consumer.issuer}/jwks").json()["keys"] if key["use"] == "enc"]
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
    token = jwe.encrypt_compact(
        header, '{"client_id": "dc-1"}', RSAKey.import_key(jwk), algorithms=["RSA-OAEP-256", "A256GCM"]
    )

    assert (
        consumer.post("/par", {"request": token, **consumer.credentials()}).json()["error"] == "invalid_request_object"
    )
