"""What each operation of `tamper` changes, and what it says of it; what servers say is in tests/runs."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives import serialization

from flowrun.errors import StepError
from flowrun.jose import JoseError, generate_key, key_from_secret, peek, sign, verify
from flowrun.paths import PathError
from flowrun.tamper import ASSERTION, OWN, PROOF, Outgoing, Tampering, split

CLAIMS = {"iss": "us", "aud": "them", "iat": 1000, "nbf": 1000, "exp": 1060, "deep": {"list": [{"x": 1}]}}
ALL = ("PS256", "RS256", "ES256", "HS256")


@pytest.fixture(scope="module")
def key():
    return generate_key("PS256")


@pytest.fixture(scope="module")
def other():
    return generate_key("PS256")


class Told:
    """A tampering that keeps what it tells."""

    def __init__(self, written, *, other=None):
        self.words = []
        self.moved = {}
        self.tampering = Tampering(written, self.words.append, lambda name: {"second": other}[name], self.moved)

    def signed(self, key, which=OWN, alg="PS256", header=None):
        return self.tampering.sign(which, CLAIMS, key, alg, header)

    def sent(self, **changes):
        whole = {
            "method": "POST",
            "url": "https://as.example/par?a=1",
            "form": [("scope", "openid"), ("code", "c")],
            "content": None,
            "headers": {"dpop": "proof", "x-a": "b"},
        }
        return self.tampering.request(Outgoing(**{**whole, **changes}))


def jwks(key):
    return {"keys": [key.public_jwk()]}


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "part", "path"),
    [
        ("claims.aud", "claims", ("aud",)),
        ("claims['https://x/y'].z", "claims", ("https://x/y", "z")),
        ("header.typ", "header", ("typ",)),
        ("assertion.claims.aud", "assertion.claims", ("aud",)),
        ("proof.header.jwk.d", "proof.header", ("jwk", "d")),
        ("proof", "headers", ("dpop",)),
        ("form.a.b[0]", "form", ("a.b[0]",)),  # a parameter has one name, whatever is in it
        ("headers.X-Id", "headers", ("x-id",)),
        ("url.state", "url", ("state",)),
        ("url", "url", ()),
    ],
)
def test_a_target_is_a_part_and_the_way_inside_it(target, part, path):
    assert split(target) == (part, path)


def test_what_is_no_path_is_no_target():
    with pytest.raises(PathError):
        split("claims.[")


# --- JWTs -------------------------------------------------------------------------------------------------------------


def test_without_changes_it_signs_like_the_library_and_tells_nothing(key):
    told = Told({"set": {"form.a": "b"}})

    assert verify(told.signed(key), jwks(key), ALL).claims == CLAIMS
    assert told.words == []


def test_claims_and_header_are_set_removed_and_changed_deep_inside(key):
    told = Told(
        {
            "set": {"claims.aud": ["a", "b"], "claims.deep.list[0].x": None, "claims.new": 1, "header.typ": "x"},
            "remove": ["claims.exp", "claims.deep.list[0].x", "header.kid"],
        }
    )

    made = peek(told.signed(key, header={"kid": "k1"}))

    assert made.claims == {"iss": "us", "aud": ["a", "b"], "iat": 1000, "nbf": 1000, "deep": {"list": [{}]}, "new": 1}
    assert made.header == {"alg": "PS256", "typ": "x"}
    assert told.words == [
        'claims.aud = ["a", "b"]',
        "claims.deep.list[0].x = null",
        "claims.new = 1",
        'header.typ = "x"',
        "claims.exp removed",
        "claims.deep.list[0].x removed",
        "header.kid removed",
    ]
    told.tampering.finish()
    assert CLAIMS["exp"] == 1060  # what the caller holds stays as it is
    assert CLAIMS["deep"] == {"list": [{"x": 1}]}


@pytest.mark.parametrize(
    ("which", "target"), [(OWN, "claims.aud"), (ASSERTION, "assertion.claims.aud"), (PROOF, "proof.claims.aud")]
)
def test_only_the_jwt_that_is_meant_is_changed(key, which, target):
    for one in (OWN, ASSERTION, PROOF):
        assert peek(Told({"set": {target: "x"}}).signed(key, one)).claims["aud"] == ("x" if one == which else "them")
        how = {"sign": {"jwt": which, "alg": "none"}} if which != OWN else {"sign": {"alg": "none"}}
        assert peek(Told(how).signed(key, one)).header["alg"] == ("none" if one == which else "PS256")


def test_alg_none_has_no_signature(key):
    told = Told({"sign": {"alg": "none"}})

    token = told.signed(key)

    assert token.endswith(".")
    assert peek(token).header["alg"] == "none"
    assert told.words == ["signature: alg none"]


def test_a_flipped_bit_is_one_bit(key):
    flipped = peek(Told({"sign": {"flip_bit": True}}).signed(key, alg="RS256"))
    good = peek(sign(CLAIMS, key, "RS256"))

    assert flipped.signing_input == good.signing_input
    differs = int.from_bytes(flipped.signature, "big") ^ int.from_bytes(good.signature, "big")
    assert differs.bit_count() == 1


def test_another_algorithm_of_the_same_key_is_a_good_signature(key):
    assert verify(Told({"sign": {"alg": "RS256"}}).signed(key), jwks(key), ALL).header["alg"] == "RS256"


def test_hs256_takes_the_public_key_for_the_secret(key):
    token = Told({"sign": {"alg": "HS256"}}).signed(key)

    pem = key.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = peek(token)
    assert hmac.new(pem, made.signing_input, hashlib.sha256).digest() == made.signature


def test_hs512_of_a_client_with_a_secret_is_made_with_the_secret():
    secret = key_from_secret("a secret that both sides know")
    token = Told({"sign": {"jwt": "assertion", "alg": "HS512"}}).signed(secret, ASSERTION, "HS256")

    assert verify(token, secret, ["HS512"]).claims == CLAIMS


def test_where_our_key_cannot_sign_so_a_new_one_does():
    ours = generate_key("ES256")
    made = peek(Told({"sign": {"alg": "RS256"}}).signed(ours, alg="ES256"))

    assert made.header["alg"] == "RS256"
    assert len(made.signature) == 256


@pytest.mark.parametrize("name", ["second", "fresh"])
def test_another_key_signs_and_the_header_keeps_the_kid(key, other, name):
    told = Told({"sign": {"key": name}}, other=other)

    token = told.signed(key, header={"kid": "k1"})

    assert peek(token).header == {"alg": "PS256", "kid": "k1"}
    assert (name == "second") == signed_by(token, other)
    assert not signed_by(token, key)
    assert told.words == [f"signature: the key {name}"]


def signed_by(token, key):
    try:
        verify(token, key, ALL)
    except JoseError:
        return False
    return True


def test_a_proof_by_another_key_brings_it_along(key, other):
    header = {"kid": None, "jwk": {"kty": "RSA"}}
    told = Told({"sign": {"jwt": "proof", "key": "second"}}, other=other)

    made = peek(told.signed(key, PROOF, header=header))

    assert made.header == {"alg": "PS256", "jwk": {"kty": "RSA", **other.public_jwk()}}
    assert peek(Told({"sign": {"jwt": "proof", "flip_bit": True}}).signed(key, PROOF, header=header)).header["jwk"] == {
        "kty": "RSA"
    }


def test_a_header_can_lie_about_the_algorithm(key):
    token = Told({"set": {"header.alg": "none"}}).signed(key)

    assert peek(token).header["alg"] == "none"
    assert len(peek(token).signature) == 256


@pytest.mark.parametrize(("which", "kept"), [(PROOF, False), (ASSERTION, True), (OWN, True)])
def test_a_proof_whose_clock_is_shifted_has_no_nonce_that_stands_in_for_the_time(key, which, kept):
    made = peek(Told({"clock": "-1h"}).tampering.sign(which, {"iat": 1000, "nonce": "n"}, key, "PS256"))
    assert ("nonce" in made.claims) is kept


@pytest.mark.parametrize(("clock", "shift"), [("+70s", 70), ("-1h", -3600), ("+1m30s", 90)])
def test_the_clock_shifts_every_time_in_every_jwt(key, clock, shift):
    told = Told({"clock": clock})

    for which in (OWN, ASSERTION, PROOF):
        claims = peek(told.signed(key, which)).claims
        assert (claims["iat"], claims["nbf"], claims["exp"]) == (1000 + shift, 1000 + shift, 1060 + shift)
    assert told.words == [f"iat and nbf and exp as if the clock stood at {clock}"]


def test_a_claim_leaves_the_request_object_for_the_form_or_the_url(key):
    told = Told({"move": {"claims.aud": "url", "claims.deep": "form.other"}})

    claims = peek(told.signed(key)).claims

    assert "aud" not in claims
    assert "deep" not in claims
    assert told.moved == {"url": {"aud": "them"}, "form": {"other": '{"list":[{"x":1}]}'}}
    assert told.words == ["claims.aud moved to url.aud", "claims.deep moved to form.other"]


@pytest.mark.parametrize("does", ["remove", "move"])
def test_a_claim_that_is_not_there_cannot_be_changed(key, does):
    written = {"remove": ["claims.autd"]} if does == "remove" else {"move": {"claims.autd": "url"}}

    with pytest.raises(StepError, match="there is no claims") as error:
        Told(written).signed(key)

    assert (error.value.code, error.value.label) == ("tamper-nothing-there", "did you mean 'aud'?")
    assert error.value.field == ("tamper", does, 0 if does == "remove" else "claims.autd")


# --- requests and URLs ------------------------------------------------------------------------------------------------


def test_form_headers_and_url_are_set_removed_and_sent_twice():
    told = Told(
        {
            "set": {"form.scope": ["a", "b"], "form.new": {"x": 1}, "headers.X-A": "c", "url.b": "2"},
            "remove": ["form.code", "url.a"],
            "duplicate": ["form.scope", "proof"],
        }
    )

    sent = told.sent()

    assert sent.form == [("scope", "a b"), ("scope", "a b"), ("new", '{"x":1}')]
    assert sent.headers == {"dpop": "proof", "x-a": "c"}
    assert sent.twice == ("dpop",)
    assert sent.url == "https://as.example/par?b=2"
    assert told.words == [
        'form.scope = ["a", "b"]',
        'form.new = {"x": 1}',
        'headers.X-A = "c"',
        'url.b = "2"',
        "form.code removed",
        "url.a removed",
        "form.scope sent twice",
        "proof sent twice",
    ]
    told.tampering.finish()


def test_a_parameter_that_is_there_twice_is_set_once():
    sent = Told({"set": {"form.scope": "x"}}).sent(form=[("scope", "a"), ("b", "c"), ("scope", "d")])

    assert sent.form == [("scope", "x"), ("b", "c")]


def test_parameters_and_headers_move_inside_a_request():
    told = Told({"move": {"form.code": "headers", "headers.x-a": "url.other"}})

    sent = told.sent()

    assert sent.form == [("scope", "openid")]
    assert sent.headers == {"dpop": "proof", "code": "c"}
    assert sent.url == "https://as.example/par?a=1&other=b"


def test_what_is_not_in_the_form_cannot_be_removed():
    with pytest.raises(StepError, match="there is no form") as error:
        Told({"remove": ["form.codes"]}).sent()

    assert error.value.label == "did you mean 'code'?"


def test_another_method_keeps_the_form_and_get_has_it_in_the_url():
    for method, url, form in (
        ("PUT", "https://as.example/par?a=1", [("scope", "openid"), ("code", "c")]),
        ("GET", "https://as.example/par?a=1&scope=openid&code=c", []),
    ):
        told = Told({"method": method})
        sent = told.sent(method=told.tampering.method("POST"))
        assert (sent.method, sent.url, sent.form) == (method, url, form)
        assert told.words == [f"method {method} instead of POST"]


def test_a_json_type_makes_json_of_the_form_and_any_other_only_says_so():
    as_json = Told({"content_type": "application/json"}).sent()
    as_text = Told({"content_type": "text/plain"}).sent()

    assert (json.loads(as_json.content), as_json.form) == ({"scope": "openid", "code": "c"}, [])
    assert as_json.headers["content-type"] == "application/json"
    assert (as_text.content, as_text.form) == (None, [("scope", "openid"), ("code", "c")])
    assert as_text.headers["content-type"] == "text/plain"


def test_the_url_of_the_browser_is_changed_and_else_left_exactly_as_it_is():
    address = "https://as.example/auth?client_id=a%20b&empty=&state=s"

    assert Told({"set": {"form.a": "b"}}).tampering.opened(address) == address
    told = Told({"set": {"url.state": "t"}, "duplicate": ["url.client_id"]})
    assert told.tampering.opened(address) == "https://as.example/auth?client_id=a+b&client_id=a+b&empty=&state=t"


def test_a_second_request_of_a_step_is_changed_as_well_and_told_once():
    told = Told({"remove": ["form.code"]})

    assert told.sent().form == told.sent().form == [("scope", "openid")]
    assert told.words == ["form.code removed"]


# --- what was not done ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "field", "words"),
    [
        ({"set": {"claims.aud": "x"}}, ("set", "claims.aud"), "no JWT was signed here"),
        ({"remove": ["assertion.claims.exp"]}, ("remove", 0), "no client assertion was signed here"),
        ({"set": {"proof.claims.htu": "x"}}, ("set", "proof.claims.htu"), "no DPoP proof was made here"),
        ({"sign": {"alg": "none"}}, ("sign",), "no JWT was signed here"),
        ({"sign": {"jwt": "proof", "alg": "none"}}, ("sign",), "no DPoP proof"),
        ({"set": {"form.a": "b"}}, ("set", "form.a"), "no such request was sent"),
        ({"clock": "+70s"}, ("clock",), "nothing with a time in it"),
        ({"certificate": "none"}, ("certificate",), "shows no certificate"),
        ({"client": "none"}, ("client",), "does not say here who it is"),
        ({"method": "PUT"}, ("method",), "no such request"),
        ({"unsigned": True}, ("unsigned",), "no request object would be sent here"),
    ],
)
def test_a_change_that_was_never_made_is_an_error(written, field, words):
    with pytest.raises(StepError, match="nothing was tampered with") as error:
        Told(written).tampering.finish()

    assert (error.value.code, error.value.field) == ("tamper-unused", ("tamper", *field))
    assert words in error.value.label


def test_whose_client_and_certificate_goes_along():
    told = Told({"client": "second", "certificate": "none"})

    assert told.tampering.who("client", "default") == "second"
    assert told.tampering.who("certificate", "default") == "none"
    assert told.words == ["the authentication of the client second", "no certificate"]
    assert Told({}).tampering.who("client", "default") == "default"


def test_plain_parameters_go_out_only_where_a_request_object_would():
    told = Told({"unsigned": True})

    assert told.tampering.unsigned(would_sign=True)
    assert told.words == ["plain parameters instead of a request object"]
    told.tampering.finish()
    assert not Told({"unsigned": True}).tampering.unsigned(would_sign=False)
    for written in ({}, {"unsigned": False}):
        assert not Told(written).tampering.unsigned(would_sign=True)
        Told(written).tampering.finish()


def test_the_second_part_of_a_token_is_what_was_changed(key):
    token = Told({"set": {"claims.deep": "é"}}).signed(key)
    payload = token.split(".")[1]

    assert json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["deep"] == "é"
