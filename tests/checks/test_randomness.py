from __future__ import annotations

import secrets
import uuid

import pytest

from flowrun.checks.randomness import guessable, most_bits


@pytest.mark.parametrize(
    ("value", "bits"),
    [("0123456789", 33), ("deadbeef", 32), ("abcxyz", 31), ("aB", 12), ("aB-_", 24), ("a b!", 26), ("", 0)],
)
def test_bits_come_from_alphabet_and_length_alone(value, bits):
    assert round(most_bits(value)) == bits


def test_a_uuid_counts_as_the_32_digits_that_it_is():
    assert most_bits(str(uuid.uuid4())) == 128


@pytest.mark.parametrize(
    "make", [uuid.uuid1, uuid.uuid4, lambda: secrets.token_urlsafe(16), lambda: secrets.token_hex(16)]
)
def test_random_values_are_never_complained_about(make):
    values = [str(make()) for _ in range(200)]
    if make is not uuid.uuid1:
        assert [guessable("it", value, values[:at]) for at, value in enumerate(values)] == [None] * 200
    assert guessable("it", values[0], []) is None


@pytest.mark.parametrize(
    ("value", "earlier", "said"),
    [
        ("x" * 30, ["x" * 30], "it is the same as one that came before"),
        ("123456", [], "it has 6 characters, which can hold 20 bits at most; 128 are asked for"),
        (
            f"{'k' * 30}0002",
            [f"{'k' * 30}0001"],
            "it differs from one that came before in a few characters only, as if it were counted up",
        ),
        (f"{'k' * 30}10", [f"{'k' * 30}9"], None),
    ],
)
def test_what_speaks_against_a_value(value, earlier, said):
    assert guessable("it", value, earlier) == said
