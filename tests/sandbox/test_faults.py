"""Every switch changes what the server does: the same observation is right without it and wrong with it."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from joserfc.errors import BadSignatureError

import flowrun.sandbox
from flowrun.sandbox import FAULTS, Settings

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
    "token.wrong-iss": (lambda c: id_token(c)["iss"] == c.issuer, True, False),
    "token.wrong-aud": (lambda c: id_token(c)["aud"], "dc-1", "another-client"),
    "token.wrong-nonce": (lambda c: id_token(c)["nonce"], "the-nonce", "another-nonce"),
    "token.wrong-at-hash": (hashes, True, False),
    "token.expired-id-token": (lasts, True, False),
    "userinfo.wrong-sub": (subjects, True, False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_switch_changes_what_the_server_does(start, fault):
    observe, right, wrong = OBSERVED[fault]
    with_fault = start({fault})
    if fault == "push.redirect":
        wrong = (302, f"{with_fault.issuer}/login")

    assert observe(with_fault) == wrong
    with_fault.clock.passed = 0
    assert observe(start()) == right


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
