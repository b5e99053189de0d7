from __future__ import annotations

import pytest

from flowrun import checks, profiles
from flowrun.steps import KINDS

IDS = [check.id for check in checks.CHECKS]


def test_every_check_has_an_id_of_its_own_a_sentence_and_a_clause():
    assert len(IDS) == len(set(IDS))
    for check in checks.CHECKS:
        assert check.sentence
        assert any(word in check.clause for word in ("RFC", "OIDC", "FAPI", "JARM"))
        assert "§" in check.clause
        assert check.steps <= set(KINDS)
        assert check.steps


@pytest.mark.parametrize("name", profiles.names())
def test_a_profile_gives_every_check_a_level_and_names_no_other(name):
    levels = profiles.load(name).checks
    assert sorted(levels) == sorted(IDS)
    assert set(levels.values()) <= set(profiles.LEVELS)


def test_a_check_that_is_off_everywhere_would_never_be_seen():
    for check_id in IDS:
        assert {profiles.load(name).level(check_id) for name in profiles.names()} != {"off"}


@pytest.mark.parametrize(
    ("profile", "check_id", "level"),
    [
        ("oauth2", "disc.par", "off"),
        ("fapi2", "disc.par", "must"),
        ("ofm", "disc.par", "must"),
        ("ofm", "cb.iss", "should"),
        ("ofm", "tok.rar", "must"),
        ("fapi2", "ref.no-rotation", "must"),
        ("oidc-basic", "idt.nonce", "must"),
        ("oauth2", "cb.leak", "should"),
        ("ofm", "cb.leak", "must"),
        ("oidc-basic", "idt.alg", "off"),
        ("ofm", "idt.alg", "must"),
    ],
)
def test_levels_are_inherited_and_replaced(profile, check_id, level):
    assert profiles.load(profile).level(check_id) == level


def test_a_check_that_nobody_knows_is_off():
    assert profiles.load("ofm").level("no.such") == "off"


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_runs_the_checks_of_its_kind(kind):
    assert [check.id for check in checks.of(kind)] == [check.id for check in checks.CHECKS if kind in check.steps]
