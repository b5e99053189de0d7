"""Taking a token apart."""

from __future__ import annotations

import base64
import traceback

import pytest

from flowrun.jose import JoseError, peek


def token(header, claims, signature=b""):
    parts = (part if isinstance(part, bytes) else part.encode() for part in (header, claims, signature))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def refused(text):
    with pytest.raises(JoseError) as caught:
        peek(text)
    return caught.value


def test_parts():
    text = token('{"alg":"PS256"}', '{"sub":"ü"}', "sig")

    peeked = peek(text)

    assert peeked.header == {"alg": "PS256"}
    assert peeked.claims == {"sub": "ü"}
    assert peeked.signature == b"sig"
    assert peeked.signing_input == text.rpartition(".")[0].encode()
    assert repr(peeked) == "Peeked(header={'alg': 'PS256'}, claims={'sub': 'ü'})"


def test_an_unsigned_token_has_an_empty_signature():
    assert peek(token("{}", "{}")).signature == b""


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("8f3c0b7e-opaque-access-token", "1 part, 28 characters"),
        ("a.b", "2 parts, 3 characters"),
        ("a.b.c.d", "4 parts, 7 characters"),
        ("<html>a.b.c.d</html>", "an HTML page"),
        ('{"error": "a.b.c.d.e"}', "a JSON object"),
        ("", "an empty text"),
    ],
)
def test_not_three_parts(text, got):
    error = refused(text)
    assert error.code == "not-a-jws"
    assert error.title == "this is not a signed token: one has three parts with dots between them"
    assert error.facts == (("got", got),)
    assert "opaque" not in "".join(traceback.format_exception_only(error))


def test_encrypted():
    error = refused("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d")
    assert error.code == "encrypted-token"
    assert error.title == "the token is encrypted (a JWE) where a signed one is expected"
    assert error.facts == (("got", "5 parts, 32 characters"),)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("?.e30.", "this is not a signed token: part 1, the header, is not base64url"),
        ("e30.e3=.", "this is not a signed token: part 2, the payload, is not base64url"),
        ("e30.e30.YR", "this is not a signed token: part 3, the signature, is not base64url"),
        (token("{", "{}"), "this is not a signed token: its header is not JSON"),
        (token(b'{"a": "\xff"}', "{}"), "this is not a signed token: its header is not JSON"),
        (token("[]", "{}"), "this is not a signed token: its header is not a JSON object"),
        (token("{}", "text"), "this is not a signed token: its payload is not JSON"),
        (token("{}", "5"), "this is not a signed token: its payload is not a JSON object"),
        (token("{}", "[" * 100_000), "this is not a signed token: its payload is not JSON"),
    ],
)
def test_parts_that_are_not_what_they_should_be(text, title):
    error = refused(text)
    assert error.code == "not-a-jws"
    assert error.title == title


@pytest.mark.parametrize(
    ("text", "title", "spec"),
    [
        (
            token('{"alg":"PS256","alg":"none"}', "{}"),
            "the token's header has the member 'alg' twice",
            "RFC 7515, section 4",
        ),
        (
            token("{}", '{"a":{"iss":1,"iss":2}}'),
            "the token's payload has the member 'iss' twice",
            "RFC 7519, section 4",
        ),
    ],
)
def test_a_member_twice(text, title, spec):
    error = refused(text)
    assert error.code == "duplicate-member"
    assert error.title == title
    assert error.facts == (("spec", spec),)


def test_names_from_outside_obey_nobody():
    error = refused(token('{"\\u001b[2J":1,"\\u001b[2J":2}', "{}"))
    assert error.title == "the token's header has the member '\N{REPLACEMENT CHARACTER}[2J' twice"
