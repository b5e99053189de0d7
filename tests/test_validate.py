"""Validation: the design's own examples are clean, and what is wrong is said in the schema's words, in file order."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from flowrun import grammar, validate
from flowrun.document import parse, read
from flowrun.errors import FlowrunError, Problem, draw

AS_ENVIRONMENT = Path(__file__).parent / "broken" / "as-environment"

# Both as design.md prints them.
SCENARIO = """\
# yaml-language-server: $schema=../schemas/scenario.json
scenario: Pushed authorization with the data provider chosen up front
why: The browser redirect flow of Open Finance Malaysia, steps 1 to 9 of the portal's guide.
tags: [par, smoke]
needs: [par, signed_request]           # unmet by the environment: "not applicable", counted apart

inputs:                                # a mapping describes an input; any other value is its default
  dp_id: {type: text, default: DP9876543210, blank: allowed}
  permissions: [read_accounts, read_transactions, read_balances]

authorization:                         # the authorization request; state, nonce, PKCE are added and checked by themselves
  scope: accounts profile              # ("{{ omit }}" leaves an automatic one out)
  max_age: 3600
  claims: {userinfo: {name: null, email: null, hashed_id_number: null}}
  authorization_details:
    - type: urn:openfinance-ml:account-access-consent:v1.2
      consent:
        dc_id: "{{ client.dc_id }}"
        dp_id: "{{ dp_id or omit }}"   # blank: the member is left out and the provider is chosen on the page
        consent_type: urn:openfinance-ml:account-access-consent:v1.2
        consent_purpose: pfm
        permissions: "{{ permissions }}"
        expiration_datetime: "{{ now | plus('180d') | iso }}"

steps:
  - discover                           # a bare word, a null or {} is the same: everything by default
  - sign: request_object
  - push:
    expect:
      request_uri: {starts_with: "urn:ietf:params:oauth:request_uri:"}
      expires_in: {between: [5, 600]}
  - browse: {user: alice, answers: {consent: approve, provider: "{{ dp_id or 'DP9876543210' }}"}}
    expect: {pages: {contains: consent}}          # a remembered consent must not pass silently
  - exchange:
    expect:
      refresh_token: {is: present}
      authorization_details[0].consent.consent_id: {is: present}
      authorization_details[0].consent.permissions: {same_items: "{{ permissions }}"}
    save:
      consent_id: authorization_details[0].consent.consent_id

after:                                 # always runs; a step whose names never came is "nothing to undo"
  - revoke: {token: refresh_token}
"""  # noqa: E501  as the design has it

ENVIRONMENT = """\
# yaml-language-server: $schema=../../schemas/environment.json
environment: uat
profile: ofm
issuer: https://auth1.uat.example      # or server: embedded
endpoints: {}                          # overrides, or a server without discovery
inputs: {dp_id: DP0000000042}          # beat the scenario's defaults
authorize: {extra: {scope: openid}}    # added to the browser URL
tls: {ca: ../../keys/uat/ca.pem}       # for HTTP and browser; paths are relative to this file
timeouts: {http: 10s, page: 15s, browse: 90s}
clients:
  default:
    client_id: 5a1c
    redirect_uri: https://www.auth-app.ozoneapi.co.uk/redirect-url
    auth: private_key_jwt
    assertion: {aud: issuer, alg: PS256, lifetime: 310s, nbf: false}
    request_object: {required: true, alg: PS256, lifetime: 310s, typ: false}   # required: push signs by itself
    sender_constraint: mtls            # mtls | dpop | none
    keys: {signing: {file: ../../keys/uat/sign.pem, kid: k1, passphrase: "{{ secrets.SIGN_PASS }}"}}
    certificate: {file: ../../keys/uat/tls.pem, key: ../../keys/uat/tls.key}    # header: {name, format} for servers behind a proxy
    names: {dc_id: DC1234567890}       # read as client.dc_id; everything else in a client is a closed set of keys
  second: {like: default, client_id: 77fe, keys: {signing: {file: ../../keys/uat/sign2.pem, kid: k2}}}
users:
  alice: {username: alice, password: "{{ secrets.ALICE_PASSWORD }}", totp: "{{ secrets.ALICE_TOTP }}"}
pages:
  login:
    shows: {heading: Sign in, field: User name}          # all must hold; a list inside one means any of
    do: [{fill: {User name: "{{ user.username }}"}}, {press: Next}]
  password:
    shows: {field: Password}
    do: [{fill: {Password: "{{ user.password }}"}}, {press: Sign in}]
    failed_if: {text: Invalid credentials}               # ends the step at once with these words
  otp:
    shows: {field: One-time code}
    do: [{fill: {One-time code: "{{ user.totp | totp }}"}}, {press: Verify}]
  provider:
    shows: {field: Data provider}
    do: [{choose: {Data provider: "{{ answers.provider }}"}}, {press: Continue}]
  consent:
    shows: {heading: Approve access, button: Approve}
    do: [{see: {permissions: "{{ permissions }}", as: {read_accounts: Account details}}}]   # pages show words, not codes
    answers: {approve: [{press: Approve}], deny: [{press: Deny}]}
  broken: {shows: {heading: Something went wrong}, means: refused}
deviations:
  - {check: push.status-201, reason: their portal answers 200, until: "2027-01-31"}         # optional: scenario
"""  # noqa: E501  as the design has it

REFUSED = """\
scenario: An expired request_uri is refused
id: par-expired
steps: [discover, {sign: request_object}, push, {browse: {user: alice}}]
outcome: {refused: {callback: [invalid_request_uri], page: any}}
"""

MINIMAL = "scenario: A request is pushed\nsteps: [push]\n"


def check(text: str, name: str = "scenario") -> list[Problem]:
    return validate.check(parse(text, "x.yaml", Path("x.yaml")), name)


def found(text: str, name: str = "scenario") -> list[tuple[str, int, int]]:
    return [(p.code, p.at.line, p.at.column) for p in check(text, name) if p.at]


def steps(text: str) -> str:
    return f"scenario: x\nsteps:\n  - {text}\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [(SCENARIO, "scenario"), (REFUSED, "scenario"), (MINIMAL, "scenario"), (ENVIRONMENT, "environment")],
)
def test_the_examples_of_the_design_are_clean(text: str, name: str) -> None:
    assert check(text, name) == []
    assert validate.not_built(parse(text, "x.yaml", Path("x.yaml")), name) == []


@pytest.mark.parametrize("step", ["push", "push:", "push: {}", "push: null", "push: always", "push: {par: always}"])
def test_a_step_may_be_short(step: str) -> None:
    assert check(steps(step)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (steps("dicsover"), ("unknown-step", "there is no step kind 'dicsover'", "did you mean 'discover'?")),
        (steps("dicsover: {}"), ("unknown-step", "there is no step kind 'dicsover'", "did you mean 'discover'?")),
        (
            steps("{push: , sign: jwt}"),
            ("two-steps", "one step can't be both 'push' and 'sign'", 'begin a new one with "- "'),
        ),
        (steps("name: x"), ("no-step", "this step does not say what to do", "")),
        (steps("sign"), ("missing-key", "'sign' alone says too little", "write sign: request_object")),
        (steps("sign: {alg: PS256}"), ("missing-key", "'what' is missing", "write what: …")),
        (
            steps("sign: {what: jwt, lifetime: soon}"),
            ("wrong-value", "expected a duration like 10s, 5m or 180d, this is 'soon'", "for example 310s"),
        ),
        (
            steps("sign: {what: jwt, lifetime: 5}"),
            ("wrong-value", "expected a duration like 10s, 5m or 180d, this is the number 5", "write 5s"),
        ),
        (
            steps("push: alway"),
            ("wrong-value", "expected auto, always, never or fallback, this is 'alway'", "did you mean 'always'?"),
        ),
        (
            steps("browse: 5"),
            (
                "wrong-value",
                "expected the user of browse, or a mapping of its fields, this is the number 5",
                'write "5"',
            ),
        ),
        (
            steps("push: {expect: {a: 1}}"),
            ("unknown-key", "there is no key 'expect' here", "it stands beside push, not inside it: indent it less"),
        ),
        (
            steps("{push: , par: never}"),
            ("unknown-key", "there is no key 'par' here", "it belongs to push: indent it below push:"),
        ),
        (steps("push: {pra: never}"), ("unknown-key", "there is no key 'pra' here", "did you mean 'par'?")),
        (
            steps("browse: {user:alice}"),
            ("unknown-key", "there is no key 'user:alice' here", "a space is missing after the colon: user: alice"),
        ),
        (steps("sign:jwt"), ("yaml-colon", "a space is missing after the colon", "write sign: jwt")),
        (
            steps("{push: , expect: {a: {star_with: b}}}"),
            ("unknown-matcher", "there is no matcher 'star_with'", "did you mean 'starts_with'?"),
        ),
        (
            steps("{push: , expect: {a: {b: c}}}"),
            ("unknown-matcher", "there is no matcher 'b'", "to compare with a whole mapping write equals: {…}"),
        ),
        (
            steps("{push: , name: a b}"),
            ("wrong-value", "expected a name of letters, digits, _ and -, this is 'a b'", "write a_b"),
        ),
        (
            "scenario: x\nsteps: {push: }\n",
            (
                "wrong-value",
                'expected a list of steps, each beginning with "- ", this is a mapping',
                "for example [discover, {sign: request_object}, push]",
            ),
        ),
        (
            "scenario: x\nsteps: [push]\ninputs: {a b: 1}\n",
            ("wrong-key", "expected a name of letters, digits, _ and -, this is 'a b'", "write a_b"),
        ),
        (
            "scenario: x\nsteps: [push]\nauthorization: {scope: }\n",
            (
                "wrong-value",
                "expected a text with spaces between the words, or a list of them, this is empty",
                "for example openid accounts",
            ),
        ),
        ("scenario: x\nstep: [push]\n", ("unknown-key", "there is no key 'step' here", "did you mean 'steps'?")),
        (
            "- a\n",
            ("wrong-value", "expected a scenario, this is a list", "a scenario begins with scenario: and a sentence"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_each_mistake_has_its_words(text: str, expected: tuple[str, str, str]) -> None:
    assert [(p.code, p.title, p.label) for p in check(text)] == [expected]


def test_all_problems_come_at_once_in_file_order() -> None:
    text = "scenario: x\nwhy: {{ a }}\nsteps:\n  - pusch\n  - push: {par: no, url: x}\n  - exchange: {grnt: a}\n"
    text += "id: a b\nid: c\n"
    assert found(text) == [
        ("unquoted-template", 2, 6),
        ("unknown-step", 4, 5),
        ("wrong-value", 5, 17),
        ("wrong-value", 5, 26),
        ("unknown-key", 6, 16),
        ("wrong-value", 7, 5),
        ("duplicate-key", 8, 1),
    ]


def test_a_missing_key_points_at_the_mapping_it_is_missing_from() -> None:
    assert found("why: x\n") == [("missing-key", 1, 1), ("missing-key", 1, 1)]
    text = "environment: a\nissuer: https://a\nclients:\n  default: {auth: none}\n"
    assert found(text, "environment") == [("missing-key", 4, 3)]


def test_a_key_with_a_typing_mistake_is_not_missing_too() -> None:
    assert found("scenario: x\nsteeps: [push]\n") == [("unknown-key", 2, 1)]


def test_words_that_are_not_near_are_listed() -> None:
    (problem,) = check(steps("push: {timeout: 10s}"))
    assert problem.hint == "keys that may stand here: par, url, proof, extra, headers"
    (problem,) = check(steps("exchange: password"))
    assert problem.hint.startswith("one of authorization_code, refresh_token")


def test_a_template_may_stand_for_any_value_until_it_is_filled() -> None:
    whole = steps('sign: {what: "{{ a }}", lifetime: "{{ b }}", claims: "{{ c }}", aud: "{{ d }}"}')
    assert check(whole) == []
    value = {"what": "{{ a }}", "lifetime": "{{ b }}", "claims": "{{ c }}", "alg": "PS256"}
    assert [path for path, _ in validate.filled(value, "steps/sign")] == [("what",), ("lifetime",), ("claims",)]
    assert validate.filled({"what": "jwt", "lifetime": "5m", "claims": {"a": 1}}, "steps/sign") == []
    assert validate.filled("soon", "steps/sign", "/properties/lifetime") == [
        ((), "expected a duration like 10s, 5m or 180d, this is 'soon'")
    ]


@pytest.mark.parametrize(
    ("text", "title", "column"),
    [
        (steps("{call: 'https://rs.example.com', retry: 3}"), "'retry' is not built yet", 38),
        (steps("{push: , retry: {times: 3}}"), "'retry' is not built yet", 14),
    ],
)
def test_what_is_in_the_grammar_and_not_built_is_said(
    text: str, title: str, column: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = validate.schema("step")["definitions"]["step"]["properties"]["retry"]
    monkeypatch.setitem(written, "x-comes", "trying again comes in a later version of flowrun")
    assert check(text) == []
    (problem,) = validate.not_built(parse(text, "x.yaml", Path("x.yaml")), "scenario")
    assert (problem.code, problem.title, problem.at.column) == ("not-built", title, column)
    assert problem.label


@pytest.mark.parametrize("file", sorted(AS_ENVIRONMENT.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_broken_environment_gives_exactly_the_text_beside_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(AS_ENVIRONMENT)
    problems = validate.check(read(Path(file.name)), "environment")
    assert "\n".join(map(draw, problems)) == file.with_suffix(".err").read_text("utf-8")


@cache
def second_opinion(name: str) -> Draft7Validator:
    names = [name, "common", "step", "expect", "pages", "scenario", "environment"]
    names += [f"steps/{kind}" for kind in grammar.schema("step")["definitions"]["step"]["x-one-of"]["words"]]
    registry: Registry[Any] = Registry().with_resources(
        (f"file:///{one}.json", Resource.from_contents(dict(grammar.schema(one)), default_specification=DRAFT7))
        for one in names
    )
    return Draft7Validator({"$ref": f"file:///{name}.json"}, registry=registry)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


@pytest.mark.parametrize(("text", "name"), [(SCENARIO, "scenario"), (ENVIRONMENT, "environment")])
def test_the_grammar_agrees_with_the_library(text: str, name: str) -> None:
    """Change one place at a time: both must call the same files good."""
    data = parse(text, "x.yaml", Path("x.yaml")).data
    chance = random.Random(7)
    part = grammar.part(name)
    verdicts = set()
    for path in places(data):
        for value in chance.sample(
            [None, True, 5, -1, 1.5, "soon", "10s", "{{ x }}", "a b", [], ["a"], {}, {"a": 1}], 3
        ):
            changed = copy.deepcopy(data)
            target = changed
            for key in path[:-1]:
                target = target[key]
            if path:
                target[path[-1]] = value
            else:
                changed = value
            mine = not grammar.Walk().misses(part, changed, ())
            assert mine == second_opinion(name).is_valid(changed), (path, value)
            verdicts.add(mine)
    assert verdicts == {True, False}


def test_a_foreign_schema_is_judged_by_the_library() -> None:
    assert grammar.conforms({"a": 1}, {"type": "object", "required": ["a"]}) == []
    assert grammar.conforms({"a": 1}, {"properties": {"a": {"type": "string"}}}) == ["$.a: 1 is not of type 'string'"]
    with pytest.raises(FlowrunError, match="no JSON Schema"):
        grammar.conforms(1, {"type": "nonsense"})
