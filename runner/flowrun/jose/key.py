"""A key that is ready to sign or to verify."""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from flowrun.dataclass import dataclass
from flowrun.jose.encoding import to_base64url, to_json
from flowrun.jose.errors import JoseError, listed, quoted
from flowrun.jose.known import a_key, algorithm, fitting

Private: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Public: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
Material: TypeAlias = Private | Public | bytes

PRIVATE = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
# The members that make the thumbprint, in its order (RFC 7638, section 3.2; RFC 8037, section 2).
THUMBPRINT = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key, parsed once. Its `repr` shows no material.

    `kty` is RSA, EC, OKP or oct; `private` says whether it can sign; `source` is where it came from, in words that
    messages can use (a file as shown to the person); `alg` and `use` are what its JWK said of it, if anything.
    """

    kid: str | None
    kty: str
    private: bool
    source: str
    material: Material = field(repr=False)
    alg: str | None = None
    use: str | None = None

    @property
    def name(self) -> str:
        """What messages call it: its kid, else where it came from."""
        return quoted(self.kid)[1:-1] if self.kid else self.source

    @property
    def curve(self) -> str:
        """Return `P-256` and the like, `Ed25519`, or an empty text."""
        match self.material:
            case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
                return CURVES[self.material.curve.name]
            case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
                return "Ed25519"
            case _:
                return ""

    @property
    def bits(self) -> int:
        """The size in bits; an RSA key under 2048 signs, but servers may refuse it (RFC 7518, section 3.3)."""
        match self.material:
            case bytes():
                return 8 * len(self.material)
            case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
                return 256
            case _:
                return self.material.key_size

    @property
    def public(self) -> Public | bytes:
        """What verifies: the public half, or the secret itself."""
        return self.material.public_key() if isinstance(self.material, PRIVATE) else self.material

    def public_jwk(self) -> dict[str, str]:
        """Return the public half as a JWK (RFC 7517) with the kid, use and alg that are known."""
        said = {"kid": self.kid, "use": self.use, "alg": self.alg}
        return {**_members(self), **{name: value for name, value in said.items() if value}}

    def thumbprint(self) -> str:
        """Return the SHA-256 thumbprint in base64url (RFC 7638)."""
        members = _members(self)
        text = to_json({name: members[name] for name in THUMBPRINT[self.kty]})
        return to_base64url(hashlib.sha256(text).digest())

    def misfit(self, alg: str) -> JoseError | None:
        """Return why this key cannot sign with `alg`, or None; raise `unknown-algorithm`."""
        asked = algorithm(alg)
        if not self.suits(alg):
            fits = fitting(self.kty, self.curve)
            return JoseError(
                "key-algorithm",
                f"{alg} needs {a_key(asked.kty, asked.curve)}; {self.name} is {a_key(self.kty, self.curve)}",
                hint=f"ask for {fits[0]}, or name {a_key(asked.kty, asked.curve)}",
                facts=[("key", self.source), ("it fits", listed(fits))],
            )
        if self.use not in (None, "sig"):
            purpose = "encryption" if self.use == "enc" else quoted(self.use)
            return JoseError(
                "key-use",
                f"{self.name} is a key for {purpose}, not for signing",
                label=f"its JWK says use {quoted(self.use)}",
                hint="name the key whose JWK says use 'sig'",
                facts=[("key", self.source)],
            )
        if self.alg not in (None, alg) and {self.alg, alg} != {"EdDSA", "Ed25519"}:
            return JoseError(
                "key-algorithm",
                f"{self.name} is a key for {quoted(self.alg)[1:-1]} alone; {alg} was asked for",
                label=f"its JWK says alg {quoted(self.alg)}",
                hint=f"ask for {quoted(self.alg)[1:-1]}, or take the member alg out of the JWK",
                facts=[("key", self.source)],
            )
        return None

    def fits(self, alg: str) -> bool:
        """Say whether this key may sign with `alg`; raise `unknown-algorithm`."""
        return self.misfit(alg) is None

    def suits(self, alg: str) -> bool:
        """Say whether the kind of key is right for `alg`, whatever its JWK says of itself."""
        asked = algorithm(alg)
        return (asked.kty, asked.curve) == (self.kty, self.curve)


def thumbprint(key: Key) -> str:
    """Return the SHA-256 thumbprint of a key in base64url (RFC 7638): `jkt` of a DPoP key; raise `key-secret`."""
    return key.thumbprint()


def kind(material: Material) -> str:
    """Return the `kty` of a key object."""
    match material:
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey():
            return "RSA"
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            return "EC"
        case bytes():
            return "oct"
        case _:
            return "OKP"


def _members(key: Key) -> dict[str, str]:
    public: Any = key.public
    match public:
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
        case ec.EllipticCurvePublicKey():
            point = public.public_numbers()
            size = (public.key_size + 7) // 8
            return {"kty": "EC", "crv": key.curve, "x": _integer(point.x, size), "y": _integer(point.y, size)}
        case ed25519.Ed25519PublicKey():
            return {"kty": "OKP", "crv": "Ed25519", "x": to_base64url(public.public_bytes_raw())}
        case _:
            raise JoseError("key-secret", f"{key.name} is a shared secret, which has no public half to show")


def _integer(value: int, size: int = 0) -> str:
    return to_base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))
