from __future__ import annotations

import base64
import json
from pathlib import Path

from flowrun.client import Certificate
from flowrun.jose import x5t_s256

ALWAYS = set()
REPO = Path(__file__).parents[3]
PEM = REPO / "keys.example" / "tls.pem"
OURS = x5t_s256(PEM.read_bytes())
MTLS = {"client": {"sender_constraint": "mtls", "certificate": Certificate(PEM)}}
DPOP = {"client": {"sender_constraint": "dpop"}, "jkt": "our-key"}
UNBOUND_MTLS = "skipped: the tokens of this client are not bound to a certificate"


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(**cnf):
    return {"body": {"access_token": f"{part({'alg': 'PS256'})}.{part({'cnf': cnf})}.c2ln"}}


def looked_at(of="t", active=True, **more):
    return {"flow": {"tokens": {"access_token": "t"}}, "form": [("token", of)], "body": {"active": active, **more}}


ROWS = [
    ("cnf.mtls", {**MTLS, **token(**{"x5t#S256": OURS})}, None),
    ("cnf.mtls", {**MTLS, **looked_at(cnf={"x5t#S256": OURS})}, None),
    ("cnf.mtls", {**MTLS, **token(**{"x5t#S256": "x"})}, "the token is bound to another certificate"),
    ("cnf.mtls", {**MTLS, **token(jkt="x")}, "the access token is not bound to our certificate: cnf has no x5t#S256"),
    ("cnf.mtls", {**MTLS, **looked_at()}, "the access token is not bound to our certificate: cnf has no x5t#S256"),
    ("cnf.mtls", {**MTLS, **looked_at(active=False)}, "skipped: this is no active access token of ours"),
    ("cnf.mtls", {**MTLS, **looked_at(of="refresh")}, "skipped: this is no active access token of ours"),
    (
        "cnf.mtls",
        {**MTLS, "body": {"access_token": "opaque"}},
        "skipped: the access token is opaque; an introspection shows what it is bound to",
    ),
    (
        "cnf.mtls",
        {**MTLS, "body": {**token()["body"], "token_type": "N_A"}},
        "skipped: there is no access token",
    ),
    ("cnf.mtls", {**MTLS, "status": 400}, "skipped: the request was not accepted"),
    ("cnf.mtls", token(), UNBOUND_MTLS),
    ("cnf.dpop", {**DPOP, **token(jkt="our-key")}, None),
    ("cnf.dpop", {**DPOP, **token(jkt="x")}, "the access token is bound to another key"),
    ("cnf.dpop", {**DPOP, **token()}, "the access token is not bound to our key: cnf has no jkt"),
    ("cnf.dpop", {**DPOP, "body": {}}, "skipped: there is no access token"),
    ("cnf.dpop", {**DPOP, **token(), "jkt": ""}, "skipped: this client has sent no proof"),
    ("cnf.dpop", token(), "skipped: the tokens of this client are not bound to a key"),
]
