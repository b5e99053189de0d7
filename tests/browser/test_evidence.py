import pytest

from flowrun.browser.evidence import facts, oauth_error
from flowrun.browser.network import unreachable
from flowrun.browser.snapshot import Control, Snapshot
from flowrun.errors import FAILED, UNREACHABLE


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"error":"invalid_request_uri","error_description":"x"}', "invalid_request_uri"),
        (
            "oops! something went wrong\nerror: invalid_request_uri\nerror_description: server_error",
            "invalid_request_uri",
        ),
        ("Error Code: access_denied", "access_denied"),
        ("error=their_own_code", "their_own_code"),
        ("We are sorry (invalid_scope).", "invalid_scope"),
        ("The request is invalid_request_uri_like", ""),
        ("error_description: something bad", ""),
        ("An error: please try again", ""),
        ("Welcome", ""),
    ],
)
def test_oauth_error(text: str, code: str) -> None:
    assert oauth_error(text) == code


def page(*controls: Control, text: str = "Some text of the page here") -> Snapshot:
    return Snapshot(url="https://auth.example/login?secret=1", title="Bank", status=200, text=text, controls=controls)


def test_facts_have_no_query_and_say_what_there_is() -> None:
    shown = dict(
        facts(
            page(
                Control(kind="heading", names=(("Sign in", "text"),)),
                Control(kind="button", names=(("Confirm", "text"),)),
                Control(kind="link", names=(("Cancel", "text"),)),
            )
        )
    )
    assert shown == {
        "url": "https://auth.example/login?…",
        "status": "200",
        "title": "Bank",
        "headings": "'Sign in'",
        "fields": "none",
        "buttons": "'Confirm', 'Cancel'",
        "text": "Some text of the page here",
    }


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            "net::ERR_NAME_NOT_RESOLVED",
            "unreachable",
            "the browser could not open auth.example:8: its name does not resolve",
        ),
        (
            "net::ERR_CERT_DATE_INVALID",
            "tls",
            "the browser could not open auth.example:8: its certificate is not valid today",
        ),
        ("net::ERR_NEW_ONE", "unreachable", "the browser could not open auth.example:8: the browser says new one"),
    ],
)
def test_network_errors_name_the_host(error: str, code: str, words: str) -> None:
    said = unreachable(
        "https://auth.example:8/authorize?request_uri=secret", error, redirect_uri="https://app.example/cb"
    )
    assert (said.code, said.title, said.exit_code) == (code, words, UNREACHABLE)
    assert "secret" not in str(said.facts)


def test_a_host_like_the_redirect_uri_is_a_wrong_redirect() -> None:
    said = unreachable("https://app.example/cbevil?code=1", "net::ERR_FAILED", redirect_uri="https://app.example/cb")
    assert (said.code, said.exit_code) == ("wrong-redirect", FAILED)
    assert ("got", "https://app.example/cbevil?…") in said.facts
