from __future__ import annotations

from pathlib import Path

from flowrun.client import Client, KeyFile

SECRET = "a-secret-nobody-may-see"


def test_templates_read_the_names_of_a_client_and_never_its_secret():
    client = Client("default", "flowrun", auth="client_secret_basic", client_secret=SECRET, names={"dc_id": "DC1"})
    assert client.known() == {"client_id": "flowrun", "redirect_uri": "", "auth": "client_secret_basic", "dc_id": "DC1"}


def test_the_repr_of_a_client_and_its_keys_shows_no_secret():
    key = KeyFile(Path("key.pem"), "kid", SECRET, {"kty": "oct", "k": SECRET})
    assert SECRET not in repr(Client("default", "flowrun", client_secret=SECRET, keys={"signing": key}))
