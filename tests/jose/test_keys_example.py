"""keys.example/ holds what its README says."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from flowrun.jose import load_key, sign, verify

FOLDER = Path(__file__).parents[2] / "keys.example"
JWKS = json.loads((FOLDER / "client-public.jwks.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("name", "kid"), [("client-signing.pem", "flowrun-example-1"), ("second-signing.pem", "flowrun-example-2")]
)
def test_the_jwks_verifies_what_the_keys_sign(name, kid):
    token = sign({"name": name}, load_key(FOLDER / name, kid=kid), "PS256")

    verified = verify(token, JWKS, ["PS256"])

    assert (verified.claims, verified.key_kid) == ({"name": name}, kid)


def test_the_jwks_is_public():
    assert [set(entry) - {"alg"} for entry in JWKS["keys"]] == [{"kty", "n", "e", "kid", "use"}] * 3


def test_the_certificate_fits_its_key_and_lasts():
    certificate = x509.load_pem_x509_certificate((FOLDER / "tls.pem").read_bytes())
    key = load_pem_private_key((FOLDER / "tls.key").read_bytes(), None)

    assert certificate.public_key() == key.public_key()
    assert certificate.not_valid_after_utc.year == 2046
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc > dt.timedelta(days=20 * 365)


def test_the_readme_names_every_file():
    text = (FOLDER / "README.md").read_text("utf-8")

    assert [f.name for f in FOLDER.iterdir() if f.name != "README.md" and f"`{f.name}`" not in text] == []
