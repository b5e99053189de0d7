"""Half hashes."""

from __future__ import annotations

import base64
import hashlib

import pytest

from flowrun.jose import JoseError, half_hash


def test_example_of_openid_connect_core():
    # OpenID Connect Core 1.0, appendix A.3: access token and at_hash
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_example_of_a_code():
    # appendix A.4: code and c_hash
    assert half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "RS256") == "LDktKdoQak3Pk0cnXxCltA"


@pytest.mark.parametrize(
    ("alg", "digest"),
    [
        ("PS256", "sha256"),
        ("ES256", "sha256"),
        ("HS256", "sha256"),
        ("PS384", "sha384"),
        ("ES384", "sha384"),
        ("RS512", "sha512"),
        ("ES512", "sha512"),
        ("EdDSA", "sha512"),
        ("Ed25519", "sha512"),
    ],
)
def test_the_hash_belongs_to_the_algorithm(alg, digest):
    whole = hashlib.new(digest, b"token").digest()

    assert half_hash("token", alg) == base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()


def test_unknown_algorithm():
    with pytest.raises(JoseError, match=r"^there is no signature algorithm 'XY1'$"):
        half_hash("token", "XY1")
