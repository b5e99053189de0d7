"""Where a URL leads, and headers that come twice."""

from __future__ import annotations

import pytest

from flowrun.lane import Target, joined, target_of


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://op.example", Target("https", "op.example", 443, "op.example", "/")),
        ("http://OP.example:80/a", Target("http", "op.example", 80, "op.example", "/a")),
        ("https://op.example:8443/a?b=c#d", Target("https", "op.example", 8443, "op.example:8443", "/a?b=c")),
        ("http://me:secret@[::1]:9/a", Target("http", "::1", 9, "[::1]:9", "/a")),
        (
            "http://op.example/a b/ü?q=ü&r=a b",
            Target("http", "op.example", 80, "op.example", "/a%20b/%C3%BC?q=%C3%BC&r=a%20b"),
        ),
        ("http://op.example/a%2Fb?c=%7B{x}", Target("http", "op.example", 80, "op.example", "/a%2Fb?c=%7B{x}")),
        ("http://op.example?", Target("http", "op.example", 80, "op.example", "/?")),
        ("http://op.example/a\\b", Target("http", "op.example", 80, "op.example", "/a\\b")),
        ("http://straße.example/", Target("http", "xn--strae-oqa.example", 80, "xn--strae-oqa.example", "/")),
        ("http://bücher.example/", Target("http", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/")),
    ],
)
def test_a_url_is_taken_apart(url, target):
    assert target_of(url) == target


def test_a_target_is_a_url_again_without_who_asks():
    assert target_of("http://me:secret@[::1]:9/a?b#c").url == "http://[::1]:9/a?b"


NO_URLS = ["ftp://op.example/", "op.example", "http:///a", "http://op.example:0/", "http://a:b/", "http://[::1"]
UNSEEN = ["http://a/b\nc", " http://a/", "http://a/\x7f"]


@pytest.mark.parametrize("url", [*NO_URLS, *UNSEEN])
def test_what_can_not_be_called(url):
    with pytest.raises(ValueError, match=r"."):
        target_of(url)


def test_values_of_the_same_header_are_joined():
    assert joined([("X-A", "1"), ("b", "2"), ("x-a", "3")]) == {"x-a": "1, 3", "b": "2"}
