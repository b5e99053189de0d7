from __future__ import annotations

from flowrun.checks.base import NO_METADATA

JSON = {"content-type": "application/json; charset=utf-8"}
ALWAYS = {"disc.types"}  # it can always be judged
LEAST = {
    "issuer": "https://op.example",
    "authorization_endpoint": "https://op.example/auth",
    "token_endpoint": "https://op.example/token",
    "response_types_supported": ["code"],
}
RFC_8414 = "https://op.example/.well-known/oauth-authorization-server"
PAR = {"pushed_authorization_request_endpoint": "https://op.example/par"}


def server(**members):
    return {"flow": {"server": members}}


ROWS = [
    ("disc.http", {"body": {}, "headers": JSON}, None),
    (
        "disc.http",
        {"body": {}, "headers": {"content-type": "text/plain"}},
        "the content type is text/plain, not application/json",
    ),
    ("disc.http", {"body": {}}, "the answer has no content type"),
    ("disc.http", {"body": {}, "status": 203, "headers": JSON}, "the server answered 203, not 200"),
    ("disc.http", {"status": 404}, "skipped: the request was not accepted"),
    ("disc.issuer-url", server(issuer="https://op.example/tenant/"), None),
    ("disc.issuer-url", server(issuer="http://127.0.0.1:9000"), None),
    ("disc.issuer-url", server(issuer="http://localhost:9000"), None),
    ("disc.issuer-url", server(issuer="http://[::1]:9000"), None),
    ("disc.issuer-url", server(issuer="http://op.example"), "the issuer 'http://op.example' is no https URL"),
    ("disc.issuer-url", server(issuer="op.example"), "the issuer 'op.example' is no https URL"),
    (
        "disc.issuer-url",
        server(issuer="https://op.example?a=b"),
        "the issuer 'https://op.example?a=b' has a query or a fragment",
    ),
    ("disc.issuer-url", server(), "skipped: the metadata names no issuer"),
    ("disc.required", server(**LEAST), None),
    ("disc.required", {**server(), "no_answer": True}, f"skipped: {NO_METADATA}"),
    (
        "disc.required",
        server(issuer="i", response_types_supported=[], grant_types_supported=["implicit"]),
        "the metadata lacks authorization_endpoint",
    ),
    (
        "disc.required",
        server(
            issuer="i", response_types_supported=[], token_endpoint="t", grant_types_supported=["client_credentials"]
        ),
        None,
    ),
    (
        "disc.required",
        server(**{**LEAST, "scopes_supported": ["openid"]}),
        "the metadata lacks jwks_uri, subject_types_supported, id_token_signing_alg_values_supported",
    ),
    (
        "disc.required",
        {**server(**{**LEAST, "scopes_supported": ["openid"]}), "url": f"{RFC_8414}/tenant"},
        None,
    ),
    (
        "disc.required",
        {**server(issuer="i"), "url": RFC_8414},
        "the metadata lacks response_types_supported, authorization_endpoint, token_endpoint",
    ),
    (
        "disc.required",
        server(),
        "the metadata lacks issuer, response_types_supported, authorization_endpoint, token_endpoint",
    ),
    ("disc.types", server(**LEAST, anything=[1, None], claims_parameter_supported=False), None),
    (
        "disc.types",
        server(claims_parameter_supported="true"),
        "claims_parameter_supported is 'true', not true or false",
    ),
    (
        "disc.types",
        server(token_endpoint=["https://op.example/token"]),
        "token_endpoint is ['https://op.example/token'], not a text",
    ),
    (
        "disc.types",
        server(scopes_supported="openid", mtls_endpoint_aliases=[]),
        "scopes_supported is 'openid', not a list of texts; mtls_endpoint_aliases is [], not an object",
    ),
    ("disc.types", server(scopes_supported=["openid", 5]), "scopes_supported is ['openid', 5], not a list of texts"),
    ("disc.par-required", server(require_pushed_authorization_requests=False), None),
    (
        "disc.par-required",
        server(require_pushed_authorization_requests="yes"),
        "require_pushed_authorization_requests is 'yes', not true or false",
    ),
    (
        "disc.par-required",
        server(),
        "skipped: require_pushed_authorization_requests is not in the metadata, which means false",
    ),
    ("disc.ignore-request-uri-registration", server(**PAR), None),
    (
        "disc.ignore-request-uri-registration",
        server(**PAR, require_request_uri_registration=True),
        "require_request_uri_registration is true; that does not restrict pushed requests",
    ),
    ("disc.ignore-request-uri-registration", server(), "skipped: the server has no PAR endpoint"),
]
