from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import environment as environments
from flowrun import lookahead
from flowrun import scenario as scenarios
from flowrun.redact import Redactor

ENVIRONMENT = """\
environment: uat
issuer: https://op.example
endpoints: {{{}}}
clients:
  default: {{client_id: one, redirect_uri: https://app.example/cb}}
  second: {{like: default, client_id: two}}
users: {{alice: {{username: alice}}, bob: {{username: bob}}}}
pages:
  consent: {{shows: {{heading: x}}, answers: {{approve: [{{press: Yes}}], deny: [{{press: No}}]}}}}
  login: {{shows: {{heading: y}}, do: [{{press: Go}}]}}
"""


SET_IT = "set it with inputs:, save: or a step `set`"


@pytest.fixture
def ahead(tmp_path, monkeypatch):
    """The problems of steps: code, line:column, title, label. `above` stands before `steps:`."""
    monkeypatch.chdir(tmp_path)

    def ahead(*steps, above="inputs: {dp_id: DP1}", endpoints="", after=()):
        lines = ["scenario: t", above, "steps:", *(f"  - {step}" for step in steps)]
        if after:
            lines += ["after:", *(f"  - {step}" for step in after)]
        Path("s.yaml").write_text("\n".join(lines) + "\n", "utf-8")
        Path("e.yaml").write_text(ENVIRONMENT.format(endpoints), "utf-8")
        scenario = scenarios.load(Path("s.yaml"))
        environment = environments.load(Path("e.yaml"), Redactor(), {})
        found = [*lookahead.need_words(scenario), *lookahead.step_problems(scenario, environment)]
        return [(p.code, f"{p.at.line}:{p.at.column}-{p.at.end_column}", p.title, p.label) for p in found]

    return ahead


def test_a_flow_in_which_everything_is_there_has_no_problem(ahead):
    assert (
        ahead(
            "discover",
            "sign: request_object",
            "push:\n    save: {uri: request_uri}\n    expect: {expires_in: {at_most: '{{ server.x }}'}}",
            "set: {a: '{{ uri }}', b: '{{ dp_id }} {{ push.http.status }}'}",
            "browse: {user: alice, answers: {consent: deny, provider: '{{ dp_id }}'}}",
            "exchange:\n    when: callback.code is defined and a != ''\n"
            "    expect:\n      that: [expires_in > 5, tokens.scope != '']",
            "set: {c: '{{ tokens.x }} {{ client.client_id }} {{ environment.name }} {{ now }}'}\n    name: more",
            above="inputs: {dp_id: DP1}\nauthorization: {scope: '{{ dp_id }}', x: '{{ omit }}', y: '{{ uuid() }}'}",
            after=["revoke"],
        )
        == []
    )


@pytest.mark.parametrize(
    ("step", "at", "name", "label"),
    [
        ("set: {a: '{{ dp_di }}'}", "4:18-23", "dp_di", "did you mean 'dp_id'?"),
        ("set: {a: {b: [x, 'y {{ dp_di | upper }}']}}", "4:28-33", "dp_di", "did you mean 'dp_id'?"),
        ("set: {a: '{{ zzzz }}'}", "4:18-22", "zzzz", SET_IT),
        ("set: {a: '{{ push.request_uri }}'}", "4:18-22", "push", "put `- push` before it"),
        ("set: {a: '{{ tokens.access_token }}'}", "4:18-24", "tokens", "put `- exchange` before it"),
        ("discover: '{{ isuer }}'", "4:19-24", "isuer", SET_IT),
        ("discover:\n    when: dp_di == 'x'", "5:11-16", "dp_di", "did you mean 'dp_id'?"),
        (
            "discover:\n    expect: {issuer: '{{ zzzz }}'}",
            "5:26-30",
            "zzzz",
            SET_IT,
        ),
        ("discover:\n    expect: {x: {equals: '{{ dp_di }}'}}", "5:30-35", "dp_di", "did you mean 'dp_id'?"),
    ],
)
def test_a_name_that_nothing_has_set_is_marked_itself_with_what_was_probably_meant(ahead, step, at, name, label):
    (found,) = ahead(step)
    assert found == ("unknown-variable", at, f"nothing has set '{name}' yet", label)


def test_secrets_are_not_for_scenarios(ahead):
    assert ahead("set: {a: '{{ secrets.PASSWORD }}'}") == [
        ("unknown-variable", "4:18-25", "a scenario has no secrets", "secrets belong into the environment file")
    ]


def test_a_name_that_only_a_later_step_sets_is_told_as_that(ahead):
    later = "a later step sets it"
    assert ahead("set: {a: '{{ b }}'}", "set: {b: 1}\n    name: second") == [
        ("unknown-variable", "4:18-19", "nothing has set 'b' yet", later)
    ]
    found = ahead("set: {a: '{{ uri }}'}", "discover:\n    save: {uri: issuer}")
    assert found == [("unknown-variable", "4:18-21", "nothing has set 'uri' yet", later)]


def test_names_of_one_set_do_not_see_each_other(ahead):
    assert ahead("set: {a: 1, b: '{{ a }}'}") == [
        ("unknown-variable", "4:24-25", "nothing has set 'a' yet", "a later step sets it")
    ]


@pytest.mark.parametrize(
    "written", ["{{ zzzz | default('x') }}", "{{ zzzz is defined }}", "{% for z in [1] %}{{ z }}{% endfor %}"]
)
def test_a_name_that_may_be_missing_is_no_problem(ahead, written):
    assert ahead(f'set: {{a: "{written}"}}') == []


def test_the_request_is_looked_at_where_it_is_made(ahead):
    above = "authorization: {scope: '{{ scope }}'}"
    endpoints = "pushed_authorization_request_endpoint: https://x/par"
    assert ahead("set: {scope: openid}", "push", above=above, endpoints=endpoints) == []
    assert [found[:3] for found in ahead("push", "set: {scope: openid}", above=above, endpoints=endpoints)] == [
        ("unknown-variable", "2:28-33", "nothing has set 'scope' yet")
    ]


def test_a_broken_template_is_told_at_its_text(ahead):
    ((code, at, title, _),) = ahead("set: {a: ['{{ dp_id | uper }}']}")
    assert (code, at, title) == ("unknown-filter", "4:15-35", "there is no filter 'uper'")
    ((code, at, _, _),) = ahead("discover:\n    when: 'dp_id =='")
    assert (code, at) == ("template-syntax", "5:11-21")


@pytest.mark.parametrize(
    ("step", "endpoint"),
    [
        ("push", "pushed_authorization_request_endpoint"),
        ("browse", "authorization_endpoint"),
        ("exchange: client_credentials", "token_endpoint"),
        ("introspect: {token: abc}", "introspection_endpoint"),
        ("revoke: {token: abc}", "revocation_endpoint"),
        ("userinfo: {token: abc}", "userinfo_endpoint"),
    ],
)
def test_a_step_that_needs_an_endpoint_wants_discover_before_it_or_the_endpoint_named(ahead, step, endpoint):
    kind = step.partition(":")[0]
    assert ahead(step) == [
        (
            "missing-step",
            f"4:5-{5 + len(kind)}",
            f"{kind} needs the server's {endpoint}, and no step before it reads the metadata",
            "put `- discover` before it",
        )
    ]
    assert ahead("discover", step) == []
    assert ahead(step, endpoints=f"{endpoint}: https://x/y") == []
    assert [found[0] for found in ahead(step, "discover")] == ["missing-step"]


@pytest.mark.parametrize(
    "step", ["push", "exchange: client_credentials", "introspect: {token: abc}", "userinfo: {token: abc}"]
)
def test_a_step_with_its_own_url_needs_no_endpoint(ahead, step):
    kind, _, rest = step.partition(": ")
    inner = rest.strip("{}") if ":" in rest else f"grant: {rest}" if rest else ""
    assert ahead(f"{kind}: {{{inner}{', ' if inner else ''}url: 'https://x/y'}}") == []


@pytest.mark.parametrize(
    ("step", "title", "label"),
    [
        (
            "exchange",
            "exchange needs a code from the browser, and no step before it leaves one",
            "put `- browse` before it",
        ),
        (
            "exchange: refresh_token",
            "exchange needs a token, and no step before it leaves one",
            "put `- exchange` before it",
        ),
        ("userinfo", "userinfo needs a token, and no step before it leaves one", "put `- exchange` before it"),
        ("revoke", "revoke needs a token, and no step before it leaves one", "put `- exchange` before it"),
        (
            "introspect: {token: refresh_token}",
            "introspect needs a token, and no step before it leaves one",
            "put `- exchange` before it",
        ),
    ],
)
def test_a_step_that_needs_what_another_leaves_wants_that_one_before_it(ahead, step, title, label):
    assert [(found[0], *found[2:]) for found in ahead("discover", step)] == [("missing-step", title, label)]


def test_a_code_or_a_token_that_is_written_needs_no_step_before(ahead):
    assert ahead("discover", "exchange: {code: abc}") == []
    assert ahead("discover", "exchange: {grant: refresh_token, refresh_token: abc}") == []


def test_a_client_that_the_environment_does_not_have_is_told(ahead):
    endpoints = "token_endpoint: https://x/y"
    assert ahead("exchange: client_credentials\n    as: secnd", endpoints=endpoints) == [
        ("unknown-client", "5:9-14", "the environment 'uat' has no client 'secnd'", "did you mean 'second'?")
    ]
    assert ahead("exchange: client_credentials\n    as: second", endpoints=endpoints) == []


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("browse: {user: alise}", ("unknown-user", "5:20-25", "the environment 'uat' has no user 'alise'",
             "did you mean 'alice'?")),
        ("browse: {user: zzzzz}", ("unknown-user", "5:20-25", "the environment 'uat' has no user 'zzzzz'",
             "users here: alice, bob")),
        (
            "browse: {answers: {consent: aprove}}",
            ("unknown-answer", "5:33-39", "the page 'consent' of the environment 'uat' has no answer 'aprove'",
             "did you mean 'approve'?"),
        ),
    ],
)  # fmt: skip
def test_a_person_or_an_answer_that_the_environment_does_not_have_is_told(ahead, step, expected):
    assert ahead("discover", step) == [expected]


@pytest.mark.parametrize(
    "step", ["browse: {user: '{{ dp_id }}'}", "browse: {answers: {consent: '{{ dp_id }}', other: x}}"]
)
def test_what_a_template_will_come_to_is_not_guessed(ahead, step):
    assert ahead("discover", step) == []


def test_a_path_that_is_none_is_told_where_it_stands(ahead):
    found = ahead("discover:\n    expect: {a..b: 1}\n    save: {x: 'c.[0]'}")
    assert found == [
        ("bad-path", "5:14-18", "'a..b' is no path: '..b' does not fit", ""),
        ("bad-path", "6:15-22", "'c.[0]' is no path: '.[0]' does not fit", ""),
    ]


def test_a_need_that_flowrun_does_not_know_is_told(ahead):
    found = ahead("discover", above="needs: [par, userinf]")
    assert found == [("unknown-need", "2:14-21", "there is no need 'userinf'", "did you mean 'userinfo'?")]
