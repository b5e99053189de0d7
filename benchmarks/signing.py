"""What a signature costs: PS256 through flowrun's own code, and with cryptography alone, the key kept in both.

python benchmarks/signing.py [ROUNDS]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pairing import Run, compared, keep, machine

from flowrun.jose import load_key, sign

SIGNATURES = 200  # a round


def main() -> None:
    """Measure, print and keep."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    where = machine("flowrun-oauth", "cryptography", "python-jose")
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "key.pem"
        file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        ours, raw = load_key(file, kid="k1"), load_pem_private_key(file.read_bytes(), None)
    assert isinstance(raw, rsa.RSAPrivateKey)

    def with_flowrun(number: int) -> None:
        sign(_claims(number), ours, "PS256", {"typ": "JWT"})

    def with_cryptography(number: int) -> None:
        header = {"alg": "PS256", "kid": "k1", "typ": "JWT"}
        text = b".".join(
            _base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, _claims(number))
        )
        pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        _ = (text + b"." + _base64(raw.sign(text, pss, SHA256()))).decode()

    measured = [(_timed(with_flowrun), _timed(with_cryptography)) for _ in range(rounds + 1)][1:]
    comparison = compared(f"{SIGNATURES} PS256 signatures", "flowrun.jose", "cryptography", measured, at_most=1.15)
    print(comparison)
    keep("signing", where, [comparison])
    if not comparison.held:
        sys.exit(1)


def _timed(sign_one: object) -> Run:
    assert callable(sign_one)
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(SIGNATURES):
        sign_one(number)
    return Run(time.perf_counter() - wall, time.process_time() - cpu)


def _claims(number: int) -> dict[str, object]:
    audience = "https://op.example/token"
    return {"iss": "client", "sub": "client", "aud": audience, "jti": f"{number:032}", "iat": 1, "exp": 301}


def _base64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


if __name__ == "__main__":
    main()
