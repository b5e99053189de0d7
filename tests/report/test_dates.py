from __future__ import annotations

import pytest

from flowrun.report.dates import distance, human

AT = 1700000000


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("exp", AT + 300, "14 Nov 2023, 22:18:20 UTC, 5 min after the start"),
        ("iat", AT + 0.5, "14 Nov 2023, 22:13:20 UTC, 0 s after the start"),
        ("auth_time", AT - 7200, "14 Nov 2023, 20:13:20 UTC, 2 h before the start"),
        ("exp", 10**20, "no date"),
        ("exp", "soon", ""),
        ("exp", True, ""),
        ("expires_in", 60, ""),
    ],
)
def test_dates_are_written_as_people_do(name, value, words):
    assert human(name, value, AT) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(119, "119 s after"), (-120, "2 min before"), (7200, "2 h after"), (172800, "2 days after")]
)
def test_a_distance_has_one_unit(seconds, words):
    assert distance(seconds) == f"{words} the start"
