from __future__ import annotations

from flowrun.checks.base import NO_METADATA

ISSUER = "https://op.example"
ALWAYS = {"disc.par"}  # the environment may list the endpoint


def server(**members):
    return {"flow": {"server": members}}


ROWS = [
    ("disc.issuer-match", server(issuer=ISSUER), None),
    (
        "disc.issuer-match",
        server(issuer=f"{ISSUER}/"),
        "the metadata says issuer 'https://op.example/', the environment 'https://op.example'",
    ),
    (
        "disc.issuer-match",
        server(issuer=["https://op.example"]),
        "the metadata says issuer ['https://op.example'], the environment 'https://op.example'",
    ),
    ("disc.issuer-match", server(), "the metadata names no issuer"),
    ("disc.issuer-match", {**server(), "no_answer": True}, f"skipped: {NO_METADATA}"),
    ("disc.s256", {**server(), "no_answer": True}, f"skipped: {NO_METADATA}"),
    (
        "disc.issuer-match",
        {**server(issuer=ISSUER), "issuer": ""},
        "skipped: the metadata was read from a URL, so no issuer was expected",
    ),
    ("disc.par", server(pushed_authorization_request_endpoint="https://op.example/par"), None),
    ("disc.par", server(), "pushed_authorization_request_endpoint is not in the metadata"),
    ("disc.s256", server(code_challenge_methods_supported=["plain", "S256"]), None),
    ("disc.s256", server(), "code_challenge_methods_supported is not in the metadata"),
    (
        "disc.s256",
        server(code_challenge_methods_supported=["plain"]),
        "code_challenge_methods_supported is ['plain'], without S256",
    ),
    (
        "disc.s256",
        server(code_challenge_methods_supported="S256"),
        "code_challenge_methods_supported is 'S256', without S256",
    ),
    ("disc.iss-param", server(authorization_response_iss_parameter_supported=True), None),
    ("disc.iss-param", {**server(), "no_answer": True}, f"skipped: {NO_METADATA}"),
    ("disc.iss-param", server(), "authorization_response_iss_parameter_supported is not true"),
    (
        "disc.iss-param",
        server(authorization_response_iss_parameter_supported="true"),
        "authorization_response_iss_parameter_supported is not true",
    ),
]
