"""JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037) become key objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from flowrun.errors import did_you_mean
from flowrun.jose.encoding import from_base64url
from flowrun.jose.errors import JoseError, listed, quoted
from flowrun.jose.key import PRIVATE, Key, Material

CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
NEEDED = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}
PRIMES = ("p", "q", "dp", "dq", "qi")


def from_jwk(jwk: Mapping[str, Any], source: str) -> Key:
    """Return the key, private where the JWK is; raise JoseError that says which member is wrong.

    An RSA key is not proven here: `keys.proven` does that for private ones.
    """
    kty = jwk.get("kty")
    if kty is None:
        raise _incomplete(source, ["kty"])
    if not isinstance(kty, str) or kty not in NEEDED:
        raise JoseError(
            "key-unsupported",
            f"the JWK in {source} is of the kind {quoted(kty)}, which flowrun does not know",
            label=did_you_mean(kty, NEEDED) if isinstance(kty, str) else "",
            facts=[("known", listed(NEEDED))],
        )
    primes = PRIMES if kty == "RSA" and any(name in jwk for name in PRIMES) and "d" in jwk else ()
    missing = [name for name in (*NEEDED[kty], *primes) if name not in jwk]
    if missing:
        raise _incomplete(source, missing)
    material: Material | None
    try:
        material = _material(kty, jwk, source)
    except (ValueError, OverflowError, UnsupportedAlgorithm):
        material = None  # the library's words say nothing that helps, and its frames hold the numbers
    if material is None:
        raise JoseError(
            "key-broken",
            f"the numbers of the JWK in {source} make no {kty} key",
            hint="copy the JWK again from where it was made; it was cut or changed on the way",
        )
    return Key(
        kid=_text(jwk, "kid", source),
        kty=kty,
        private=isinstance(material, (*PRIVATE, bytes)),
        source=source,
        material=material,
        alg=_text(jwk, "alg", source),
        use=_text(jwk, "use", source),
    )


def from_jwks(jwks: Mapping[str, Any]) -> tuple[list[Key], list[str]]:
    """Return the keys of a JWKS, and a note on each entry that is none: a server may publish what we cannot use.

    Raises `not-a-jwks` for what is no JWKS at all.
    """
    entries = jwks.get("keys") if _is_object(jwks) else None
    if not isinstance(entries, list):
        raise JoseError(
            "not-a-jwks",
            "the JWKS is not a JSON object with a list called keys",
            facts=[("spec", "RFC 7517, section 5")],
        )
    keys, notes = [], []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, Mapping):
            notes.append(f"passed over: entry {number} of the JWKS is not a JSON object")
            continue
        kid = f" ({quoted(entry['kid'])})" if "kid" in entry else ""
        try:
            keys.append(from_jwk(entry, f"entry {number}{kid} of the JWKS"))
        except JoseError as error:
            notes.append(f"passed over: {error.title}")
    return keys, notes


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)  # a server may have answered with a list


def _incomplete(source: str, missing: list[str]) -> JoseError:
    names = listed(missing)
    return JoseError(
        "key-incomplete",
        f"the JWK in {source} lacks {'the member' if len(missing) == 1 else 'the members'} {names}",
        hint="copy the whole JWK, from { to }",
    )


def _material(kty: str, jwk: Mapping[str, Any], source: str) -> Material:
    if kty == "RSA":
        return _rsa(jwk, source)
    if kty == "oct":
        secret = _octets(jwk, "k", source)
        if not secret:
            raise ValueError("empty")
        return secret
    curve = jwk["crv"]
    known = tuple(CURVES) if kty == "EC" else ("Ed25519",)
    if curve not in known:
        raise JoseError(
            "key-unsupported",
            f"the JWK in {source} is on the curve {quoted(curve)}, with which flowrun cannot sign",
            label=did_you_mean(curve, known) if isinstance(curve, str) else "",
            facts=[("known", listed(known))],
        )
    return _ec(jwk, source) if kty == "EC" else _ed25519(jwk, source)


def _rsa(jwk: Mapping[str, Any], source: str) -> rsa.RSAPrivateKey | rsa.RSAPublicKey:
    public = rsa.RSAPublicNumbers(_integer(jwk, "e", source), _integer(jwk, "n", source))
    if "d" not in jwk:
        return public.public_key()
    if "oth" in jwk:
        raise JoseError("key-unsupported", f"the JWK in {source} has more than two primes, which flowrun does not know")
    d = _integer(jwk, "d", source)
    if "p" in jwk:
        p, q, dp, dq, qi = (_integer(jwk, name, source) for name in PRIMES)
    else:
        p, q = rsa.rsa_recover_prime_factors(public.n, public.e, d)
        dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    # Testing the primes takes 36 ms; `keys.proven` finds a wrong key in 0.3 ms.
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key(unsafe_skip_rsa_key_validation=True)


def _ec(jwk: Mapping[str, Any], source: str) -> ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey:
    point = ec.EllipticCurvePublicNumbers(
        _integer(jwk, "x", source), _integer(jwk, "y", source), CURVES[str(jwk["crv"])]
    )
    if "d" not in jwk:
        return point.public_key()
    return ec.EllipticCurvePrivateNumbers(_integer(jwk, "d", source), point).private_key()


def _ed25519(jwk: Mapping[str, Any], source: str) -> ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey:
    x = _octets(jwk, "x", source)
    if "d" not in jwk:
        return ed25519.Ed25519PublicKey.from_public_bytes(x)
    key = ed25519.Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d", source))
    if key.public_key().public_bytes_raw() != x:
        raise ValueError("x is not the public half of d")
    return key


def _integer(jwk: Mapping[str, Any], name: str, source: str) -> int:
    return int.from_bytes(_octets(jwk, name, source), "big")


def _octets(jwk: Mapping[str, Any], name: str, source: str) -> bytes:
    value = jwk[name]
    octets: bytes | None
    try:
        # Padding is against RFC 7515, section 2, but says nothing else, and some servers publish it.
        octets = from_base64url(value.rstrip("=")) if isinstance(value, str) else None
    except ValueError:
        octets = None
    if octets is None:
        raise JoseError(
            "key-broken",
            f"the member {name} of the JWK in {source} is not base64url text",
            hint="copy the JWK again from where it was made; it was cut or changed on the way",
        )
    return octets


def _text(jwk: Mapping[str, Any], name: str, source: str) -> str | None:
    value = jwk.get(name)
    if value is not None and not isinstance(value, str):
        raise JoseError(
            "key-broken",
            f"the member {name} of the JWK in {source} is not text",
            hint=f'put it in quotes: "{name}": "…"',
        )
    return value
