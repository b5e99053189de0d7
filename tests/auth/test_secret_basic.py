from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from flowrun.auth import secret_basic


@pytest.mark.parametrize(
    ("client_id", "secret", "pair"),
    [
        ("flowrun", "secret", "flowrun:secret"),
        ("flow:run", "se:cret", "flow%3Arun:se%3Acret"),
        ("flow run", "a+b c%", "flow+run:a%2Bb+c%25"),
        ("größe", "ü&=/?", "gr%C3%B6%C3%9Fe:%C3%BC%26%3D%2F%3F"),
        ("a-b._~", "A-b._~", "a-b._~:A-b._~"),
        ("flowrun", "", "flowrun:"),
    ],
)
def test_both_halves_are_form_encoded_before_base64(client, call, client_id, secret, pair):
    made = call()
    secret_basic.apply(replace(client("client_secret_basic", secret), client_id=client_id), made)
    scheme, _, encoded = made.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode("ascii") == pair
    assert made.form == [("grant_type", "client_credentials")]


def test_it_needs_a_secret():
    assert secret_basic.METHOD.needs == {"secret"}


@pytest.mark.parametrize(
    ("client_id", "secret"), [("flowrun", "secret"), ("flow run", "a+b c%"), ("größe", "ü&=/?:"), ("flowrun", "")]
)
def test_raw_takes_both_as_they_are(client, call, client_id, secret):
    made = call()
    raw = replace(client("client_secret_basic", secret), client_id=client_id, basic_encoding="raw")
    secret_basic.apply(raw, made)
    assert base64.b64decode(made.headers["authorization"].partition(" ")[2]).decode() == f"{client_id}:{secret}"
