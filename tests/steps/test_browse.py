"""browse without a browser: what it asks of one, and what it makes of how the walk ended."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowrun.browser import Callback, PageVisit, Walk
from flowrun.errors import FlowrunError, StepError
from flowrun.events import PageSeen, Told
from flowrun.steps import browse
from flowrun.steps.browse import Browse

USERS = "users: {alice: {username: alice, password: '{{ secrets.PW | default(\"her-password\") }}'}BOB}"
PAGE = {"heading": "Hello", "status": 200, "text": "Some text", "screenshot": None, "seconds": 0.1}


def visit(name, **more):
    return PageVisit(**{"name": name, "url": f"https://op.example/{name}", "title": "t", **PAGE, **more})


def came_back(*params, url="https://app.example/cb?x"):
    callback = Callback(url=url, place="query", params=tuple(params))
    return Walk(callback=callback, pages=(visit("login"), visit("")), refused=None, hops=())


class Browser:
    """Takes a walk that was thought up, and notes what it was asked to do."""

    def __init__(self, walk):
        self.result, self.asked = walk, None

    def walk(self, url, **asked):
        self.asked = {"url": url, **asked}
        asked["tell"](visit("login"))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def walked(tools):
    """Browse with a walk that ends like this; gives outcome, tools, what the browser was asked, what was told."""

    def walked(walk, *, step=None, more="", **tools_of):
        browser, told = Browser(walk), []
        ours = tools(
            more=USERS.replace("BOB", ", bob: {username: bob}" if more == "bob" else "")
            + ("" if more == "bob" else more),
            browser=lambda *_: browser,
            tell=told.append,
            **{"request": {"scope": "a"}, **tools_of},
        )
        outcome = browse.run(Browse(**(step or {})), ours)
        return SimpleNamespace(outcome=outcome, tools=ours, asked=browser.asked, told=told)

    return walked


def test_the_callback_is_kept_and_its_secrets_are_hidden(walked):
    done = walked(came_back(("code", "the-code-1"), ("state", "s"), ("state", "t")))
    assert done.tools.flow.callback == {"code": "the-code-1", "state": "t"}
    assert done.tools.flow.callback_pairs == (("code", "the-code-1"), ("state", "s"), ("state", "t"))
    assert done.outcome.values["code"] == "the-code-1"
    assert done.outcome.values["pages"] == ["login", ""]
    assert done.outcome.summary == "login → ? → callback"
    assert done.outcome.refusal is None
    assert done.tools.redactor.text("the-code-1") == "‹code›"


def test_the_browser_opens_the_url_and_gets_the_limits_of_the_environment(walked):
    done = walked(came_back(("code", "c")), flow={"request_uri": "urn:x"}, more="\ntimeouts: {page: 3s, browse: 30s}")
    assert done.asked["url"] == "https://op.example/auth?client_id=flowrun&request_uri=urn%3Ax"
    assert done.asked["redirect_uri"] == "https://app.example/cb"
    assert (done.asked["page_seconds"], done.asked["total_seconds"]) == (3, 30)
    assert done.told[0] == Told("authorization URL", done.asked["url"])
    assert isinstance(done.told[1], PageSeen)


def test_what_the_step_says_wins(walked):
    step = {"url": "https://own.example", "at_most": "5s", "answers": {"consent": "deny", "n": 5}}
    done = walked(
        came_back(("code", "c")), step=step, flow={"parameters": {"redirect_uri": "https://other.example/cb"}}
    )
    assert done.asked["url"] == "https://own.example"
    assert done.asked["total_seconds"] == 5
    assert done.asked["answers"] == {"consent": "deny", "n": "5"}
    assert done.asked["redirect_uri"] == "https://other.example/cb"


def test_the_one_user_there_is_needs_no_name_and_of_several_one_is_named(walked):
    done = walked(came_back(("code", "c")))
    assert done.asked["fill"]("{{ user.username }} {{ answers.x | default('-') }}", ()) == "alice -"
    done = walked(came_back(("code", "c")), more="bob", step={"user": "bob"})
    assert done.asked["fill"]("{{ user.username }}", ()) == "bob"
    done = walked(came_back(("code", "c")), more="bob")
    with pytest.raises(FlowrunError) as error:
        done.asked["fill"]("{{ user.username }}", ("login",))
    assert error.value.problems[0].hint == "write browse: {user: …}"


def test_a_password_is_known_to_the_redactor_before_the_browser_sees_it(walked):
    done = walked(came_back(("code", "c")))
    assert done.tools.redactor.text("her-password") == "‹password›"


def test_an_error_at_the_callback_is_a_refusal(walked):
    done = walked(came_back(("error", "access_denied"), ("error_description", "No."), ("state", "s")))
    refusal = done.outcome.refusal
    assert (refusal.place, refusal.error, refusal.description) == ("callback", "access_denied", "No.")
    assert done.outcome.values["error"] == "access_denied"


@pytest.mark.parametrize("params", [[], [("state", "s")]])
def test_a_callback_without_code_and_without_error_is_told(walked, params):
    with pytest.raises(StepError) as error:
        walked(came_back(*params))
    assert error.value.code == "no-code"
    assert dict(error.value.facts)["parameters"] == ("state" if params else "none")


def test_a_walk_that_ends_on_a_page_that_refuses_is_a_refusal(walked):
    last = visit("error", heading="Sorry", status=400, text="Not\n today")
    done = walked(Walk(callback=None, pages=(visit("login"), last), refused=last, hops=()))
    refusal = done.outcome.refusal
    assert (refusal.place, refusal.status) == ("page", 400)
    assert "Not today" in refusal.description
    assert done.outcome.values["page"]["heading"] == "Sorry"
    assert done.outcome.values["pages"] == ["login", "error"]


def test_a_page_that_says_no_is_a_refusal_and_its_evidence_is_told(walked):
    error = StepError("x", "the page refuses", place="page", error="access_denied")
    error.page = visit("error", status=403)
    done = walked(error)
    assert (done.outcome.refusal.place, done.outcome.refusal.error, done.outcome.refusal.status) == (
        "page",
        "access_denied",
        403,
    )
    assert [told.name for told in done.told if isinstance(told, PageSeen)] == ["login", "error"]


def test_any_other_error_points_into_the_pages_of_the_environment(walked):
    with pytest.raises(StepError) as error:
        walked(StepError("x", "t", field=("consent", "answers")))
    assert error.value.field == ("pages", "consent", "answers")


def test_a_request_uri_that_has_expired_is_told_and_opened_all_the_same(walked):
    done = walked(came_back(("code", "c")), flow={"request_uri": "urn:x", "expires_at": 5.0})
    assert Told("note", "the request_uri has expired before the browser opened it") in done.told
    assert done.asked is not None


@pytest.mark.parametrize(
    ("written", "needs"),
    [({}, {"redirect_uri", "endpoint:authorization_endpoint"}), ({"url": "https://x"}, {"redirect_uri", "pages"})],
)
def test_what_it_needs(written, needs):
    assert browse.KIND.needs(written) == needs
