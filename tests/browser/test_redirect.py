import pytest

from flowrun.browser.redirect import pattern, read_callback, same_place, without_parameters

CB = "https://app.example/cb"


@pytest.mark.parametrize(
    ("url", "registered"),
    [
        ("https://app.example/cb?code=1", CB),
        ("https://app.example/cb#code=1", CB),
        ("https://app.example/cb", "https://APP.example:443/cb"),
        ("https://app.example/", "https://app.example"),
        ("https://app.example/?code=1", "https://app.example/"),
        ("http://127.0.0.1:9/cb?code=1", "http://127.0.0.1:9/cb"),
        ("http://[::1]:8080/cb?code=1", "http://[::1]:8080/cb"),
        ("https://app.example/cb?app=1&code=2", "https://app.example/cb?app=1"),
        ("https://app.example/b/cb", "https://app.example/a/../b/./cb"),
        ("https://xn--bcher-kva.example/cb", "https://bücher.example/cb"),
        ("https://app.example/a%20b", "https://app.example/a b"),
        ("myapp://cb?code=1", "myapp://cb"),
    ],
)
def test_is_the_redirect_uri(url: str, registered: str) -> None:
    assert same_place(url, registered)


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example/cbevil?code=1",
        "https://app.example/cb/?code=1",
        "https://app.example/CB",
        "https://app.example/",
        "http://app.example/cb",
        "https://app.example:8443/cb",
        "https://app.example.evil.test/cb",
        "https://evil.test/https://app.example/cb",
        "https://app.example@evil.test/cb",
        "https://app.example/cb%2Fevil",
        "https://[broken/cb",
    ],
)
def test_is_not_the_redirect_uri(url: str) -> None:
    assert not same_place(url, CB)


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        (CB, "https://app.example/cb*"),
        ("https://APP.example:443/cb?x=1", "https://app.example/cb*"),
        ("http://127.0.0.1:9/a*b", "http://127.0.0.1:9/a\\*b*"),
        ("myapp:/cb", "myapp:/cb*"),
    ],
)
def test_pattern(registered: str, expected: str) -> None:
    assert pattern(registered) == expected


def test_query_keeps_order_duplicates_and_registered_members() -> None:
    taken = read_callback("https://app.example/cb?app=1&code=a%20b&code=2&state=", "https://app.example/cb?app=1")
    assert taken.place == "query"
    assert taken.params == (("app", "1"), ("code", "a b"), ("code", "2"), ("state", ""))
    assert taken.dropped == ()


def test_a_registered_member_that_the_server_dropped_is_named() -> None:
    assert read_callback("https://app.example/cb?code=1", "https://app.example/cb?app=1").dropped == ("app",)


def test_fragment_also_beside_a_registered_query() -> None:
    taken = read_callback("https://app.example/cb?app=1#code=1&state=2", "https://app.example/cb?app=1")
    assert (taken.place, taken.params) == ("fragment", (("code", "1"), ("state", "2")))


def test_a_fragment_does_not_hide_a_response_in_the_query() -> None:
    taken = read_callback("https://app.example/cb?code=1&state=2#_=_", CB)
    assert (taken.place, taken.params) == ("query", (("code", "1"), ("state", "2")))


def test_form_post_is_read_from_the_body() -> None:
    taken = read_callback(CB, CB, method="POST", body="code=a%2Bb&state=x+y")
    assert (taken.place, taken.params) == ("form_post", (("code", "a+b"), ("state", "x y")))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/p?code=SECRET#x", "https://a.example/p?…"),
        ("https://me:SECRET@a.example:8/p", "https://a.example:8/p"),
        ("https://a.example/p#SECRET", "https://a.example/p?…"),
        ("data:text/html,x?SECRET", "data:text/html,x"),
    ],
)
def test_without_parameters(url: str, shown: str) -> None:
    assert without_parameters(url) == shown
