from __future__ import annotations

ALWAYS = set()
REFUSED = {"status": 400, "body": {"error": "invalid_grant"}}
NOT_GRANTED = "skipped: no tokens were granted"
TYPE = "urn:x:consent"


def body(**members):
    return {"body": members}


def cache(*value):
    return {"body": {}, "headers": {"cache-control": value[0]} if value else {}}


def asked(scope, /, **members):
    return {"flow": {"parameters": {} if scope is None else {"scope": scope}}, "body": members}


def details(got, *, profile="oauth2", sent=None):
    sent = [{"type": TYPE}] if sent is None else sent
    members = {} if got is None else {"authorization_details": got}
    return {"flow": {"parameters": {"authorization_details": sent}}, "body": members, "profile": profile}


def refreshed(kind, **members):
    return {"kind": kind, "flow": {"first_refresh_token": "first"}, "body": members}


WITH_ID = {"type": TYPE, "consent": {"consent_id": "c1"}}

ROWS = [
    ("tok.members", body(access_token="a", token_type="Bearer"), None),
    ("tok.members", body(access_token="a", token_type="Bearer", expires_in=60.5), None),
    ("tok.members", body(token_type="Bearer"), "access_token is not there"),
    ("tok.members", body(access_token="a"), "token_type is not there"),
    ("tok.members", body(access_token="", token_type="Bearer"), "access_token is no text"),
    ("tok.members", body(access_token=5, token_type="Bearer"), "access_token is no text"),
    (
        "tok.members",
        body(access_token="a", token_type="Bearer", expires_in="600"),
        "expires_in is '600', not a number",
    ),
    ("tok.members", body(access_token="a", token_type="Bearer", expires_in=True), "expires_in is True, not a number"),
    ("tok.members", REFUSED, NOT_GRANTED),
    ("tok.members", {"no_answer": True}, NOT_GRANTED),
    ("tok.no-store", cache("no-store"), None),
    ("tok.no-store", cache("No-Store, max-age=0"), None),
    ("tok.no-store", cache("private"), "Cache-Control is 'private'"),
    ("tok.no-store", cache(), "no Cache-Control"),
    ("tok.no-store", REFUSED, NOT_GRANTED),
    ("tok.scope", asked("accounts profile", scope="profile"), None),
    ("tok.scope", asked(["accounts", "profile"], scope="profile accounts"), None),
    (
        "tok.scope",
        asked("accounts", scope="accounts payments admin"),
        "granted without being asked for: admin payments",
    ),
    ("tok.scope", asked("accounts"), "skipped: the answer names no scope"),
    ("tok.scope", asked(None, scope="accounts"), "skipped: no scope was asked for"),
    ("tok.scope", REFUSED, NOT_GRANTED),
    ("tok.rar", details([{"type": TYPE}]), None),
    ("tok.rar", details([WITH_ID], profile="ofm"), None),
    ("tok.rar", details(None), "authorization_details are not in the answer"),
    ("tok.rar", details([]), "authorization_details are not in the answer"),
    ("tok.rar", details({"type": TYPE}), "authorization_details are not in the answer"),
    ("tok.rar", details([{"type": "b"}, {"type": TYPE}, {"type": "c"}]), "granted types that were not asked for: b, c"),
    ("tok.rar", details([{"type": ["b"]}]), "granted types that were not asked for: ['b']"),
    ("tok.rar", details([{"type": TYPE}], profile="ofm"), "authorization_details have no consent.consent_id"),
    (
        "tok.rar",
        details([{"type": TYPE, "consent": {"consent_id": 5}}], profile="ofm"),
        "authorization_details have no consent.consent_id",
    ),
    ("tok.rar", details([WITH_ID], sent=[]), "skipped: no authorization_details were sent"),
    ("tok.rar", REFUSED, "skipped: no authorization_details were sent"),
    ("ref.no-rotation", refreshed("refresh_token", refresh_token="first"), None),
    ("ref.no-rotation", refreshed("refresh_token"), None),
    (
        "ref.no-rotation",
        refreshed("refresh_token", refresh_token="second"),
        "the refresh was answered with another refresh token",
    ),
    ("ref.no-rotation", refreshed("authorization_code", refresh_token="second"), "skipped: nothing was refreshed"),
    ("ref.no-rotation", {**REFUSED, "kind": "refresh_token"}, NOT_GRANTED),
    ("tok.http", {"body": {}, "headers": {"content-type": "application/json"}}, None),
    ("tok.http", {"body": {}, "headers": {"content-type": "Application/JSON;charset=UTF-8"}}, None),
    ("tok.http", {"body": {}}, "the answer has no content type"),
    ("tok.http", {"status": 400}, "skipped: no tokens were granted"),
    ("tok.error-shape", {"status": 400, "body": {"error": "invalid_grant"}}, None),
    ("tok.error-shape", {"status": 400, "body": []}, "the answer 400 has no JSON member 'error'"),
    ("tok.error-shape", {"status": 400, "body": {"error": "e", "error_description": "One.\r\nTwo."}}, None),
    (
        "tok.error-shape",
        {"status": 401, "body": {"error": "e", "error_description": 'Zugriff für "x"'}},
        "error_description has characters that are not allowed there",
    ),
    (
        "tok.error-shape",
        {"status": 400, "body": {"error": "e\n"}},
        "error has characters that are not allowed there",
    ),
    ("tok.error-shape", {"body": {}}, "skipped: there was no refusal with an OAuth error"),
    ("tok.type-dpop", {"body": {"token_type": "dpop"}, "client": {"sender_constraint": "dpop"}}, None),
    ("tok.type-dpop", {"body": {"token_type": "bearer"}, "client": {"sender_constraint": "mtls"}}, None),
    (
        "tok.type-dpop",
        {"body": {"token_type": "Bearer"}, "client": {"sender_constraint": "dpop"}},
        "token_type is 'Bearer' for a client with sender_constraint dpop",
    ),
    (
        "tok.type-dpop",
        {"body": {"token_type": "Bearer"}},
        "skipped: the tokens of this client are not bound to anything",
    ),
    (
        "tok.type-dpop",
        {"body": {"token_type": "N_A"}, "client": {"sender_constraint": "dpop"}, "kind": "token_exchange"},
        "skipped: what was issued is no access token",
    ),
    ("tok.type-dpop", {"body": {}, "client": {"sender_constraint": "dpop"}}, "skipped: there is none"),
    ("tok.lifetime", {"body": {"expires_in": 900}, "profile": "brazil"}, None),
    (
        "tok.lifetime",
        {"body": {"expires_in": 299}, "profile": "brazil"},
        "the access token lives 299 s; this profile wants 300 to 900",
    ),
    (
        "tok.lifetime",
        {"body": {"expires_in": 601}, "profile": "uae"},
        "the access token lives 601 s; this profile wants 600 at most",
    ),
    ("tok.lifetime", {"body": {"expires_in": 86400}}, "skipped: the profile has no limit"),
    ("tok.lifetime", {"body": {}, "profile": "uae"}, "skipped: there is no expires_in"),
    ("tok.entropy", {"body": {"access_token": "k" * 22}}, None),
    ("tok.entropy", {"body": {"access_token": "kZ-8" * 8}, "earlier": {"access_token": ["kZ-8" * 8]}}, None),
    (
        "tok.entropy",
        {"body": {"access_token": "17"}},
        "the access token has 2 characters, which can hold 7 bits at most; 128 are asked for",
    ),
    (
        "tok.entropy",
        {"body": {"access_token": "a.b.c"}},
        "skipped: the access token is a JWT, its signature protects it",
    ),
    ("tok.entropy", {"body": {}}, "skipped: there is no access token"),
    ("tok.extra", {"body": {"access_token": "a", "scope": "b"}}, None),
    ("tok.extra", {"body": {"state": "a", "foo": 1}}, "members that are not expected there: foo, state"),
    ("tok.extra", {"status": 400, "body": {"foo": 1}}, "skipped: no tokens were granted"),
]
