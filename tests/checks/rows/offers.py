from __future__ import annotations

from flowrun.checks.base import NO_METADATA
from flowrun.client import RequestObject

ALWAYS = {"disc.algs-other"}  # metadata can always be judged
NOT_SENT = "skipped: no authorization request was sent here"
STRONG = "private_key_jwt, tls_client_auth, self_signed_tls_client_auth"
LIST = "token_endpoint_auth_signing_alg_values_supported"


def server(**members):
    return {"flow": {"server": members}}


def asked(parameters, **members):
    return {"flow": {"server": members, "parameters": parameters}}


ROWS = [
    ("disc.auth-methods", server(token_endpoint_auth_methods_supported=["none", "tls_client_auth"]), None),
    ("disc.auth-methods", server(token_endpoint_auth_methods_supported=["private_key_jwt"]), None),
    (
        "disc.auth-methods",
        server(),
        f"token_endpoint_auth_methods_supported is not in the metadata; {STRONG}: none of them is offered",
    ),
    ("disc.auth-methods", {"no_answer": True}, f"skipped: {NO_METADATA}"),
    ("disc.mtls", {"client": {"sender_constraint": "mtls"}, "no_answer": True}, f"skipped: {NO_METADATA}"),
    ("disc.algs", server(**{LIST: ["RS256", "PS256"]}), None),
    ("disc.algs", server(**{LIST: ["RS256"]}), f"{LIST} is ['RS256'], without our PS256"),
    ("disc.algs", {**server(**{LIST: ["HS256"]}), "client": {"auth": "client_secret_jwt"}}, None),
    ("disc.algs", server(), "skipped: the client signs nothing, or the server lists no algorithms"),
    (
        "disc.algs",
        {**server(**{LIST: ["RS256"]}), "client": {"auth": "client_secret_basic"}},
        "skipped: the client signs nothing, or the server lists no algorithms",
    ),
    (
        "disc.algs",
        {
            **server(request_object_signing_alg_values_supported=["RS256"]),
            "client": {"request_object": RequestObject(required=True, alg="ES256")},
        },
        "request_object_signing_alg_values_supported is ['RS256'], without our ES256",
    ),
    ("disc.algs-other", server(), None),
    ("disc.algs-other", server(id_token_signing_alg_values_supported=["RS256", "PS256", "Ed25519"]), None),
    (
        "disc.algs-other",
        server(id_token_signing_alg_values_supported=["none"]),
        "id_token_signing_alg_values_supported has none",
    ),
    ("disc.algs-other", server(**{LIST: ["RS256", "HS256", "ES256"]}), f"{LIST} has RS256"),
    (
        "disc.mtls",
        {**server(tls_client_certificate_bound_access_tokens=True), "client": {"sender_constraint": "mtls"}},
        None,
    ),
    (
        "disc.mtls",
        {**server(), "client": {"sender_constraint": "mtls"}},
        "tls_client_certificate_bound_access_tokens is not there",
    ),
    (
        "disc.mtls",
        {**server(tls_client_certificate_bound_access_tokens="true"), "client": {"sender_constraint": "mtls"}},
        "tls_client_certificate_bound_access_tokens is 'true'",
    ),
    ("disc.mtls", server(), "skipped: the tokens of this client are not bound to a certificate"),
    ("disc.rar", asked({"authorization_details": [{"type": "a"}]}, authorization_details_types_supported=["a"]), None),
    (
        "disc.rar",
        asked({"authorization_details": [{"type": "a"}]}, authorization_details_types_supported=["b"]),
        "authorization_details_types_supported lacks a",
    ),
    (
        "disc.rar",
        asked({"authorization_details": [{"type": "a"}]}),
        "skipped: no authorization_details were sent, or the server lists no types",
    ),
    ("disc.rar", server(), NOT_SENT),
    ("disc.claims-param", asked({"claims": {}}, claims_parameter_supported=True), None),
    ("disc.claims-param", asked({"claims": {}}), "claims are sent, and claims_parameter_supported is not true"),
    ("disc.claims-param", asked({}), "skipped: no claims were sent"),
    ("disc.claims-param", {**asked({"claims": {}}), "no_answer": True}, NOT_SENT),
    ("disc.response-mode", asked({"response_mode": "form_post"}, response_modes_supported=["form_post"]), None),
    ("disc.response-mode", asked({"response_mode": "fragment"}, issuer="https://op.example"), None),
    (
        "disc.response-mode",
        asked({"response_mode": "form_post"}, issuer="https://op.example"),
        "response_mode form_post is asked for, and the metadata does not offer it",
    ),
    ("disc.response-mode", asked({"response_mode": "form_post"}), "skipped: the server's metadata is not known"),
    ("disc.response-mode", asked({}), "skipped: no response_mode was asked for, or a signed one"),
    (
        "disc.jarm",
        asked(
            {"response_mode": "jwt"},
            response_modes_supported=["jwt"],
            authorization_signing_alg_values_supported=["PS256"],
        ),
        None,
    ),
    (
        "disc.jarm",
        asked({"response_mode": "query.jwt"}, response_modes_supported=["jwt"]),
        "response_modes_supported lacks query.jwt",
    ),
    ("disc.jarm", asked({"response_mode": "jwt"}, response_modes_supported=["jwt"]), None),
    ("disc.jarm", asked({"response_mode": "query"}), "skipped: no signed response was asked for"),
]
