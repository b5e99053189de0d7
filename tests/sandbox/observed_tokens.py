"""Fault switches of the token endpoint, of DPoP, of resources: what is observed, right without one, wrong with it."""

import base64
import hashlib
import json
import ssl
import threading
import uuid
import warnings

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from flowrun.sandbox import CertificateHeader

REDIRECT_URI = "https://app.example/callback?keep=1"
LATER = 1000  # seconds


def with_code(consumer, **changed):
    """Return the status of a token request that is changed; no answer of another method has a body to look at."""
    return consumer.exchange(consumer.approved(consumer.pushed())["code"], **changed).status_code


def token_after_reuse(consumer):
    code = consumer.approved(consumer.pushed())["code"]
    token = consumer.exchange(code).json()["access_token"]
    consumer.exchange(code)
    return consumer.get("/userinfo", token).status_code


def late_code(consumer):
    code = consumer.approved(consumer.pushed())["code"]
    consumer.clock.passed = LATER
    return consumer.exchange(code).status_code


def as_other(consumer):
    """Return credentials of the second client, whose keys are the same."""
    return consumer.credentials(iss="dc-2", sub="dc-2")


def raced(consumer):
    """Exchange a code twice at the same moment; return how many got tokens."""
    code, start, statuses = consumer.approved(consumer.pushed())["code"], threading.Barrier(2), []

    def go():
        start.wait()
        statuses.append(consumer.exchange(code).status_code)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses.count(200)


def by_get(consumer):
    code = consumer.approved(consumer.pushed())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    form |= {"code_verifier": consumer.verifier, **consumer.credentials()}
    return consumer.http.get(f"{consumer.issuer}/token", params=form).status_code


# --- DPoP ---


def thumb(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def proof(consumer, key, method, path, *, alg="ES256", header=None, **claims):
    """Return a DPoP proof; `header` and the claims replace, and a claim that is `gone` is left out."""
    usual = {"jti": str(uuid.uuid4()), "htm": method, "htu": consumer.issuer + path, "iat": int(consumer.clock())}
    made = {name: value for name, value in {**usual, **claims}.items() if value is not consumer.gone}
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False), **(header or {})}
    head = {name: value for name, value in head.items() if value is not consumer.gone}
    return jwt.encode(head, made, key, [alg], default_type=None)


def other_header(text, **members):
    """Return a JWT with other members in its header, and its signature as before; None takes a member out."""
    head, _, rest = text.partition(".")
    header = {**json.loads(base64.urlsafe_b64decode(head + "==")), **members}
    header = {name: value for name, value in header.items() if value is not None}
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b'=').decode()}.{rest}"


def damaged(text):
    return text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB")


def bound(consumer, **push):
    """Return an access token that is bound to a DPoP key, and the key."""
    key, code = ECKey.generate_key("P-256"), consumer.approved(consumer.pushed(**push))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    form |= {"code_verifier": consumer.verifier, **consumer.credentials()}
    answer = consumer.post("/token", form, headers={"DPoP": proof(consumer, key, "POST", "/token")})
    return answer.json()["access_token"], key


def used(change=str, *, header=lambda _: {}, **claims):
    """Observe what userinfo says to a proof that is changed: its claims, its header (of the key), or all of it."""

    def observe(consumer):
        token, key = bound(consumer)
        made = {name: value(consumer) if callable(value) else value for name, value in claims.items()}
        text = proof(consumer, key, "GET", "/userinfo", header=header(key), **{"ath": thumb(token), **made})
        return told(consumer, token, change(text))

    return observe


def told(consumer, token, *proofs, query=""):
    headers = [("Authorization", f"DPoP {token}"), *(("DPoP", one) for one in proofs if one)]
    return consumer.http.get(f"{consumer.issuer}/userinfo{query}", headers=headers).status_code


def used_with(query):
    def observe(consumer):
        token, key = bound(consumer)
        return told(consumer, token, proof(consumer, key, "GET", "/userinfo", ath=thumb(token)), query=query)

    return observe


def used_twice_over(consumer):
    token, key = bound(consumer)
    one, two = (proof(consumer, key, "GET", "/userinfo", ath=thumb(token), jti=jti) for jti in ("one", "two"))
    return told(consumer, token, one, two)


def used_with_another_key(consumer):
    token, _ = bound(consumer)
    other = ECKey.generate_key("P-256")
    return told(consumer, token, proof(consumer, other, "GET", "/userinfo", ath=thumb(token)))


def unsigned(text):
    head, claims, _ = other_header(text, alg="none").split(".")
    return f"{head}.{claims}."


def of_another_algorithm(consumer):
    """Ask for a token with a proof that is signed with RS256."""
    key = RSAKey.generate_key(2048)
    return asked(consumer, proof(consumer, key, "POST", "/token", alg="RS256"))


def asked(consumer, *proofs, **form):
    """Return the status of a request for a token of the client's own, with these proofs."""
    form = {"grant_type": "client_credentials", "scope": "accounts", **consumer.credentials(), **form}
    return consumer.post("/token", form, headers=[("DPoP", one) for one in proofs]).status_code


def asked_at(seconds):
    def observe(consumer):
        key = ECKey.generate_key("P-256")
        return asked(consumer, proof(consumer, key, "POST", "/token", iat=int(consumer.clock()) + seconds))

    return observe


def asked_with_its_nonce(consumer):
    key = ECKey.generate_key("P-256")
    form = {"grant_type": "client_credentials", "scope": "accounts", **consumer.credentials()}
    first = consumer.post("/token", form, headers={"DPoP": proof(consumer, key, "POST", "/token", jti="1")})
    nonce = first.headers["dpop-nonce"]
    return asked(consumer, proof(consumer, key, "POST", "/token", jti="2", nonce=nonce))


def pushed_with_proof(consumer, **claims):
    key = ECKey.generate_key("P-256")
    form = {"request": consumer.request_object(**claims), **consumer.credentials()}
    return consumer.post("/par", form, headers={"DPoP": proof(consumer, key, "POST", "/par")}).status_code


DPOP = {
    "dpop.jkt-refused": (lambda c: c.push(dpop_jkt="x" * 43).status_code, 201, 400),
    "dpop.par-proof-refused": (pushed_with_proof, 201, 400),
    "dpop.jkt-unchecked": (lambda c: pushed_with_proof(c, dpop_jkt="x" * 43), 400, 201),
    "dpop.no-leeway": (asked_at(-9), 200, 400),
    "dpop.nonce-never-fits": (asked_with_its_nonce, 200, 400),
    "dpop.two-proofs": (used_twice_over, 401, 200),
    "dpop.unreadable": (used(lambda _: "nonsense"), 401, 200),
    "dpop.any-typ": (used(header=lambda _: {"typ": "JWT"}), 401, 200),
    "dpop.no-alg": (used(lambda text: other_header(text, alg=None)), 401, 200),
    "dpop.any-alg": (of_another_algorithm, 400, 200),
    "dpop.unsigned": (used(unsigned), 401, 200),
    "dpop.no-jwk": (used(lambda text: other_header(text, jwk=None)), 401, 200),
    "dpop.private-jwk": (used(header=lambda key: {"jwk": key.as_dict(private=True)}), 401, 200),
    "dpop.any-signature": (used(damaged), 401, 200),
    "dpop.jti-optional": (used(jti=lambda c: c.gone), 401, 200),
    "dpop.htm-optional": (used(htm=lambda c: c.gone), 401, 200),
    "dpop.any-htm": (used(htm="PUT"), 401, 200),
    "dpop.htu-optional": (used(htu=lambda c: c.gone), 401, 200),
    "dpop.any-htu": (used(htu="https://x.example/userinfo"), 401, 200),
    "dpop.iat-optional": (used(iat=lambda c: c.gone), 401, 200),
    "dpop.any-iat": (used(iat=lambda c: int(c.clock()) - 3600), 401, 200),
    "dpop.ath-optional": (used(ath=lambda c: c.gone), 401, 200),
    "dpop.any-ath": (used(ath=thumb("another")), 401, 200),
    "dpop.any-key": (used_with_another_key, 401, 200),
    "dpop.no-proof": (lambda c: told(c, bound(c)[0]), 401, 200),
    "dpop.htu-exact": (used_with("?a=b"), 200, 401),
    "dpop.known-claims": (used(unusual="1"), 200, 401),
}


# --- refresh, revocation, resources, consent, TLS ---


def refreshed(consumer, **changed):
    return consumer.refresh(consumer.tokens()["refresh_token"], **changed).status_code


def nameless(consumer):
    """Return a form that says who the client is, and does not prove it."""
    return {"client_id": consumer.client_id, "client_assertion": consumer.gone, "client_assertion_type": consumer.gone}


def revoked(kind):
    def observe(consumer):
        tokens = consumer.tokens()
        consumer.post("/token/revoke", {"token": tokens[kind], **consumer.credentials()})
        if kind == "refresh_token":
            return consumer.refresh(tokens[kind]).status_code
        return consumer.get("/userinfo", tokens[kind]).status_code

    return observe


def at_userinfo(query="", **headers):
    def observe(consumer):
        token = consumer.tokens()["access_token"]
        made = {"Authorization": f"Bearer {token}", **headers}
        made = {name: value.format(token=token) for name, value in made.items() if value}
        return consumer.http.get(f"{consumer.issuer}/userinfo{query.format(token=token)}", headers=made).status_code

    return observe


def details(consumer):
    return consumer.tokens()["authorization_details"][0]["consent"]


def by_the_pages(consumer):
    """Grant a consent whose provider is chosen on the page, and return what the client is told of it."""
    body = consumer.tokens(authorization_details=consumer.consent(dp_id=consumer.gone))
    return body["authorization_details"][0]["consent"].get("dp_id")


def old_tls(consumer):
    """Shake hands with TLS 1.1; return the version, or nothing."""
    context = ssl.create_default_context(cafile=consumer.sandbox.authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        return httpx.get(f"{consumer.issuer}/jwks", verify=context).status_code
    except httpx.ConnectError:
        return None


def ends_soon(consumer):
    context = ssl.create_default_context(cafile=consumer.sandbox.authority)
    with httpx.stream("GET", f"{consumer.issuer}/jwks", verify=context) as answer:
        certificate = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
    return ssl.cert_time_to_seconds(certificate["notAfter"]) - consumer.clock() < 30 * 86400


def consent(consumer, **members):
    return consumer.push(authorization_details=consumer.consent(**members)).status_code


def asked_for_email(consumer):
    body = consumer.tokens(scope="openid", claims={"userinfo": {"email": None}})
    return "email" in consumer.get("/userinfo", body["access_token"]).json()


TOKENS = {
    "code.verifier-optional": (lambda c: with_code(c, code_verifier=c.gone), 400, 200),
    "code.reuse-forgiven": (token_after_reuse, 401, 200),
    "code.no-expiry": (late_code, 400, 200),
    "code.any-client": (lambda c: with_code(c, **as_other(c)), 400, 200),
    "code.any-redirect-uri": (lambda c: with_code(c, redirect_uri="https://x.example/callback"), 400, 200),
    "code.race": (raced, 1, 2),
    "token.any-client-id": (lambda c: with_code(c, client_id="dc-2"), 401, 200),
    "token.proof-optional": (with_code, 400, 200),
    "token.certificate-optional": (with_code, 400, 200),
    "token.get": (by_get, 405, 200),
    "refresh.never": (refreshed, 200, 400),
    "refresh.any-client": (lambda c: refreshed(c, **as_other(c)), 400, 200),
    "refresh.no-auth": (lambda c: refreshed(c, **nameless(c)), 401, 200),
    "revoke.refresh-lives": (revoked("refresh_token"), 400, 200),
    "revoke.access-lives": (revoked("access_token"), 401, 200),
    "revoke.unknown-refused": (
        lambda c: c.post("/token/revoke", {"token": "nobody's", **c.credentials()}).status_code,
        200,
        400,
    ),
    "introspect.no-auth": (
        lambda c: c.post("/introspection", {"token": "nobody's", **nameless(c)}).status_code,
        401,
        200,
    ),
    "resource.scheme-case": (at_userinfo(Authorization="bEARER {token}"), 200, 401),
    "resource.token-in-query": (at_userinfo("?access_token={token}", Authorization=""), 401, 200),
    "resource.accept-exact": (at_userinfo(Accept="*/*"), 200, 406),
    "claims.ignored": (asked_for_email, True, False),
    "rar.any-type": (lambda c: c.push(authorization_details=[{"type": "urn:x"}]).status_code, 400, 201),
    "rar.any-fields": (lambda c: consent(c, permissions=["nothing"], dp_id="DP-NOBODY"), 400, 201),
    "rar.grants-more": (lambda c: "read_everything" in details(c)["permissions"], False, True),
    "rar.other-provider": (lambda c: details(c)["dp_id"], "DP9876543210", "DP-ANOTHER"),
    "rar.no-provider": (by_the_pages, "DP9876543211", None),
    "tls.old-versions": (old_tls, None, 200),
    "tls.certificate-ends": (ends_soon, False, True),
    **DPOP,
}
# What the client, or the sandbox, must be like for a switch to matter.
CLIENTS = {
    "token.proof-optional": {"sender_constraint": "dpop"},
    "token.certificate-optional": {"sender_constraint": "mtls"},
}
SETTINGS = {
    "token.certificate-optional": {"certificate_header": CertificateHeader("x-client-certificate", "pem")},
    "dpop.nonce-never-fits": {"dpop_nonce": True},
    "tls.old-versions": {"tls": "hosts"},
    "tls.certificate-ends": {"tls": "hosts"},
}
