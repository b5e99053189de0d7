from __future__ import annotations

ALWAYS = set()
MODULUS = {2048: "w" * 342, 1024: "w" * 171}


def rsa(kid="a", bits=2048, **more):
    return {"kty": "RSA", "e": "AQAB", "n": MODULUS[bits], "kid": kid, **more}


def published(*keys, **more):
    return {"flow": {"jwks": {"keys": list(keys)}, **more}}


ROWS = [
    (
        "disc.jwks",
        published(rsa(), rsa("b", n="v" * 342, alg="PS256"), {"kty": "EC", "alg": "ES256", "crv": "P-256"}),
        None,
    ),
    ("disc.jwks", published(rsa(alg="RS256"), rsa(alg="PS256")), None),
    ("disc.jwks", published(rsa(use="sig"), rsa(use="sig")), None),
    ("disc.jwks", published({"kty": "OKP", "alg": "EdDSA", "x": "x"}), None),
    ("disc.jwks", published({"kty": ["RSA"]}, {"kty": {"a": 1}}, rsa()), None),
    ("disc.jwks", published(rsa(), rsa(n="v" * 342)), "the kid 'a' stands for several keys of one type"),
    ("disc.jwks", published(rsa(d="x", q="y")), "the key 'a' is published with its private part (d, q)"),
    ("disc.jwks", published({"kty": "oct", "k": "x"}), "key 1 is published with its private part (k)"),
    ("disc.jwks", published(rsa(bits=1024)), "the key 'a' has 1024 bits; 2048 are the least"),
    ("disc.jwks", published(rsa(alg="ES256")), "the key 'a' is of type RSA, which does not fit its alg ES256"),
    ("disc.jwks", published("x"), "entry 1 is no key"),
    ("disc.jwks", published(), "skipped: the server publishes no key, and signs nothing"),
    (
        "disc.jwks",
        published(server={"scopes_supported": ["openid"]}),
        "the list of keys at jwks_uri is empty",
    ),
    ("disc.jwks", published({"kty": "AKP", "alg": "ML-DSA-44", "d": "x"}, {"kid": "b"}), None),
    ("disc.jwks", published({"kty": "EC", "crv": "secp256k1", "alg": "ES256K"}, rsa(alg="RSA-OAEP", use="enc")), None),
    ("disc.jwks", published({"kty": "OKP", "crv": "X25519", "use": "enc", "alg": "ECDH-ES"}, rsa(x5c=["x"])), None),
    ("disc.jwks", published(rsa(kid=None), rsa(kid=None, n="v" * 342)), None),
    ("disc.jwks", published(rsa(use="sig"), rsa(use="enc", n="v" * 342)), None),
    ("disc.jwks", {"flow": {"jwks": {"keys": {}}}}, "the document at jwks_uri has no list of keys"),
    (
        "disc.jwks",
        {"flow": {"jwks_trouble": "it answered 500"}},
        "the keys at jwks_uri could not be read: it answered 500",
    ),
    ("disc.jwks", {}, "skipped: the keys were not read"),
]
