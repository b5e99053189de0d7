from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrun import environment as environments
from flowrun import jose
from flowrun.errors import FlowrunError
from flowrun.keyring import Keyring
from flowrun.redact import Redactor

KEYS = Path(__file__).parents[1] / "keys.example"
TEXT = """\
environment: uat
issuer: https://op.example
clients:
  default:
    client_id: one
    keys:
      signing: {{{}}}
  second: {{like: default, client_id: two}}
"""


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("client-signing.pem", "second-signing.pem", "client-public.jwks.json"):
        (tmp_path / name).write_bytes((KEYS / name).read_bytes())

    def environment(key):
        Path("e.yaml").write_text(TEXT.format(key), "utf-8")
        return environments.load(Path("e.yaml"), Redactor(), {})

    return environment


def load(environment, client="default"):
    return Keyring().load(environment.client(client), "signing", environment)


def test_a_key_is_read_from_its_file_with_the_kid_of_the_environment(environment):
    key = load(environment("file: client-signing.pem, kid: mine"))
    assert (key.kid, key.kty, key.private) == ("mine", "RSA", True)


def test_a_key_may_stand_in_the_environment_as_a_jwk(environment):
    jwk = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "inside"}
    assert load(environment(f"jwk: {json.dumps(jwk)}")).kid == "inside"
    assert load(environment(f"jwk: {json.dumps(jwk)}, kid: outside")).kid == "outside"


def test_each_file_is_read_once(environment):
    there = environment("file: client-signing.pem, kid: mine")
    keyring = Keyring()
    first = keyring.load(there.client(), "signing", there)
    Path("client-signing.pem").unlink()
    assert keyring.load(there.client(), "signing", there) is first


def test_two_clients_do_not_share_what_was_kept(environment):
    text = "file: client-signing.pem, kid: mine"
    there = environment(text)
    keyring = Keyring()
    keyring.load(there.client(), "signing", there)
    Path("e.yaml").write_text(
        TEXT.format(text).replace(
            "client_id: two", "client_id: two, keys: {signing: {file: second-signing.pem, kid: other}}"
        ),
        "utf-8",
    )
    there = environments.load(Path("e.yaml"), Redactor(), {})
    assert keyring.load(there.client("second"), "signing", there).kid == "other"


@pytest.mark.parametrize("client", ["default", "second"])
@pytest.mark.parametrize(
    ("key", "at"),
    [
        ("file: missing.pem", "e.yaml:7:23"),
        ("kid: k, file: e.yaml", "e.yaml:7:31"),
        ("file: client-public.jwks.json, kid: no-such-kid", "e.yaml:7:53"),
    ],
)
def test_a_key_that_can_not_be_used_is_told_at_the_line_that_names_it_also_for_who_is_like_another(
    environment, key, at, client
):
    with pytest.raises(FlowrunError) as error:
        load(environment(key), client)
    (problem,) = error.value.problems
    assert str(problem.at) == at
    assert problem.title
    assert isinstance(error.value.__cause__, jose.JoseError)


def test_a_wrong_passphrase_points_at_the_passphrase_and_does_not_show_it(environment, tmp_path):
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    key = serialization.load_pem_private_key((KEYS / "client-signing.pem").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"the-right-one"),
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    with pytest.raises(FlowrunError) as error:
        load(environment("file: locked.pem, passphrase: the-wrong-one"))
    (problem,) = error.value.problems
    assert str(problem.at) == "e.yaml:7:47"
    assert "the-wrong-one" not in f"{problem.title}{problem.label}{problem.facts}{problem.hint}"
    assert load(environment("file: locked.pem, passphrase: the-right-one")).private
