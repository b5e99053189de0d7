from __future__ import annotations

from flowrun.client import IdToken
from flowrun.flow import ReceivedJwt

ISSUER = "https://op.example"
ALWAYS = set()


def came(callback, *, parameters=None, server=None, **more):
    flow = {"callback": callback, "parameters": {"state": "s"} if parameters is None else parameters}
    return {"flow": {**flow, "server": {"issuer": ISSUER, **(server or {})}}, **more}


PROMISED = {"authorization_response_iss_parameter_supported": True}

CB = "https://app.example/cb"
RANDOM = "bVJMdzV0a0Q4X3hQ-2ZfYTFRcQ"


def stood(url, place="query", callback=None, client=None, server=None, **parameters):
    flow = {
        "server": {"issuer": ISSUER, **(server or {})},
        "callback": callback or {"code": "c"},
        "callback_url": url,
        "callback_place": place,
        "parameters": parameters,
    }
    return {"flow": flow, "client": client}


def pairs(*names, redirect_uri=CB):
    flow = {"callback": {"code": "c"}, "callback_pairs": tuple((name, "x") for name in names)}
    return {"flow": flow, "client": {"redirect_uri": redirect_uri}}


def jarm(distrust="", plain=(), **claims):
    full = {"iss": ISSUER, "aud": "flowrun", "exp": 1_800_000_060, **claims}
    flow = {"callback": {"code": "c"}, "callback_pairs": tuple((name, "x") for name in ("response", *plain))}
    return {"flow": flow, "jwt": ReceivedJwt("h.p.s", {}, full, distrust)}


NOT_ENCRYPTED = "the signed response is not encrypted, as the environment says that it is (id_token: {encrypt: true})"
NO_CALLBACK = "skipped: there was no callback"

ROWS = [
    ("cb.state", came({"code": "c", "state": "s"}), None),
    ("cb.state", came({"error": "access_denied", "state": "s"}), None),
    ("cb.state", came({"code": "c"}, parameters={"scope": "x"}), None),
    ("cb.state", came({"code": "c", "state": "5"}, parameters={"state": 5}), None),
    ("cb.state", came({"code": "c"}), "the callback has no state"),
    ("cb.state", came({"code": "c", "state": ""}), "the callback has another state than the one sent"),
    ("cb.state", came({"code": "c", "state": "S"}), "the callback has another state than the one sent"),
    ("cb.state", came({"code": "c", "state": "s"}, parameters={}), "the callback has another state than the one sent"),
    ("cb.state", came({"error": "access_denied"}), "the callback has no state"),
    (
        "cb.state",
        came({"error": "invalid_request_object"}),
        "skipped: an unreadable request may be answered without state",
    ),
    ("cb.state", {}, "skipped: there was no callback"),
    ("cb.iss", came({"iss": ISSUER}), None),
    ("cb.iss", came({"iss": ISSUER}, server={"issuer": None}), None),
    (
        "cb.iss",
        came({"iss": "https://evil.example"}),
        "the callback has iss 'https://evil.example', the issuer is 'https://op.example'",
    ),
    (
        "cb.iss",
        came({"iss": f"{ISSUER}/"}),
        "the callback has iss 'https://op.example/', the issuer is 'https://op.example'",
    ),
    ("cb.iss", came({"code": "c"}, server=PROMISED), "the callback has no iss"),
    ("cb.iss", came({"code": "c"}, profile="fapi2"), "the callback has no iss"),
    ("cb.iss", came({"code": "c"}), "skipped: the server does not promise iss"),
    ("cb.iss", came({"iss": ISSUER}, server={"issuer": None}, issuer=""), "skipped: the issuer is not known"),
    ("cb.iss", {}, "skipped: there was no callback"),
    ("cb.iss", jarm(), "skipped: the signed response names its issuer itself"),
    (
        "cb.iss",
        came({"code": "c", "id_token": "h.p.s"}, server=PROMISED),
        "skipped: the id_token beside it names the issuer itself",
    ),
    ("cb.place", stood(f"{CB}?code=c#_"), None),
    ("cb.place", stood(f"{CB}#code=c", "fragment", response_mode="fragment.jwt"), None),
    ("cb.place", stood(f"{CB}?response=c", "query", response_mode="jwt"), None),
    ("cb.place", stood(CB, "form_post", response_mode="form_post"), None),
    ("cb.place", stood(f"{CB}?code=c", response_mode="form_post"), None),  # not offered: it may be ignored
    (
        "cb.place",
        stood(f"{CB}#code=c", "fragment", response_mode="form_post"),
        "the response stands in the fragment, and belongs into the query",
    ),
    (
        "cb.place",
        stood(f"{CB}?code=c", response_mode="fragment"),
        "the response stands in the query, and belongs into the fragment",
    ),
    (
        "cb.place",
        stood(f"{CB}?code=c", server={"response_modes_supported": ["form_post"]}, response_mode="form_post"),
        "the response stands in the query, and belongs into the form_post",
    ),
    ("cb.place", stood(f"{CB}#code=c", "fragment"), "the response stands in the fragment, and belongs into the query"),
    (
        "cb.place",
        stood(f"{CB}?code=c#code=c&state=s"),
        "code, state stand in the fragment as well; the response belongs into the query",
    ),
    (
        "cb.place",
        stood(f"{CB}?code=c", response_type="code id_token"),
        "skipped: it is not known where this response belongs",
    ),
    ("cb.place", stood(CB, ""), "skipped: it was not seen where the response stood"),
    ("cb.place", {}, NO_CALLBACK),
    ("cb.redirect-exact", stood("HTTPS://APP.example:443/cb?a=1&code=c", redirect_uri=f"{CB}?a=1"), None),
    ("cb.redirect-exact", stood("https://app.example?code=c", client={"redirect_uri": "https://app.example/"}), None),
    (
        "cb.redirect-exact",
        stood("https://app.example/cbevil?code=c", redirect_uri=CB),
        "the browser was sent to another address than the redirect_uri",
    ),
    (
        "cb.redirect-exact",
        stood(f"{CB}?code=c&a=2", redirect_uri=f"{CB}?a=1&b="),
        "the redirect_uri's own a, b did not come back",
    ),
    ("cb.redirect-exact", stood(f"{CB}?code=c"), "skipped: there is nothing to compare"),
    ("cb.once", pairs("code", "state"), None),
    ("cb.once", pairs("a", "a", "code", redirect_uri=f"{CB}?a=1&a=2"), None),
    ("cb.once", pairs("state", "code", "state", "code"), "given more than once: code, state"),
    ("cb.once", pairs(), "skipped: the parameters were not seen as they stood"),
    ("cb.code-or-error", came({"code": "c"}), None),
    ("cb.code-or-error", came({"code": "c", "error": "e"}), "the callback has both a code and an error"),
    ("cb.code-or-error", {}, NO_CALLBACK),
    ("cb.code-entropy", came({"code": RANDOM}, earlier={"code": [RANDOM[::-1]]}), None),
    (
        "cb.code-entropy",
        came({"code": "123456"}),
        "the code has 6 characters, which can hold 20 bits at most; 128 are asked for",
    ),
    (
        "cb.code-entropy",
        came({"code": f"{RANDOM}2"}, earlier={"code": [f"{RANDOM}1"]}),
        "the code differs from one that came before in a few characters only, as if it were counted up",
    ),
    ("cb.code-entropy", came({"error": "e"}), "skipped: the callback has no code"),
    ("cb.error-shape", came({"error": "login_required"}), None),
    ("cb.error-shape", came({"error": "oops"}), "the error 'oops' is in no registry"),
    ("cb.error-shape", came({"code": "c"}), "skipped: the callback has no error"),
    ("cb.leak", came({"code": "c", "state": "s"}), None),
    ("cb.leak", came({"access_token": "a"}, parameters={"response_type": "code token"}), None),
    ("cb.leak", {**came({"client_secret": "1"}), "client": {"redirect_uri": f"{CB}?client_secret=1"}}, None),
    (
        "cb.leak",
        came({"code": "c", "client_secret": "s", "client_assertion": "a"}),
        "the callback carries client_assertion, client_secret, which the browser is not to see",
    ),
    *(
        (
            "cb.leak",
            came({"code": "c", name: "x"}),
            f"the callback carries {name}, which the browser is not to see",
        )
        for name in ("access_token", "refresh_token", "code_verifier")
    ),
    (
        "cb.leak",
        {**came({"access_token": "a"}), "jwt": ReceivedJwt("h.p.s", {}, {}, encrypted={"alg": "RSA-OAEP"})},
        "skipped: the response is encrypted, so that the browser can't read it",
    ),
    ("cb.leak", {}, NO_CALLBACK),
    ("cb.extra", came({"code": "c", "client_assertion": "x"}), None),
    ("cb.extra", came({"code": "c", "session_state": "x"}), None),
    ("cb.extra", {**came({"code": "c", "keep": "1"}), "client": {"redirect_uri": f"{CB}?keep=1"}}, None),
    ("cb.extra", came({"code": "c", "keep": "1"}, parameters={"redirect_uri": f"{CB}?keep=1"}), None),
    ("cb.extra", came({"code": "c", "b": "", "a": ""}), "parameters that are not expected there: a, b"),
    ("cb.extra", {}, NO_CALLBACK),
    ("cb.jarm", jarm(aud=["flowrun", "x"]), None),
    ("cb.jarm", {**jarm(), "client": {"id_token": IdToken(encrypt=True)}}, NOT_ENCRYPTED),
    ("cb.jarm", jarm("its key is unknown"), "the response can't be trusted: its key is unknown"),
    ("cb.jarm", jarm(plain=["code", "state"]), "beside the signed response stand plain code, state"),
    (
        "cb.jarm",
        jarm(iss="x"),
        "the signed response's iss is 'x', the issuer is 'https://op.example'",
    ),
    ("cb.jarm", jarm(aud="x"), "the signed response's aud is 'x', our client_id is 'flowrun'"),
    ("cb.jarm", jarm(exp=1_799_999_000), "the signed response has expired"),
    ("cb.jarm", jarm(exp=None), "the signed response has no exp"),
    ("cb.jarm", jarm(exp="soon"), "the signed response's exp is 'soon'"),
    (
        "cb.jarm",
        came(
            {"code": "c"},
            parameters={"response_mode": "query.jwt"},
            server={"response_modes_supported": ["query", "query.jwt"]},
        ),
        "response_mode query.jwt was asked for, and the response is not signed",
    ),
    (
        "cb.jarm",
        came({"code": "c"}, parameters={"response_mode": "query.jwt"}),  # disc.jarm has said so
        "skipped: the server does not offer the signed response that was asked for",
    ),
    ("cb.jarm", came({"code": "c"}), "skipped: no signed response was asked for"),
]
