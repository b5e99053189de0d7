"""Every switch changes what the server does: the same observation is right without it and wrong with it."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet, RSAKey
from tests.sandbox import observed_requests, observed_tokens

import flowrun.sandbox
from flowrun.sandbox import FAULTS, CertificateHeader, Settings

pytestmark = pytest.mark.sandbox


def discovery(consumer):
    return consumer.http.get(f"{consumer.issuer}/.well-known/openid-configuration")


def id_token(consumer):
    return consumer.id_token(consumer.tokens()["id_token"])


def signature(consumer):
    try:
        return bool(id_token(consumer))
    except BadSignatureError:
        return False


def signed_with(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["alg"]


def pushed_twice(consumer):
    request_uri = consumer.pushed()
    consumer.approved(request_uri)
    return consumer.authorize(request_uri).status_code


def others_page(consumer):
    return consumer.authorize(consumer.pushed(), client_id="dc-2").status_code


def late_page(consumer):
    request_uri = consumer.pushed()
    consumer.clock.passed = 1000
    return consumer.authorize(request_uri).status_code


def code_twice(consumer):
    code = consumer.approved(consumer.pushed())["code"]
    return [consumer.exchange(code).status_code for _ in range(2)]


def assertion_twice(consumer):
    form = consumer.credentials()
    return [consumer.post("/par", {"request": consumer.request_object(), **form}).status_code for _ in range(2)]


def verifier(consumer):
    return consumer.exchange(consumer.approved(consumer.pushed())["code"], code_verifier="v" * 60).status_code


def token_answer(consumer):
    return consumer.exchange(consumer.approved(consumer.pushed())["code"])


def refreshed(consumer):
    first = consumer.tokens()["refresh_token"]
    return ("refresh_token" in consumer.refresh(first).json(), consumer.refresh(first).status_code)


def hashes(consumer):
    body = consumer.tokens()
    half = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    return consumer.id_token(body["id_token"])["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def subjects(consumer):
    body = consumer.tokens()
    told = consumer.get("/userinfo", body["access_token"]).json()["sub"]
    return told == consumer.id_token(body["id_token"])["sub"]


def lasts(consumer):
    return id_token(consumer)["exp"] > consumer.clock()


def error_type(path, form):
    return lambda c: c.post(path, {**form, **c.credentials()}).headers["content-type"].split(";")[0]


def reference(consumer):
    return len(consumer.pushed().rpartition(":")[2])


def framed(consumer):
    return "x-frame-options" in consumer.authorize(consumer.pushed()).headers


def first_hop(consumer):
    answer = consumer.http.get(
        f"{consumer.issuer}/auth", params={"client_id": consumer.client_id, "request_uri": consumer.pushed()}
    )
    return answer.headers["location"].startswith("http://0.0.0.0:")


def after_login(consumer):
    page = consumer.authorize(consumer.pushed())
    answer = consumer.http.post(page.url, data={"page": "login", "username": "alice", "password": "wonderland"})
    return answer.status_code


def way_back(consumer, **changed):
    """Return query and fragment of the callback, as they stand."""
    page = consumer.sign_in(consumer.authorize(consumer.pushed(**changed)))
    parts = urlsplit(consumer.send(page, decision="approve").headers["location"])
    return parts.query, parts.fragment


def denied(consumer):
    page = consumer.sign_in(consumer.authorize(consumer.pushed()))
    return dict(parse_qsl(urlsplit(consumer.send(page, decision="deny").headers["location"]).query))["error"]


def half_hash(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def code_hash(consumer):
    code = consumer.approved(consumer.pushed())["code"]
    return consumer.id_token(consumer.exchange(code).json()["id_token"])["c_hash"] == half_hash(code)


def introspected(consumer):
    return consumer.post("/introspection", {"token": "nobody's", **consumer.credentials()}).json()["active"]


def revoked(consumer):
    return consumer.post("/token/revoke", {"token": "nobody's", **consumer.credentials()}).status_code


def media_type(answer):
    return answer.headers["content-type"].split(";")[0]


def member(name):
    return lambda c: discovery(c).json().get(name)


def proof(consumer, method, path, token=""):
    """Return a DPoP proof of a fresh key, and the key."""
    key = ECKey.generate_key("P-256")
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    claims = {"jti": "one", "htm": method, "htu": consumer.issuer + path, "iat": int(consumer.clock()), "ath": digest}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    return {"DPoP": jwt.encode(header, claims, key, ["ES256"])}, key


def bound(consumer, **changed):
    """Return the answer of the token endpoint to a request with a DPoP proof, and its key."""
    code = consumer.approved(consumer.pushed(**changed))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": consumer.params()["redirect_uri"]}
    headers, key = proof(consumer, "POST", "/token")
    form |= {"code_verifier": consumer.verifier, **consumer.credentials()}
    return consumer.post("/token", form, headers=headers), key


def confirmed(consumer):
    answer, key = bound(consumer)
    told = consumer.post("/introspection", {"token": answer.json()["access_token"], **consumer.credentials()})
    return told.json()["cnf"]["jkt"] == key.thumbprint()


def proof_twice(consumer):
    headers, _ = proof(consumer, "POST", "/token")
    return [consumer.post("/token", {"grant_type": "x"}, headers=headers).json()["error"] for _ in range(2)][1]


def jarm(consumer):
    page = consumer.sign_in(consumer.authorize(consumer.pushed(response_mode="jwt")))
    return dict(parse_qsl(urlsplit(consumer.send(page, decision="approve").headers["location"]).query))["response"]


def jarm_claims(consumer):
    return consumer.id_token(jarm(consumer))


def verifies(consumer, text, path="/jwks"):
    keys = KeySet.import_key_set(consumer.http.get(consumer.issuer + path).json())
    try:
        return jws.deserialize_compact(text, keys, algorithms=["PS256"])
    except BadSignatureError:
        return None


def userinfo_text(consumer):
    return consumer.get("/userinfo", consumer.tokens()["access_token"]).text


def signed_accounts(consumer):
    body, now = consumer.tokens(), int(consumer.clock())
    claims = {"iss": "DC1234567890", "sub": "DC1234567890", "aud": ["DP9876543210", "Paynet OFP"], "jti": "one"}
    signature = consumer.jwt(claims | {"nbf": now, "iat": now, "exp": now + 60})
    headers = {"Authorization": f"Bearer {body['access_token']}", "x-signature": signature}
    return consumer.http.get(f"{consumer.issuer}/accounts", headers=headers).text


def payload_dots(text):
    return base64.urlsafe_b64decode(text.split(".")[1] + "==").count(b".")


def after_consent(consumer):
    body = consumer.tokens()
    form = {"grant_type": "client_credentials", "scope": "consents", **consumer.credentials()}
    own = consumer.post("/token", form).json()["access_token"]
    consent_id = body["authorization_details"][0]["consent"]["consent_id"]
    headers = {"Authorization": f"Bearer {own}"}
    consumer.http.post(f"{consumer.issuer}/consents/{consent_id}/revoke", headers=headers)
    return consumer.get("/accounts", body["access_token"]).status_code


# A key to encrypt for, in a registration beside the key that the consumer signs with.
ENCRYPTION = RSAKey.generate_key(2048, {"kid": "enc-1", "use": "enc"}).as_dict(private=False)
# What the client, or the sandbox, must be like for a switch to matter.
CLIENTS = {
    "jarm.not-encrypted": {"answers_encrypted": True},
    "token.not-encrypted": {"answers_encrypted": True},
    "accounts.not-encrypted": {},
    "accounts.bad-signature": {},
    "userinfo.bad-signature": {"userinfo_signed": True},
}


def pushed_names(consumer, name):
    return [pair[0] for pair in parse_qsl(way_back(consumer)[0])].count(name)


# the switch: what is observed, what it is without the switch, what it is with it
OBSERVED = {
    "discover.wrong-issuer": (lambda c: discovery(c).json()["issuer"] == c.issuer, True, False),
    "discover.html": (lambda c: discovery(c).headers["content-type"].split(";")[0], "application/json", "text/html"),
    "discover.status-500": (lambda c: discovery(c).status_code, 200, 500),
    "discover.no-par": (lambda c: "pushed_authorization_request_endpoint" in discovery(c).json(), True, False),
    "discover.no-s256": (lambda c: discovery(c).json().get("code_challenge_methods_supported"), ["S256"], None),
    "discover.no-iss-promise": (
        lambda c: discovery(c).json().get("authorization_response_iss_parameter_supported"),
        True,
        None,
    ),
    "discover.no-jwks-kid": (lambda c: "kid" in c.http.get(f"{c.issuer}/jwks").json()["keys"][0], True, False),
    "push.status-200": (lambda c: c.push().status_code, 201, 200),
    "push.redirect": (lambda c: (c.push().status_code, c.push().headers.get("location")), (201, None), (302, "/login")),
    "push.html": (lambda c: c.push().headers["content-type"].split(";")[0], "application/json", "text/html"),
    "push.status-500": (lambda c: c.push().status_code, 201, 500),
    "push.no-expires-in": (lambda c: c.push().json().get("expires_in"), 90, None),
    "push.no-store-missing": (lambda c: "no-store" in c.push().headers.get("cache-control", ""), True, False),
    "push.other-prefix": (lambda c: c.pushed().startswith("urn:ietf:params:oauth:request_uri:"), True, False),
    "push.no-interaction-id": (lambda c: c.push().headers.get("x-fapi-interaction-id"), "73cac523", None),
    "push.refuse": (lambda c: c.push().json().get("error"), None, "invalid_request"),
    "par.reuse": (pushed_twice, 400, 200),
    "par.any-client": (others_page, 400, 200),
    "par.no-expiry": (late_page, 400, 200),
    "page.error": (lambda c: c.authorize(c.pushed()).status_code, 200, 400),
    "callback.no-iss": (lambda c: "iss" in c.approved(c.pushed()), True, False),
    "callback.wrong-iss": (lambda c: c.approved(c.pushed())["iss"] == c.issuer, True, False),
    "callback.wrong-state": (lambda c: c.approved(c.pushed())["state"], "the-state", "another-state"),
    "code.reuse": (code_twice, [200, 400], [200, 200]),
    "code.any-verifier": (verifier, 400, 200),
    "push.too-many": (lambda c: c.push().status_code, 201, 429),
    "clock.ahead": (lambda c: c.push().status_code, 201, 401),
    "assertion.replay": (assertion_twice, [201, 401], [201, 201]),
    "token.status-500": (lambda c: token_answer(c).status_code, 200, 500),
    "token.type-missing": (lambda c: token_answer(c).json().get("token_type"), "Bearer", None),
    "token.no-store-missing": (lambda c: token_answer(c).headers.get("cache-control"), "no-store", None),
    "token.scope-wider": (lambda c: c.tokens()["scope"], "accounts profile", "accounts profile payments"),
    "token.no-consent-id": (
        lambda c: "consent_id" in c.tokens()["authorization_details"][0]["consent"],
        True,
        False,
    ),
    "token.rotate-refresh": (refreshed, (False, 200), (True, 400)),
    "token.bad-signature": (signature, True, False),
    "token.rs256": (lambda c: signed_with(c.tokens()["id_token"]), "PS256", "RS256"),
    "token.wrong-iss": (lambda c: id_token(c)["iss"] == c.issuer, True, False),
    "token.wrong-aud": (lambda c: id_token(c)["aud"], "dc-1", "another-client"),
    "token.wrong-nonce": (lambda c: id_token(c)["nonce"], "the-nonce", "another-nonce"),
    "token.wrong-at-hash": (hashes, True, False),
    "token.expired-id-token": (lasts, True, False),
    "discover.content-type": (lambda c: media_type(discovery(c)), "application/json", "text/plain"),
    "discover.issuer-fragment": (lambda c: discovery(c).json()["issuer"] == f"{c.issuer}#sandbox", False, True),
    "discover.no-response-types": (lambda c: "response_types_supported" in discovery(c).json(), True, False),
    "discover.wrong-type": (member("subject_types_supported"), ["public"], "public"),
    "discover.par-required-text": (member("require_pushed_authorization_requests"), True, "true"),
    "discover.request-uri-registration": (member("require_request_uri_registration"), None, True),
    "discover.weak-auth": (
        lambda c: "private_key_jwt" in discovery(c).json()["token_endpoint_auth_methods_supported"],
        True,
        False,
    ),
    "discover.other-algs": (
        lambda c: "PS256" in discovery(c).json()["token_endpoint_auth_signing_alg_values_supported"],
        True,
        False,
    ),
    "discover.alg-none": (
        lambda c: "none" in discovery(c).json()["request_object_signing_alg_values_supported"],
        False,
        True,
    ),
    "discover.other-rar-type": (
        member("authorization_details_types_supported"),
        ["urn:openfinance-ml:account-access-consent:v1.2"],
        ["payment_initiation"],
    ),
    "discover.no-claims-parameter": (member("claims_parameter_supported"), True, None),
    "discover.no-bound-tokens": (member("tls_client_certificate_bound_access_tokens"), True, False),
    "discover.no-form-post": (lambda c: "form_post" in discovery(c).json()["response_modes_supported"], True, False),
    "discover.no-jarm": (lambda c: "jwt" in discovery(c).json()["response_modes_supported"], True, False),
    "discover.private-jwk": (lambda c: "d" in c.http.get(f"{c.issuer}/jwks").json()["keys"][0], False, True),
    "push.content-type": (lambda c: media_type(c.push()), "application/json", "text/plain"),
    "push.short-reference": (reference, 36, 6),
    "push.long-lifetime": (lambda c: c.push().json()["expires_in"], 90, 3600),
    "push.error-text": (error_type("/par", {"scope": "x"}), "application/json", "text/plain"),
    "page.framed": (framed, True, False),
    "page.plain-http": (first_hop, False, True),
    "page.redirect-307": (after_login, 303, 307),
    "callback.in-fragment": (lambda c: bool(way_back(c)[1]), False, True),
    "callback.short-code": (lambda c: len(c.approved(c.pushed())["code"]) > 20, True, False),
    "callback.state-twice": (lambda c: pushed_names(c, "state"), 1, 2),
    "callback.code-and-error": (lambda c: pushed_names(c, "error"), 0, 1),
    "callback.odd-error": (denied, "access_denied", "person_said_no"),
    "callback.extra-parameter": (lambda c: pushed_names(c, "tracking"), 0, 1),
    "callback.client-assertion": (lambda c: pushed_names(c, "client_assertion"), 0, 1),
    "callback.drops-query": (lambda c: pushed_names(c, "keep"), 1, 0),
    "token.content-type": (lambda c: media_type(token_answer(c)), "application/json", "text/plain"),
    "token.error-text": (
        error_type("/token", {"grant_type": "authorization_code", "code": "x"}),
        "application/json",
        "text/plain",
    ),
    "token.short-token": (lambda c: len(c.tokens()["access_token"]) > 20, True, False),
    "token.long-lifetime": (lambda c: c.tokens()["expires_in"], 600, 86400),
    "token.extra-member": (lambda c: "state" in c.tokens(), False, True),
    "token.no-id-token": (lambda c: "id_token" in c.tokens(), True, False),
    "token.wrong-azp": (lambda c: id_token(c).get("azp"), None, "another-client"),
    "token.wrong-c-hash": (code_hash, True, False),
    "token.wrong-s-hash": (lambda c: id_token(c)["s_hash"] == half_hash("the-state"), True, False),
    "token.no-acr": (lambda c: "acr" in id_token(c), True, False),
    "token.no-auth-time": (lambda c: "auth_time" in id_token(c), True, False),
    "token.auth-time-zero": (lambda c: id_token(c)["auth_time"] == 0, False, True),
    "revoke.status-204": (revoked, 200, 204),
    "introspect.active-text": (introspected, False, "false"),
    "userinfo.content-type": (
        lambda c: media_type(c.get("/userinfo", c.tokens()["access_token"])),
        "application/json",
        "text/plain",
    ),
    "userinfo.wrong-sub": (subjects, True, False),
    "userinfo.bad-signature": (lambda c: bool(verifies(c, userinfo_text(c))), True, False),
    "accounts.bad-signature": (lambda c: bool(verifies(c, signed_accounts(c), "/dp/jwks")), True, False),
    "accounts.not-encrypted": (lambda c: payload_dots(signed_accounts(c)) == 4, True, False),
    "consent.survives": (after_consent, 401, 200),
    "jarm.bad-signature": (lambda c: bool(verifies(c, jarm(c))), True, False),
    "jarm.wrong-iss": (lambda c: jarm_claims(c)["iss"] == c.issuer, True, False),
    "jarm.wrong-aud": (lambda c: jarm_claims(c)["aud"], "dc-1", "another-client"),
    "jarm.expired": (lambda c: jarm_claims(c)["exp"] > c.clock(), True, False),
    "jarm.not-encrypted": (lambda c: jarm(c).count("."), 4, 2),
    "token.not-encrypted": (lambda c: c.tokens()["id_token"].count("."), 4, 2),
    "token.wrong-cnf": (confirmed, True, False),
    "token.any-holder": (
        lambda c: c.get("/userinfo", bound(c)[0].json()["access_token"]).status_code,
        401,
        200,
    ),
    "token.dpop-as-bearer": (lambda c: bound(c)[0].json()["token_type"], "DPoP", "Bearer"),
    "dpop.replay": (proof_twice, "invalid_dpop_proof", "unsupported_grant_type"),
    "dpop.code-any-key": (lambda c: bound(c, dpop_jkt="x" * 43)[0].status_code, 400, 200),
}


# --- what a client signs: assertions and request objects ---


def forged(consumer, claims, alg):
    """Return a JWT with alg none, or with HS256 and the public key for its secret."""
    parts = [{"alg": alg, "kid": consumer.key.kid}, claims]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts)
    mac = hmac.digest(consumer.key.as_pem(private=False), text.encode(), "sha256") if alg == "HS256" else b""
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def damaged(token):
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def asserts(**claims):
    """Observe what a push says to an assertion with these claims; a function is asked with the consumer."""

    def observe(consumer):
        made = {name: value(consumer) if callable(value) else value for name, value in claims.items()}
        return asserted(consumer, consumer.assertion(**made))

    return observe


def asserted(consumer, assertion):
    form = {"request": consumer.request_object(), "client_id": consumer.client_id}
    form |= {"client_assertion_type": consumer.credentials()["client_assertion_type"], "client_assertion": assertion}
    return consumer.post("/par", {name: value for name, value in form.items() if value}).status_code


def requests(**claims):
    """Observe what a push says to a request object with these claims; a function is asked with the consumer."""

    def observe(consumer):
        made = {name: value(consumer) if callable(value) else value for name, value in claims.items()}
        return requested(consumer, consumer.request_object(**made))

    return observe


def requested(consumer, request_object):
    form = {"request": request_object, "client_id": consumer.client_id, **consumer.credentials()}
    return consumer.post("/par", form).status_code


def gone(consumer):
    return consumer.gone


def later(seconds):
    return lambda c: c.clock() + seconds


def plain_parameters(consumer):
    form = {name: json.dumps(one) if not isinstance(one, str) else one for name, one in consumer.params().items()}
    return consumer.post("/par", {**form, **consumer.credentials()}).status_code


def walked(consumer, push, **sent):
    """Return what comes back of a walk whose authorization URL has these parameters too."""
    page = consumer.sign_in(consumer.authorize(consumer.pushed(**push), **sent))
    return dict(parse_qsl(urlsplit(consumer.send(page, decision="approve").headers["location"]).query))


def nonce_of_the_url(consumer):
    code = walked(consumer, {}, nonce="the-url's")["code"]
    return consumer.id_token(consumer.exchange(code).json()["id_token"])["nonce"]


SIGNED = {
    "assertion.missing": (lambda c: asserted(c, ""), 401, 201),
    "assertion.par-aud": (asserts(aud=lambda c: f"{c.issuer}/par"), 401, 201),
    "assertion.token-aud": (asserts(aud=lambda c: f"{c.issuer}/token"), 401, 201),
    "assertion.aud-array": (asserts(aud=lambda c: [c.issuer, "https://x.example"]), 401, 201),
    "assertion.issuer-only": (asserts(aud=lambda c: f"{c.issuer}/par"), 201, 401),
    "assertion.any-aud": (asserts(aud="https://x.example"), 401, 201),
    "assertion.no-leeway": (asserts(iat=later(8)), 201, 401),
    "assertion.early": (asserts(nbf=later(70)), 401, 201),
    "assertion.expired": (asserts(exp=later(-300)), 401, 201),
    "assertion.no-sub": (asserts(sub=gone), 401, 201),
    "assertion.no-iss": (asserts(iss=gone), 401, 201),
    "assertion.no-exp": (asserts(exp=gone), 401, 201),
    "assertion.rs256": (asserts(sign={"alg": "RS256"}), 401, 201),
    "assertion.unsigned": (lambda c: asserted(c, forged(c, claims_of(c.assertion()), "none")), 401, 201),
    "assertion.any-signature": (lambda c: asserted(c, damaged(c.assertion())), 401, 201),
    "assertion.public-key": (lambda c: asserted(c, forged(c, claims_of(c.assertion()), "HS256")), 401, 201),
    "assertion.request-object": (lambda c: asserted(c, c.request_object()), 401, 201),
    "request_object.one-aud": (requests(aud=lambda c: [c.issuer, "https://x.example"]), 201, 400),
    "request_object.no-leeway": (requests(nbf=later(8)), 201, 400),
    "request_object.no-exp": (requests(exp=gone), 400, 201),
    "request_object.no-nbf": (requests(nbf=gone), 400, 201),
    "request_object.expired": (requests(exp=later(-300)), 400, 201),
    "request_object.long-life": (requests(exp=later(4200)), 400, 201),
    "request_object.old-nbf": (requests(nbf=later(-4200)), 400, 201),
    "request_object.any-aud": (requests(aud="https://x.example"), 400, 201),
    "request_object.no-aud": (requests(aud=gone), 400, 201),
    "request_object.no-iss": (requests(iss=gone), 400, 201),
    "request_object.unsigned": (lambda c: requested(c, forged(c, claims_of(c.request_object()), "none")), 400, 201),
    "request_object.any-signature": (lambda c: requested(c, damaged(c.request_object())), 400, 201),
    "request_object.rs256": (requests(sign={"alg": "RS256"}), 400, 201),
    "request_object.public-key": (lambda c: requested(c, forged(c, claims_of(c.request_object()), "HS256")), 400, 201),
    "request_object.any-typ": (requests(sign={"header": {"typ": "at+jwt"}}), 400, 201),
    "request_object.any-client": (requests(client_id="dc-2", iss="dc-2"), 400, 201),
    "request_object.no-redirect-uri": (requests(redirect_uri=gone), 400, 201),
    "request_object.optional": (plain_parameters, 400, 201),
    "request_object.state-outside": (
        lambda c: walked(c, {"state": c.gone}, state="the-url's").get("state"),
        None,
        "the-url's",
    ),
    "request_object.other-state": (lambda c: walked(c, {}, state="the-url's")["state"], "the-state", "the-url's"),
    "request_object.other-nonce": (nonce_of_the_url, "the-nonce", "the-url's"),
}
OBSERVED |= SIGNED | observed_tokens.TOKENS | observed_requests.REQUESTS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_switch_changes_what_the_server_does(start, rsa_key, fault):
    observe, right, wrong = OBSERVED[fault]
    settings = observed_tokens.SETTINGS.get(fault, {})
    client = (observed_tokens.CLIENTS | observed_requests.CLIENTS).get(fault)
    if fault in CLIENTS:
        client = {"jwks": {"keys": [rsa_key.as_dict(private=False), ENCRYPTION]}, **CLIENTS[fault]}
        settings = {"signed_resources": fault.startswith("accounts.")}
    if fault == "discover.no-bound-tokens":  # only a server that sees certificates promises anything
        settings = {"certificate_header": CertificateHeader("x-client-certificate", "pem")}
    if fault == "assertion.issuer-only":
        settings = {"fapi": False}
    if fault == "request_object.optional":
        client = {"require_signed_request_object": True}
    with_fault = start({fault}, client, **settings)
    if fault == "push.redirect":
        wrong = (302, f"{with_fault.issuer}/login")

    assert observe(with_fault) == wrong
    with_fault.clock.passed = 0
    assert observe(start((), client, **settings)) == right


@pytest.mark.parametrize("fault", FAULTS)
def test_a_switch_has_one_place(fault):
    package = Path(flowrun.sandbox.__file__).parent
    source = "\n".join(file.read_text("utf-8") for file in package.glob("*.py"))

    assert len(re.findall(rf'broken\("{re.escape(fault)}"\)', source)) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_switch_says_in_one_sentence_what_it_does(fault):
    assert re.fullmatch(r"[A-Z].*[^.]\.", FAULTS[fault])


def test_the_published_kid_stands_over_the_bad_signature(start):
    broken = start({"token.bad-signature"})
    header = json.loads(base64.urlsafe_b64decode(broken.tokens()["id_token"].split(".")[0] + "=="))

    assert header["kid"] == broken.http.get(f"{broken.issuer}/jwks").json()["keys"][0]["kid"]


def test_faults_add_up(start):
    consumer = start({"push.status-200", "callback.no-iss", "token.type-missing"})
    answer = consumer.push()
    back = consumer.approved(answer.json()["request_uri"])

    assert answer.status_code == 200
    assert "iss" not in back
    assert "token_type" not in consumer.exchange(back["code"]).json()


def test_an_unknown_fault_names_the_nearest():
    with pytest.raises(ValueError, match=r"'push.status200'; did you mean 'push.status-200'\?"):
        Settings((), (), faults=frozenset({"push.status200"}))


def test_an_unknown_fault_far_from_all_lists_them():
    with pytest.raises(ValueError, match=r"known: .*token\.bad-signature"):
        Settings((), (), faults=frozenset({"xyzzy"}))
