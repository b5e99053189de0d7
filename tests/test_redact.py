"""Secrets come out of everything that is shown, in every form that they take; what is no secret stays."""

from __future__ import annotations

import base64
import html
import json
import re
from collections import namedtuple
from dataclasses import replace
from urllib.parse import quote, quote_plus, urlencode

import pytest

from flowrun.errors import Problem, Span
from flowrun.events import Called, PageSeen, ScenarioFinished, ScenarioStarted, StepFinished, Told
from flowrun.redact import SECRET_MEMBERS, Redactor, mask

PLAIN = "s3cr3t-Value_0123456789"
HARD = 'p@ss w/ord+"ü\\=~&<1>\n'
SECRETS = [PLAIN, HARD, "exactly8", "a/b+c=d?e&f", "пароль-для-теста", "x" * 200, "%41%42%43%44", "‹odd› secret"]


def knowing(*secrets, kind="token"):
    redactor = Redactor()
    for secret in secrets:
        redactor.learn(kind, secret)
    return redactor


def b64(raw):
    return base64.b64encode(raw).decode()


def b64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


FORMS = {
    "raw": lambda s: s,
    "URL-encoded": lambda s: quote(s, safe=""),
    "URL-encoded, lower case": lambda s: re.sub("%..", lambda found: found[0].lower(), quote(s, safe="")),
    "as a form": quote_plus,
    "as urlencode does it": lambda s: urlencode({"x": s}).removeprefix("x="),
    "as encodeURIComponent does it": lambda s: quote(s, safe="!'()*"),
    "as a query in a browser": lambda s: quote(s, safe="!$&'()*+,;=:@/?~"),
    "in JSON": lambda s: json.dumps(s)[1:-1],
    "in JSON with its own letters": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "in JSON with escaped slashes": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "in HTML": html.escape,
    "in HTML as Jinja does it": lambda s: html.escape(s).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "in HTML as PHP does it": lambda s: html.escape(s).replace("&#x27;", "&#039;"),
    "in HTML text": lambda s: html.escape(s, quote=False),
    "in Base64": lambda s: b64(s.encode()),
    "in Base64 without padding": lambda s: b64(s.encode()).rstrip("="),
    "in base64url": lambda s: b64url(s.encode()),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_found_in_every_form(form, secret):
    shown = knowing(secret).text(f"before [{form(secret)}] after")
    assert shown.rstrip("=").startswith("before [‹token›")
    assert shown.endswith("] after")
    assert form(secret) not in shown


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["", "1", "12", "123", "1234"])
@pytest.mark.parametrize("after", ["", "1", "12", "123", "1234"])
@pytest.mark.parametrize("alphabet", [b64, b64url])
def test_a_secret_inside_longer_base64_is_found_at_any_alignment(alphabet, before, secret, after):
    text = alphabet(f"{before}{secret}{after}".encode())
    shown = knowing(secret).text(text)
    assert mask("token") in shown
    # What is left of the secret around the mask is at most the bits it shares with its neighbours.
    left = len(shown) - len(mask("token"))
    assert left <= (len(before) + len(after)) * 4 / 3 + 8


def test_nothing_readable_of_a_secret_is_left_around_its_mask_in_base64():
    for before in ("", "1", "12"):
        shown = knowing(PLAIN).text(b64(f"{before}{PLAIN}tail".encode()))
        for part in shown.split(mask("token")):
            assert PLAIN[:2].encode() not in base64.b64decode(
                part + "=" * (-len(part) % 4) if len(part) % 4 != 1 else ""
            )


@pytest.mark.parametrize("secret", SECRETS)
def test_a_basic_header_is_hidden_as_a_header_and_as_bare_base64(secret):
    redactor = Redactor()
    redactor.learn_pair("client_secret", "client:1", secret)
    for left, right in (("client:1", secret), (quote_plus("client:1"), quote_plus(secret))):
        pair = b64(f"{left}:{right}".encode())
        assert redactor.text(f"authorization: Basic {pair}") in {
            "authorization: Basic ‹token›",
            "authorization: Basic ‹client_secret›",
        }
        assert redactor.text(f"pair {pair}") == "pair ‹client_secret›"


@pytest.mark.parametrize(
    "text",
    [
        "Bearer abcdefgh12345678",
        "DPoP eyJhbGciOiJub25lIn0.e30.c2ln",
        "Basic Y2xpZW50OnNlY3JldA==",
        "authorization: Bearer opaque.with-all_of~the+letters/==",
    ],
)
def test_an_authorization_header_is_hidden_without_being_known(text):
    shown = Redactor().text(f"{text} and more")
    assert shown.endswith((" ‹token› and more", " ‹jwt› and more"))
    assert text.split()[-1] not in shown


def jwt(claims, header=None):
    parts = (json.dumps(header or {"alg": "PS256", "kid": "1"}).encode(), json.dumps(claims).encode(), b"signature!")
    return ".".join(b64url(part) for part in parts)


def test_a_jwt_is_hidden_by_its_shape_also_unsigned_encrypted_and_with_a_secret_inside():
    redactor = knowing(PLAIN)
    signed = jwt({"sub": "alice", "secret": PLAIN})
    unsigned = signed.rpartition(".")[0] + "."
    encrypted = f"{b64url(json.dumps({'alg': 'RSA-OAEP'}).encode())}.key.iv.text.tag"
    for token in (signed, unsigned, encrypted):
        assert redactor.text(f"a {token} b") == "a ‹jwt› b"


def test_a_jwt_that_was_cut_off_is_hidden_too():
    token = jwt({"a": "b", "secret": PLAIN, "c": "d"})
    header, payload, _ = token.split(".")
    for text in (f"{header}.{payload}", f"{header}.{payload[:20]}", f"{header}."):
        assert Redactor().text(f"a {text}… b") == "a ‹jwt›… b"


PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nBKcwggSjAgEAAoIBAQ==\n-----END {0}PRIVATE KEY-----"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "])
def test_a_private_key_in_pem_is_hidden_whole_in_json_and_when_cut(kind):
    pem, redactor = PEM.format(kind), Redactor()
    assert redactor.text(f"key: {pem}\nend") == "key: ‹private key›\nend"
    assert redactor.text(json.dumps({"key": pem})) == '{"key": "‹private key›"}'
    assert redactor.text(pem[: len(pem) // 2]) == "‹private key›"


def test_a_public_key_and_a_certificate_stay():
    for name in ("PUBLIC KEY", "CERTIFICATE"):
        pem = f"-----BEGIN {name}-----\nMIIB\n-----END {name}-----"
        assert Redactor().text(pem) == pem


RSA = {"kty": "RSA", "kid": "1", "n": "modulus-modulus", "e": "AQAB"}
PRIVATE = {
    "d": "d-d-d-d-d-d",
    "p": "p-p-p-p-p-p",
    "q": "q-q-q-q-q-q",
    "dp": "dp-dp-dp",
    "dq": "dq-dq-dq",
    "qi": "qi-qi-qi",
}


def test_private_members_of_a_jwk_are_hidden_and_public_ones_stay():
    shown = Redactor().value({"keys": [{**RSA, **PRIVATE}, {"kty": "oct", "k": "short"}, RSA]})
    assert shown == {
        "keys": [{**RSA, **dict.fromkeys(PRIVATE, "‹private key›")}, {"kty": "oct", "k": "‹private key›"}, RSA]
    }


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " : ")])
def test_private_members_of_a_jwk_in_a_text_are_hidden(separators):
    shown = Redactor().text(json.dumps({**RSA, **PRIVATE}, separators=separators))
    assert json.loads(shown) == {**RSA, **dict.fromkeys(PRIVATE, "‹private key›")}


def test_members_with_those_names_elsewhere_are_no_private_key():
    assert Redactor().value({"d": "distance", "k": "kilo"}) == {"d": "distance", "k": "kilo"}
    assert Redactor().text('{"d": "distance-of-all"}') == '{"d": "distance-of-all"}'


# --- by origin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SECRET_MEMBERS))
@pytest.mark.parametrize("value", ["x", "1234567", "longer-than-eight"])
def test_a_secret_member_is_hidden_at_its_origin_however_short(name, value):
    redactor = Redactor()
    assert redactor.value({name: value, "state": value}) == {name: f"‹{name}›", "state": value}
    assert redactor.value(((name, value), ("state", value))) == ((name, f"‹{name}›"), ("state", value))
    assert redactor.value({"deep": [{"er": {name: value}}]}) == {"deep": [{"er": {name: f"‹{name}›"}}]}
    assert redactor.value({name: [value]}) == {name: [f"‹{name}›"]}


def test_an_empty_secret_is_shown_as_empty_and_one_that_is_hidden_stays_hidden_as_it_is():
    assert Redactor().value({"code": "", "token": None, "password": "‹client_secret›"}) == {
        "code": "",
        "token": None,
        "password": "‹client_secret›",
    }


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Set-Cookie", "DPoP", "Proxy-Authorization"])
def test_a_secret_header_is_hidden_whole(name):
    assert Redactor().value({name: "short"}) == {name: f"‹{name.lower()}›"}
    assert Redactor().value(((name, "short"),)) == ((name, f"‹{name.lower()}›"),)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token", "client_secret", "password"])
@pytest.mark.parametrize("written", ['{{"a":1,"{}":"abc"}}', '{{"{}": "abc", "b": 2}}', '{{ "{}" : "abc" }}'])
def test_a_short_secret_in_the_text_of_an_answer_is_hidden_at_its_origin(name, written):
    assert json.loads(Redactor().text(written.format(name)))[name] == f"‹{name}›"


@pytest.mark.parametrize("name", ["code", "access_token", "client_assertion", "token"])
@pytest.mark.parametrize(
    "before", ["https://app.example/cb?{}=", "https://app.example/cb?state=1&{}=", "https://a/cb#{}="]
)
@pytest.mark.parametrize("after", ["", "&state=1", " and more", "#top", '"'])
def test_a_short_secret_in_a_url_is_hidden_at_its_origin(name, before, after):
    start = before.format(name)
    assert Redactor().text(f"{start}a1b2{after}") == f"{start}‹{name}›{after}"


def test_short_values_are_hidden_nowhere_else():
    redactor = Redactor()
    redactor.learn("password", "alice")
    redactor.learn_members({"code": "abc1234"})
    redactor.learn_pair("client_secret", "id", "short")
    assert redactor.text("alice and abc1234 and short") == "alice and abc1234 and short"


@pytest.mark.parametrize("value", [None, 12345678, True, ["a" * 20], b"bytes" * 4])
def test_only_texts_are_learned(value):
    redactor = Redactor()
    redactor.learn("odd", value)
    assert redactor.text(f"{value}") == f"{value}"


def test_secret_members_are_learned_from_forms_answers_and_lists():
    redactor = Redactor()
    redactor.learn_members(
        {"a": [{"access_token": "token-one-1"}], "b": {"c": {"code": "code-two-2"}}, "state": "state-three"}
    )
    shown = redactor.text("token-one-1 code-two-2 state-three")
    assert shown == "‹access_token› ‹code› state-three"


def test_names_in_a_list_are_no_secrets():
    redactor = Redactor()
    redactor.learn_members({"response_types_supported": ["code", "id_token"], "request": ["authorization_code"]})
    assert redactor.text("id_token authorization_code") == "id_token authorization_code"


# --- whole values and events ----------------------------------------------------------------------------------------


def events():
    url = f"https://op.example/auth?x={quote(PLAIN)}"
    problem = Problem(
        "c",
        f"title {PLAIN}",
        Span("f", 1, 1, 2, f"line {PLAIN}"),
        f"label {PLAIN}",
        (("got", PLAIN), ("code", "abc")),
        f"hint {PLAIN}",
    )
    return [
        Called("POST", url, 200, 0.1, {"x": PLAIN, "Authorization": "x"}, (("code", "abc"), ("y", PLAIN)),
               {"set-cookie": "a=b", "location": url}, json.dumps({"deep": [PLAIN]})),
        PageSeen("consent", url, f"heading {PLAIN}", 200, f"text {PLAIN}", 0.1, b"PNG"),
        Told("saved x", PLAIN),
        StepFinished("push", "push", "failed", 0.1, f"summary {PLAIN}", (problem,), {"a": [{"b": (PLAIN,)}], PLAIN: 1}),
        ScenarioFinished("t", "failed", 0.1, f"summary {PLAIN}", 1, problems=(problem,)),
    ]  # fmt: skip


@pytest.mark.parametrize("event", events(), ids=lambda event: type(event).__name__)
def test_a_secret_is_out_of_every_field_of_an_event(event):
    shown = knowing(PLAIN).value(event)
    assert type(shown) is type(event)
    assert PLAIN not in repr(shown)
    assert "‹token›" in repr(shown)
    assert "'abc'" not in repr(shown)


def test_two_names_in_a_field_are_not_a_name_and_a_secret():
    event = ScenarioStarted("t", "f.yaml", "here", steps=("token", "read"), tags=("code", "smoke"))
    assert knowing(PLAIN).value(event) == event
    assert list(knowing(PLAIN).values([event])) == [event]


@pytest.mark.parametrize("name", ["kty", "scope", "x"])
def test_a_parameter_of_any_name_may_have_a_secret_in_it(name):
    event = Called("POST", "https://op.example/par", 200, 0.1, {}, ((name, PLAIN),), {}, "")
    assert knowing(PLAIN).value(event).sent_form == ((name, "‹token›"),)


def test_what_is_beside_a_secret_stays_as_it_is():
    redactor = knowing(PLAIN)
    headers = {"date": "now", "authorization": "Basic YTpi", "x": {"deep": 1}}
    event = Called("GET", "https://op.example/", 200, 0.1, headers, (("scope", "openid"),), {"a": "b"}, f"<{PLAIN}>")
    shown = redactor.value(event)
    assert shown.sent_headers == {**headers, "authorization": "‹authorization›"}
    assert (shown.headers, shown.sent_form, shown.text) == (event.headers, event.sent_form, "<‹token›>")


def test_a_long_field_does_not_hide_what_stands_in_a_short_one():
    redactor = knowing("hunter2-secret/phrase", kind="password")
    deep = quote(quote(quote("hunter2-secret/phrase", safe=""), safe=""), safe="")
    event = PageSeen("login", f"https://op.example/?p={deep}", "", 200, "x" * 99_990, 0.1, None)

    assert "hunter2" not in redactor.value(event).url


def test_what_is_no_secret_is_handed_on_as_it_was():
    problem = Problem(
        "c", "title", Span("f", 1, 1, 2, "line"), "label", (("call", "POST https://op.example/par"),), "hint"
    )
    told = StepFinished("push", "push", "failed", 0.1, "summary", (problem,), {"expires_in": 60, "n": None, "b": True})
    assert knowing(PLAIN).value(told) is told


def test_an_object_keeps_its_other_fields():
    told = Told("saved x", PLAIN)
    assert knowing(PLAIN).value(told) == replace(told, value="‹token›")


def test_a_named_tuple_keeps_its_kind():
    pair = namedtuple("Pair", "left right")  # noqa: PYI024  a plain one, as other libraries make them
    assert knowing(PLAIN).value(pair("a", PLAIN)) == pair("a", "‹token›")


@pytest.mark.parametrize(
    "text",
    [
        "the authorization code can be used once",
        "code_challenge_method=S256&response_type=code&scope=openid",
        "https://op.example/auth?client_id=flowrun&request_uri=urn:ietf:params:oauth:request_uri:7c1f",
        '{"error": "invalid_grant", "error_description": "the code has expired"}',
        '{"token_type": "Bearer", "expires_in": 600, "scope": "accounts"}',
        "Bearer token",
        "Basic auth",
        "eyJ is how a JWT begins",
        "550e8400-e29b-41d4-a716-446655440000",
        "a=b, c=d",
        "token=abc is no URL",
    ],
)
def test_what_is_no_secret_stays(text):
    redactor = knowing(PLAIN)
    redactor.learn_pair("client_secret", "flowrun", HARD)
    assert redactor.text(text) == text


def test_hiding_twice_changes_nothing_more():
    redactor = knowing(PLAIN, HARD)
    once = redactor.text(f"{PLAIN} {HARD} https://a/cb?code=abc Bearer {PLAIN} " + '{"access_token":"abc"}' + jwt({}))
    assert redactor.text(once) == once
    assert redactor.value({"code": once}) == {"code": "‹code›"}


def test_a_longer_secret_that_holds_a_shorter_one_is_hidden_whole():
    redactor = knowing("secret-one")
    redactor.learn("longer", "secret-one-and-more")
    assert redactor.text("x secret-one-and-more y") == "x ‹longer› y"


def test_the_first_word_for_a_secret_stays_and_a_lasting_one_wins():
    redactor = Redactor()
    redactor.learn("code", PLAIN)
    redactor.learn("token", PLAIN)
    assert redactor.text(PLAIN) == "‹code›"
    redactor.learn("client_secret", PLAIN, lasting=True)
    assert redactor.text(PLAIN) == "‹client_secret›"


def test_a_new_scenario_forgets_what_the_last_one_came_by_and_keeps_secrets_of_files():
    redactor = knowing("passing-secret")
    redactor.learn("client_secret", "lasting-secret", lasting=True)
    redactor.forget()
    assert redactor.text("passing-secret lasting-secret") == "passing-secret ‹client_secret›"


def test_half_a_character_from_a_server_is_no_reason_to_crash():
    broken = "token-\ud800-and-more"
    redactor = knowing(broken)
    assert redactor.text(f"a {broken} b") == "a ‹token› b"
    assert redactor.text(json.dumps({"a": broken})) == '{"a": "‹token›"}'


def test_a_secret_that_looks_like_a_pattern_is_no_pattern():
    secret = r"(a+)+$\g<1>.*[x"
    assert knowing(secret).text(f"a {secret} b aaaaaaaa") == "a ‹token› b aaaaaaaa"
