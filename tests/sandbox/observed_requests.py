"""Fault switches of the authorization request, its pages and sessions: what is observed, right without, wrong with."""

import re
from urllib.parse import parse_qsl, urlsplit


def sent(consumer, form=(), **options):
    """Push a form of its own, changed; return the status."""
    usual = {"client_id": consumer.client_id, "request": consumer.request_object(), **consumer.credentials()}
    return consumer.http.request(
        options.pop("method", "POST"), f"{consumer.issuer}/par", **({"data": usual | dict(form)} | options)
    ).status_code


def as_json(consumer):
    form = {"client_id": consumer.client_id, "request": consumer.request_object(), **consumer.credentials()}
    return consumer.http.post(f"{consumer.issuer}/par", json=form).status_code


def lacking(*names):
    """Push a request object without these; return the status."""

    def push(consumer):
        now = consumer.clock()
        claims = {"iss": consumer.client_id, "aud": consumer.issuer, "nbf": now, "exp": now + 310, **consumer.params()}
        claims = {name: value for name, value in claims.items() if name not in names}
        return sent(consumer, {"request": consumer.jwt(claims)})

    return push


def changed(**claims):
    """Push a request object with other claims; return the status."""
    return lambda c: c.push(**claims).status_code


def opened_twice(consumer):
    request_uri = consumer.pushed()
    consumer.authorize(request_uri)
    return consumer.authorize(request_uri).status_code


def other_prefix(consumer):
    return consumer.authorize(f"urn:another:{consumer.pushed().rpartition(':')[2]}").status_code


def unknown_uri(consumer):
    consumer.pushed()
    return consumer.authorize("urn:unknown").status_code


def not_pushed(consumer):
    query = {"client_id": consumer.client_id, "request": consumer.request_object()}
    return consumer.http.get(f"{consumer.issuer}/auth", params=query).status_code


def pushed_often(consumer):
    request = {"request": consumer.request_object()}
    return [sent(consumer, request) for _ in range(101)][-1]


def nobody(consumer):
    form = {"client_id": consumer.client_id, "request": consumer.request_object()}
    return consumer.post("/par", form).status_code


def other_secret(consumer):
    return consumer.post("/par", {"request": consumer.request_object()}, auth=("dc-1", "wrong")).status_code


def second_client(consumer):
    consumer.client_id = "dc-2"
    return consumer.push().status_code


def nonce_length(length):
    return lambda c: len(c.id_token(c.tokens(nonce="n" * length)["id_token"])["nonce"])


def state_length(consumer):
    return len(consumer.approved(consumer.pushed(state="s" * 1000))["state"])


def denial(consumer):
    page = consumer.sign_in(consumer.authorize(consumer.pushed()))
    return "code" in dict(parse_qsl(urlsplit(consumer.send(page, decision="deny").headers["location"]).query))


def slow_login(consumer):
    page = consumer.authorize(consumer.pushed())
    consumer.clock.passed = 100
    return consumer.sign_in(page).status_code


def posted(consumer):
    form = {"client_id": consumer.client_id, "request_uri": consumer.pushed()}
    return consumer.post("/auth", form).status_code


def asked_again(later=0, **claims):
    """Sign in, and come back with another request; return the heading of the first page."""

    def come_back(consumer):
        consumer.tokens()
        consumer.clock.passed = later
        return re.findall("<h1>(.*?)</h1>", consumer.authorize(consumer.pushed(**claims)).text)

    return come_back


def hinted(consumer):
    return consumer.push(id_token_hint=consumer.tokens()["id_token"]).status_code


SIGN_IN, APPROVE = ["Sign in"], ["Approve access"]
ELSEWHERE = "https://elsewhere.example/callback"
BELOW = "https://app.example/callback?keep=1/below"
# the switch: what is observed, what it is without the switch, what it is with it
REQUESTS = {
    "par.one-visit": (opened_twice, 200, 400),
    "par.unknown-uri": (unknown_uri, 400, 200),
    "par.any-prefix": (other_prefix, 400, 200),
    "par.any-method": (lambda c: sent(c, method="PUT"), 405, 201),
    "par.json-body": (as_json, 400, 201),
    "par.uri-in-form": (lambda c: sent(c, {"request_uri": "urn:x"}), 400, 201),
    "par.uri-in-jar": (changed(request_uri="urn:x"), 400, 201),
    "par.no-client-auth": (nobody, 401, 201),
    "par.any-client-id": (lambda c: sent(c, {"client_id": "dc-2"}), 401, 201),
    "par.param-twice": (lambda c: sent(c, {"client_id": ["dc-1", "dc-1"]}), 400, 201),
    "par.optional": (not_pushed, 400, 303),
    "par.no-size-limit": (lambda c: sent(c, {"padding": "x" * 600_000}), 413, 201),
    "par.no-rate-limit": (pushed_often, 429, 201),
    "client.any-secret": (other_secret, 401, 201),
    "request.first-client-only": (second_client, 201, 400),
    "request.state-required": (lacking("state"), 201, 400),
    "request.nonce-required": (lacking("nonce"), 201, 400),
    "request.nonce-cut": (nonce_length(64), 64, 48),
    "request.long-nonce-cut": (nonce_length(384), 384, 255),
    "request.state-cut": (state_length, 1000, 255),
    "request.scope-order": (changed(scope="profile accounts"), 201, 400),
    "request.any-scope": (changed(scope="accounts unheard-of"), 400, 201),
    "request.unknown-refused": (changed(unheard_of="x"), 201, 400),
    "request.optional-refused": (changed(ui_locales="se"), 201, 400),
    "request.no-pkce": (lacking("code_challenge", "code_challenge_method"), 400, 201),
    "request.plain-pkce": (changed(code_challenge_method="plain"), 400, 201),
    "request.default-redirect": (lacking("redirect_uri"), 400, 201),
    "request.any-redirect": (changed(redirect_uri=ELSEWHERE), 400, 201),
    "request.redirect-prefix": (changed(redirect_uri=BELOW), 400, 201),
    "request.redirect-500": (changed(redirect_uri=ELSEWHERE), 400, 500),
    "request.any-response-type": (changed(response_type="token"), 400, 201),
    "request.no-response-type": (lacking("response_type"), 400, 201),
    "consent.denied-is-approved": (denial, False, True),
    "page.wants-scope": (lambda c: c.authorize(c.pushed()).status_code, 200, 400),
    "page.refuses-more": (lambda c: c.authorize(c.pushed(), scope="accounts").status_code, 200, 400),
    "page.short-login": (slow_login, 200, 400),
    "page.no-reload": (lambda c: c.http.get(c.authorize(c.pushed()).url).status_code, 200, 400),
    "page.no-post": (posted, 303, 405),
    "session.forgets": (asked_again(), APPROVE, SIGN_IN),
    "session.no-prompt-login": (asked_again(prompt="login"), SIGN_IN, APPROVE),
    "session.prompt-none-shows": (lambda c: c.authorize(c.pushed(prompt="none")).status_code, 303, 200),
    "session.no-max-age": (asked_again(100, max_age=50), SIGN_IN, APPROVE),
    "session.max-age-always": (asked_again(100, max_age=500), APPROVE, SIGN_IN),
    "session.hint-refused": (hinted, 201, 400),
}
# What the client must be like for a switch to matter.
CLIENTS = {"client.any-secret": {"token_endpoint_auth_method": "client_secret_basic", "client_secret": "right"}}
