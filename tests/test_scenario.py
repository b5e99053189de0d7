from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import scenario as scenarios
from flowrun.errors import FlowrunError

FULL = """\
scenario: A title
why: Because.
id: my-id
tags: [smoke]
needs: [par, rar]
environment: uat
inputs:
  scope: accounts profile
  dp_id: {type: text, default: DP1, blank: allowed, one_of: [DP1, ""]}
  count: 5
  on: {default: true}
  many: [a]
  open: {type: number}
  empty: ""
authorization: {scope: "{{ scope }}"}
steps:
  - discover
  - sign: request_object
  - push:
    name: first_push
    as: second
    flow: b
    when: on
    expect: {request_uri: {is: present}}
    save: {uri: request_uri}
  - set: {a: 1}
  - browse: {user: alice, answers: {consent: deny}}
after:
  - revoke: {token: refresh_token}
outcome: {refused: {callback: access_denied, first_push: [a_b, c_d], exchange: any}}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load(text=FULL, name="par_dp.yaml"):
        Path(name).write_text(text, "utf-8")
        return scenarios.load(Path(name))

    return load


def problems(load, text):
    with pytest.raises(FlowrunError) as error:
        load(text)
    return [(p.code, str(p.at), p.title, p.label) for p in error.value.problems]


def test_a_scenario_is_read_whole(load):
    read = load()
    assert (read.title, read.why, read.id, read.tags, read.needs, read.environment) == (
        "A title",
        "Because.",
        "my-id",
        ("smoke",),
        ("par", "rar"),
        "uat",
    )
    assert read.authorization == {"scope": "{{ scope }}"}
    assert read.refused == {"callback": ("access_denied",), "first_push": ("a_b", "c_d"), "exchange": ()}
    assert [(step.kind, step.name, step.input, step.short) for step in (*read.steps, *read.after)] == [
        ("discover", "discover", {}, ""),
        ("sign", "sign", {"what": "request_object"}, "what"),
        ("push", "first_push", {}, ""),
        ("set", "set", {"names": {"a": 1}}, "names"),
        ("browse", "browse", {"user": "alice", "answers": {"consent": "deny"}}, ""),
        ("revoke", "revoke", {"token": "refresh_token"}, ""),
    ]
    push = read.steps[2]
    assert (push.when, push.client, push.flow, push.expect, push.save) == (
        "on",
        "second",
        "b",
        {"request_uri": {"is": "present"}},
        {"uri": "request_uri"},
    )
    assert (read.steps[0].client, read.steps[0].flow) == ("default", "")


@pytest.mark.parametrize(
    ("name", "type_", "default", "has_default", "blank", "one_of"),
    [
        ("scope", "text", "accounts profile", True, False, ()),
        ("dp_id", "text", "DP1", True, True, ["DP1", ""]),
        ("count", "number", 5, True, False, ()),
        ("on", "boolean", True, True, False, ()),
        ("many", "list", ["a"], True, False, ()),
        ("open", "number", None, False, False, ()),
        ("empty", "text", "", True, True, ()),
    ],
)
def test_an_input_knows_its_type_and_whether_it_may_be_blank(load, name, type_, default, has_default, blank, one_of):
    found = load().inputs[name]
    assert (found.type, found.default, found.has_default, found.blank, found.one_of) == (
        type_,
        default,
        has_default,
        blank,
        one_of,
    )


def test_what_is_not_written_has_its_default(load):
    bare = load("scenario: t\nsteps: [discover]\n")
    assert (bare.id, bare.tags, bare.needs, bare.environment, bare.cases, bare.refused, bare.after, bare.inputs) == (
        "par_dp",
        (),
        (),
        "",
        (),
        {},
        (),
        {},
    )


@pytest.mark.parametrize(
    ("step", "field", "at"),
    [
        (0, (), "17:5"),
        (1, ("what",), "18:11"),
        (1, ("aud",), "18:5"),
        (2, (), "19:5"),
        (2, ("par",), "19:5"),
        (4, ("answers", "consent"), "27:46"),
        (4, ("answers", "login"), "27:5"),
        (4, ("user", "x", 0), "27:5"),
        (3, ("names", "a"), "26:10"),
    ],
)
def test_a_field_that_is_written_is_found_and_one_that_is_not_leads_to_its_step(load, step, field, at):
    read = load()
    assert str(read.steps[step].place(read.document, field)) == f"par_dp.yaml:{at}"


def test_two_steps_of_one_name_would_hide_each_other(load):
    text = "scenario: t\nsteps:\n  - discover\n  - push\n  - push\nafter:\n  - discover:\n"
    assert problems(load, text) == [
        (
            "same-name",
            "par_dp.yaml:5:5",
            "two steps are called 'push', the first in line 4",
            "give this one a name of its own: name: push_again",
        ),
        (
            "same-name",
            "par_dp.yaml:7:5",
            "two steps are called 'discover', the first in line 3",
            "give this one a name of its own: name: discover_again",
        ),
    ]


def test_a_place_of_refusal_that_there_is_not_is_told(load):
    text = "scenario: t\nsteps:\n  - push:\n    name: second_push\noutcome: {{refused: {{{}: any}}}}\n"
    ((code, at, title, label),) = problems(load, text.format("calback"))
    assert (code, at, label) == ("unknown-place", "par_dp.yaml:5:21", "did you mean 'callback'?")
    assert title == "'calback' is no place where a refusal can happen"
    assert problems(load, text.format("second_pus"))[0][3] == "did you mean 'second_push'?"
    assert problems(load, text.format("zzzzzz"))[0][3] == (
        "places: push, callback, page, exchange, userinfo, introspect, revoke, call, tls, second_push"
    )


def test_an_environment_in_the_place_of_a_scenario_is_told_for_what_it_is(load):
    assert problems(load, "environment: uat\nissuer: https://x\nclients: {}\n") == [
        ("not-a-scenario", "par_dp.yaml:1:1", "this is an environment, not a scenario", "")
    ]


def test_a_folder_gives_its_scenarios_in_order_without_environments_and_hidden_ones(tmp_path):
    for name in ("b.yaml", "a.yml", "deep/c.yaml", "environments/e.yaml", ".hidden/f.yaml", "g.txt", "broken.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("scenario: t\nsteps: [\n", "utf-8")
    (tmp_path / "other.yaml").write_text("x: 1\n  scenario: inside\n", "utf-8")
    (tmp_path / "quoted.yaml").write_text('\ufeff"scenario": t\n', "utf-8")
    found = scenarios.find([tmp_path, tmp_path / "b.yaml", tmp_path / "missing.yaml"])
    assert [str(file.relative_to(tmp_path)) for file in found] == [
        "a.yml",
        "b.yaml",
        "broken.yaml",
        "deep/c.yaml",
        "quoted.yaml",
        "missing.yaml",
    ]


def test_a_link_that_leads_nowhere_is_no_scenario(tmp_path):
    (tmp_path / "a.yaml").write_text("scenario: A\n")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "gone.yaml").symlink_to("nothing.yaml")
    (tmp_path / "under.yaml").symlink_to("a.yaml/x")
    assert scenarios.find([tmp_path]) == [tmp_path / "a.yaml"]


def test_a_folder_without_a_scenario_is_told(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(FlowrunError) as error:
        scenarios.find([tmp_path / "x", tmp_path])
    assert [p.code for p in error.value.problems] == ["no-scenario", "no-scenario"]
    assert error.value.problems[0].title == f"no scenario in {tmp_path / 'x'}/"
