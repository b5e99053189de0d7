from __future__ import annotations

from flowrun.auth import secret_post


def test_id_and_secret_go_into_the_form_as_they_are(client, call):
    made = call()
    secret_post.apply(client("client_secret_post", "s3cret/+&=ü"), made)
    assert made.form == [
        ("client_id", "flowrun"),
        ("grant_type", "client_credentials"),
        ("client_secret", "s3cret/+&=ü"),
    ]
    assert made.headers == {"accept": "application/json"}


def test_it_needs_a_secret():
    assert secret_post.METHOD.needs == {"secret"}
