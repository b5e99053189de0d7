"""Proofs, judged by hand and by a second JOSE library."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from flowrun.dpop import Prover, origin, target
from flowrun.jose import generate_key

# RFC 9864 names Ed25519 anew; servers still say EdDSA.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
URL = "https://rs.example/accounts?from=1#top"
KINDS = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}


@pytest.fixture(scope="module", params=["ES256", "PS256", "EdDSA"])
def prover(request):
    """Proofs with a fresh key of each kind."""
    return Prover(generate_key(request.param), request.param)


def opened(proof):
    """Verify a proof with the key that it carries, by joserfc; return header and claims."""
    header = json.loads(base64.urlsafe_b64decode(proof.split(".")[0] + "=="))
    key = KINDS[header["jwk"]["kty"]].import_key(header["jwk"])
    registry = jws.JWSRegistry(algorithms=[header["alg"]])
    registry.max_header_length = 4096  # an RSA key does not fit into its 512
    verified = jws.deserialize_compact(proof, key, registry=registry)
    return header, json.loads(verified.payload)


def test_a_proof_is_verified_by_the_key_that_it_carries(prover):
    before = int(time.time())
    proof, signed = prover.proof("GET", URL)
    header, claims = opened(proof)
    assert (header["typ"], header["alg"], set(header)) == ("dpop+jwt", prover.alg, {"typ", "alg", "jwk"})
    assert not {"d", "p", "q", "kid", "use", "alg"} & set(header["jwk"])
    assert (claims["htm"], claims["htu"]) == ("GET", "https://rs.example/accounts")
    assert before <= claims["iat"] <= time.time()
    assert type(claims["iat"]) is int
    assert uuid.UUID(claims["jti"]).version == 4
    assert set(claims) == {"jti", "htm", "htu", "iat"}
    assert (signed.what, dict(signed.header), dict(signed.claims)) == ("dpop", header, claims)


def test_with_a_token_its_hash_is_in_the_proof(prover):
    claims = opened(prover.proof("POST", URL, "the-access-token")[0])[1]
    digest = hashlib.sha256(b"the-access-token").digest()
    assert claims["ath"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_no_two_proofs_have_the_same_id(prover):
    assert len({prover.proof("GET", URL)[1].claims["jti"] for _ in range(20)}) == 20


def test_the_thumbprint_is_that_of_the_second_library(prover):
    jwk = prover.proof("GET", URL)[1].header["jwk"]
    assert prover.jkt == KINDS[jwk["kty"]].import_key(jwk).thumbprint()


def test_a_nonce_goes_back_to_the_server_that_gave_it_and_to_no_other():
    prover = Prover(generate_key("ES256"), "ES256")
    prover.remember("https://AS.example/token", {"dpop-nonce": "one"})
    prover.remember("https://rs.example:8443/x", {"dpop-nonce": "two"})
    nonces = {
        url: prover.proof("GET", url)[1].claims.get("nonce")
        for url in (
            "https://as.example:443/par",
            "https://rs.example:8443/y",
            "https://rs.example/x",
            "http://as.example/",
        )
    }
    assert list(nonces.values()) == ["one", "two", None, None]
    prover.remember("https://as.example/par", {"dpop-nonce": "newer"})
    prover.remember("https://as.example/par", {})
    assert prover.proof("GET", "https://as.example/")[1].claims["nonce"] == "newer"


@pytest.mark.parametrize(
    ("url", "htu"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/x/?", "https://a.example/x/"),
        ("https://a.example:8443/x?y=1&z#f", "https://a.example:8443/x"),
        ("http://[::1]:8080/x?y", "http://[::1]:8080/x"),
    ],
)
def test_htu_has_neither_query_nor_fragment(url, htu):
    assert target(url) == htu


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://A.example/x", "https://a.example:443"),
        ("http://a.example", "http://a.example:80"),
        ("https://a.example:8443/", "https://a.example:8443"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, expected):
    assert origin(url) == expected
