"""The rules of blame with made-up cases: what each says, and above all when it keeps quiet."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowrun import blame
from flowrun.blame.past import Done
from flowrun.browser.model import Hop
from flowrun.client import Assertion, Certificate, Client, KeyFile
from flowrun.document import parse
from flowrun.errors import FAILED, NO_BROWSER, UNREACHABLE, WRONG_FILE, Problem
from flowrun.events import Called
from flowrun.flow import Flow, Refusal, SignedJwt, challenge_of

NOW = 1_800_000_000.0
ISSUER = "https://bank.example"
TOKEN, PAR = f"{ISSUER}/token", f"{ISSUER}/par"
TLS = Path(__file__).parents[1] / "keys.example" / "tls.pem"
CLIENT = Client("default", "app", "https://app.example/cb", keys={"signing": KeyFile(None, "k1")})
PROFILE = SimpleNamespace(name="ofm", client={"assertion": {"aud": "issuer"}})
PLAIN = SimpleNamespace(name="oauth2", client={})
WRITTEN = """\
issuer: https://bank.example
endpoints:
  pushed_authorization_request_endpoint: https://bank.example/par
clients:
  default:
    client_id: app
    auth: private_key_jwt
    assertion: {aud: token}
    keys: {signing: {file: ours.pem, kid: k1}}
"""
DOCUMENT = parse(WRITTEN, "bank.yaml", Path("bank.yaml"))
SCENARIO = parse("authorization:\n  scope: openid pay\n  prompt: none\n", "scenario.yaml", Path("scenario.yaml"))


def with_client(**changes):
    return Client(**{name: getattr(CLIENT, name) for name in Client.__slots__} | changes)


WITH_KEY = with_client(keys={"signing": KeyFile(Path("ours.pem"), "k1")})


def environment(**changes):
    usual = {"issuer": ISSUER, "endpoints": {}, "mtls_endpoint_aliases": {}, "profile": PROFILE}
    return SimpleNamespace(document=DOCUMENT, **usual | changes)


def done(kind="push", at=NOW - 40, *, client="default", signed=(), code="", **sent):
    return Done(kind, kind, "scenario.yaml:5", at, client, sent, frozenset(signed), code)


def assertion(*, kid="k1", what="client_assertion", alg="PS256", **claims):
    usual = {"iss": "app", "sub": "app", "aud": ISSUER, "iat": NOW - 1, "exp": NOW + 59, "jti": "x"}
    return SignedJwt(what, {"alg": alg, "kid": kid}, usual | claims)


def call(status=400, *, url=PAR, form=(), headers=None, skew=0.0, sent_headers=None):
    date = {"date": formatdate(NOW - skew, usegmt=True)}
    return Called("POST", url, status, 0.2, sent_headers or {}, tuple(form), date | (headers or {}), "", at=NOW - 0.1)


def refused(error="", description="", *, place="push", status=400, kind="push", code="par_error", **more):
    """Say what is blamed for a refusal; keywords are members of the case."""
    more = {"call": call(status), **more}
    return judged(Problem(code, "refused", exit_code=FAILED), kind, Refusal(place, error, description, status), **more)


def judged(problem, kind="push", refusal=None, **more):
    server = {"issuer": ISSUER, "token_endpoint": TOKEN, "pushed_authorization_request_endpoint": PAR}
    flow = Flow(server=server, signed=[assertion()])
    for name, value in more.pop("flow", {}).items():
        setattr(flow, name, value)
    usual = {"client": CLIENT, "environment": environment(), "now": NOW, "call": None, **more}
    return blame.of(blame.Case(problem=problem, kind=kind, flow=flow, refusal=refusal, **usual))


def client_refused(description="", *signed, **more):
    flow = {"signed": list(signed) or [assertion()]}
    return refused("invalid_client", description, flow=flow, **more).words


# --- false blame is worse than none ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "description",
    [
        "",
        "Client authentication failed.",
        "Fraud alert: see the audit of the hockey club.",  # aud, key
        "The request was used to reach us.",  # used, but not before
        "Kidding.",
        "Try again in the expressway.",  # exp
    ],
)
def test_an_invalid_client_that_is_not_explained_stays_unclear(description):
    assert client_refused(description) == ("unclear: the server did not believe that it is us, and does not say why")


def test_what_there_is_to_compare_is_said():
    found = refused("invalid_client", "AADB2C90237", call=call(sent_headers={"X-FAPI-Interaction-ID": "7"}))
    assert found.words.endswith("says why only in a code of its own")
    assert found.do.splitlines() == [
        f"{MANUAL} the interaction id",
        f"sent: {SENT}; exp 59 s after it was sent",
        "right: aud, iss and sub, kid, clock; left: client_id, key or auth are registered otherwise at the server",
        TRY,
    ]
    odd = refused("invalid_client", "AADB2C90237", flow={"signed": [assertion(kid="k2", sub="y")]}).do
    assert odd.startswith(f"{MANUAL} the time")
    assert odd.endswith(f"right: aud, clock; not sure: iss and sub and kid\n{TRY}")
    with_nbf = with_client(assertion=Assertion(nbf=True))
    assert "and nbf: false, at" in refused("invalid_client", "AADB2C90237", client=with_nbf).do


@pytest.mark.parametrize(("kind", "place"), [("push", "push"), ("exchange", "exchange"), ("introspect", "introspect")])
def test_a_bare_401_is_a_client_that_is_not_believed(kind, place):
    code = "par_error" if kind == "push" else f"refused-{place}"
    found = refused(status=401, kind=kind, place=place, code=code)
    assert found.words == "unclear: the server did not believe that it is us, and does not say why"
    assert found.do.endswith(TRY)
    odd = refused(status=401, kind=kind, place=place, code=code, flow={"signed": [assertion(aud=TOKEN)]})
    assert odd.words.startswith(f"your configuration: the aud of the client assertion is {TOKEN}")


def test_a_bare_401_of_a_resource_says_nothing_of_the_client():
    for kind in ("userinfo", "call"):
        assert refused(status=401, kind=kind, place=kind, code=f"refused-{kind}").words == (
            "unclear: the answer does not say why"
        )


def test_an_assertion_that_is_refused_with_invalid_request():
    sent = {"call": call(form=[("client_assertion", "a.b.c")])}
    found = refused("invalid_request", "Authorization failed", **sent)
    assert found.words == "unclear: the server did not believe that it is us, and does not say why"
    assert found.do.endswith(TRY)
    other = refused("invalid_request", "scope is missing", **sent)
    assert other.words == "unclear: only the description says why"
    assert refused("invalid_request", "Authorization failed").words == "unclear: only the description says why"


def with_basic(secret, error="", status=401, **more):
    client = with_client(auth="client_secret_basic", client_secret=secret, **more)
    sent = call(status, sent_headers={"Authorization": "Basic eA"})
    return refused(error, status=status, flow={"signed": []}, client=client, call=sent)


@pytest.mark.parametrize(
    ("error", "status"), [("invalid_client", 401), ("unauthorized_client", 400), ("", 401), ("", 403)]
)
def test_a_secret_that_the_form_encoding_changes(error, status):
    found = with_basic("a+b/c", error, status)
    assert found.words.startswith("unclear: the client_secret has letters that are encoded in the Basic header")
    assert found.do.startswith(
        "write basic_encoding: raw at bank.yaml:6 (clients.default.basic_encoding, not there yet)"
    )
    assert "the client_id and client_secret have" in with_basic("a+b", error, status, client_id="https://x").words
    for plain in (with_basic("abc", error, status), with_basic("a+b", error, status, basic_encoding="raw")):
        assert "basic_encoding" not in plain.do
        assert "Basic header" not in plain.words


def test_an_opaque_description_is_not_explained_by_an_odd_aud_or_kid():
    odd = assertion(kid="k2", aud=TOKEN)
    assert client_refused("AADB2C90237", odd).startswith("unclear:")


@pytest.mark.parametrize("description", ["Unknown key id.", "The jti was used before.", "The aud is wrong.", "secret"])
def test_the_clock_is_not_blamed_for_what_the_server_says_is_something_else(description):
    assert "clock" not in client_refused(description, call=call(skew=600))


def test_clocks_that_agree_are_not_blamed_for_dates():
    assert client_refused("The assertion has expired.", call=call(skew=1)).startswith("unclear:")


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Nov 2026 17:34:51 GMT"])
def test_a_header_date_that_is_none_says_nothing_of_the_clock(date):
    odd = call(headers={"date": date})
    assert client_refused("The assertion has expired.", call=odd).startswith("unclear:")


def test_what_else_fails_in_the_step_is_not_what_was_refused():
    facts = (("rule", "the answer may not be stored"), ("spec", "RFC 9126 §2.2"))
    problem = Problem("push.no-store", "no Cache-Control", facts=facts, exit_code=FAILED)
    refusal = Refusal("push", "invalid_client", "The kid k1 is unknown.", 401)
    assert judged(problem, "push", refusal).words == "their server (RFC 9126 §2.2)"
    expectation = Problem("expectation", "error is not what was expected", exit_code=FAILED)
    assert judged(expectation, "push", refusal).words.startswith("unclear: the scenario expects one thing")


def test_a_token_that_no_step_got_is_what_the_scenario_counts_on():
    problem = Problem("no-token", "no step before has received a refresh_token", exit_code=FAILED)
    assert judged(problem, "exchange").words == "unclear: what the scenario counts on did not come"


def test_a_warning_has_no_blame():
    problem = Problem("push.no-store", "x", facts=(("rule", "r"), ("spec", "s")), warning=True)
    assert judged(problem) == blame.Blame("")


def test_an_invalid_request_stays_unclear():
    assert refused("invalid_request").words == "unclear: the answer does not say why"
    assert refused("invalid_request", "The parameter 'x' is odd.").words == "unclear: only the description says why"


def test_what_nobody_knows_is_unclear():
    assert judged(Problem("no-code", "no step before has received a token", exit_code=FAILED)).words == "unclear"


TRY = "try aud: token, then par and endpoint, and nbf: true, at bank.yaml:8 (clients.default.assertion)"
MANUAL = "look the code in the description up in the server's manual, or give its team this report with"
SENT = f"auth private_key_jwt, client_id app; kid 'k1', alg PS256; iss app, sub app, aud {ISSUER}"
LIKELY = "; the server does not say why it refuses, most likely this"


# --- who we are ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "description",
    ["No key for kid: 'k1'.", "invalid_key_id", "JWKS lookup failed", "no key to verify the signature with"],
)
def test_a_key_that_the_server_lacks(description):
    found = refused("invalid_client", description, client=WITH_KEY)
    assert found.words == (
        "your configuration: the server has no key 'k1' of ours, "
        "with which the client assertion is signed (ours.pem, PS256)"
    )
    assert "bank.yaml:9 (clients.default.keys.signing.kid)" in found.do


@pytest.mark.parametrize("description", ["bad_signature", "Signature verification failed"])
def test_another_key_of_ours_than_the_one_that_the_server_has(description):
    found = refused("invalid_client", description, client=WITH_KEY)
    assert found.words == (
        "your configuration: the signature of the client assertion does not fit the key 'k1' "
        "that the server has of us: that is not the public half of ours.pem (PS256)"
    )
    assert found.do.startswith("register the public half of ours.pem for app again, under this kid;")
    assert found.do.endswith("bank.yaml:9 (clients.default.keys.signing.file)")


def test_a_client_with_jwks_uri_is_told_where_to_look():
    place = "https://keys.example/jwks"
    found = refused("invalid_client", "unknown kid", client=with_client(jwks_uri=place))
    assert place in found.do
    assert "check --online" in found.do


@pytest.mark.parametrize("description", ["", "unknown kid"])
def test_another_kid_than_the_clients(description):
    words = "your configuration: the client assertion names the kid 'k2'; the client's signing key is 'k1'"
    assert client_refused(description, assertion(kid="k2")) == words + ("" if description else LIKELY)


@pytest.mark.parametrize("description", ["", "invalid audience", "The claim aud is not ours."])
def test_another_aud_than_the_profile_wants(description):
    words = (
        f"your configuration: the aud of the client assertion is {TOKEN}; the profile ofm wants the issuer, {ISSUER}"
    )
    assert client_refused(description, assertion(aud=TOKEN)) == words + ("" if description else LIKELY)


def test_a_list_is_not_the_issuer_alone():
    assert f"is {ISSUER} and {TOKEN};" in client_refused("aud", assertion(aud=[ISSUER, TOKEN]))


def test_the_deed_names_the_setting_only_where_the_setting_is_wrong():
    odd = {"signed": [assertion(aud=TOKEN)]}
    own = with_client(assertion=Assertion(aud="token"))
    place = "bank.yaml:8 (clients.default.assertion.aud)"
    assert refused("invalid_client", "aud", flow=odd, client=own).do == f"write aud: issuer at {place}"
    plain = "leave aud out of the scenario: flowrun writes the issuer"
    assert refused("invalid_client", "aud", flow=odd).do == plain
    signed = [done("sign", signed=["client_assertion"])]
    assert "the step 'sign' (scenario.yaml:5)" in refused("invalid_client", "aud", flow=odd, past=signed).do


def test_an_aud_that_the_profile_does_not_speak_of_is_no_fault_by_itself():
    own = environment(profile=PLAIN)
    assert client_refused("", assertion(aud=TOKEN), environment=own).startswith("unclear:")
    assert "not the issuer" in client_refused("wrong aud", assertion(aud=TOKEN), environment=own)
    assert client_refused("wrong aud", environment=own).startswith("unclear:")


def test_a_server_that_refuses_its_own_issuer_is_to_blame():
    assert client_refused("wrong aud").startswith("their server: the aud is its issuer")


@pytest.mark.parametrize("description", ["it was used before (jti)", "JTI already used", "Replay detected"])
def test_a_second_use(description):
    assert client_refused(description) == (
        "your configuration: this client assertion was used before, and may be sent once (jti)"
    )


def test_an_assertion_that_had_expired_by_our_own_clock():
    late = assertion(exp=NOW - 60.1)
    assert client_refused("AADB2C90237", late) == (
        "your configuration: the client assertion had expired 60 s before it was sent (exp)"
    )


def test_an_assertion_that_expires_while_the_server_thinks_is_not_late():
    assert client_refused("AADB2C90237", assertion(exp=NOW - 0.05)).startswith("unclear:")


def test_an_assertion_that_is_not_valid_yet():
    assert "was sent 90 s before it is valid (nbf)" in client_refused("", assertion(nbf=NOW + 89.9))


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (-94, "94 s behind the server's: 07:59:59 UTC here, 08:01:33 UTC there"),
        (94, "94 s ahead of the server's: 07:59:59 UTC here, 07:58:25 UTC there"),
        (7300, "2 hours ahead of the server's: 07:59:59 UTC here, 05:58:19 UTC there"),
    ],
)
@pytest.mark.parametrize("description", ["", "The assertion is expired or not yet valid.", "AADB2C90237"])
def test_clocks_that_differ(skew, words, description):
    told = client_refused(description, call=call(skew=skew))
    assert told == f"the environment: the clock of this machine is {words} (header Date)"


def test_a_difference_that_the_dates_bear_is_not_blamed():
    long = assertion(iat=NOW - 100, exp=NOW + 300)
    assert client_refused("", long, call=call(skew=30)).startswith("unclear:")


def test_other_algorithms():
    listed = {"issuer": ISSUER, "token_endpoint_auth_signing_alg_values_supported": ["ES256"]}
    found = refused("invalid_client", "bad alg", flow={"server": listed, "signed": [assertion()]})
    assert found.words.endswith("token_endpoint_auth_signing_alg_values_supported of the metadata does not have")
    assert "does not take that from this client" in client_refused("Algorithm not allowed")


def test_another_name_in_the_assertion():
    assert client_refused("sub", assertion(sub="other")) == (
        "your configuration: the client assertion has sub other; the client_id is app"
    )
    assert client_refused("The claim sub is odd.").startswith("unclear:")


def test_registered_otherwise():
    assert "is not registered for auth: private_key_jwt" in client_refused("Not registered for this.")
    assert client_refused("Unknown client.") == "your configuration: the server does not know the client_id app"


def test_a_method_that_the_server_does_not_have():
    server = {"issuer": ISSUER, "token_endpoint_auth_methods_supported": ["tls_client_auth"]}
    found = refused("invalid_client", "Wrong auth method.", flow={"server": server, "signed": [assertion()]})
    assert found.words.endswith("is none of token_endpoint_auth_methods_supported in the metadata: tls_client_auth")
    assert found.do.endswith("bank.yaml:7 (clients.default.auth)")


def test_nobody_authenticates_in_a_browser():
    found = refused("invalid_client", kind="browse", place="page", code="refused-page", call=None)
    assert found.words == "your configuration: the server does not know the client_id app"


def test_a_call_without_the_clients_authentication():
    found = refused("invalid_client", kind="call", place="call", code="refused-call", flow={"signed": []})
    assert found.words == (
        "your configuration: no client assertion was sent, and the client 'default' has auth: private_key_jwt"
    )
    found = refused("invalid_client", flow={"signed": []}, client=with_client(auth="client_secret_post"))
    assert found.words.startswith("your configuration: no client_secret was sent")


@pytest.mark.parametrize("sent", [{"form": [("client_secret", "x")]}, {"sent_headers": {"Authorization": "Basic eA"}}])
def test_a_secret(sent):
    own = {"flow": {"signed": []}, "client": with_client(auth="client_secret_basic"), "call": call(401, **sent)}
    assert refused("invalid_client", **own).words == (
        "your configuration: the server does not know app with this secret, or not by client_secret_basic"
    )
    assert refused("invalid_client", "AADB2C90237", **own).words.startswith("unclear:")


def test_a_request_object():
    flow = {"signed": [assertion(), assertion(what="request_object", aud=TOKEN)]}
    found = refused("invalid_request_object", "The aud is wrong.", flow=flow)
    assert found.words == f"your configuration: the aud of the request object is {TOKEN}; not the issuer, {ISSUER}"
    assert refused("invalid_request_object", "", flow=flow).words == "unclear: the answer does not say why"
    unread = call(form=[("request", "a.b.c.d.e")])  # encrypted: nothing can be said about it
    assert refused("invalid_request_object", "The aud is wrong.", call=unread).words.startswith("unclear:")


@pytest.mark.parametrize(
    "description",
    ["no key", "aud", "jti", "alg", "sub", "iss", "unknown client", "registered for", "x", "", "expired"],
)
@pytest.mark.parametrize("jwt", [assertion(), assertion(kid="k2", aud=TOKEN, sub="y"), assertion(exp=NOW - 99)])
def test_the_general_advice_never_stands_under_a_blame_of_something_else(jwt, description):
    """flowrun.refusals.ADVICE asks after key, aud and clock; where something is known, the deed is about that."""
    assert refused("invalid_client", description, flow={"signed": [jwt]}).do


def test_which_step_has_sent_an_assertion_before():
    past = [done("push", client_assertion="a.b.c")]
    found = refused("invalid_client", "jti", call=call(form=[("client_assertion", "a.b.c")]), past=past)
    assert found.words.endswith("may be sent once (jti): the step 'push' (scenario.yaml:5) has sent it")


def test_where_the_dates_are_set_is_said():
    late = {"flow": {"signed": [assertion(exp=NOW - 60)]}}
    assert refused("invalid_client", **late).do.endswith(
        "bank.yaml:8 (clients.default.assertion.lifetime, not there yet)"
    )
    signed = [done("sign", signed=["client_assertion"])]
    assert "the step 'sign' (scenario.yaml:5)" in refused("invalid_client", past=signed, **late).do
    early = {"flow": {"signed": [assertion(nbf=NOW + 90)]}}
    assert refused("invalid_client", **early).words.endswith("the clocks of this machine and of the server agree")


# --- certificates ----------------------------------------------------------------------------------------------------

SHOWN = Certificate(TLS)


def by_certificate(description="", certificate=SHOWN, **more):
    own = with_client(auth="tls_client_auth", certificate=certificate)
    return refused("invalid_client", description, client=own, flow={"signed": []}, **more).words


def test_a_certificate_that_is_not_there_or_not_shown():
    assert by_certificate("", None).endswith("wants a client certificate, and the client 'default' has none")
    assert "this host is not in the client's list" in by_certificate("", Certificate(TLS, hosts=("api.example",)))
    plain = call(url="http://bank.example/par")
    assert "was called by http" in by_certificate("", call=plain)
    header = Certificate(TLS, header={"name": "x-cert", "format": "pem"})
    assert by_certificate("", header, call=plain).startswith("unclear:")


def test_a_certificate_that_is_out_of_its_time():
    assert by_certificate("", now=NOW + 100 * 365 * 86400).startswith(
        "your configuration: the certificate tls.pem expired on"
    )
    assert "is valid only from" in by_certificate("", now=NOW - 50 * 365 * 86400)


def test_a_certificate_that_the_server_does_not_know():
    assert by_certificate("The certificate is not registered.").startswith("your configuration: ")
    assert by_certificate("AADB2C90237") == "unclear: the server did not believe that it is us"


def test_a_certificate_that_got_lost_on_its_way():
    found = refused("invalid_request", "No client certificate.", client=with_client(certificate=SHOWN))
    assert found.words == "unclear: the certificate tls.pem was shown, and the server says that there is none"


def handshake(code="tls-client-certificate", kind="push", certificate=None, alert="certificate required"):
    problem = Problem(code, "x", facts=(("url", PAR), ("TLS alert", alert)), exit_code=UNREACHABLE)
    return judged(problem, kind, client=with_client(certificate=certificate)).words


def test_a_handshake_that_was_refused():
    assert handshake().startswith("your configuration: the server wants a client certificate")
    assert handshake(certificate=SHOWN) == "your configuration: the server does not accept the client's certificate"
    assert handshake(kind="discover").startswith("unclear:")


@pytest.mark.parametrize("alert", ["handshake failure", ""])
def test_a_handshake_may_fail_for_other_reasons(alert):
    assert handshake(alert=alert).endswith("the client 'default' has none")
    assert handshake(alert=alert).startswith("unclear: ")
    assert handshake(certificate=SHOWN, alert=alert).startswith("unclear: ")
    hidden = Certificate(TLS, hosts=("other.example",))
    assert handshake(certificate=hidden, alert=alert).startswith("your configuration: the certificate tls.pem was not")


def test_who_issued_a_certificate_is_said_where_that_is_what_the_server_does_not_know():
    told = handshake(certificate=SHOWN, alert="unknown ca")
    assert told.startswith("your configuration: the server does not trust who issued tls.pem: CN=")


def test_a_dropped_connection_is_no_proof_of_anything():
    assert handshake("connection-dropped").startswith("unclear:")
    assert handshake("connection-dropped", certificate=SHOWN).startswith("the environment:")


# --- no answer, or one that is none ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["name-not-found", "connection-refused", "timeout", "tls-name", "something-new"])
def test_no_answer(code):
    assert judged(Problem(code, "x", exit_code=UNREACHABLE)).words.startswith("the environment: ")


def test_a_certificate_of_theirs_that_has_expired():
    problem = Problem("tls-certificate", "the TLS certificate of x is out of its time", exit_code=UNREACHABLE)
    assert judged(problem).words.startswith("their server: its certificate is not valid today")


@pytest.mark.parametrize(
    ("retry", "do"),
    [({"retry-after": "30"}, "after 30 s"), ({"retry-after": "Sat"}, "after Sat,"), ({}, "again in some minutes")],
)
def test_too_many_calls(retry, do):
    found = refused("invalid_client", "The kid is unknown.", call=call(429, headers=retry), status=429)
    assert found.words == "the environment: the server limits how often it may be called (429)"
    assert do in found.do


@pytest.mark.parametrize(
    ("status", "words"), [(500, "failed inside (500)"), (503, "too much to do (503)"), (504, "504")]
)
def test_a_server_that_fails(status, words):
    found = judged(Problem("server-error", "x", exit_code=FAILED), call=call(status))
    assert found.words.startswith("their server: ")
    assert words in found.words


def redirected(url=PAR, to="https://login.bank.example/", kind="push", **more):
    return judged(
        Problem("redirected", "x", exit_code=FAILED), kind, call=call(302, url=url, headers={"location": to}), **more
    )


def test_a_redirect():
    assert redirected().words.startswith("their server: a pushed request is answered, not redirected (RFC 9126 §2.2)")
    assert redirected(kind="userinfo").words.startswith("their server: an API answers")
    assert redirected(kind="discover").words.startswith("unclear: https://bank.example may not be the issuer")
    own = environment(endpoints={"pushed_authorization_request_endpoint": PAR})
    assert redirected(environment=own).words == (
        "unclear: the address may be wrong: bank.yaml:3 (endpoints.pushed_authorization_request_endpoint)"
    )
    assert redirected(url=f"{PAR}/other").words == "unclear: the address may be wrong: the scenario"
    assert redirected(to="https://[bad").words.startswith("their server: a pushed request is answered")


def test_a_redirect_to_almost_the_same_address():
    assert redirected(to=f"{PAR}/").words.startswith("their server: its metadata names")
    own = environment(endpoints={"pushed_authorization_request_endpoint": PAR})
    found = redirected(to=f"{PAR}/", environment=own)
    assert found == (
        "your configuration: the address is almost right: the slash at the end is missing",
        f"write {PAR}/ at bank.yaml:3 (endpoints.pushed_authorization_request_endpoint)",
    )
    plain = redirected(url="http://bank.example/par", to=PAR).words
    assert plain.endswith("it begins with http, the server wants https")


def test_a_page_for_people():
    html = {"content-type": "text/html"}
    problem = Problem("not-json", "x", exit_code=FAILED)
    words = "the environment: bank.example answered with a page for people"
    assert judged(problem, call=call(200, headers=html)).words == words
    assert refused("", call=call(403, headers=html), status=403).words == f"{words} (403)"
    assert judged(problem, call=call(200)).words.startswith("their server: the answer is not what the protocol says")


def test_nothing_at_the_address():
    assert refused("", call=call(404)).words.startswith("their server: its metadata names")
    own = environment(endpoints={"x": PAR})
    assert refused("", call=call(404), environment=own).words.startswith("your configuration: nothing is at")
    account = refused("", call=call(404), kind="call", place="call", code="refused-call")
    assert account.words == "unclear: the answer does not say why"


def test_files_and_machine():
    assert judged(Problem("bad-url", "x", exit_code=WRONG_FILE)).words == "your configuration"
    assert judged(Problem("unknown-variable", "x", exit_code=WRONG_FILE)).words.startswith("unclear:")
    assert judged(Problem("wrong-value", "x", label=blame.FILLED)).words.startswith("unclear:")
    assert judged(Problem("no-browser", "x", exit_code=NO_BROWSER), "browse").words.startswith("the environment:")


# --- what was refused ------------------------------------------------------------------------------------------------

ASKED = {"redirect_uri": "https://app.example/cb", "code_challenge": challenge_of("v" * 50), "scope": "openid pay"}


def at_exchange(error, description="", form=(), *, past=(), **parameters):
    where = {"kind": "exchange", "place": "exchange", "code": "refused-exchange"}
    flow = {"parameters": ASKED | parameters}
    return refused(error, description, call=call(url=TOKEN, form=form), flow=flow, past=past, **where)


def test_redirect_uri():
    wrong = "The redirect_uri is not registered."
    flow = {"parameters": ASKED}
    assert (
        "does not take the redirect_uri https://app.example/cb from app"
        in refused("invalid_request", wrong, flow=flow).words
    )
    other = {"parameters": {"redirect_uri": "https://app.example/other"}}
    assert "the scenario sends the redirect_uri" in refused("invalid_request", wrong, flow=other).words
    none = {"parameters": {"scope": "openid"}}
    assert refused("invalid_request", wrong, flow=none).words == "your configuration: no redirect_uri was sent"
    assert refused("invalid_request", "The redirect_uri is required.", flow=flow).words.startswith("unclear:")
    assert refused("invalid_request", wrong, kind="browse", flow={"parameters": None}, call=None).words == (
        "unclear: only the description says why"
    )
    assert refused("redirect_uri_mismatch", flow=flow).words.startswith("your configuration:")


def test_redirect_uri_at_the_exchange():
    other = at_exchange("invalid_grant", "redirect_uri mismatch", [("redirect_uri", "https://app.example/other")])
    assert other.words.startswith("your configuration: the redirect_uri is https://app.example/other here")
    same = at_exchange("invalid_grant", "redirect_uri mismatch", [("redirect_uri", ASKED["redirect_uri"])])
    assert same.words.startswith("unclear:")


@pytest.mark.parametrize("description", ["Code challenge failed.", "PKCE verification failed", "wrong code_verifier"])
def test_pkce(description):
    wrong = at_exchange("invalid_grant", description, [("code_verifier", "w" * 50)])
    assert wrong.words.startswith("your configuration: the code_verifier does not fit the code_challenge")
    right = at_exchange("invalid_grant", description, [("code_verifier", "v" * 50)])
    assert right.words.startswith("their server: the code_verifier fits the code_challenge")
    assert "no code_verifier was sent" in at_exchange("invalid_grant", description).words
    without = at_exchange("invalid_grant", description, [("code_verifier", "v" * 50)], code_challenge="")
    assert "had no code_challenge" in without.words


@pytest.mark.parametrize("kind", ["authorization_code", "refresh_token"])
def test_a_code_or_token_that_is_worth_nothing_stays_unclear(kind):
    assert at_exchange("invalid_grant", "Invalid 'code' in request.", [("grant_type", kind)]).words.startswith(
        "unclear: the "
    )


AT_EXCHANGE = [("grant_type", "authorization_code"), ("code", "c1"), ("client_id", "app")]


def code_sent(*past, form=AT_EXCHANGE, **parameters):
    return at_exchange("invalid_grant", "Invalid 'code' in request.", form, past=past, **parameters)


def test_a_code_that_flowrun_has_sent_before():
    found = code_sent(done("browse", code="c1"), done("exchange", NOW - 20.1, code="c1"), done("exchange", code="x"))
    assert found.words.startswith("unclear:")  # what came is not what was sent
    found = code_sent(
        done("browse", code="c1"),
        Done("exchange", "first", "s.yaml:7", NOW - 20.1, "default", {"code": "c1"}, frozenset(), ""),
    )
    assert found.words == (
        "your configuration: the code was used before, by the step 'first' (s.yaml:7), 20 s earlier, "
        "and can be used once"
    )
    assert found.do.startswith("delete this exchange")


def test_a_code_that_flowrun_sends_for_the_first_time():
    found = code_sent(done("browse", NOW - 300.1, code="c1"))
    assert found.words == (
        "unclear: flowrun sends this code for the first time, 5 minutes after the step 'browse' (scenario.yaml:5) "
        "had received it, with the same client and redirect_uri"
    )
    assert "a minute is usual" in found.do
    unknown = code_sent(done("browse", code="another"))
    assert unknown.words.startswith("unclear: the code was used before, has expired, or belongs to another client")


def test_a_code_of_another_client():
    found = code_sent(done("browse", client="other", code="c1"))
    assert found.words.startswith("your configuration: the code was given to the client 'other'")
    assert found.do == "exchange it with the same client: as: other"
    asked = code_sent(done("browse", code="c1"), client_id="somebody")
    assert asked.words == "your configuration: the client_id is app here, and it was somebody in the request"


def test_a_refresh_token_that_flowrun_has_sent_before():
    form = [("grant_type", "refresh_token"), ("refresh_token", "r1")]
    before = Done("exchange", "refresh", "s.yaml:7", NOW - 9, "default", {"refresh_token": "r1"}, frozenset(), "")
    assert "used before, by the step 'refresh' (s.yaml:7)" in code_sent(before, form=form).words
    assert "was withdrawn, has expired" in code_sent(form=form).words


def test_bound_codes():
    assert "another certificate" in at_exchange("invalid_grant", "certificate mismatch").words
    assert "another DPoP key" in at_exchange("invalid_grant", "bound to another DPoP key").words


def at_resource(error, description, **more):
    return refused(error, description, kind="call", place="call", code="refused-call", **more).words


def test_access_tokens():
    other = at_resource("invalid_token", "wrong x5t#S256", client=with_client(certificate=SHOWN))
    assert other.startswith("your configuration: the access token is bound to another certificate than tls.pem")
    assert at_resource("invalid_token", "The certificate differs.").endswith("the client 'default' has none")
    assert at_resource("invalid_token", "").startswith("unclear:")
    assert at_resource("insufficient_scope", "").startswith("your configuration: the access token lacks a scope")
    assert "bound to a DPoP key" in at_resource("invalid_token", "DPoP")


def test_dpop_proofs():
    assert at_resource("invalid_dpop_proof", "").startswith("your configuration: no DPoP proof was sent")
    proved = {"signed": [assertion(what="dpop")]}
    assert at_resource("invalid_dpop_proof", "", flow=proved).startswith("unclear:")
    assert "clock" in at_resource("invalid_dpop_proof", "iat is in the future", flow=proved, call=call(skew=60))


def test_prompt_none():
    for error in ("login_required", "consent_required", "interaction_required"):
        own = refused(
            error, kind="browse", place="callback", code="refused-callback", flow={"parameters": {"prompt": "none"}}
        )
        assert own.words.startswith("your configuration: prompt=none was sent")
        theirs = refused(error, kind="browse", place="callback", code="refused-callback")
        assert theirs.words.startswith("their server: ")
    asked = {"flow": {"parameters": {"prompt": "none"}}, "scenario": SCENARIO}
    own = refused("login_required", kind="browse", place="callback", code="refused-callback", **asked)
    assert own.do.startswith("remove prompt: none from authorization: (scenario.yaml:3);")
    added = {"flow": {"parameters": {}, "added": {"prompt": "none"}}, "kind": "browse"}
    for extra, place in (({}, "extra: of the step;"), ({"prompt": "none"}, "bank.yaml:1 (authorize.extra.prompt")):
        own = refused("login_required", **added, environment=environment(authorize_extra=extra))
        assert own.words.startswith("your configuration: prompt=none was sent")
        assert own.do.startswith(f"remove prompt: none from {place}")
    seen = {"hops": (Hop(f"{ISSUER}/auth", 302), Hop(f"{ISSUER}/consent", 200), Hop("https://app.example/cb"))}
    denied = refused("consent_required", kind="browse", place="callback", code="refused-callback", flow=seen)
    assert denied.words.startswith("unclear: the person was asked and said no")
    denied = refused("access_denied", kind="browse", place="callback", code="refused-callback")
    assert denied.words.startswith("unclear: the person said no")


def test_errors_about_what_the_metadata_lists():
    listed = {"issuer": ISSUER, "scopes_supported": ["openid"]}
    scope = refused("invalid_scope", flow={"parameters": ASKED, "server": listed})
    assert scope.words == "your configuration: scopes_supported of the metadata does not have pay"
    where = refused("invalid_scope", flow={"parameters": ASKED, "server": listed}, scenario=SCENARIO)
    assert where.do == "take pay out of scope (scenario.yaml:2); the server has: openid"
    unlisted = refused("invalid_scope", flow={"parameters": ASKED})
    assert unlisted.words.endswith("does not know the scope openid pay, or this client may not have it")
    assert refused("invalid_scope").words == "your configuration: no scope was sent"


def test_a_kind_of_token_that_an_endpoint_does_not_take():
    asked = refused("unsupported_token_type", kind="introspect", place="introspect", code="refused-introspect")
    assert asked.words == "your configuration: the server does not introspect tokens of this kind (RFC 7662 §2.1)"
    assert "revoke" not in asked.do
    assert refused("unsupported_token_type", kind="revoke", place="revoke", code="refused-revoke").do == ""


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_a_server_that_says_that_it_is_not_well(error):
    assert refused(error).words == "their server: it says itself that it is not well"


# --- in the browser --------------------------------------------------------------------------------------------------

PUSHED = "urn:ietf:params:oauth:request_uri:1"


def opened(description="", uri=PUSHED, error="invalid_request_uri", code="refused-page", past=(), **flow):
    query = f"?client_id=app&request_uri={uri}" if uri else "?client_id=app"
    flow = {"request_uri": PUSHED, "expires_at": NOW + 60, "hops": (Hop(f"{ISSUER}/auth{query}", 400, {}),), **flow}
    return refused(error, description, kind="browse", place="page", code=code, call=None, flow=flow, past=past).words


def test_request_uri():
    assert "had expired 90 s before" in opened(expires_at=NOW - 90)
    assert "had expired 90 s before" in opened(error="", code="request_uri_expired", expires_at=NOW - 90)
    assert opened("was used before").startswith("your configuration: the request_uri was used before")
    assert opened("belongs to another client").endswith("another client than the one that opened it")
    assert opened(uri="urn:x").endswith("another request_uri than the one that was pushed last")
    assert opened("request_uri is missing", uri="", error="invalid_request").endswith("wants the request pushed")
    assert opened(request_uri=None).endswith("none of this run")


@pytest.mark.parametrize("description", ["", "The request_uri is unknown."])
def test_a_request_uri_of_theirs_that_they_do_not_take_stays_unclear(description):
    assert opened(description).startswith("unclear: the server gave out this request_uri")


def test_a_request_uri_that_flowrun_has_opened_before():
    before = [done("browse", request_uri=PUSHED)]
    assert "used before, by the step 'browse' (scenario.yaml:5)" in opened(past=before)
    assert "used before" not in opened(past=[done("browse", request_uri="urn:another")])


def test_how_long_a_request_uri_lived_and_how_old_it_is():
    assert opened(expires_at=NOW - 30, past=[done("push", NOW - 90)]).endswith(
        "it lived for 60 s (expires_in), and the step 'push' (scenario.yaml:5) was 90 s ago"
    )


def test_an_expired_request_uri_is_not_to_blame_for_another_refusal():
    denied = opened(error="access_denied", expires_at=NOW - 90)
    assert denied.startswith("unclear: the person said no")


@pytest.mark.parametrize(
    ("code", "who"),
    [
        ("page-unknown", blame.PAGE),
        ("page-stuck", blame.PAGE),
        ("control-missing", blame.PAGE),
        ("not-seen", blame.PAGE),
        ("page-failed", blame.OURS),
        ("answer-missing", blame.OURS),
        ("page-error", blame.THEIRS),
        ("browser-crashed", blame.ENVIRONMENT),
        ("not-requested", blame.UNCLEAR),
    ],
)
def test_pages(code, who):
    assert judged(Problem(code, "x", exit_code=FAILED), "browse").words.startswith(f"{who}: ")


def pages_expected(wanted, got):
    problem = Problem(
        "expectation", "pages is not what was expected", facts=(("expected", wanted), ("got", got)), exit_code=FAILED
    )
    return judged(problem, "browse").words


def test_a_page_that_was_left_out_may_be_remembered():
    assert pages_expected('["login", "consent"]', '["login"]').startswith(
        "unclear: the server did not show 'consent'; it may"
    )
    for got in ('["login", "terms"]', '["login", "consent", "consent"]', '"x"', "nothing"):
        assert "remember" not in pages_expected('["login", "consent"]', got)


# --- automatic checks ------------------------------------------------------------------------------------------------


def check(code, title="x", **more):
    problem = Problem(code, title, facts=(("rule", "r"), ("spec", "RFC 1")), exit_code=FAILED)
    return judged(problem, "exchange", **more).words


def test_checks():
    assert check("tok.no-store") == "their server (RFC 1)"
    assert check("sign.aud") == check("cb.only-request-uri") == "your configuration: what is sent breaks RFC 1"
    assert check("disc.rar").startswith("unclear: the server does not offer what")


def test_an_issuer_that_is_written_otherwise():
    slash = {"server": {"issuer": f"{ISSUER}/"}}
    assert check("disc.issuer-match", flow=slash).startswith("your configuration: the issuer is not written as")
    other = {"server": {"issuer": "https://other.example"}}
    assert check("disc.issuer-match", flow=other).startswith(
        "unclear: the environment says that https://bank.example is"
    )
    assert check("disc.issuer-match", flow=other, environment=environment(issuer="")) == "their server (RFC 1)"
    assert check("disc.issuer-match", flow={"server": {}}) == "their server (RFC 1)"


def test_the_dates_of_an_id_token():
    ahead = {"id_token_claims": {"iat": NOW + 300, "exp": NOW + 900}}
    assert "clock of this machine is 5 minutes behind" in check("idt.iat", flow=ahead, call=call(200, skew=-300))
    assert check("idt.iat", flow=ahead, call=call(200)) == "their server (RFC 1)"
    old = {"id_token_claims": {"iat": NOW - 9000, "exp": NOW - 3600}}
    assert check("idt.exp", flow=old, call=call(200, skew=60)) == "their server (RFC 1)"
    assert (
        check("idt.exp", flow={"id_token_claims": {"exp": "soon"}}, call=call(200, skew=60)) == "their server (RFC 1)"
    )


def test_tokens_that_are_not_bound():
    title = "the access token is not bound to our certificate"
    own = with_client(sender_constraint="mtls", certificate=SHOWN)
    shown = {"client": own, "call": call(200)}
    assert check("cnf.mtls", title, **shown).startswith("unclear: the client has sender_constraint: mtls")
    promised = {"server": {"tls_client_certificate_bound_access_tokens": True}}
    assert check("cnf.mtls", title, flow=promised, **shown) == "their server (RFC 1)"
    assert check("cnf.mtls", "the token is bound to another certificate", **shown) == "their server (RFC 1)"
    hidden = with_client(sender_constraint="mtls", certificate=Certificate(TLS, hosts=("other.example",)))
    assert check("cnf.mtls", title, client=hidden, call=call(200)).startswith(
        "your configuration: the certificate tls.pem"
    )


# --- words -----------------------------------------------------------------------------------------------------------


ENCRYPTION = "bank.yaml:9 (clients.default.keys.encryption, not there yet)"


@pytest.mark.parametrize(
    ("why", "who", "do"),
    [
        (
            "the token is encrypted with alg ECDH-1PU, which flowrun can't open",
            "your configuration: the server encrypts for this client in a way that flowrun can't open",
            "agree with the server's team on RSA-OAEP-256 and A256GCM for this client",
        ),
        (
            "the token is encrypted with ECDH-ES, and there is no key here that fits: an EC key",
            "your configuration: the client 'default' has no key that opens it",
            f"write an EC key at {ENCRYPTION}: {{file: …}}",
        ),
        (
            "the token can't be opened with k1: it was encrypted for another key, or changed on the way",
            "unclear: it was encrypted for another key of this client, or changed on the way",
            f"compare the key that the server has of this client with {ENCRYPTION}",
        ),
    ],
)
@pytest.mark.parametrize(
    ("code", "begin", "facts"),
    [
        ("idt.sig", "the id_token can't be trusted: ", [("rule", "…"), ("spec", "OIDC Core §3.1.3.7")]),
        ("unreadable-jwt", "the JWT of userinfo can't be read: ", []),
    ],
)
def test_an_encrypted_answer_that_can_not_be_opened(code, begin, facts, why, who, do):
    problem = Problem(code, f"{begin}it can't be opened: {why}", facts=facts, exit_code=FAILED)
    assert judged(problem, "exchange") == (who, do)
    assert judged(Problem(code, f"{begin}it is no signed JWT", facts=facts), "exchange").words != who


def test_what_a_server_says_is_not_repeated():
    """Its words may be long, or hostile, or hold what is secret: the facts show them, redacted; the blame is ours."""
    bait = "<script>kid aud jti expired redirect_uri</script>" * 50
    for error in ("invalid_client", "invalid_request", "invalid_grant", "invalid_token", "invalid_request_object"):
        found = refused(error, bait)
        assert "<script" not in "".join(found)


def test_long_values_are_cut():
    found = client_refused("aud", assertion(aud="https://x.example/" + "y" * 500))
    assert len(found) < 250
