from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from flowrun.browser import BrowseError, open_browser
from flowrun.errors import FAILED, UNREACHABLE

if TYPE_CHECKING:
    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

REDIRECT = "https://app.invalid/cb"
PASSWORD = "s3cret-Pa55word"
DONE = (("code", "C0DE"), ("state", "S"))
BOTH = {"User name": "alice", "Password": PASSWORD}
LOGIN = {"login": {"shows": {"heading": "Sign in"}, "do": [{"fill": BOTH}, {"press": "Sign in"}]}}
FILLED = {"user": "alice", "pw": PASSWORD}
CONSENT = {
    "shows": {"heading": "Approve access", "button": "Approve"},
    "answers": {"approve": [{"press": "Approve"}], "deny": [{"press": "Deny"}]},
}
TWO_PAGES: dict[str, Any] = {
    "user": {"shows": {"field": "User name"}, "do": [{"fill": {"User name": "alice"}}, {"press": "Next"}]},
    "password": {
        "shows": {"field": "Password"},
        "do": [{"fill": {"Password": "{{ user.password }}"}}, {"press": "Sign in"}],
        "failed_if": {"text": "Invalid credentials"},
    },
    "consent": CONSENT,
}


def failing(walk: Any, *args: Any, **more: Any) -> BrowseError:
    with pytest.raises(BrowseError) as caught:
        walk(*args, **more)
    assert PASSWORD not in f"{caught.value.title}{caught.value.facts}{caught.value.hint}{caught.value.page}"
    return caught.value


def test_two_page_login_and_consent(walk: Any, server: Server) -> None:
    asked: list[Any] = []
    told: list[str] = []

    def fill(value: Any, path: Any) -> Any:
        asked.append(path)
        return {"fill": {"Password": PASSWORD}} if value == {"fill": {"Password": "{{ user.password }}"}} else value

    done = walk(
        f"{server.url}/login",
        {**TWO_PAGES, "never": {"shows": {"heading": "Never"}, "do": [{"fill": {"X": "{{ nobody.knows }}"}}]}},
        fill=fill,
        answers={"consent": "approve"},
        tell=lambda visit: told.append(visit.name),
    )

    assert done.callback is not None
    assert (done.callback.place, done.callback.params) == ("query", DONE)
    assert done.callback.url == f"{REDIRECT}?code=C0DE&state=S"
    assert [visit.name for visit in done.pages] == told == ["user", "password", "consent"]
    assert [visit.heading for visit in done.pages] == ["Sign in", "Sign in", "Approve access"]
    assert {visit.status for visit in done.pages} == {200}
    assert server.received == [{"user": "alice"}, {"pw": PASSWORD}, {"choice": "approve"}]
    assert asked == [
        ("user", "do", 0),
        ("user", "do", 1),
        ("password", "do", 0),
        ("password", "do", 1),
        ("consent", "answers", "approve", 0),
    ]
    login = f"{server.url}/login"
    assert tuple(hop[:2] for hop in done.hops) == (
        (login, 200),
        (login, 200),
        (login, 303),
        (server.page("deny_first"), 200),
        (f"{server.url}/done", 302),
        (REDIRECT, None),
    )
    assert done.refused is None


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize("to", [REDIRECT, "http://127.0.0.1:9/cb", "https://app.invalid/cb?app=1"])
def test_callback(walk: Any, server: Server, mode: str, to: str) -> None:
    server.mode, server.to = mode, to
    taken = walk(server.page("plain"), LOGIN, redirect_uri=to).callback
    assert taken.place == mode
    assert taken.dropped == ()
    expected = {
        "query": [("app", "1"), *DONE] if "?app" in to else [*DONE],
        "fragment": [*DONE],
        "form_post": [("code", "C0DE"), ("state", "S & +")],
    }
    assert taken.params == tuple(expected[mode])


def test_callback_without_any_page(walk: Any, server: Server) -> None:
    done = walk(f"{server.url}/done", {})
    assert (done.callback.params, done.pages) == (DONE, ())


def test_a_redirect_uri_that_answers_is_not_called(walk: Any, server: Server) -> None:
    server.to = f"{server.url}/cb"
    assert walk(server.page("plain"), LOGIN, redirect_uri=server.to).callback.params == DONE
    assert "/cb" not in server.requests


def test_a_longer_path_is_not_the_redirect_uri(walk: Any, server: Server) -> None:
    server.to = f"{REDIRECT}evil"
    error = failing(walk, server.page("plain"), LOGIN)
    assert (error.code, error.exit_code) == ("wrong-redirect", FAILED)
    assert error.title == "the browser was sent to https://app.invalid/cbevil?…, which is not the redirect_uri"


def test_a_longer_path_that_answers_is_let_through(walk: Any, server: Server) -> None:
    server.to = f"{server.url}/zoo/welcome"
    error = failing(walk, server.page("plain"), LOGIN, redirect_uri=f"{server.url}/zoo/wel")
    assert error.code == "page-unknown"
    assert "/zoo/welcome" in server.requests


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "aria",
        "table",
        "rerender",
        "decoy",
        "late",
        "iframe",
        "shadow",
        "overlay",
        "fonts",
        "unfinished",
        "refresh",
    ],
)
def test_login(walk: Any, server: Server, name: str) -> None:
    login = {"login": {"shows": {"field": "User name", "button": "Sign in"}, "do": LOGIN["login"]["do"]}}
    if name == "late":
        login["login"]["shows"] = {"field": "User name"}
    assert walk(server.page(name), login).callback.params == DONE
    assert {key: value for key, value in server.received[-1].items() if value} == FILLED


def test_placeholders_and_a_caption_in_value(walk: Any, server: Server) -> None:
    pages = {
        "login": {
            "shows": {"field": "Enter any login"},
            "do": [{"fill": {"Enter any login": "alice"}}, {"fill": {"and password": PASSWORD}}, {"press": "Sign-in"}],
        }
    }
    assert walk(server.page("placeholder"), pages).callback.params == DONE
    assert server.received == [FILLED]
    pages = {"login": {"shows": {"button": "Log me in"}, "do": [{"fill": BOTH}, {"press": "Log me in"}]}}
    assert walk(server.page("value"), pages).callback.params == DONE
    assert server.received[-1] == {**FILLED, "choice": "Log me in"}


@pytest.mark.parametrize("answer", ["approve", "deny"])
def test_answers(walk: Any, server: Server, answer: str) -> None:
    walk(server.page("deny_first"), {"consent": CONSENT}, answers={"consent": answer})
    assert server.received == [{"choice": answer}]


def test_an_answer_is_missing_or_unknown(walk: Any, server: Server) -> None:
    error = failing(walk, server.page("deny_first"), {"consent": CONSENT})
    assert (error.code, error.field) == ("answer-missing", ("consent", "answers"))
    assert "approve or deny" in error.hint
    error = failing(walk, server.page("deny_first"), {"consent": CONSENT}, answers={"consent": "aprove"})
    assert (error.code, error.label) == ("answer-unknown", "did you mean 'approve'?")


def test_a_single_page_application(walk: Any, server: Server) -> None:
    pages = {
        "user": {"shows": {"field": "User name"}, "do": [{"fill": {"User name": "alice"}}, {"press": "Next"}]},
        "password": {"shows": {"field": "Password"}, "do": [{"fill": {"Password": PASSWORD}}, {"press": "Sign in"}]},
        "consent": CONSENT,
    }
    done = walk(server.page("spa"), pages, answers={"consent": "approve"})
    assert done.callback.params == DONE
    assert [visit.name for visit in done.pages] == ["user", "password", "consent"]
    assert server.received == [FILLED]


def test_a_page_that_asks_for_news_without_end_is_not_waited_for_longer(walk: Any, server: Server) -> None:
    done = walk(server.page("polling"), LOGIN)
    assert [visit.name for visit in done.pages] == ["login"]
    assert done.pages[0].seconds < 4  # the answer comes after 8


def test_choose_tick_untick_and_a_date(walk: Any, server: Server) -> None:
    choices = {
        "shows": {"field": "Data provider"},
        "do": [
            {"choose": {"Data provider": "Second Bank", "Account": "Current"}},
            {"tick": "I accept the terms"},
            {"untick": ["News by mail"]},
            {"fill": {"Born": "1990-12-31"}},
            {"press": "Continue"},
        ],
    }
    walk(server.page("choices"), {"choices": choices})
    assert server.received == [{"dp": "DP2", "acc": "a2", "terms": "yes", "born": "1990-12-31"}]
    choices["do"] = [{"choose": {"Data provider": "DP1"}}, {"press": "css:form button"}]
    walk(server.page("choices"), {"choices": choices})
    assert server.received[-1] == {"dp": "DP1", "news": "yes", "born": ""}


def test_what_is_no_css_selector_is_said(walk: Any, server: Server) -> None:
    page = {"shows": {"field": "User name"}, "do": [{"press": "css:button["}]}
    error = failing(walk, server.page("plain"), {"login": page})
    assert (error.code, error.title) == ("bad-selector", "'css:button[' is not a CSS selector")


def test_a_missing_option_names_those_that_are_there(walk: Any, server: Server) -> None:
    page = {"shows": {"field": "Data provider"}, "do": [{"choose": {"Data provider": "Secund Bank"}}]}
    error = failing(walk, server.page("choices"), {"choices": page}, page_seconds=1.5)
    assert (error.code, error.field) == ("option-missing", ("choices", "do", 0, "choose"))
    assert (
        error.title
        == "'Data provider' has no option 'Secund Bank'; options here: 'Choose…', 'First Bank', 'Second Bank'"
    )
    assert error.label == "did you mean 'Second Bank'?"


def test_see_compares_codes_in_words(walk: Any, server: Server) -> None:
    see: dict[str, Any] = {"permissions": ["a", "b"], "as": {"a": "Account details", "b": "Balances"}}
    page = {"shows": CONSENT["shows"], "do": [{"see": see}, {"not_see": "Transactions"}, {"press": "Approve"}]}
    assert walk(server.page("deny_first"), {"consent": page}).callback.params == DONE
    see["as"]["b"] = "Transactions"
    error = failing(walk, server.page("deny_first"), {"consent": page}, page_seconds=1.5)
    assert (error.code, error.field) == ("not-seen", ("consent", "do", 0, "see"))
    assert error.title == "the page does not show 'Transactions'"
    page["do"] = [{"not_see": ["Balances"]}]
    error = failing(walk, server.page("deny_first"), {"consent": page}, page_seconds=1.5)
    assert (error.code, error.title) == ("still-seen", "the page shows 'Balances', which it should not")


def test_wait_key_and_text_areas(walk: Any, server: Server) -> None:
    pages = {
        "late": {
            "shows": {"field": "User name"},
            "do": [{"wait": {"button": "Sign in"}}, {"fill": BOTH}, {"key": "Enter"}],
        }
    }
    walk(server.page("plain"), pages)
    assert server.received == [FILLED]


def test_a_page_that_goes_on_by_itself(walk: Any, server: Server) -> None:
    pages = {"code": {"shows": {"field": "Code"}, "do": [{"fill": {"Code": "123456"}}, {"press": "Verify"}]}}
    assert walk(server.page("auto"), pages).callback.params == DONE


def test_a_popup_is_followed(walk: Any, server: Server) -> None:
    pages = {**LOGIN, "start": {"shows": {"heading": "Start"}, "do": [{"press": "Sign in with the bank"}]}}
    done = walk(server.page("popup"), pages)
    assert done.callback.params == DONE
    assert [visit.name for visit in done.pages] == ["start", "login"]


@pytest.mark.parametrize("name", ["popup_home", "popup_redirect"])
def test_a_popup_that_goes_straight_to_the_redirect_uri(walk: Any, server: Server, name: str) -> None:
    pages = {"start": {"shows": {"heading": "Start"}, "do": [{"press": "Go"}]}}
    assert walk(server.page(name), pages).callback.params == DONE


def test_a_missing_button_names_those_that_are_there(walk: Any, server: Server) -> None:
    page = {"shows": {"heading": "Approve access"}, "do": [{"press": "Approve"}]}
    error = failing(walk, server.page("confirm"), {"consent": page}, page_seconds=1.5)
    assert error.title == "no button 'Approve'; buttons here: 'Confirm', 'Cancel'"
    assert (error.code, error.field) == ("control-missing", ("consent", "do", 0, "press"))
    assert error.page is not None
    assert (error.page.name, error.page.status) == ("consent", 200)
    assert (error.page.screenshot or b"").startswith(b"\x89PNG")


def test_two_of_a_name_are_ambiguous(walk: Any, server: Server) -> None:
    page = {"shows": {"heading": "Twins"}, "do": [{"press": "Go"}]}
    error = failing(walk, server.page("twins"), {"twins": page}, page_seconds=1.5)
    assert (error.code, error.title[:30]) == ("control-ambiguous", "2 buttons are called 'Go': 'Go")


def test_an_unknown_page_is_described(walk: Any, server: Server) -> None:
    near = {"near": {"shows": {"heading": "Welcome", "button": "Approve"}}}
    error = failing(walk, server.page("welcome"), {**LOGIN, **near})
    assert error.code == "page-unknown"
    assert error.title == "no page of the environment describes this one: 'Welcome back'"
    facts = dict(error.facts)
    assert facts["nearest"] == "near, but no button 'Approve'"
    assert (facts["fields"], facts["buttons"], facts["status"]) == ("'Nick name', 't'", "'On: go'", "200")
    assert "shows: {heading: Welcome back, field: Nick name}" in error.hint
    assert "TYPED" not in f"{error.facts}{error.hint}{error.page.text if error.page else ''}"


def test_a_page_without_its_scripts_is_not_described(walk: Any, server: Server) -> None:
    error = failing(walk, server.page("frame"), LOGIN)
    assert error.title == "scripts of the page did not load, so it is not complete: 'App'"
    assert ("script", f"{server.url}/gone.js?…") in error.facts
    assert "pages:" not in error.hint


@pytest.mark.parametrize(
    ("path", "status", "place", "code"),
    [
        ("/json", 400, "page", "invalid_request_uri"),
        ("/oops", 400, "page", "invalid_request_uri"),
        ("/broken", 500, "", ""),  # the server broke: no scenario that wants a refusal may pass on this
    ],
)
def test_an_error_document_is_evidence(
    walk: Any, server: Server, path: str, status: int, place: str, code: str
) -> None:
    error = failing(walk, f"{server.url}{path}", LOGIN)
    assert (error.code, error.place, error.error) == ("page-error", place, code)
    assert error.page is not None
    assert error.page.status == status
    assert error.page.screenshot


@pytest.mark.parametrize(("status", "place"), [(400, "page"), (404, "page"), (500, "")])
def test_an_error_without_a_body_is_evidence_too(walk: Any, server: Server, status: int, place: str) -> None:
    error = failing(walk, f"{server.url}/empty-{status}", LOGIN)
    assert (error.code, error.place) == ("page-error", place)
    assert error.title == f"the server answered with the status {status} and an empty page"
    assert error.page is not None
    assert (error.page.status, error.page.text, error.page.url) == (status, "", f"{server.url}/empty-{status}")
    assert error.page.seconds < 3


def test_an_empty_error_can_be_described(walk: Any, server: Server) -> None:
    start = {"shows": {"heading": "Start"}, "do": [{"press": "Go"}]}
    done = walk(server.page("to_empty"), {"start": start, "no": {"shows": {"url": "/empty-403"}, "means": "refused"}})
    assert [visit.name for visit in done.pages] == ["start", "no"]
    assert done.refused.status == 403


def test_a_page_that_means_refused(walk: Any, server: Server) -> None:
    pages = {**LOGIN, "oops": {"shows": {"heading": "oops"}, "means": "refused"}}
    done = walk(f"{server.url}/oops", pages)
    assert done.callback is None
    assert done.pages[-1] == done.refused
    assert (done.refused.name, done.refused.status) == ("oops", 400)
    assert "error: invalid_request_uri" in done.refused.text
    assert done.refused.screenshot


def test_failed_if_ends_the_step_with_the_words(walk: Any, server: Server) -> None:
    error = failing(walk, f"{server.url}/login", TWO_PAGES, fill=lambda value, _path: value)
    assert (error.code, error.field) == ("page-failed", ("password", "failed_if"))
    assert error.title == "the page 'password' says 'Invalid credentials'"


def test_the_same_page_three_times_is_stuck(walk: Any, server: Server) -> None:
    error = failing(walk, server.page("loop"), LOGIN)
    assert error.code == "page-stuck"
    assert "the same page with the same content came back three times" in error.title
    assert len(server.received) == 2


def test_what_a_page_says_when_it_comes_back_can_be_pasted(walk: Any, server: Server) -> None:
    error = failing(walk, f"{server.url}/wrong", LOGIN)
    assert error.code == "page-stuck"
    pasted = yaml.safe_load(error.hint.partition("\n")[2])
    assert pasted == {"failed_if": {"text": "Please enter the correct password"}}
    error = failing(walk, f"{server.url}/wrong", {"login": {**LOGIN["login"], **pasted}})
    assert error.title == "the page 'login' says 'Please enter the correct password'"


def test_a_page_that_does_not_change_is_stuck(walk: Any, server: Server) -> None:
    page = {"shows": {"heading": "Dead end"}, "do": [{"press": "Continue"}]}
    error = failing(walk, server.page("dead"), {"dead": page}, page_seconds=1.5)
    assert (error.code, error.field) == ("page-stuck", ("dead",))
    assert "did not change after its actions" in error.title


def test_two_pages_that_fit_equally(walk: Any, server: Server) -> None:
    pages = {"one": {"shows": {"heading": "Dead end"}}, "two": {"shows": {"text": "Dead end"}}}
    error = failing(walk, server.page("dead"), pages)
    assert (error.code, error.title) == ("page-ambiguous", "this page is 'one' and 'two' equally")


def test_hosts_that_cannot_be_reached(walk: Any, server: Server) -> None:
    error = failing(walk, "http://nowhere.invalid/authorize?request_uri=SECRET", LOGIN)
    assert (error.code, error.exit_code) == ("unreachable", UNREACHABLE)
    assert error.title == "the browser could not open nowhere.invalid: its name does not resolve"
    assert "SECRET" not in str(error.facts)
    error = failing(walk, server.url.replace("http:", "https:"), LOGIN)
    assert (error.code, error.exit_code) == ("tls", UNREACHABLE)
    error = failing(walk, f"{server.url}/never", LOGIN, page_seconds=0.5)
    assert (error.code, error.exit_code) == ("unreachable", UNREACHABLE)
    assert error.title.endswith("did not answer within 0.5 s")


def test_a_server_that_does_not_answer_a_form(walk: Any, server: Server) -> None:
    page = {"shows": {"heading": "Slow"}, "do": [{"press": "Continue"}]}
    error = failing(walk, server.page("slow"), {"slow": page}, page_seconds=0.5)
    assert (error.code, error.exit_code) == ("unreachable", UNREACHABLE)
    assert error.title == f"{server.url.removeprefix('http://')} did not answer within 0.5 s"


def test_what_can_not_be_read_or_found(walk: Any, server: Server) -> None:
    def trying(action: dict[str, Any], name: str = "dead") -> BrowseError:
        pages = {"dead": {"shows": {"heading": "Dead end"}, "do": [action]}}
        pages["deny_first"] = {"shows": {"heading": "Approve access"}, "do": [action]}
        return failing(walk, server.page(name), pages, page_seconds=1.5)

    error = trying({"read": {"x": "Code"}})
    assert (error.code, error.field) == ("not-seen", ("dead", "do", 0, "read"))
    assert error.title == "the page shows nothing behind 'Code'"
    error = trying({"window": "Terms"})
    assert (error.code, error.field) == ("window-missing", ("dead", "do", 0, "window"))
    assert error.title == "no window has the title 'Terms'; windows here: none"
    error = trying({"see": {"codes": "Balances", "nothing_else_in": "Consent"}}, "deny_first")
    assert error.title == "no list stands under 'Consent'; lists here: 'Approve access'"


def test_a_failure_tells_the_way_and_what_the_console_said(walk: Any, server: Server) -> None:
    error = failing(walk, f"{server.url}/moved", LOGIN)
    facts = dict(error.facts)
    assert facts["way"] == f"{server.url}/moved 302 → {server.page('noisy')}?… 200"
    # Not the icon, which is asked for unasked and is not there.
    assert [said for name, said in error.facts if name == "console"] == ["ReferenceError: nobody is not defined"]
    assert "SECRET" not in str(error.facts)


def test_a_custom_scheme_that_is_not_the_redirect_uri(walk: Any, server: Server) -> None:
    server.to = "myapp://elsewhere"
    error = failing(walk, server.page("plain"), LOGIN, redirect_uri="myapp://cb")
    assert error.code == "unreachable"
    assert "myapp://elsewhere" in dict(error.facts)["url"]


def test_a_page_that_never_ends_is_given_up(server: Server) -> None:
    pages = {"start": {"shows": {"heading": "Busy"}, "do": [{"press": "Go"}]}}
    with open_browser() as doomed, pytest.raises(BrowseError) as caught:
        doomed.walk(
            server.page("busy"),
            redirect_uri=REDIRECT,
            pages=pages,
            fill=lambda value, _path: value,
            answers={},
            page_seconds=1.0,
            total_seconds=20.0,
            tell=lambda _visit: None,
        )
    assert caught.value.code == "page-hangs"
    assert not doomed.alive


def test_pictures_of_every_page_when_asked(walk: Any, server: Server) -> None:
    done = walk(f"{server.url}/two-hops", LOGIN, pictures=True)
    assert [bool(visit.screenshot) for visit in done.pages] == [True]
    assert done.hops[0][:2] == (f"{server.url}/two-hops", 302)
    assert done.hops[0].headers["location"] == server.page("plain")
