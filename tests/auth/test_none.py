from __future__ import annotations

from flowrun.auth import none


def test_a_public_client_only_says_its_name(client, call):
    made = call()
    none.METHOD.apply(client("none", "a-secret-that-stays"), made)
    assert made.form == [("client_id", "flowrun"), ("grant_type", "client_credentials")]
    assert made.headers == {"accept": "application/json"}
    assert none.METHOD.needs == frozenset()
