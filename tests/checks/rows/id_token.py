from __future__ import annotations

import base64
import hashlib

from flowrun.client import IdToken

NOW = 1_800_000_000
ISSUER = "https://op.example"
ALWAYS = set()
NONE_CAME = "skipped: there was no id_token"
GRANTED = {"access_token": "a"}
UNREADABLE = "skipped: nothing of the id_token can be read"
DOUBTED = "the id_token can't be trusted:"


def token(**claims):
    return {"claims": claims}


def asked(parameters, **more):
    return {"flow": {"parameters": parameters}, "body": GRANTED, **more}


def half(digest):
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def at_hash(value, alg="PS256", body=None):
    return {
        "claims": {"at_hash": value},
        "header": {"alg": alg},
        "body": {"access_token": "token"} if body is None else body,
    }


def subject(claims, body, **more):
    return {"flow": {"id_token_claims": claims}, "body": body, **more}


def hashed(claim, value, parameters=None, form=(), alg="PS256"):
    flow = {"parameters": parameters or {}}
    return {"claims": {claim: value}, "header": {"alg": alg}, "body": GRANTED, "flow": flow, "form": form}


def wish(claims, acr=None, **more):
    parameters = {"scope": "openid", "claims": {"id_token": {"acr": acr}}}
    return {**token(**claims), "body": GRANTED, "flow": {"parameters": parameters}, **more}


def max_age(claims, age=3600, scope="openid", body=None, **more):
    flow = {"parameters": {"scope": scope, "max_age": age}}
    return {**token(**claims), "body": body or GRANTED, "flow": flow, **more}


OF_A_RESOURCE = {"flow": {"parameters": {"scope": "openid a", "max_age": 1}}, "body": {**GRANTED, "scope": "a"}}
ROWS = [
    *(("idt.alg", {**token(sub="a"), "header": {"alg": alg}}, None) for alg in ("PS256", "ES256", "EdDSA", "Ed25519")),
    *(
        (
            "idt.alg",
            {**token(sub="a"), "header": {"alg": alg}},
            f"the id_token is signed with {alg}; PS256, ES256 and EdDSA are allowed",
        )
        for alg in ("RS256", "PS512", "HS256", "none")
    ),
    ("idt.alg", {}, NONE_CAME),
    (
        "idt.alg",
        {**token(sub="a"), "header": {"alg": "none"}, "distrust": "x"},
        "skipped: the id_token can't be trusted, and idt.sig says why",
    ),
    ("idt.sig", token(sub="a"), None),
    ("idt.sig", {**token(), "distrust": "its key is unknown"}, "the id_token can't be trusted: its key is unknown"),
    (
        "idt.sig",
        {
            **token(),
            "header": {"alg": "HS256"},
            "distrust": "the token is signed with HS256, which is not allowed here",
        },
        (
            "the id_token can't be trusted: the token is signed with HS256, which is not allowed here; "
            "if the client is registered for it, write id_token: {alg: HS256} at the client"
        ),
    ),
    (
        "idt.sig",
        {**token(sub="a"), "client": {"id_token": IdToken(encrypt=True)}},
        "the id_token is not encrypted, as the environment says that it is (id_token: {encrypt: true})",
    ),
    ("idt.present", asked({"scope": "openid accounts"}), "there is no id_token in the answer"),
    ("idt.present", asked({"scope": ["openid", "accounts"]}), "there is no id_token in the answer"),
    ("idt.present", asked({"scope": "accounts"}, profile="ofm"), "there is no id_token in the answer"),
    ("idt.present", asked({"scope": "accounts"}), "skipped: none was asked for"),
    ("idt.present", asked({"scope": "openid"}, kind="refresh_token"), "skipped: no tokens came from an authorization"),
    (
        "idt.present",
        {"flow": {"parameters": {"scope": "openid"}}, "body": {"error": "x"}, "status": 400},
        "skipped: no tokens came from an authorization",
    ),
    ("idt.iss", token(iss=ISSUER), None),
    (
        "idt.iss",
        token(iss=f"{ISSUER}/"),
        "the id_token's iss is 'https://op.example/', the issuer is 'https://op.example'",
    ),
    ("idt.iss", token(), "the id_token's iss is missing, the issuer is 'https://op.example'"),
    ("idt.iss", {}, NONE_CAME),
    ("idt.aud", token(aud="flowrun"), None),
    ("idt.aud", token(aud=["flowrun"]), None),
    ("idt.aud", token(aud=["flowrun", "other"], azp="flowrun"), None),
    ("idt.aud", token(aud="other"), "the id_token's aud is 'other', our client_id is 'flowrun'"),
    ("idt.aud", token(aud=[]), "the id_token's aud is [], our client_id is 'flowrun'"),
    ("idt.aud", token(), "the id_token's aud is missing, our client_id is 'flowrun'"),
    ("idt.aud", token(aud=["flowrun", "other"]), None),
    ("idt.azp", token(aud=["flowrun", "other"], azp="flowrun"), None),
    ("idt.azp", token(aud="flowrun", azp="flowrun"), None),
    ("idt.azp", token(aud=["flowrun", "other"]), "the id_token's azp is missing, our client_id is 'flowrun'"),
    ("idt.azp", token(aud=["flowrun", "o"], azp="o"), "the id_token's azp is 'o', our client_id is 'flowrun'"),
    ("idt.azp", token(aud=["flowrun"]), "skipped: there is no azp, and one audience needs none"),
    ("idt.aud", {}, NONE_CAME),
    ("idt.exp", token(exp=NOW + 60), None),
    ("idt.exp", token(exp=NOW - 9), None),
    ("idt.exp", token(exp=NOW + 0.5), None),
    ("idt.exp", token(exp=NOW - 10), "the id_token expired 10 s ago"),
    ("idt.exp", token(exp=NOW - 3600), "the id_token expired 3600 s ago"),
    (
        "idt.exp",
        token(exp=NOW * 1000),
        "the id_token's exp is more than 50 years ahead; it was probably written in milliseconds",
    ),
    (
        "idt.exp",
        token(exp=10**400),
        "the id_token's exp is more than 50 years ahead; it was probably written in milliseconds",
    ),
    ("idt.exp", token(), "the id_token has no exp"),
    ("idt.exp", token(exp=str(NOW)), "the id_token's exp is '1800000000', not a number of seconds"),
    ("idt.exp", token(exp=True), "the id_token's exp is True, not a number of seconds"),
    ("idt.exp", token(exp=None), "the id_token's exp is None, not a number of seconds"),
    ("idt.exp", {}, NONE_CAME),
    ("idt.iat", token(iat=NOW), None),
    ("idt.iat", token(iat=NOW + 10), None),
    ("idt.iat", token(iat=NOW - 599), None),
    ("idt.iat", token(iat=NOW + 60), None),
    ("idt.iat", token(iat=NOW + 61), "the id_token was issued 61 s in the future; compare the clocks"),
    ("idt.iat", token(iat=NOW - 600), "the id_token was issued 600 s ago"),
    ("idt.iat", token(), "the id_token has no iat"),
    ("idt.iat", token(iat="now"), "the id_token's iat is 'now', not a number of seconds"),
    ("idt.iat", {}, NONE_CAME),
    *(
        (f"idt.{name}", {"claims": {}, "distrust": "it can't be opened: …"}, UNREADABLE)
        for name in ("iss", "aud", "azp", "exp", "iat", "nonce", "at_hash", "c_hash", "s_hash", "acr", "auth_time")
    ),
    ("idt.sig", {"claims": {}, "distrust": "it can't be opened: …"}, f"{DOUBTED} it can't be opened: …"),
    ("idt.nonce", {**token(nonce="n"), "flow": {"parameters": {"nonce": "n"}}}, None),
    (
        "idt.auth_time",
        {**token(), "body": GRANTED, "flow": {"parameters": {"scope": "openid"}, "added": {"max_age": 0}}},
        "the id_token has no auth_time",
    ),
    ("idt.nonce", {**token(nonce="5"), "flow": {"parameters": {"nonce": 5}}}, None),
    ("idt.nonce", {**token(), "flow": {"parameters": {}}}, None),
    ("idt.nonce", {**token(), "flow": {"parameters": {"nonce": "n"}}}, "the id_token has no nonce"),
    (
        "idt.nonce",
        {**token(nonce="m"), "flow": {"parameters": {"nonce": "n"}}},
        "the id_token's nonce is not the one sent",
    ),
    ("idt.nonce", {**token(nonce="m"), "flow": {"parameters": {}}}, "the id_token's nonce is not the one sent"),
    (
        "idt.nonce",
        {**token(nonce="m"), "flow": {"parameters": {"nonce": "n"}}, "kind": "refresh_token"},
        "the id_token's nonce is not the one sent",
    ),
    (
        "idt.nonce",
        {**token(), "flow": {"parameters": {"nonce": "n"}}, "kind": "refresh_token"},
        "skipped: only an id_token that comes for a code needs the nonce",
    ),
    (
        "idt.nonce",
        {**token(), "flow": {"parameters": {"nonce": "n"}}, "kind": "device_code"},
        "skipped: only an id_token that comes for a code needs the nonce",
    ),
    ("idt.nonce", {}, NONE_CAME),
    ("idt.at_hash", at_hash(half(hashlib.sha256(b"token").digest())), None),
    ("idt.at_hash", at_hash(half(hashlib.sha512(b"token").digest()), "ES512"), None),
    (
        "idt.at_hash",
        at_hash(half(hashlib.sha512(b"token").digest())),
        "the id_token's at_hash does not fit the access token",
    ),
    ("idt.at_hash", at_hash("x", "none"), "skipped: the algorithm of the id_token says no hash"),
    ("idt.at_hash", at_hash(5), "the id_token's at_hash does not fit the access token"),
    ("idt.at_hash", {**token(), "body": GRANTED}, "skipped: there is no at_hash"),
    ("idt.at_hash", at_hash("x", body={}), "skipped: there is no access token to compare with"),
    ("idt.at_hash", {}, NONE_CAME),
    ("idt.sub-userinfo", subject({"sub": "a"}, {"sub": "a"}), None),
    ("idt.sub-userinfo", subject({"sub": "a"}, {"sub": "b"}), "userinfo has another sub than the id_token"),
    ("idt.sub-userinfo", subject({"sub": "a"}, {}), "userinfo has no sub"),
    ("idt.sub-userinfo", subject({}, {"sub": "a"}), "skipped: there are not two subjects to compare"),
    ("idt.sub-userinfo", subject({"sub": "a"}, {}, no_answer=True), "skipped: there are not two subjects to compare"),
    ("idt.sig", {}, NONE_CAME),
    ("idt.present", {**token(), **asked({"scope": "openid"})}, None),
    ("idt.present", {**token(), **OF_A_RESOURCE}, None),
    ("idt.present", {**OF_A_RESOURCE, "form": [("resource", "https://api")]}, "there is no id_token in the answer"),
    (
        "idt.present",
        {**OF_A_RESOURCE, "flow": {"parameters": {"scope": "openid a", "resource": "https://api"}}},
        "there is no id_token in the answer",
    ),
    ("idt.auth_time", {**token(), **OF_A_RESOURCE}, "the id_token has no auth_time"),
    (
        "idt.present",
        {"flow": {"parameters": {"scope": "openid accounts"}}, "body": {**GRANTED, "scope": "accounts"}},
        "skipped: none was asked for",
    ),
    ("idt.c_hash", hashed("c_hash", half(hashlib.sha256(b"c").digest()), form=[("code", "c")]), None),
    ("idt.c_hash", hashed("c_hash", "x", form=[("code", "c")]), "the id_token's c_hash does not fit the code"),
    ("idt.c_hash", hashed("c_hash", "x"), "skipped: there is no code to compare with"),
    ("idt.c_hash", {**token(), "body": GRANTED}, "skipped: there is no c_hash"),
    ("idt.s_hash", hashed("s_hash", half(hashlib.sha256(b"5").digest()), {"state": 5}), None),
    ("idt.s_hash", hashed("s_hash", "x", {"state": "s"}), "the id_token's s_hash does not fit the state"),
    ("idt.s_hash", hashed("s_hash", "x"), "skipped: there is no state to compare with"),
    ("idt.acr", wish({"acr": "2"}, {"essential": True, "values": ["1", "2"]}), None),
    ("idt.acr", wish({}, {"essential": True}), "skipped: no value of acr was asked for, so that it may be left out"),
    (
        "idt.acr",
        wish({}, {"essential": True, "values": ["1"]}),
        "the id_token has no acr, which was asked for as essential",
    ),
    ("idt.acr", wish({"acr": "0"}, {"essential": True, "values": [1]}), "the id_token's acr is '0'; asked for: 1"),
    (
        "idt.acr",
        wish({"acr": "0"}, {"essential": True, "value": "1"}),
        "the id_token's acr is '0'; asked for: 1",
    ),
    ("idt.acr", wish({}, {"values": ["1"]}), "skipped: no acr was asked for as essential"),
    ("idt.acr", wish({}), "skipped: no acr was asked for as essential"),
    ("idt.auth_time", max_age({"auth_time": NOW - 3800}), None),
    ("idt.auth_time", max_age({"auth_time": NOW - 3901}), "the login was 3901 s ago; max_age was 3600"),
    ("idt.auth_time", max_age({}, "3600"), "the id_token has no auth_time"),
    ("idt.auth_time", token(auth_time=NOW + 5, iat=NOW - 500), None),
    ("idt.auth_time", token(auth_time=NOW + 55, iat=NOW + 50), None),
    ("idt.auth_time", {**token(auth_time=NOW, iat=NOW), "flow": {"parameters": {"scope": "openid"}}}, None),
    ("idt.auth_time", {**token(auth_time=NOW - 9**6, iat=NOW), "kind": "refresh_token"}, None),
    *(
        ("idt.auth_time", {**token(auth_time=wrong, iat=NOW), **more}, f"the id_token's auth_time is {said}")
        for more in ({}, {"kind": "refresh_token"}, {"flow": max_age({})["flow"]})
        for wrong, said in (
            (0, "0, so that the login was more than 50 years ago"),
            (-5, "-5, so that the login was more than 50 years ago"),
            (NOW * 1000, "more than 50 years ahead; it was probably written in milliseconds"),
            (NOW + 11, "11 s ahead, so that the login is still to come"),
            ("x", "'x', not a number of seconds"),
        )
    ),
    ("idt.auth_time", max_age({}, scope="accounts"), "skipped: openid was not asked for"),
    ("idt.auth_time", max_age({}, None), "skipped: neither max_age nor auth_time was asked for"),
    ("idt.auth_time", max_age({}, kind="refresh_token"), "skipped: openid was not asked for"),
]
