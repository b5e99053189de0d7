from __future__ import annotations

from flowrun.flow import SignedJwt

ALWAYS = set()
NOTHING = "skipped: nothing of the kind was signed here"
ON_PURPOSE = "skipped: this scenario wants to be refused; what it sends may be wrong on purpose"
ISSUER = "https://op.example"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def assertion(header=None, **claims):
    full = {"iss": "flowrun", "sub": "flowrun", "aud": ISSUER, "jti": "j", "iat": 100, "exp": 160, **claims}
    made = SignedJwt("client_assertion", header or {"alg": "PS256"}, {k: v for k, v in full.items() if v is not None})
    return {"flow": {"signed": [made]}, "profile": "fapi2"}


def request(header=None, **claims):
    usual = {"iss": "flowrun", "aud": ISSUER, "client_id": "flowrun", "response_type": "code", "nbf": 100, "exp": 160}
    full = {**usual, **claims}
    made = SignedJwt("request_object", header or {"alg": "PS256"}, {k: v for k, v in full.items() if v is not None})
    return {"flow": {"signed": [made]}, "profile": "fapi2"}


def pkce(challenge=CHALLENGE, verifier=VERIFIER, method="S256"):
    return {
        "flow": {
            "parameters": {"code_challenge": challenge, "code_challenge_method": method},
            "code_verifier": verifier,
        }
    }


ROWS = [
    ("sign.assertion", assertion(), None),
    ("sign.assertion", assertion(sub="x"), "the client assertion's sub is 'x', our client_id is 'flowrun'"),
    (
        "sign.assertion",
        assertion(jti=None, exp=None),
        "the client assertion has no exp; the client assertion has no jti",
    ),
    ("sign.assertion", {**assertion(sub="x"), "wants_refusal": True}, ON_PURPOSE),
    ("sign.assertion", request(), NOTHING),
    ("sign.aud", assertion(), None),
    (
        "sign.aud",
        assertion(aud=[ISSUER]),
        "the client assertion's aud is ['https://op.example'], the issuer is 'https://op.example'",
    ),
    ("sign.aud", {**assertion(aud="https://as.example/token"), "status": 401}, "skipped: the request was refused"),
    ("sign.aud", {}, NOTHING),
    ("sign.lifetime", assertion(exp=700), None),
    (
        "sign.lifetime",
        assertion(exp=701),
        "the client assertion lives 601 s from iat to exp; this profile wants 600 at most",
    ),
    ("sign.lifetime", assertion(iat=None), None),
    ("sign.lifetime", {**assertion(exp=9999), "profile": "oauth2"}, "skipped: the profile has no limit"),
    ("sign.jar", request(), None),
    ("sign.jar", request(sub="somebody"), None),
    (
        "sign.jar",
        request(sub="flowrun"),
        "the request object's sub is our client_id, so it could pass for a client assertion",
    ),
    ("sign.jar", request(request_uri="urn:x"), "the request object holds request_uri"),
    (
        "sign.jar",
        request(aud=None, iss="x"),
        "the request object has no aud; the request object's iss is 'x', our client_id is 'flowrun'",
    ),
    ("sign.jar", assertion(), NOTHING),
    ("sign.jar-lifetime", request(exp=3700), None),
    (
        "sign.jar-lifetime",
        request(exp=3701),
        "the request object lives 3601 s from nbf to exp; this profile wants 3600 at most",
    ),
    (
        "sign.jar-lifetime",
        {**request(exp=701), "profile": "uae"},
        "the request object lives 601 s from nbf to exp; this profile wants 600 at most",
    ),
    ("sign.jar-lifetime", request(nbf=None), "the request object has no nbf"),
    ("sign.jar-lifetime", {}, NOTHING),
    ("sign.typ", request({"typ": "oauth-authz-req+jwt"}), None),
    ("sign.typ", request(), "the request object's typ is None, not oauth-authz-req+jwt"),
    ("sign.typ", assertion(), NOTHING),
    ("sign.int-dates", assertion(), None),
    ("sign.int-dates", request(exp=160.5), "the request object's exp is 160.5, not a whole number"),
    ("sign.int-dates", {}, NOTHING),
    ("sign.alg", assertion({"alg": "Ed25519"}), None),
    ("sign.alg", assertion({"alg": "RS256"}), "the client assertion is signed with RS256"),
    ("sign.alg", request({"alg": "none"}), "the request object is signed with none"),
    ("sign.alg", {**request({"alg": "none"}), "wants_refusal": True}, ON_PURPOSE),
    ("sign.pkce", pkce(), None),
    ("sign.pkce", pkce(verifier=None), None),
    (
        "sign.pkce",
        pkce(challenge=f"{CHALLENGE}="),
        "the code_challenge has 44 characters; S256 makes 43, of the base64url alphabet",
    ),
    (
        "sign.pkce",
        pkce(verifier="short"),
        "the code_verifier has 5 characters, or some that are not allowed; 43 to 128 are",
    ),
    ("sign.pkce", pkce(verifier="v" * 43), "the code_challenge does not belong to the code_verifier"),
    ("sign.pkce", pkce(method="plain"), "skipped: no challenge made with S256 was sent"),
    ("sign.pkce", {**pkce(verifier="short"), "wants_refusal": True}, ON_PURPOSE),
]
