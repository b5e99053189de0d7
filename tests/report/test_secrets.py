"""A secret in any field of any event, in any encoding, can be read in no output: a property, with random secrets.

The forms that are looked for are made here, by other means than the redactor's.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import html
import io
import json
import tempfile
import types
import typing
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import flowrun.errors
from flowrun import events as happenings
from flowrun.errors import Problem, Span
from flowrun.redact import Redactor
from flowrun.report import REPORTS, open_report
from flowrun.report.console import Console

ODD = "'\"\\%+&<>=\n\r\t /~*#;:.,‹›©é😀\u0301\ud83dab12ABeyJ"
SECRETS = st.one_of(
    st.text(st.sampled_from(ODD), min_size=8, max_size=24),
    st.text(st.characters(), min_size=8, max_size=24),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=24),
)
# Words of flowrun's own, which nobody else can set.
OWN_WORDS = {"status": "failed", "outcome": "failed", "level": "must"}


def b64(text):
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def b64url(text):
    return b64(text).replace("+", "-").replace("/", "_").rstrip("=")


def in_json(text):
    return json.dumps(text)[1:-1]


def units(text):
    """Return the UTF-16 units of a text, as JSON counts them."""
    raw = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2)]


def percent(text):
    return quote(text, safe="", errors="surrogatepass")


ENCODINGS = {
    "raw": lambda s: s,
    "URL": percent,
    "URL, lower case": lambda s: "".join(c.lower() if c in "ABCDEF" else c for c in percent(s)) if s.isascii() else s,
    "form": lambda s: quote_plus(s, errors="surrogatepass"),
    "URL, each character": lambda s: "".join(f"%{byte:02x}" for byte in s.encode("utf-8", "surrogatepass")),
    "URL in a URL": lambda s: percent(f"https://a.example/?back={percent(s)}"),
    "JSON": in_json,
    "JSON with letters": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "JSON, each character": lambda s: "".join(f"\\u{unit:04x}" for unit in units(s)),
    "JSON, as .NET does it": lambda s: "".join(f"\\u{ord(c):04X}" if c in "+&<>'\"" else in_json(c) for c in s),
    "JSON in JSON": lambda s: json.dumps(json.dumps({"a": s})),
    "Python": repr,
    "Python, each character": lambda s: "".join(f"\\U{ord(c):08x}" for c in s),
    "HTML": html.escape,
    "HTML as Jinja does it": lambda s: html.escape(s).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "HTML of a URL": lambda s: html.escape(f"/?a=b&c={percent(s)}"),
    "Base64": b64,
    "Base64, one on": lambda s: b64(f"x{s}y"),
    "Base64, two on": lambda s: b64(f"xx{s}yy"),
    "base64url": lambda s: b64url(f"xxx{s}"),
    "Basic": lambda s: f"Basic {b64(f'me:{s}')}",
    "Basic of a form": lambda s: b64(f"me:{quote_plus(s, errors='replace')}"),
    "JSON in Base64": lambda s: b64url(json.dumps({"a": s})),
    "JWT": lambda s: f"{b64url(json.dumps({'alg': 'PS256'}))}.{b64url(json.dumps({'a': s}))}.c2ln",
}
WHOLE_CHARACTERS = {"URL, each character", "HTML of a URL", "URL in a URL", "form", "URL", "URL, lower case"}


def written(encoding, secret):
    """Return a secret in an encoding; one that can't hold half a surrogate pair as its senders would have it."""
    whole = secret if encoding not in WHOLE_CHARACTERS else secret.encode("utf-8", "replace").decode()
    return ENCODINGS[encoding](whole if whole != secret else secret)


def traces(secret):
    """Yield what would give the secret away."""
    yield secret
    yield in_json(secret)
    yield percent(secret)
    yield html.escape(secret)
    for before in range(3):
        raw = b"\0" * before + secret.encode("utf-8", "surrogatepass")
        text = base64.b64encode(raw).decode()
        core = text[4 if before else 0 : len(raw) // 3 * 4]
        if len(core) >= 8:
            yield from (core, core.replace("+", "-").replace("/", "_"))


def readings(text):
    """Yield how somebody may read an output."""
    yield text
    yield html.unescape(text)
    yield unquote(text)
    yield unquote_plus(text)
    yield html.unescape(unquote(text))
    with contextlib.suppress(ValueError):
        yield "\n".join(texts(json.loads(text)))


def texts(value):
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield key
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


def filled(kind, text):
    """Return an event, or a part of one, with this text in every field, whatever fields there are."""
    hints = typing.get_type_hints(kind, vars(happenings) | {"Problem": Problem, "Span": Span})
    fields = dataclasses.fields(kind)
    own = {name: word for name, word in OWN_WORDS.items() if hints.get(name) is str}
    return kind(**{field.name: own.get(field.name) or of_type(hints[field.name], text) for field in fields})


def of_type(hint, text):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return of_type(arguments[0], text) if arguments[0] is not bytes else None
    if origin is tuple:
        inner = arguments[:1] if arguments[-1] is Ellipsis else arguments
        return tuple(of_type(one, text) for one in inner)
    if dataclasses.is_dataclass(hint):
        return filled(hint, text)
    if origin in {dict, typing.Mapping, typing.get_origin(typing.Mapping[str, str])}:
        whole = arguments[1] is int
        deep = {text: text, "items": [text, {"more": (text,)}]} if arguments[1] is typing.Any else {text: text}
        return {"failed": 1} if whole else deep
    return {str: text, int: 1, float: 1.0, bool: False}[hint]


def run(text):
    """Return every event with this text in every field, in the order of a run."""
    made = {kind: filled(kind, text) for kind in typing.get_args(happenings.Event)}
    last = [happenings.StepFinished, happenings.ScenarioFinished, happenings.RunFinished]
    return [*(event for kind, event in made.items() if kind not in last), *(made[kind] for kind in last)]


class Screen(io.StringIO):
    encoding = "utf-8"

    def __init__(self, *, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def outputs(events):
    """Return what every report and the terminal make of events."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in REPORTS:
            path = Path(folder) / kind
            reporter = open_report(kind, path)
            for event in events:
                reporter.tell(event)
            reporter.close()
            found[kind] = path.read_text("utf-8")
    for terminal in (False, True):
        for options in ({}, {"verbose": True}, {"quiet": True}):
            screen = Screen(terminal=terminal)
            console = Console(screen, still=True, **options)
            for event in events:
                console.tell(event)
            console.close()
            found[f"console {options} {terminal}"] = screen.getvalue()
    return found


def given_away(found, secret):
    """Return where the secret can be read."""
    return {
        name
        for name, text in found.items()
        if any(trace in reading for reading in readings(text) for trace in traces(secret))
    }


NOTHING: dict[str, str] = {}


def nothing():
    """Return the outputs of a run without a secret; what can be read there gives none away."""
    if not NOTHING:
        NOTHING.update(outputs(run("text")))
    return NOTHING


def knowing(secret):
    redactor = Redactor()
    redactor.learn("token", secret)
    return redactor


@settings(max_examples=15, deadline=None)
@given(SECRETS)
@example('pa"ss%41+w\n')
@example("\ud83d<&>'\"\\/+")
@example("пароль-1")
@example("11111\\\\'")
def test_no_output_shows_a_secret_that_stands_in_every_field(secret):
    assume(not given_away(nothing(), secret))
    everything = " | ".join(written(encoding, secret) for encoding in ENCODINGS)
    redactor = knowing(secret)
    assert given_away(outputs([redactor.value(event) for event in run(everything)]), secret) == set()


@settings(max_examples=100, deadline=None)
@given(SECRETS, st.sampled_from(sorted(ENCODINGS)))
def test_no_text_shows_a_secret_in_any_encoding(secret, encoding):
    text = written(encoding, secret)
    shown = knowing(secret).text(f"before [{text}] after")
    assume(not given_away({"": "before [‹token›] after"}, secret))
    assert given_away({"": shown}, secret) == set()
    assert shown.startswith("before [")
    assert shown.endswith("] after")


def test_without_the_redactor_every_output_would_show_it():
    found = outputs(run("n0t-so-S3CRET"))
    assert given_away(found, "n0t-so-S3CRET") == set(found)


def test_every_field_is_filled():
    for event in run("n0t-so-S3CRET"):
        for field in dataclasses.fields(event):
            if field.type in {"str", str} and field.name not in OWN_WORDS:
                assert getattr(event, field.name) == "n0t-so-S3CRET"
    assert "n0t-so-S3CRET" in flowrun.errors.draw(filled(Problem, "n0t-so-S3CRET"))


# --- what the redactor does not know by value -------------------------------------------------------------------------


def called(*, sent_headers=(), form=(), text="", sent_text=""):
    return happenings.Called("POST", "https://a/x", 200, 0.1, dict(sent_headers), form, {}, text, sent_text)


@pytest.mark.parametrize(
    "event",
    [
        happenings.JwtSeen("response", False, {"alg": "PS256"}, {"code": "c0de", "state": "kept"}),
        happenings.JwtSeen("id_token", False, {}, {"name": "Aisyah", "address": {"locality": "KL"}, "sub": "kept"}),
        called(sent_headers={"dpop": "pr00f", "x-signature": "s1g", "a": "kept"}),
        called(form=(("client_assertion", "4ss"), ("a", "kept"))),
        called(sent_text='{"name": "Aisyah", "password": "p\\"w", "a": "kept"}'),
        called(text='{"device_code":"d3v","email":"a@b","a":"kept"}'),
        called(text='{"address": {"locality": "KL"}, "a": "kept"}'),
        called(text='{"a": "kept", "refresh_token": "c0de'),
        happenings.StepFinished("a", "userinfo", "kept", 0.1, values={"name": "Aisyah", "body": {"email": "a@b"}}),
        happenings.PageSeen("form_post", "https://a/x?kept&code=c0de", "", 200, '{"code_verifier": "v3r"}', 0.1),
    ],
    ids=repr,
)
def test_what_is_short_or_personal_is_hidden_where_it_stands(event):
    redactor = Redactor()
    redactor.hide_members({"name", "email", "address"})
    shown = repr(redactor.value(event))
    assert "kept" in shown
    for secret in ("c0de", "Aisyah", "KL", "pr00f", "s1g", "4ss", 'p\\"w', "d3v", "a@b", "v3r"):
        assert secret not in shown


def test_a_request_for_a_claim_is_no_claim():
    redactor = Redactor()
    redactor.hide_members({"name"})
    wanted = {"userinfo": {"name": {"essential": True}}, "id_token": {"name": None}}
    assert redactor.value({"claims": wanted}) == {"claims": wanted}
    assert redactor.text(json.dumps(wanted)) == json.dumps(wanted)
