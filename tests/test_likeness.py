"""What a scenario takes from the one that it is like, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowrun import scenario as scenarios
from flowrun import template
from flowrun.errors import FlowrunError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flowrun.scenario import Scenario

GOOD = """\
scenario: Good
environment: uat
needs: [par]
inputs: {dp_id: DP1, amount: 5}
authorization: {scope: openid, max_age: 5}
steps:
  - discover
  - set: {purpose: pfm}
  - exchange: {grant: client_credentials}
    name: app
  - call: {url: "https://rs.example/consents"}
    name: create
  - sign: request_object
    expect: {jwt: {is: present}}
  - push: {par: always}
    as: first
  - browse: {user: alice, answers: {consent: approve, provider: DP1}}
    save: {came: code}
  - exchange
after:
  - revoke: {token: refresh_token}
"""


@pytest.fixture
def like(tmp_path: Path) -> Callable[..., Scenario]:
    """Write the good scenario and one that is like it; return the latter."""

    def load(text: str, good: str = GOOD) -> Scenario:
        (tmp_path / "good.yaml").write_text(good, "utf-8")
        path = tmp_path / "row.yaml"
        path.write_text(f"scenario: Row\nlike: good.yaml\n{text}", "utf-8")
        return scenarios.load(path)

    return load


def shape(scenario: Scenario) -> list[Any]:
    return [(step.kind, step.name) for step in scenario.steps]


def test_the_request_and_the_inputs_are_laid_over_the_others(like):
    row = like("inputs: {dp_id: DP2}\nauthorization: {max_age: 9}\nsteps: [discover]\n")

    assert row.authorization == {"scope": "openid", "max_age": 9}
    assert {name: declared.default for name, declared in row.inputs.items()} == {"dp_id": "DP2", "amount": 5}
    assert (row.title, row.environment, row.needs) == ("Row", "uat", ())


def test_each_step_knows_the_file_and_the_line_where_it_stands(like):
    scenario = like("steps:\n  - push: {par: always}\n")
    places = [step.place(scenario.document) for step in (*scenario.steps, *scenario.after)]
    assert [(step.file, step.line) for step in (*scenario.steps, *scenario.after)] == [
        (place.file, place.line) for place in places
    ]
    assert len({place.file for place in places}) == 2


@pytest.mark.parametrize("good", [GOOD, "scenario: Good\nsteps: [discover, push]\n"])
def test_a_step_that_signs_something_else_than_the_request_object_is_its_own(like, good):
    row = like("steps: [discover, {sign: client_assertion}, push]\n", good)
    (signs,) = [step for step in row.steps if step.kind == "sign"]

    assert (signs.input, signs.expect) == ({"what": "client_assertion"}, None)


def test_what_prepares_a_step_comes_along_and_what_the_good_one_expects_does_not(like):
    row = like("steps: [discover, {sign: request_object}, push]\n")

    assert shape(row) == [
        ("discover", "discover"),
        ("set", "set"),
        ("exchange", "app"),
        ("call", "create"),
        ("sign", "sign"),
        ("push", "push"),
    ]
    assert row.steps[4].expect is None
    assert (row.steps[5].input, row.steps[5].client) == ({"par": "always"}, "first")


def test_fields_are_laid_over_fields_and_saved_names_come_along(like):
    row = like("steps: [discover, {sign: request_object}, push, {browse: {answers: {consent: deny}}, as: other}]\n")

    browse = row.steps[-1]
    assert browse.input == {"user": "alice", "answers": {"consent": "deny", "provider": "DP1"}}
    assert (browse.client, browse.save) == ("other", {"came": "code"})


def test_a_second_step_of_a_kind_is_like_the_first(like):
    row = like("steps: [discover, {sign: request_object}, push, browse, {browse: , name: again}]\n")

    assert row.steps[-1].input == row.steps[-2].input
    assert row.proves is None


def test_a_grant_is_like_the_same_grant_only(like):
    row = like("steps: [discover, {exchange: {grant: refresh_token}}]\n")

    assert row.steps[-1].input == {"grant": "refresh_token"}


@pytest.mark.parametrize(
    ("steps", "after"),
    [
        ("[discover, push, browse]", 0),
        ("[discover, push, browse, exchange]", 1),
        ("[discover, push, browse, exchange, {revoke: {token: access_token}}]", 0),
    ],
)
def test_what_undoes_an_exchange_comes_with_an_exchange(like, steps, after):
    assert len(like(f"steps: {steps}\n").after) == after


def test_who_made_the_exchange_tidies_up(like):
    row = like("steps: [discover, push, browse, {exchange: , as: second}]\n")

    (revoke,) = row.after
    assert (revoke.client, revoke.input, revoke.name) == ("second", {"token": "refresh_token"}, "revoke")


def test_a_bare_step_that_the_good_one_does_without_is_left_out(like):
    plain = "scenario: Plain\nsteps: [discover, {browse: {user: alice}}, exchange]\n"

    assert [kind for kind, _ in shape(like("steps: [discover, {sign: request_object}, push, browse]\n", plain))] == [
        "discover",
        "browse",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: [discover, {push: , tamper: {method: PUT}}]\n", "pushes no request"),
        ("needs: [par]\nsteps: [discover, push]\n", "pushes no request"),
        ("steps: [{sign: request_object, tamper: {clock: +70s}}]\n", "signs no request object"),
        ("needs: [signed_request]\nsteps: [{sign: request_object}]\n", "signs no request object"),
    ],
)
def test_a_row_about_a_step_that_the_good_one_has_not_does_not_apply(like, text, says):
    with pytest.raises(FlowrunError) as caught:
        like(text, "scenario: Plain\nsteps: [discover, {browse: {user: alice}}, exchange]\n")

    (problem,) = caught.value.problems
    assert problem.code == "not-like"
    assert says in problem.title


RULE = "proves: {level: must, clause: RFC 9126 §2.2}\n"


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("steps: [discover, {sign: request_object}, {push: , tamper: {method: PUT}}]\n", 5),
        ("authorization: {scope: other}\nsteps: [discover, {sign: request_object}, push]\n", 4),
        ("steps: [discover, {sign: request_object}, push, browse, {browse: , name: again}]\n", 7),
        ("steps: [discover, {sign: request_object}, push, {wait: 1s}, browse]\n", 6),
        ("steps: [discover, {sign: request_object}, push, browse]\n", 6),
        ("steps: [discover, {sign: request_object}, push, browse, exchange, userinfo]\n", 8),
        ("steps: [discover, {sign: request_object}, push, browse, exchange, userinfo, {userinfo: , name: b}]\n", 9),
    ],
)
def test_the_rule_begins_where_the_row_parts_from_the_good_one(like, text, since):
    row = like(RULE + text)

    assert row.proves is not None
    assert row.proves.since == since


def test_each_part_knows_the_file_and_the_line_it_came_from(like):
    row = like("authorization: {max_age: 9}\nsteps: [discover, push, {browse: {answers: {consent: deny}}}]\n")
    document = row.document

    def place(*path: str | int) -> tuple[str, int]:
        at = document.at(path)
        return at.file.rpartition("/")[2], at.line

    last = len(row.steps) - 1
    assert place("authorization", "scope") == ("good.yaml", 5)
    assert place("authorization", "max_age") == ("row.yaml", 3)
    assert place("steps", last, "browse", "user") == ("good.yaml", 17)
    assert place("steps", last, "browse", "answers", "consent") == ("row.yaml", 4)
    assert place("steps", 1, "set") == ("good.yaml", 8)


def test_it_can_be_like_one_that_is_like_another(like, tmp_path):
    (tmp_path / "first.yaml").write_text("scenario: First\nauthorization: {scope: a}\nsteps: [discover]\n", "utf-8")

    row = like(
        "steps: [discover]\n", "scenario: Second\nlike: first.yaml\nauthorization: {max_age: 1}\nsteps: [discover]\n"
    )

    assert row.authorization == {"scope": "a", "max_age": 1}


def test_harden_puts_another_file_in_its_place(like, tmp_path):
    like("steps: [discover]\n")
    other = tmp_path / "other.yaml"
    other.write_text("scenario: Other\nauthorization: {scope: other}\nsteps: [discover]\n", "utf-8")

    assert scenarios.load(tmp_path / "row.yaml", like=scenarios.load(other).document).authorization == {
        "scope": "other"
    }


@pytest.mark.parametrize(
    ("theirs", "written", "filled"),
    [
        ("openid accounts", "{{ like.scope }} more", "openid accounts more"),
        ("'{{ words }}'", "{{ like.scope.split() | reverse | join(' ') }}", "b a"),
        ("'openid {{ words }}'", "{{ like.scope }}", "openid a b"),
        ("[openid, accounts]", "{{ like.scope }}", "openid accounts"),
    ],
)
def test_the_request_of_the_good_one_can_be_changed_without_knowing_it(like, theirs, written, filled):
    good = f"scenario: Good\nauthorization: {{scope: {theirs}}}\nsteps: [discover]\n"

    row = like(f'authorization: {{scope: "{written}"}}\nsteps: [discover]\n', good)

    assert template.fill(row.authorization["scope"], {"words": "a b"}) == filled


def test_what_the_good_one_does_not_ask_for_can_not_be_changed(like):
    with pytest.raises(FlowrunError) as caught:
        like('authorization: {scope: "{{ like.claims }}"}\nsteps: [discover]\n')

    assert [problem.title.rpartition("/")[2] for problem in caught.value.problems] == ["good.yaml has no claims"]


def test_a_second_request_is_left_out_like_the_first(like):
    steps = (
        "[discover, {sign: request_object, name: again, flow: b, as: second}, {push: , name: more, flow: b}, browse]"
    )
    plain = "scenario: Plain\nsteps: [discover, {browse: {user: alice}}, exchange]\n"

    assert [kind for kind, _ in shape(like(f"steps: {steps}\n", plain))] == ["discover", "browse"]
